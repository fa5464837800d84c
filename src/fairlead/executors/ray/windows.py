"""Ray's shared memory, seen by a task as memory of its own: pages are copied when they are written to.

Ray gives read-only views of memory that all processes of a node share. A task may write to what it is given,
and a copy of a large value costs more than all else that is done with it. What cannot be seen that way is
None here: whoever asks copies. Nothing here knows of values.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Sequence
from pathlib import Path

__all__ = ["ALIGNED", "window"]

ALIGNED = 64
"""Bytes; Ray begins each buffer of an object at the first multiple of it behind the one before."""


class _Buffer(ctypes.Structure):
    """`Py_buffer`, as in CPython's stable interface."""

    _fields_ = (
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.py_object),
        ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("format", ctypes.c_char_p),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("suboffsets", ctypes.c_void_p),
        ("internal", ctypes.c_void_p),
    )


class _Window(mmap.mmap):
    """A private map of shared memory."""

    pins: Sequence[memoryview] = ()
    """What keeps Ray from using the memory for something else, as long as anybody looks through the window."""


_MOST = 4
"""Files that are kept open. Nearly all is in one; what Ray puts on a disk, for want of memory, has one each."""

_files: dict[tuple[str, int], int] = {}
"""Open files of shared memory, by device and inode; the one that was used last is the last."""


def window(chunks: Sequence[memoryview], maker: int | None = None) -> memoryview | None:
    """Give what stands behind each other in shared memory as one, the caller's own; None where that cannot be.

    `maker`: the process that has the memory open; otherwise the parent of this one, which is a worker's raylet.
    """
    at = [_address(chunk) for chunk in chunks]
    start, end = at[0], at[-1] + chunks[-1].nbytes
    places = zip(at, chunks, at[1:], strict=False)
    if any(address + chunk.nbytes != after for address, chunk, after in places):
        return None
    try:
        found = _mapped(start, end, maker or os.getppid())
        if found is None:
            return None
        file, offset = found
        before = offset % mmap.ALLOCATIONGRANULARITY
        seen = _Window(file, end - start + before, access=mmap.ACCESS_COPY, offset=offset - before)
    except (OSError, ValueError):
        return None  # not to be opened by this user, or too many maps
    seen.pins = chunks
    return memoryview(seen)[before:]


def _address(view: memoryview) -> int:
    buffer = _Buffer()
    api = ctypes.pythonapi
    api.PyObject_GetBuffer(ctypes.py_object(view), ctypes.byref(buffer), 0)
    try:
        return int(buffer.buf or 0)
    finally:
        api.PyBuffer_Release(ctypes.byref(buffer))


def _mapped(start: int, end: int, maker: int) -> tuple[int, int] | None:
    """Give the file that is mapped there, open, and where in it `start` stands."""
    with open("/proc/self/maps", "rb") as maps:  # noqa: PTH123  # for each large value
        for line in maps:
            place, _, offset, device, inode, *_ = line.split(maxsplit=5)
            first, _, last = place.partition(b"-")
            if int(first, 16) <= start and end <= int(last, 16):
                file = _opened(device.decode(), int(inode), maker) if int(inode) else None
                return None if file is None else (file, start - int(first, 16) + int(offset, 16))
    return None


def _opened(device: str, inode: int, maker: int) -> int | None:
    """Open a file that has no name any more, by way of the process that made it."""
    file = _files.pop((device, inode), None)
    if file is None:
        for path in Path(f"/proc/{maker}/fd").iterdir():
            try:
                found = path.stat()
            except FileNotFoundError:
                continue  # closed meanwhile
            if found.st_ino == inode and f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}" == device:
                file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                break
    if file is not None:
        _files[device, inode] = file
        if len(_files) > _MOST:
            # Its room is given back only when nobody has it open any more.
            os.close(_files.pop(next(iter(_files))))
    return file
