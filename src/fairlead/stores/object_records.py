"""What the objects of a run store in a bucket are called, and what is in them.

    ids/RUN                          the run as it was made; being created is taking the id
    runs/UID/cancel/EPOCH            somebody asked it to stop
    runs/UID/facts/TO-FROM           commits FROM (exclusive) to TO, put together
    runs/UID/held/NUMBER             who carries it
    runs/UID/log/SERIAL              one commit; being created is taking the place in the log
    index/blocks/…, index/live/…     summaries for lists (`object_index.py`)
    keys/…                           successes by reuse key (`object_keys.py`)

Numbers in names are counted down, so that the newest is listed first. Nothing here makes a request.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec.structs import replace

from fairlead.errors import StoreError
from fairlead.model.events import Attempt
from fairlead.model.path import group_of
from fairlead.model.run import FINAL, Group, Run, RunSummary
from fairlead.ports import Commit
from fairlead.stores.lease import file_name
from fairlead.stores.rows import merge, path_range
from fairlead.wire import decoder

__all__ = [
    "Asked",
    "Candidate",
    "Entry",
    "Live",
    "Made",
    "Part",
    "Segment",
    "downward",
    "id_key",
    "merged",
    "moved",
    "numbered",
    "pack",
    "pack_segment",
    "segment_of",
    "stem_of",
    "unpack",
]

_T = TypeVar("_T")

VERSION = 1
_MOST = 10**10 - 1
_COMPRESSED_FROM = 1024
_COMPRESSED = ord("z")
_IN_PART = 500
"""Attempts that are read together."""
_HEAD = struct.Struct(">4sI")
_MAGIC = b"FLs1"


class Made(msgspec.Struct, array_like=True):
    """A run as it was made."""

    version: int
    uid: str
    """Names this run, and no later one of its id."""
    stem: str
    """Where it stands in lists."""
    summary: RunSummary
    groups: list[Group]
    run: msgspec.Raw

    def record(self) -> Run:
        """Give the whole record, which only some need."""
        run: Run = decoder(Run).decode(self.run)
        return run


class Entry(msgspec.Struct, array_like=True):
    """One commit, as it stands in the log."""

    nonce: str
    """Tells a writer its own commit from somebody else's."""
    summary: RunSummary
    """As of this commit."""
    attempts: list[Attempt] = []
    groups: list[Group] = []
    """Those that changed."""


class Part(msgspec.Struct, array_like=True):
    """Some attempts of a segment, in the order of their paths."""

    first: str
    last: str
    outcomes: set[str]
    offset: int
    size: int


class Segment(msgspec.Struct, array_like=True):
    """The head of an object that puts commits together; its parts follow it."""

    summary: RunSummary
    groups: list[Group]
    """All, as of the last of these commits."""
    parts: list[Part]


class Live(msgspec.Struct, array_like=True):
    """A run as lists know it."""

    uid: str
    stem: str
    summary: RunSummary


class Candidate(msgspec.Struct, array_like=True):
    """A success that a reuse key leads to."""

    uid: str
    run: str
    attempt: Attempt


def pack(value: Any) -> bytes:
    """Write a record; StoreError when it cannot be."""
    try:
        data = msgspec.msgpack.encode(value)
    except (TypeError, ValueError) as error:
        raise StoreError(f"cannot record it: {error}") from error
    return b"z" + zlib.compress(data, 1) if len(data) >= _COMPRESSED_FROM else b"m" + data


def unpack(data: Any, kind: type[_T]) -> _T:
    """Read a record that `pack` has written."""
    view = memoryview(data)
    found: _T = decoder(kind).decode(zlib.decompress(view[1:]) if view[0] == _COMPRESSED else view[1:])
    return found


def id_key(run_id: str) -> str:
    """Name the object that takes an id."""
    return f"ids/{file_name(run_id)}"


def numbered(key: str) -> int:
    """Give the number at the end of a name that counts down."""
    return _MOST - int(key.rpartition("/")[2])


def downward(number: int) -> str:
    """Write a number so that larger ones are listed first."""
    return f"{_MOST - number:010d}"


def stem_of(created: float, now: float, uid: str) -> str:
    """Name a run so that runs made later are listed first, by what they say of themselves, then by when that was."""
    return f"{_backward(created)}-{_backward(now)}-{uid}"


def _backward(moment: float) -> str:
    bits: int = struct.unpack(">Q", struct.pack(">d", moment))[0]
    upward = bits ^ 0xFFFFFFFFFFFFFFFF if bits >> 63 else bits | 1 << 63
    return f"{0xFFFFFFFFFFFFFFFF - upward:016x}"


def merged(attempts: Iterable[Attempt], into: dict[tuple[str, int], Attempt]) -> None:
    """Add facts to those that there are."""
    for attempt in attempts:
        place = (attempt.path, attempt.attempt)
        old = into.get(place)
        into[place] = attempt if old is None else merge(old, attempt)


def pack_segment(summary: RunSummary, groups: Sequence[Group], attempts: dict[tuple[str, int], Attempt]) -> bytes:
    """Write attempts in the order of their paths, with a head that says which are where."""
    ordered = [attempt for _, attempt in sorted(attempts.items())]
    parts, bodies, offset = list[Part](), list[bytes](), 0
    for start in range(0, len(ordered), _IN_PART):
        some = ordered[start : start + _IN_PART]
        body = pack(some)
        outcomes: set[str] = {attempt.outcome or "" for attempt in some}
        parts.append(Part(some[0].path, some[-1].path, outcomes, offset, len(body)))
        bodies.append(body)
        offset += len(body)
    head = pack(Segment(summary, list(groups), parts))
    return b"".join((_HEAD.pack(_MAGIC, len(head)), head, *bodies))


def segment_of(data: Any) -> tuple[Segment, int] | int:
    """Read a segment's head and where its parts begin; or how many bytes that takes, when there are too few."""
    magic, size = _HEAD.unpack_from(data)
    if magic != _MAGIC:
        raise StoreError("this is not the record of a run that this version of Fairlead can read; use a later one")
    end = _HEAD.size + size
    return (unpack(memoryview(data)[_HEAD.size : end], Segment), end) if len(data) >= end else end


class Asked(NamedTuple):
    """Which attempts are asked for: all, where nothing is said."""

    group: str | None = None
    path: str | None = None
    under: str | None = None
    outcome: str | None = None

    def parts(self, segment: Segment) -> list[Part]:
        """Choose the parts that may hold some of them."""
        bounds = [(self.path, f"{self.path}\0")] if self.path is not None else []
        bounds += [path_range(self.group)] if self.group is not None else []
        bounds += [(self.under, f"{self.under}\\")] if self.under is not None else []
        return [
            part
            for part in segment.parts
            if all(part.last >= low and part.first < high for low, high in bounds)
            # Facts of an attempt that has not ended may be completed by later ones.
            and (self.outcome is None or self.outcome in part.outcomes or "" in part.outcomes)
        ]

    def fits(self, attempt: Attempt) -> bool:
        """Whether an attempt is one of them."""
        path = attempt.path
        return (
            self.path in (None, path)
            and self.outcome in (None, attempt.outcome)
            and (self.under is None or path.startswith((f"{self.under}.", f"{self.under}[")))
            and (self.group is None or group_of(path) == self.group)
        )


def moved(old: RunSummary, commit: Commit) -> RunSummary:
    """Give a run's summary after a commit; a run that has ended changes through `open` only."""
    new = replace(old, counts=dict(commit.counts) if commit.counts is not None else old.counts)
    new.error = commit.error or old.error
    if commit.status is None or commit.status == old.status:
        return new
    if old.status in FINAL:
        raise StoreError(f"run {old.id!r} has {old.status} and cannot become {commit.status}; resume it first")
    new.status = commit.status
    new.ended = commit.at if commit.status in FINAL else None
    if commit.status not in FINAL and new.started is None:
        new.started = commit.at
    return new
