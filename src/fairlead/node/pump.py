"""Between what a worker's tasks write and the log file: a thread that takes secrets out.

Only in runs that have secrets. What is written goes through a pipe, so that also what C code and
child processes write is masked before it is on the disk.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterable
from contextlib import suppress

from fairlead.model.masks import Mask

__all__ = ["Pump"]

_ROOM = 1 << 20
"""Bytes that the pipe holds: code that never lets other threads run can write so much at once."""

_PATIENCE = 5.0
"""Seconds that a drain waits at most."""


class Pump:
    """Masks what is written to `write_end`, and appends it to a file."""

    def __init__(self, log: int, also: int | None = None) -> None:
        """`log`: descriptor of the file; `also`: of where it is shown as well. Copies of them are kept."""
        self._log = os.dup(log)
        self._also = None if also is None else os.dup(also)
        self._mask = Mask(())
        self._lock = threading.Lock()
        self._read_end, self.write_end = os.pipe()
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            with suppress(OSError):  # the system has its own limit, and a smaller pipe does
                fcntl.fcntl(self.write_end, fcntl.F_SETPIPE_SZ, _ROOM)
        self._mark = b""
        self._reached = threading.Event()
        threading.Thread(target=self._work, name="fairlead-pump", daemon=True).start()

    def learn(self, secrets: Iterable[str]) -> None:
        """Mask these, too, from now on."""
        with self._lock:
            self._mask.also(secrets)

    def drain(self) -> None:
        """Wait until everything that was written before is in the file."""
        self._reached.clear()
        self._mark = b"\0fairlead " + os.urandom(16).hex().encode() + b"\0"
        os.write(self.write_end, self._mark)
        self._reached.wait(_PATIENCE)

    def close(self) -> None:
        """Take no more from this process; what child processes still write is masked all the same."""
        os.close(self.write_end)

    def _work(self) -> None:
        left = b""
        while data := os.read(self._read_end, 1 << 16):
            left += data
            mark = self._mark
            before, found, after = left.partition(mark) if mark else (left, b"", b"")
            if found:
                self._put(before, whole=True)
                self._mark, left = b"", after
                self._reached.set()
            # The mark may have come in part.
            cut = max(0, len(left) - len(mark)) if mark and not found else len(left)
            self._put(left[:cut], whole=False)
            left = left[cut:]
        self._put(left, whole=True)
        os.close(self._read_end)
        os.close(self._log)
        if self._also is not None:
            os.close(self._also)

    def _put(self, data: bytes, *, whole: bool) -> None:
        with self._lock:
            masked = self._mask.feed(data)
            if whole:
                masked += self._mask.end()
        _write(self._log, masked)
        if self._also is not None:
            try:
                _write(self._also, masked)
            except OSError:  # whoever looked on is gone; the file has all of it
                os.close(self._also)
                self._also = None


def _write(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]
