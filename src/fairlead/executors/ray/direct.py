"""Writing a large object to a file that nobody is about to read: past the page cache, where that is faster.

Its value goes from task to task through Ray's object store; the file is for later. So memory for a second
copy of it need not be found, which on a virtual machine may take longer than the disk does. Which way is
faster is seen by doing: pieces go the way that took less lately, and one now and then goes the other.
"""

from __future__ import annotations

import errno
import mmap
import os
import threading
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, count
from time import perf_counter

__all__ = ["Paces", "write"]

PIECE = 1 << 21
"""Bytes that are written at once."""

ROWS = 2
"""Threads: one copies while the disk works for the other."""

_TRIED = 128
"""Of so many pieces, one goes the way that seems slower."""

_LATEST = 0.3
"""How much the latest piece says about the next one."""

_MOST = 4.0
"""Times what was expected: what took longer counts as that."""

_NO_WAY = frozenset({errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS})
"""What file systems say that know no way past the cache, or to set room aside."""


class Paces:
    """Seconds that a byte took lately: past the cache, and through it."""

    def __init__(self) -> None:
        self.past, self.through = 0.0, 0.0
        """0: not known, which is tried."""
        self._pieces = count(1)

    def is_past(self) -> bool:
        """Whether the next piece goes past the cache."""
        faster = self.past <= self.through
        return not faster if self.past and self.through and next(self._pieces) % _TRIED == 0 else faster

    def took(self, seconds: float, size: int, *, past: bool) -> None:
        """Learn from a piece."""
        before = self.past if past else self.through
        # A piece whose thread had to wait for a processor says little of the disk.
        latest = min(seconds / size, _MOST * before) if before else seconds / size
        pace = before + _LATEST * (latest - before) if before else latest
        if past:
            self.past = pace
        else:
            self.through = pace


_PACES = Paces()


def write(descriptor: int, chunks: Sequence[memoryview], paces: Paces = _PACES) -> None:
    """Write the chunks, one behind the other, to an empty file that is open for writing.

    The last piece comes when all others are written, and through the cache: a power cut that takes a part of
    what is there leaves a file that is too short, which is how the store knows it.
    """
    ends = list(accumulate(chunk.nbytes for chunk in chunks))
    size = ends[-1]
    last = max(0, size - 1) // PIECE * PIECE
    _lengthen(descriptor, last)
    past = _past(descriptor)
    try:
        _write_pieces(descriptor, past, iter(range(0, last, PIECE)), chunks, ends, paces)
    finally:
        if past >= 0:
            os.close(past)
    rest = bytearray(size - last)
    with memoryview(rest) as view:
        _copy(chunks, ends, last, view)
        _put(descriptor, -1, last, view, paces)


def _lengthen(descriptor: int, size: int) -> None:
    """Have the file as long as all pieces but the last, with room on the disk: finding it takes half as long again."""
    if not size:
        return
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        if error.errno not in _NO_WAY:
            raise
        # Those who write where the file ends already wait for each other.
        os.ftruncate(descriptor, size)


def _write_pieces(
    descriptor: int,
    past: int,
    places: Iterator[int],
    chunks: Sequence[memoryview],
    ends: Sequence[int],
    paces: Paces,
) -> None:
    """Write whole pieces in rows beside each other; `places` is where they stand."""
    errors: list[BaseException] = []
    lock = threading.Lock()

    def row() -> None:
        try:
            with mmap.mmap(-1, PIECE) as room, memoryview(room) as view:
                while not errors:
                    with lock:
                        at = next(places, -1)
                    if at < 0:
                        return
                    _copy(chunks, ends, at, view)
                    _put(descriptor, past, at, view, paces)
        except BaseException as error:  # noqa: BLE001  # raised again by who waits for it
            errors.append(error)

    rows = [threading.Thread(target=row) for _ in range(ROWS - 1)]
    for thread in rows:
        thread.start()
    row()
    for thread in rows:
        thread.join()
    if errors:
        raise errors[0]


def _past(descriptor: int) -> int:
    """Open the file once more, past the cache; -1 where that is not known."""
    flag = getattr(os, "O_DIRECT", 0)
    try:
        return os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_CLOEXEC | flag) if flag else -1
    except OSError:
        return -1


def _copy(chunks: Sequence[memoryview], ends: Sequence[int], at: int, view: memoryview) -> None:
    """Copy what stands at a place in the chunks as a whole."""
    done, index = 0, bisect_right(ends, at)
    while done < view.nbytes:
        begin = at + done - (ends[index] - chunks[index].nbytes)
        part = chunks[index][begin : begin + view.nbytes - done]
        view[done : done + part.nbytes] = part
        done += part.nbytes
        index += 1


def _put(descriptor: int, past: int, at: int, view: memoryview, paces: Paces) -> None:
    """Write a piece by the way that is thought to be faster."""
    size = view.nbytes
    goes_past = past >= 0 and paces.is_past()
    done, begun = 0, perf_counter()
    if goes_past:
        try:
            done = os.pwrite(past, view, at)
        except OSError as error:
            if error.errno not in _NO_WAY:
                raise
            paces.took(1.0, 1, past=True)  # it is not tried soon again
    while done < size:
        done += os.pwrite(descriptor, view[done:], at + done)
    if size == PIECE:
        paces.took(perf_counter() - begun, size, past=goes_past)
