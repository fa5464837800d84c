"""What wakes a driver that waits for its workers: another thread of its process has something for it."""

from __future__ import annotations

import os
import threading

__all__ = ["Bell"]


class Bell:
    """A descriptor that is readable once somebody has rung."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.fd, self._far = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self._far, False)

    def ring(self) -> None:
        """Wake whoever waits; from any thread, and as often as one likes."""
        with self._lock:
            if self._far < 0:
                return  # nobody waits any more
            try:
                os.write(self._far, b".")
            except BlockingIOError:
                return  # it has been rung often enough

    def hush(self) -> None:
        """Be quiet until somebody rings again."""
        try:
            os.read(self.fd, 1 << 16)
        except BlockingIOError:
            return

    def close(self) -> None:
        """Let it go."""
        with self._lock:
            os.close(self.fd)
            os.close(self._far)
            self.fd = self._far = -1
