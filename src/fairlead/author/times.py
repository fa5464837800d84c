"""Dates, times and durations as people write them, read as Python's own classes and their subclasses."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from fairlead.author.misfits import Misfit

__all__ = ["is_time", "read_time"]

_UNITS = {"w": 604_800.0, "d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|[wdhms])", re.IGNORECASE)
_CLOCK = re.compile(r"(\d+):(\d\d)(?::(\d\d(?:\.\d+)?))?")

_HINTS = {
    "date": "write 2026-11-21",
    "datetime": "write 2026-11-21T09:30:00",
    "time": "write 09:30:00",
    "timedelta": "write 1h30m, 90s or PT1H30M",
}


def is_time(kind: type) -> bool:
    """Whether a class is one of `datetime`'s, or made of one."""
    return _sort(kind) != ""


def read_time(value: Any, kind: Any) -> Any:
    """Read a date, a time of day, both, or a duration; a number is seconds of a duration."""
    sort = _sort(kind)
    try:
        if sort == "timedelta":
            return _duration(value, kind)
        if not isinstance(value, str):
            # A file has read it as a date already, where a date and a time are wanted, or the other way round.
            return kind.fromisoformat(value.isoformat())
        return kind.fromisoformat(value)
    except (AttributeError, ValueError, TypeError, OverflowError):
        raise Misfit.of(value, kind, _HINTS[sort]) from None


def _sort(kind: type) -> str:
    # `datetime` is a `date`, so that the first in the order of resolution is the one that counts.
    return next((one.__name__ for one in kind.__mro__ if one.__module__ == "datetime" and one.__name__ in _HINTS), "")


def _duration(value: Any, kind: Any) -> Any:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return kind(seconds=value)
    text = value.strip()
    if text.upper().startswith(("P", "-P")):
        import datetime

        return kind(seconds=msgspec.convert(text.upper(), datetime.timedelta).total_seconds())
    clock = _CLOCK.fullmatch(text)
    if clock is not None:
        hours, minutes, seconds = clock.groups()
        return kind(hours=int(hours), minutes=int(minutes), seconds=float(seconds or 0))
    if _DURATION.match(text):
        if _DURATION.sub("", text).strip():
            raise ValueError(text)
        return kind(seconds=sum(float(number) * _UNITS[unit.lower()] for number, unit in _DURATION.findall(text)))
    return kind(seconds=float(text))
