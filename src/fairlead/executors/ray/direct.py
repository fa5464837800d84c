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
from collections.abc import Sequence
from itertools import accumulate, count
from time import perf_counter

__all__ = ["Paces", "write"]

PIECE = 1 << 21
"""Bytes that are written at once."""

ROWS = 2
"""Threads: one copies while the disk works for the other."""

_BLOCK = 4096
"""What goes past the cache stands at multiples of it, in memory and in the file, on every disk there is."""

_TRIED = 128
"""Of so many pieces, one goes the way that seems slower."""

_LATEST = 0.3
"""How much the latest piece says about the next one."""

_NO_ROOM = frozenset({errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS})
"""What file systems say that cannot reserve room, or know no way past the cache."""


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
        pace = seconds / size if not before else before + _LATEST * (seconds / size - before)
        if past:
            self.past = pace
        else:
            self.through = pace


_PACES = Paces()


def write(descriptor: int, chunks: Sequence[memoryview], paces: Paces = _PACES) -> None:
    """Write the chunks, one behind the other, to an empty file that is open for writing."""
    ends = list(accumulate(chunk.nbytes for chunk in chunks))
    size = ends[-1]
    rounded = size + -size % _BLOCK
    try:
        os.posix_fallocate(descriptor, 0, rounded)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
    past = _past(descriptor)
    errors: list[BaseException] = []
    places = iter(range(0, size, PIECE))
    lock = threading.Lock()

    def row() -> None:
        try:
            with mmap.mmap(-1, PIECE) as room, memoryview(room) as view:
                while not errors:
                    with lock:
                        at = next(places, -1)
                    if at < 0:
                        return
                    piece = min(PIECE, size - at)
                    _copy(chunks, ends, at, view[:piece])
                    _put(descriptor, past, at, view, piece, paces)
        except BaseException as error:  # noqa: BLE001  # raised again by who waits for it
            errors.append(error)

    rows = [threading.Thread(target=row) for _ in range(ROWS - 1)]
    for thread in rows:
        thread.start()
    row()
    for thread in rows:
        thread.join()
    if past >= 0:
        os.close(past)
    if errors:
        raise errors[0]
    os.ftruncate(descriptor, size)


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


def _put(descriptor: int, past: int, at: int, view: memoryview, size: int, paces: Paces) -> None:
    """Write a piece by the way that is thought to be faster."""
    goes_past = past >= 0 and paces.is_past()
    done, begun = 0, perf_counter()
    if goes_past:
        try:
            done = min(size, os.pwrite(past, view[: size + -size % _BLOCK], at))
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            paces.took(1.0, 1, past=True)  # it is not tried soon again
    while done < size:
        done += os.pwrite(descriptor, view[done:size], at + done)
    paces.took(perf_counter() - begun, size, past=goes_past)
