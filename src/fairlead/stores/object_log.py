"""The log of one run in a bucket: commits in an order that everybody agrees on, and how they are put together.

A commit is an object under the next number, created only if nobody has created it: of two writers one
takes the place, and the other reads what came before it tries the next. That is all the locking there
is. Opening an epoch is a commit, too: whoever wrote in the epoch before meets it in the place that it
wants to take. Commits are never removed while there is the run; runs of them are put together into
segments, so that reading takes few requests.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from fairlead.errors import NotFound, StoreError
from fairlead.model.events import Attempt
from fairlead.model.run import Group, RunSummary
from fairlead.stores.bucket import Bucket, in_parallel
from fairlead.stores.object_records import (
    Asked,
    Entry,
    Made,
    Segment,
    downward,
    merged,
    numbered,
    pack,
    pack_segment,
    segment_of,
    unpack,
)

__all__ = ["Folder", "Log", "Tail"]

_TOGETHER = 32
"""Commits that make a segment; as many segments of one size make a larger one as `_LEVEL` says."""
_LEVEL = 16
_FEW = 8
"""Commits that may stay by themselves when a run closes."""
_HEAD_BYTES = 64 * 1024
_KEPT_BYTES = 16 * 1024 * 1024
_AGAIN = 5
_ALL = Asked()


class Tail(NamedTuple):
    """Where a log ends."""

    serial: int
    """The last commit's number; 0: there is none."""
    summary: RunSummary


class Folder(NamedTuple):
    """What a listing of a run's folder says."""

    cancelled: list[int]
    """Epochs that somebody asked to stop."""
    segments: list[tuple[int, int]]
    """Commits that are together, from (exclusive) and to, in their order, without gaps between them."""
    held: list[str]
    """Keys of leases, the newest first."""
    serials: list[int]
    """Commits that are in no segment, the newest first; only the newest where no more was asked for."""


class _Gone(Exception):
    """Something was put together, or removed, while it was read."""


class Log:
    """The log of one run, as it was made."""

    def __init__(self, bucket: Bucket, made: Made) -> None:
        self.made = made
        self.path = f"runs/{made.uid}"
        self._bucket = bucket
        self._kept: OrderedDict[str, Any] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    # --- reading ----------------------------------------------------------------------------------

    def folder(self, *, whole: bool = False) -> Folder:
        """List what there is, as far as the newest commit, or as far as a segment reaches (`whole`)."""
        cancelled, held, serials = list[int](), list[str](), list[int]()
        segments = list[tuple[int, int]]()
        covered = 0
        for entry in self._bucket.list(self.path):
            kind, _, name = entry.key.removeprefix(f"{self.path}/").partition("/")
            if kind == "cancel":
                cancelled.append(numbered(name))
            elif kind == "held":
                held.append(entry.key)
            elif kind == "facts":
                to, _, since = name.partition("-")
                segments.append((int(since), numbered(to)))
            elif kind == "log":
                serial = numbered(name)
                covered = covered or max((to for _, to in segments), default=0)
                if serial <= covered and serials:
                    break
                if serial > covered or not serials:
                    serials.append(serial)
                if not whole:
                    break
        return Folder(cancelled, _chain(segments), held, serials)

    def tail(self, folder: Folder | None = None) -> Tail:
        """Give the log's end, as it is now; NotFound when the run is being removed."""
        folder = folder or self.folder()
        if not folder.serials:
            return Tail(0, unpack(pack(self.made.summary), RunSummary))
        try:
            return Tail(folder.serials[0], self._entry(folder.serials[0]).summary)
        except _Gone:
            raise NotFound(
                f"run {self.made.summary.id!r} in {self._bucket.name} was removed at this moment; "
                "'fairlead runs' lists what is there"
            ) from None

    def groups(self) -> list[Group]:
        """Fold the groups, in the order in which they were first committed."""
        for _ in range(_AGAIN):
            folder = self.folder(whole=True)
            with suppress(_Gone):
                return self._groups(folder.segments[-1] if folder.segments else None, _behind(folder))
        raise self._restless()

    def attempts(self, asked: Asked) -> list[Attempt]:
        """Give the attempts that are asked for, by path and number."""
        for _ in range(_AGAIN):
            folder = self.folder(whole=True)
            with suppress(_Gone):
                found = self._facts(folder.segments, _behind(folder), asked)
                return [attempt for _, attempt in sorted(found.items()) if asked.fits(attempt)]
        raise self._restless()

    def cancel_key(self, epoch: int) -> str:
        """Name the object that is there when somebody asked the run to stop."""
        return f"{self.path}/cancel/{downward(epoch)}"

    def asked_at(self, epoch: int) -> float | None:
        """When somebody asked the run to stop; None when nobody did."""
        found = self._bucket.get(self.cancel_key(epoch))
        return None if found is None else unpack(found.data, float)

    # --- writing ----------------------------------------------------------------------------------

    def add(self, after: Tail, summary: RunSummary, attempts: Sequence[Attempt], groups: Sequence[Group]) -> bool:
        """Commit in the place after the given end; False, and nothing is written, when it is taken."""
        entry = Entry(os.urandom(8).hex(), summary, list(attempts), list(groups))
        key = self._log_key(after.serial + 1)
        data = pack(entry)
        if self._bucket.claim(key, data) is None:
            return False
        self._keep(key, data)
        return True

    def tidy(self, serial: int, *, closed: bool) -> None:
        """Put together what has become many, as of a commit of our own."""
        if closed or not serial % _TOGETHER:
            # Gone: somebody else puts the same together, and ends it.
            with suppress(_Gone):
                self._tidy(closed=closed)

    def _tidy(self, *, closed: bool) -> None:
        folder = self.folder(whole=True)
        segments, behind = folder.segments, _behind(folder)
        if closed:
            if len(behind) + len(segments) > _FEW or len(segments) > 1:
                self._put_together(segments, behind)
        elif len(behind) >= _TOGETHER:
            chain = [*segments, self._put_together([], behind, before=segments[-1] if segments else None)]
            while len(chain) >= _LEVEL and len({_level(one) for one in chain[-_LEVEL:]}) == 1:
                some = chain[-_LEVEL:]
                before = chain[-_LEVEL - 1] if len(chain) > _LEVEL else None
                chain[-_LEVEL:] = [self._put_together(some, [], before=before)]

    def _put_together(
        self, segments: list[tuple[int, int]], serials: list[int], *, before: tuple[int, int] | None = None
    ) -> tuple[int, int]:
        """Write the segment of all these, and remove those that are in it."""
        since = segments[0][0] if segments else before[1] if before else 0
        to = serials[-1] if serials else segments[-1][1]
        facts = self._facts(segments, serials)
        groups = self._groups(segments[-1] if segments else before, serials)
        summary = self._entry(to).summary
        data = pack_segment(summary, groups, facts)
        # Whoever puts the same commits together writes the same.
        self._bucket.create(self._segment_key((since, to)), data)
        self._bucket.remove(*map(self._segment_key, segments))
        return since, to

    # --- within -----------------------------------------------------------------------------------

    def _facts(
        self, segments: Sequence[tuple[int, int]], serials: Sequence[int], asked: Asked = _ALL
    ) -> dict[tuple[str, int], Attempt]:
        found: dict[tuple[str, int], Attempt] = {}
        # A later fact of an attempt that has ended does not count: where it is in another place, both are read.
        if len(segments) + len(serials) > 1:
            asked = asked._replace(outcome=None)
        for segment in segments:
            for some in self._parts(segment, asked):
                merged(some, found)
        for entry in in_parallel(self._entry, serials):
            merged(entry.attempts, found)
        return found

    def _parts(self, segment: tuple[int, int], asked: Asked) -> Iterator[list[Attempt]]:
        key = self._segment_key(segment)
        head, data, end = self._head(segment)
        wanted = asked.parts(head)
        if not wanted:
            return
        start = end + wanted[0].offset
        stop = end + wanted[-1].offset + wanted[-1].size
        if stop > len(data):
            data = self._bucket.part(key, start, stop)
            if data is None:
                raise _Gone
        else:
            data = memoryview(data)[start:stop]
        for part in wanted:
            at = end + part.offset - start
            yield unpack(memoryview(data)[at : at + part.size], list[Attempt])

    def _groups(self, segment: tuple[int, int] | None, serials: Sequence[int]) -> list[Group]:
        known = self.made.groups if segment is None else self._head(segment)[0].groups
        groups = {group.name: group for group in known}
        for entry in in_parallel(self._entry, serials):
            groups.update((group.name, group) for group in entry.groups)
        # What is given out is the caller's own.
        return unpack(pack(list(groups.values())), list[Group])

    def _head(self, segment: tuple[int, int]) -> tuple[Segment, Any, int]:
        """Read a segment's head: what it says, the bytes that came along, and where the parts begin."""
        key = self._segment_key(segment)
        data = self._recall(key)
        if data is None:
            data = self._keep(key, self._begin(key, _HEAD_BYTES))
        read = segment_of(data)
        if isinstance(read, int):
            data = self._keep(key, self._begin(key, read))
            read = segment_of(data)
            assert not isinstance(read, int)
        return read[0], data, read[1]

    def _begin(self, key: str, size: int) -> bytes:
        data = self._bucket.part(key, 0, size)
        if data is None:
            raise _Gone
        return bytes(data)

    def _entry(self, serial: int) -> Entry:
        key = self._log_key(serial)
        data = self._recall(key)
        if data is None:
            found = self._bucket.get(key)
            if found is None:
                raise _Gone
            data = self._keep(key, bytes(found.data))
        return unpack(data, Entry)

    def _recall(self, key: str) -> Any:
        with self._lock:
            data = self._kept.get(key)
            if data is not None:
                self._kept.move_to_end(key)
            return data

    def _keep(self, key: str, data: bytes) -> bytes:
        """Keep an object in memory for a while: none of these ever changes."""
        with self._lock:
            self._bytes += len(data) - len(self._kept.pop(key, b""))
            self._kept[key] = data
            while self._bytes > _KEPT_BYTES:
                self._bytes -= len(self._kept.popitem(last=False)[1])
        return data

    def _log_key(self, serial: int) -> str:
        return f"{self.path}/log/{downward(serial)}"

    def _segment_key(self, segment: tuple[int, int]) -> str:
        return f"{self.path}/facts/{downward(segment[1])}-{segment[0]}"

    def _restless(self) -> StoreError:
        return StoreError(
            f"the record of run {self.made.summary.id!r} in {self._bucket.name} changes faster than it can be read,"
            " or a part of it is gone; try again"
        )


def _chain(segments: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Choose few segments that reach from the first commit to the last that any has.

    They may overlap where two drivers put commits together at once: facts count once, however often they come.
    """
    chain = list[tuple[int, int]]()
    need = max((to for _, to in segments), default=0)
    while need:
        best = min((one for one in segments if one[0] < need <= one[1]), default=None)
        if best is None:
            raise StoreError(f"commits up to {need} of a run are gone; something else has removed objects of the store")
        chain.insert(0, best)
        need = best[0]
    return chain


def _behind(folder: Folder) -> list[int]:
    """Give the commits that no segment has, in their order."""
    covered = folder.segments[-1][1] if folder.segments else 0
    return [serial for serial in reversed(folder.serials) if serial > covered]


def _level(segment: tuple[int, int]) -> int:
    span, level = (segment[1] - segment[0]) // _TOGETHER, 0
    while span >= _LEVEL:
        span, level = span // _LEVEL, level + 1
    return level
