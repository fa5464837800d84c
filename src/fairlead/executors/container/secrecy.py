"""Secrets on their way into containers: files in memory, which a container of their task sees mounted.

Variables would not do: whoever may ask the engine about a container sees them.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import msgspec

from fairlead.errors import ConfigurationError
from fairlead.executors.container.specs import Mount
from fairlead.ports import Brief

__all__ = ["Handed", "with_handed"]

TARGET = "/run/fairlead/secrets"
"""Where a container finds those of its task."""

_MEMORY = Path("/dev/shm")  # noqa: S108 - no disk keeps what is there; the folder is ours alone


class Handed:
    """The secrets of one run, handed to containers."""

    def __init__(self, brief: Brief, get: Callable[[str], str]) -> None:
        """`get` gives a secret's value, once for each task that declares it."""
        place = _MEMORY if _MEMORY.is_dir() else Path(tempfile.gettempdir())
        self._folder = place / f"fairlead-{sha256(brief.scratch.encode()).hexdigest()[:16]}"
        # What an earlier driver of the run has put there stays: its containers may not have read it yet.
        with suppress(FileExistsError):
            self._folder.mkdir(mode=0o700)
        found = self._folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise ConfigurationError(f"{str(self._folder)!r} is for secrets, and others can read it; remove it")
        self._get = get
        self._given: set[int] = set()

    def mount(self, task: int, names: tuple[str, ...]) -> Mount:
        """Give the folder with the secrets of a task."""
        folder = self._folder / str(task)
        if task not in self._given:
            folder.mkdir(mode=0o755, exist_ok=True)
            for name in names:
                new = folder / f"{name}.new"
                # With the line end that who reads such a file takes off: a value may end with one of its own.
                new.write_bytes(f"{self._get(name)}\r\n".encode())
                new.chmod(0o644)  # readable for whatever user the container has; the folder above is ours alone
                new.replace(folder / name)
            self._given.add(task)
        return Mount(str(folder), TARGET, "ro")

    def remove(self) -> None:
        """Take them away."""
        shutil.rmtree(self._folder, ignore_errors=True)


def with_handed(brief: Brief) -> Brief:
    """Tell tasks that their secrets are in files."""
    section = {"folder": "/", "section": {"type": "folder", "path": TARGET}}
    return msgspec.structs.replace(brief, secrets=section)
