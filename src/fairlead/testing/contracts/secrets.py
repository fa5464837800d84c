"""What every source of secrets must do: the sentences of `fairlead.ports.Secrets`, one test each.

A plugin's test file says:

    class TestMySecrets(SecretsContract):
        @pytest.fixture
        def make_secrets(self):
            ...  # gives a function that makes a source which has these secrets: make_secrets({"KEY": "value"})
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from fairlead.errors import NotFound
from fairlead.ports import Secrets

__all__ = ["SecretsContract"]

MakeSecrets = Callable[[Mapping[str, str]], Secrets]


class SecretsContract:
    """Tests for any source of secrets."""

    @pytest.fixture
    def make_secrets(self) -> MakeSecrets:
        """Give a function that makes a source; override this."""
        raise NotImplementedError("override the 'make_secrets' fixture")

    @pytest.mark.parametrize(
        "value",
        ["plain", "with space", "quo\"ted 'both'", "a=b#c", "ümlaut", "$NOT_EXPANDED", "back\\slash", "x" * 5000],
    )
    def test_a_value_comes_back_as_it_is(self, make_secrets: MakeSecrets, value: str) -> None:
        assert make_secrets({"API_KEY": value, "OTHER": "other"}).get("API_KEY") == value

    def test_names_are_told_apart(self, make_secrets: MakeSecrets) -> None:
        source = make_secrets({"KEY": "one", "KEY_2": "two"})
        assert (source.get("KEY"), source.get("KEY_2"), source.get("KEY")) == ("one", "two", "one")

    def test_a_secret_that_is_not_there_is_not_found_by_name(self, make_secrets: MakeSecrets) -> None:
        with pytest.raises(NotFound, match="'MISSING'"):
            make_secrets({"KEY": "hunter2"}).get("MISSING")

    def test_the_error_tells_no_other_secret(self, make_secrets: MakeSecrets) -> None:
        with pytest.raises(NotFound) as caught:
            make_secrets({"KEY": "hunter2"}).get("MISSING")
        assert "hunter2" not in str(caught.value)

    def test_its_repr_tells_no_value(self, make_secrets: MakeSecrets) -> None:
        source = make_secrets({"KEY": "hunter2"})
        assert source.get("KEY") == "hunter2"
        assert "hunter2" not in repr(source)
