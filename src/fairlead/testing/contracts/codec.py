"""What every codec must do: the sentences of `fairlead.ports.Codec`, a test each.

A plugin's test file says:

    class TestMyCodec(CodecContract):
        @pytest.fixture
        def codec(self):
            ...  # gives the codec

        @pytest.fixture
        def values(self):
            ...  # gives a list of different values that it takes, small and large ones; the same in every process

        def same(self, one, other):
            ...  # whether two values are equal, where `==` does not say so
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from fairlead.model.files import File
from fairlead.model.values import Stored
from fairlead.ports import Codec
from fairlead.stores.artifacts import MemoryArtifacts
from fairlead.stores.coded import Codecs
from fairlead.stores.values import StoredValues
from fairlead.testing.contracts.another_process import go_on_elsewhere, handed_over

__all__ = ["CodecContract"]

_OTHERS: list[Any] = [
    None,
    True,
    1,
    1.5,
    "text",
    b"bytes",
    [1],
    {"a": 1},
    (1,),
    {1},
    datetime(2026, 1, 1),
    len,
    int,
    Path("x"),
    File("x"),
    object(),
]


class CodecContract:
    """Tests for any codec."""

    @pytest.fixture
    def codec(self) -> Codec:
        """Give the codec; override this."""
        raise NotImplementedError("override the 'codec' fixture")

    @pytest.fixture
    def values(self) -> Sequence[Any]:
        """Give different values that it takes; override this."""
        raise NotImplementedError("override the 'values' fixture")

    def same(self, one: Any, other: Any) -> bool:
        """Whether two values are equal; override it where `==` does not say so."""
        return bool(one == other)

    def test_it_takes_its_own_values(self, codec: Codec, values: Sequence[Any]) -> None:
        assert [value for value in values if codec.handles(value) is not True] == []

    def test_it_takes_nothing_that_is_kept_without_it(self, codec: Codec) -> None:
        assert [value for value in _OTHERS if codec.handles(value)] == []

    def test_a_value_comes_back_equal_and_of_the_same_type(self, codec: Codec, values: Sequence[Any]) -> None:
        for value in values:
            back = codec.load(_joined(codec.dump(value)))
            assert type(back) is type(value)
            assert self.same(back, value)

    def test_it_leaves_the_value_as_it_is(self, codec: Codec, values: Sequence[Any]) -> None:
        for value in values:
            before = codec.load(_joined(codec.dump(value)))
            codec.dump(value)
            assert self.same(value, before)

    def test_equal_values_have_equal_bytes(self, codec: Codec, values: Sequence[Any]) -> None:
        for value in values:
            data = _joined(codec.dump(value))
            assert _joined(codec.dump(value)) == data
            assert _joined(codec.dump(codec.load(data))) == data, "what comes back must be dumped to the same bytes"

    def test_different_values_have_different_bytes(self, codec: Codec, values: Sequence[Any]) -> None:
        assert len({bytes(_joined(codec.dump(value))) for value in values}) == len(values)

    def test_every_load_gives_a_value_of_its_own(self, codec: Codec, values: Sequence[Any]) -> None:
        for value in values:
            data = _joined(codec.dump(value))
            first, second = codec.load(data), codec.load(data)
            # What can never change need not be there twice: Python's own copies are the same object, too.
            assert first is not second or deepcopy(first) is first
            assert self.same(first, second)

    def test_bytes_mean_the_same_in_another_process(
        self, codec: Codec, values: Sequence[Any], request: pytest.FixtureRequest, tmp_path: Path
    ) -> None:
        if (folder := handed_over()) is not None:
            for number, value in enumerate(values):
                assert self.same(codec.load(memoryview((folder / f"mine{number}").read_bytes())), value)
                (folder / f"theirs{number}").write_bytes(_joined(codec.dump(value)))
            return
        for number, value in enumerate(values):
            (tmp_path / f"mine{number}").write_bytes(_joined(codec.dump(value)))
        go_on_elsewhere(request, tmp_path)
        for number, value in enumerate(values):
            theirs = (tmp_path / f"theirs{number}").read_bytes()
            assert theirs == (tmp_path / f"mine{number}").read_bytes(), "reuse compares bytes of different processes"
            assert self.same(codec.load(memoryview(theirs)), value)

    def test_bytes_that_were_cut_short_are_refused_or_are_another_value(
        self, codec: Codec, values: Sequence[Any]
    ) -> None:
        for value in values:
            data = _joined(codec.dump(value))
            if not data:
                continue  # nothing can be cut off
            try:
                back = codec.load(data[: len(data) // 2])
            except Exception:  # noqa: BLE001, S112 - whatever it raises, it does not give the whole value
                continue
            assert not self.same(back, value)

    def test_values_keep_through_a_store(self, codec: Codec, values: Sequence[Any]) -> None:
        stored = StoredValues(MemoryArtifacts(), codecs=Codecs({"mine": codec}))
        for value in values:
            kept = stored.encode(value)
            assert isinstance(kept, Stored)
            assert kept.codec == "mine"
            assert self.same(stored.decode(kept), value)
            assert stored.digest(kept) == stored.digest(stored.encode(stored.decode(kept)))


def _joined(chunks: Sequence[bytes | memoryview]) -> memoryview:
    """Give chunks as a store gives them back: in one piece."""
    return memoryview(b"".join(chunks))
