"""How lengths of time, moments and sizes are read from words: `30d`, `12h`, `2026-03-01`, `10GiB`."""

from __future__ import annotations

import re
from datetime import datetime

import click

__all__ = ["amount", "moment", "seconds"]

_UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d|w)")


def seconds(text: str) -> float:
    """Read a length of time; raises UsageError, naming the units."""
    found = _LENGTH.fullmatch(text.strip().lower())
    if found is None:
        raise click.UsageError(f"{text!r} is no length of time; write 30d, 12h, 45m, 90s or 2w")
    return float(found.group(1)) * _UNITS[found.group(2)]


def moment(text: str, now: float) -> float:
    """Read a moment: a date, a date and time, or how long ago (`2h`)."""
    if _LENGTH.fullmatch(text.strip().lower()):
        return now - seconds(text)
    try:
        return datetime.fromisoformat(text.strip()).timestamp()
    except ValueError as error:
        raise click.UsageError(f"{text!r} is no moment; write 2h (ago), 2026-03-01 or 2026-03-01T14:30") from error


_BYTES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?i?)b?")


def amount(text: str) -> int:
    """Read a number of bytes; raises UsageError, naming the units."""
    found = _AMOUNT.fullmatch(text.strip().lower())
    if found is None or found.group(2) not in _BYTES:
        raise click.UsageError(f"{text!r} is no size; write 500MB, 10GiB or a number of bytes")
    return int(float(found.group(1)) * _BYTES[found.group(2)])
