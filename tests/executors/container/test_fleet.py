"""When a container is held to have ended."""

from time import monotonic
from types import SimpleNamespace

import pytest

from fairlead.executors.container.engine import State
from fairlead.executors.container.fleet import DOUBT, SILENCE, _is_over


@pytest.mark.parametrize(
    ("status", "code", "begun", "age", "over"),
    [
        ("exited", 1, False, 0.0, True),
        ("exited", 0, True, 0.0, True),
        ("exited", 0, False, 0.0, False),
        ("exited", 0, False, DOUBT + 1, True),
        ("stopped", 0, False, 0.0, False),
        ("created", 0, False, DOUBT + 1, False),
        ("initialized", 0, False, SILENCE + 1, True),
        ("running", 0, True, SILENCE + 1, False),
        ("removing", 0, True, SILENCE + 1, False),
    ],
)
def test_a_busy_engine_is_not_believed_at_once(status, code, begun, age, over):
    cell = SimpleNamespace(started_at=monotonic() - age, began=1.0 if begun else None)
    assert _is_over(cell, State("id", status, code, False, "")) is over
