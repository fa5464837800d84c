"""How times, sizes, counts and statuses are said to people. Text out, nothing read, no colours.

The terminal, the command line and every other front end say these things with the same words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

import msgspec

from fairlead.model.values import Inline, Pick, Rows, Stored, Tree, Value

__all__ = [
    "Tone",
    "ago",
    "cut",
    "done",
    "duration",
    "leading",
    "number",
    "one_line",
    "plural",
    "said_counts",
    "short",
    "size",
    "standing_for",
    "symbol",
    "tone",
]

Tone: TypeAlias = Literal["good", "bad", "busy", "kept", "odd", "quiet"]
"""What a status means to a person; each front end has a colour for it."""

_TONES: dict[str, Tone] = {
    "succeeded": "good",
    "failed": "bad",
    "running": "busy",
    "queued": "quiet",
    "reused": "kept",
    "cancelled": "odd",
    "interrupted": "odd",
    "lost": "odd",
}

_SYMBOLS: dict[Tone, str] = {"good": "✓", "bad": "✗", "busy": "▸", "kept": "↺", "odd": "!", "quiet": "·"}

_ORDER = ("failed", "lost", "running", "succeeded", "reused", "cancelled", "skipped", "queued", "ready", "waiting")
"""Statuses of task runs, by what a person asks about first."""

_JSON = msgspec.json.Decoder()

_ENDED = ("succeeded", "failed", "skipped", "reused", "cancelled")


def tone(status: str) -> Tone:
    """Say what a status of a run or task run means to a person."""
    return _TONES.get(status, "quiet")


def symbol(status: str) -> str:
    """Give the one character that stands for a status."""
    return _SYMBOLS[tone(status)]


def duration(seconds: float) -> str:
    """Say a length of time with two or three digits that matter."""
    if seconds < 0:
        # A clock was set back while something ran; nothing better is known.
        return "?"
    if seconds == 0:
        return "0 s"
    if seconds < 0.0995:
        return f"{seconds * 1000:.{1 if seconds < 0.00995 else 0}f} ms"
    if seconds < 59.95:
        return f"{seconds:.{2 if seconds < 0.995 else 1}f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes:02d} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h"


def ago(seconds: float) -> str:
    """Say how long ago something was; one unit is enough."""
    for span, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= span:
            return f"{number(seconds // span)} {unit} ago"
    return f"{seconds:.0f} s ago" if seconds >= 1 else "just now"


def size(amount: int) -> str:
    """Say a number of bytes, in powers of 1,000 as disks and networks count."""
    if amount < 1000:
        return f"{amount} B"
    value = float(amount)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 999.5:
            return f"{value:.{1 if value < 99.5 else 0}f} {unit}"
    return f"{value:,.0f} TB"


def number(amount: float) -> str:
    """Say a whole number with its thousands apart."""
    return f"{amount:,.0f}"


def plural(amount: int, noun: str) -> str:
    """Say how many of something there are: `1 task`, `3 tasks`."""
    return f"{number(amount)} {noun}{'' if amount == 1 else 's'}"


def said_counts(counts: Mapping[str, int], *, without: Iterable[str] = ()) -> str:
    """Say counts by status, what matters most first: `1 failed, 7 succeeded`."""
    left_out = set(without)
    known = [status for status in _ORDER if counts.get(status) and status not in left_out]
    return ", ".join(f"{number(counts[status])} {status}" for status in known)


def leading(counts: Mapping[str, int]) -> str:
    """Give the one status that stands for a group of task runs."""
    for status in ("failed", "running", "lost", "cancelled"):
        if counts.get(status):
            return status
    if any(counts.get(status) for status in ("waiting", "ready", "queued")):
        # Part of the group is done and nothing runs at this moment: it is on its way.
        return "running" if counts.get("succeeded") or counts.get("reused") else "waiting"
    for status in ("succeeded", "reused", "skipped"):
        if counts.get(status):
            return status
    return "waiting"


def done(counts: Mapping[str, int]) -> int:
    """How many task runs have ended, in whatever way."""
    return sum(counts.get(status, 0) for status in _ENDED)


def one_line(text: str) -> str:
    """Give the first line that says something."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def cut(text: str, limit: int) -> str:
    """Shorten a text to `limit` characters, and show that it was."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"


def short(value: Value, limit: int = 60) -> str:
    """Say what a recorded value is, from its record alone: no codec runs, no bytes are fetched."""
    if isinstance(value, Inline):
        if value.codec == "json":
            return cut(repr(_JSON.decode(value.data)), limit)
        return f"<{_class_name(value.classes, value.codec)}>"
    if isinstance(value, Stored):
        return f"<{_class_name(value.classes, value.codec)}, {size(value.size)}>"
    if isinstance(value, Rows):
        return f"<list of {number(len(value.items))}>"
    if isinstance(value, Pick):
        return cut(short(value.of, limit) + "".join(f"[{key!r}]" for key in value.select), limit)
    return cut(_tree(value, limit), limit)


def _tree(value: Tree, limit: int) -> str:
    items = [short(item, limit) for item in value.items[:limit]]
    if value.kind == "dict":
        keys = [short(key, limit) for key in value.keys[:limit]]
        return "{" + ", ".join(f"{key}: {item}" for key, item in zip(keys, items, strict=True)) + "}"
    inside = ", ".join(items)
    return f"[{inside}]" if value.kind == "list" else f"({inside}{',' if len(items) == 1 else ''})"


def _class_name(classes: tuple[str, ...], otherwise: str) -> str:
    return classes[0].replace(":", ".") if classes else otherwise


def standing_for(mock: str) -> str:
    """Say what stood in for a task."""
    if mock == "stub":
        return "nothing was run, and what it gave is made up"
    return "a value stood in for it" if mock == "value" else f"{mock} stood in for it"
