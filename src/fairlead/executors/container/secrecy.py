"""Secrets on their way into containers: files in memory, which a container of their task sees mounted.

Variables would not do: whoever may ask the engine about a container sees them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

import msgspec

from fairlead.executors.container.specs import Mount
from fairlead.leftovers import OwnFolder
from fairlead.ports import Brief

__all__ = ["Handed", "not_handed", "with_handed"]

TARGET = "/run/fairlead/secrets"
"""Where a container finds those of its task."""


class Handed:
    """The secrets of one run, handed to containers of one executor."""

    def __init__(self, orders: Path, get: Callable[[str], str]) -> None:
        """`get` gives a secret's value, once for each task that declares it."""
        # By the executor's orders: what an earlier driver has put there may not have been read by its containers yet.
        name = sha256(str(orders).encode()).hexdigest()[:16]
        self._folder = OwnFolder("secrets", name=name, in_memory=True)
        self._get = get
        self._given: set[int] = set()

    def mount(self, task: int, names: tuple[str, ...]) -> Mount:
        """Give the folder with the secrets of a task."""
        folder = self._folder.path / str(task)
        if task not in self._given:
            folder.mkdir(mode=0o755, exist_ok=True)
            for name in names:
                new = folder / ".new"  # which is no name of a secret
                # With the line end that who reads such a file takes off: a value may end with one of its own.
                new.write_bytes(f"{self._get(name)}\r\n".encode())
                new.chmod(0o644)  # readable for whatever user the container has; the folder above is ours alone
                new.replace(folder / name)
            self._given.add(task)
        return Mount(str(folder), TARGET, "ro")

    def remove(self) -> None:
        """Take them away."""
        self._folder.remove()


def not_handed(names: Sequence[str]) -> list[str]:
    """Say which secrets cannot be files, by the rule of whoever reads them there: `FolderSecrets`."""
    return [name for name in names if not name or "/" in name or name.startswith(".")]


def with_handed(brief: Brief) -> Brief:
    """Tell tasks that their secrets are in files."""
    section = {"folder": "/", "section": {"type": "folder", "path": TARGET}, "handed": True}
    return msgspec.structs.replace(brief, secrets=section)
