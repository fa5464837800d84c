"""What an environment may say under `mock`, and what that means. Loads nothing.

tasks:
  "load":  {mock: "fixtures:fake_load"}       a function, called in its place with the same arguments
  "train": {mock: {value: 0.5}}               what it gives
  "send":  {mock: stub}                       nothing is done; what it gives is what the graph needs
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["STUB", "Mock", "understand_mock"]

_FORMS = "'module:function', {value: …} or 'stub'"


class Mock(NamedTuple):
    """What stands in for a task."""

    word: str
    """What it is called in records: `stub`, `value`, or the function's name."""
    value: Any = None
    function: str | Callable[..., Any] | None = None
    """`module:function`, `file.py:function`, or the function itself."""


STUB = Mock("stub")


def understand_mock(raw: Any) -> Mock | str:
    """Give what is meant, or a sentence on what is wrong with it."""
    if isinstance(raw, Mock):
        return raw
    if isinstance(raw, str):
        return _named(raw)
    if callable(raw):
        module, name = getattr(raw, "__module__", ""), getattr(raw, "__qualname__", repr(raw))
        return Mock(f"{module}:{name}" if module else name, function=raw)
    if isinstance(raw, dict) and len(raw) == 1:
        (key, value), *_ = raw.items()
        if key == "value":
            wrong = _unkeepable(value)
            return Mock("value", value) if not wrong else f"the value {wrong}; write a function that gives it"
        if key == "function" and (isinstance(value, str) or callable(value)):
            return understand_mock(value)
        if key == "stub" and value in (True, None):
            return STUB
    hint = "; a value stands under 'value'" if isinstance(raw, (int, float, list)) or raw is None else ""
    return f"must be {_FORMS}, and is {raw!r:.60}{hint}"


def _named(text: str) -> Mock | str:
    if text == "stub":
        return STUB
    where, colon, name = text.rpartition(":")
    # `<locals>` and `<lambda>` are in the records of runs; that they cannot be imported is told when they are.
    if colon and where and all(part.strip("<>").isidentifier() for part in name.split(".")):
        return Mock(text, function=text)
    return f"must be {_FORMS}, and is {text!r:.60}; a text is given as {{value: {text!r:.60}}}"


def _unkeepable(value: Any, where: str = "") -> str:
    """Say what of a value cannot be written down as JSON; empty when all of it can."""
    if value is None or isinstance(value, (bool, int, str)) or (isinstance(value, float) and value - value == 0):
        return ""
    if isinstance(value, list):
        return next(filter(None, (_unkeepable(item, f"{where}[{at}]") for at, item in enumerate(value))), "")
    if isinstance(value, dict):
        odd = next((key for key in value if not isinstance(key, str)), None)
        if odd is not None:
            return f"has the key {odd!r:.40}, which is no text"
        return next(filter(None, (_unkeepable(item, f"{where}[{key!r}]") for key, item in value.items())), "")
    return f"holds {type(value).__name__} {value!r:.40}{f' at {where}' if where else ''}, which JSON cannot"
