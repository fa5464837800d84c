"""The language in which runs are looked for: `status=failed and tag=nightly and param.rate>0.1`.

Text becomes a condition here; where the facts about a run come from is the caller's business.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any, NamedTuple, TypeAlias

from fairlead.errors import ConfigurationError

__all__ = ["FIELDS", "Ask", "Condition", "parse"]

FIELDS: dict[str, str] = {
    "id": "the run's id",
    "workflow": "the workflow's name",
    "status": "created, running, succeeded, failed, cancelled, interrupted",
    "tag": "any of its tags",
    "error": "the task that made it fail",
    "parent": "the run that it was resumed from",
    "target": "where its definition is",
    "env": "the environment's name",
    "user": "who made it",
    "host": "where it was made",
    "epoch": "how often a driver has taken it up",
    "seconds": "how long it took",
    "created": "when it was made",
    "started": "when it was started",
    "ended": "when it ended",
    "tasks": "how many task runs it has",
    "tasks.STATUS": "how many task runs have that status",
    "param.NAME": "a parameter of the workflow",
    "metric.NAME": "a metric that any of its tasks measured",
}
"""What can be asked for."""

_MOMENTS = frozenset({"created", "started", "ended"})

Ask: TypeAlias = Callable[[str], Sequence[Any]]
"""Gives what a run has under the name of a field: none, one or several values."""

Condition: TypeAlias = Callable[[Ask], bool]

_TOKEN = re.compile(
    r"""\s*(?: (?P<quoted>"[^"]*"|'[^']*') | (?P<mark>!=|<=|>=|[=<>~()]) | (?P<word>[^\s()=<>~!"']+) )""", re.VERBOSE
)

_LENGTH = re.compile(r"(\d+(?:\.\d+)?)(s|m|min|h|d|w)")
_UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}


class _Token(NamedTuple):
    text: str
    kind: str
    at: int


def parse(text: str, now: float) -> Condition:
    """Read a condition; `now` is what `2d` counts back from. ConfigurationError says what is wrong, and where."""
    reading = _Reading(text, now)
    condition = reading.either()
    if reading.peek() is not None:
        raise reading.wrong("'and' or 'or' is missing before")
    return condition


class _Reading:
    def __init__(self, text: str, now: float) -> None:
        self.text = text
        self.now = now
        self.tokens: list[_Token] = []
        self.place = 0
        end = 0
        while end < len(text.rstrip()):
            found = _TOKEN.match(text, end)
            if found is None:
                self.tokens.append(_Token(text[end:].strip(), "", end))
                self.place = len(self.tokens) - 1
                raise self.wrong("this cannot be read:")
            kind = str(found.lastgroup)
            self.tokens.append(_Token(found[kind], kind, found.start(kind)))
            end = found.end()

    def peek(self) -> str | None:
        return self.tokens[self.place].text if self.place < len(self.tokens) else None

    def wrong(self, what: str, hint: str = "") -> ConfigurationError:
        if self.place < len(self.tokens):
            token = self.tokens[self.place]
            what, at = f"{what} {token.text!r}", token.at
        else:
            at = len(self.text)
        what += f" ({hint})" if hint else ""
        return ConfigurationError(f"where: {what}\n  {self.text}\n  {' ' * at}^")

    def either(self) -> Condition:
        parts = [self.both()]
        while (self.peek() or "").lower() == "or":
            self.place += 1
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else lambda ask: any(part(ask) for part in parts)

    def both(self) -> Condition:
        parts = [self.one()]
        while (self.peek() or "").lower() == "and":
            self.place += 1
            parts.append(self.one())
        return parts[0] if len(parts) == 1 else lambda ask: all(part(ask) for part in parts)

    def one(self) -> Condition:
        word = self.peek()
        if word is not None and word.lower() == "not":
            self.place += 1
            inner = self.one()
            return lambda ask: not inner(ask)
        if word == "(":
            self.place += 1
            inside = self.either()
            if self.peek() != ")":
                raise self.wrong("')' is missing" + (" before" if self.peek() else ""))
            self.place += 1
            return inside
        return self.comparison()

    def comparison(self) -> Condition:
        field = self.field()
        mark = self.peek()
        if mark not in _MARKS:
            raise self.wrong(f"one of {' '.join(_MARKS)} must follow {field!r}" + (", not" if mark else ""))
        self.place += 1
        if self.peek() is None or self.tokens[self.place].kind == "mark":
            raise self.wrong(f"a value must follow {field}{mark}" + (", not" if self.peek() else ""))
        value = self.value(field, mark)
        self.place += 1
        compare = _MARKS[mark]
        if mark == "!=":
            return lambda ask: not any(_is(one, value) for one in ask(field))
        return lambda ask: any(compare(one, value) for one in ask(field))

    def field(self) -> str:
        if self.peek() is None:
            raise self.wrong("a field is missing")
        token = self.tokens[self.place]
        head, dot, rest = token.text.partition(".")
        known = token.text in FIELDS or (dot and rest and head in ("param", "metric", "tasks"))
        if token.kind != "word" or not known:
            near = get_close_matches(token.text, FIELDS, n=1)
            raise self.wrong("there is no field", f"nearest: {near[0]!r}" if near else "")
        self.place += 1
        return token.text

    def value(self, field: str, mark: str) -> Any:
        token = self.tokens[self.place]
        text = token.text[1:-1] if token.kind == "quoted" else token.text
        length = _LENGTH.fullmatch(text)
        if field in _MOMENTS:
            return self.moment(text, length)
        if field == "seconds" and length is not None:
            return float(length[1]) * _UNITS[length[2]]
        if mark in ("<", "<=", ">", ">=") and _number(text) is None and field in ("seconds", "epoch", "tasks"):
            raise self.wrong(f"{field} is a number, and this is none:")
        return text

    def moment(self, text: str, length: re.Match[str] | None) -> float:
        from datetime import datetime

        if length is not None:
            return self.now - float(length[1]) * _UNITS[length[2]]
        try:
            return datetime.fromisoformat(text).timestamp()
        except ValueError:
            raise self.wrong("this is no moment:", "write 2h (ago), 2026-03-01 or 2026-03-01T14:30") from None


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _is(one: Any, value: Any) -> bool:
    if isinstance(one, bool):
        return str(one).lower() == str(value).lower()
    first, second = _number(one), _number(value)
    if first is not None and second is not None:
        return first == second
    text = str(value)
    return fnmatchcase(str(one), text) if "*" in text or "?" in text else str(one) == text


def _before(one: Any, value: Any) -> bool | None:
    """Whether one is less than the other; None where they have no order."""
    first, second = _number(one), _number(value)
    if first is not None and second is not None:
        return None if first == second else first < second
    if first is not None or second is not None or str(one) == str(value):
        return None
    return str(one) < str(value)


def _same_kind(one: Any, value: Any) -> bool:
    return (_number(one) is None) == (_number(value) is None)


_MARKS: dict[str, Callable[[Any, Any], bool]] = {
    "=": _is,
    "!=": lambda one, value: not _is(one, value),
    "<": lambda one, value: _before(one, value) is True,
    "<=": lambda one, value: _same_kind(one, value) and _before(one, value) is not False,
    ">": lambda one, value: _before(one, value) is False,
    ">=": lambda one, value: _same_kind(one, value) and _before(one, value) is not True,
    "~": lambda one, value: str(value).lower() in str(one).lower(),
}
"""What the marks between a field and a value mean."""
