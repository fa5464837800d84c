"""What a worker's process does with memory between two tasks.

Memory that is given back to the kernel is zeroed when it is asked for again, which costs a task on
large arrays a third of its time. So what one task has let go is kept for the next, up to a bound.
Linux with the GNU C library; elsewhere nothing is changed.
"""

from __future__ import annotations

import os
import sys

__all__ = ["BRIEF", "Heap"]

BRIEF = 0.01
"""Seconds; a task that took less cannot have left much behind."""

_MOST = 256 << 20
"""Bytes that one process keeps at most."""
_SHARE = 16
"""All workers together keep one part in so many of the machine's memory."""
_LEAST = 32 << 20
"""What the C library itself would keep: no less is worth asking for."""
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_SETTINGS = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES")


class Heap:
    """The C library's heap of this process."""

    def __init__(self) -> None:
        self._ceiling = 0
        bound = _bound()
        # Whoever has set the C library's own variables knows better.
        if bound <= _LEAST or sys.platform != "linux" or any(name in os.environ for name in _SETTINGS):
            return
        import ctypes

        # PyDLL: these calls are short, and others must not change the heap's size meanwhile.
        library = ctypes.PyDLL(None)
        if not hasattr(library, "mallopt") or not hasattr(library, "malloc_trim"):
            return
        library.mallopt(_MMAP_THRESHOLD, bound)
        library.mallopt(_TRIM_THRESHOLD, bound)
        self._trim = library.malloc_trim
        self._trim.argtypes = (ctypes.c_size_t,)
        self._end = library.sbrk
        self._end.argtypes = (ctypes.c_ssize_t,)
        self._end.restype = ctypes.c_size_t
        self._ceiling = self._end(0) + 2 * bound

    def tidy(self) -> None:
        """Give back what is free where the heap has become large: something small may lie on top of it."""
        if self._ceiling and self._end(0) > self._ceiling:
            self._trim(0)


def _bound() -> int:
    """How many bytes this process may keep."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min(_MOST, memory // _SHARE // (os.cpu_count() or 1))
