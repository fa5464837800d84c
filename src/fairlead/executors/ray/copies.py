"""Output of tasks on other machines, written where it would be had they run on this one."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["Copies"]


MOST = 64
"""Files that are open at once: with `isolate`, each job has a log of its own."""


class Copies:
    """Log files of a run, each the copy of one on another machine."""

    def __init__(self) -> None:
        self._files: dict[str, int] = {}

    def write(self, folder: str, name: str, at: int, data: bytes) -> None:
        """Put what was written there where it stands there."""
        fd = self._files.get(name)
        if fd is None:
            if len(self._files) >= MOST:
                os.close(self._files.pop(next(iter(self._files))))
            # The name comes from another machine: it leads nowhere else.
            path = Path(folder, Path(name).name)
            fd = self._files[name] = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
        os.pwrite(fd, data, at)

    def close(self) -> None:
        """Close them all."""
        for fd in self._files.values():
            os.close(fd)
        self._files.clear()
