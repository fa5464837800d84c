"""Where a project keeps its runs: the `.fairlead` folder, found upwards or made here.

Knows the names inside the folder and how to make it so that backups and version control leave it
alone. What is in the files is the business of the stores.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fairlead.errors import StoreError
from fairlead.stores.lease import file_name

__all__ = ["NAME", "Folder", "find", "here", "instead", "make"]

NAME = ".fairlead"

_instead: list[Path] = []
"""Where the folder is looked for in place of the working directory; tests have a folder of their own."""

_TAG = b"""\
Signature: 8a477f597d28d172789f06886806bc55
# This file is a cache directory tag created by Fairlead.
# Backup programs may leave this folder out: https://bford.info/cachedir/
"""
_IGNORE = b"# Made by Fairlead: runs and artifacts do not belong into version control.\n*\n"


class Folder:
    """A `.fairlead` folder and the names of what is inside."""

    __slots__ = ("path",)

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def runs(self) -> Path:
        """The SQLite store."""
        return self.path / "runs.db"

    @property
    def artifacts(self) -> Path:
        """The artifact store's folder."""
        return self.path / "artifacts"

    @property
    def leases(self) -> Path:
        """The lock files of drivers."""
        return self.path / "leases"

    @property
    def tmp(self) -> Path:
        """Files that nobody needs after the process that made them."""
        return self.path / "tmp"

    def logs(self, run_id: str) -> Path:
        """The folder of one run's output."""
        return self.path / "logs" / file_name(run_id)

    def __repr__(self) -> str:
        return f"<Folder {str(self.path)!r}>"


def find(start: Path | None = None) -> Folder | None:
    """Find the nearest `.fairlead` folder in `start` (the working directory) or above it."""
    here = _absolute(start)
    for place in (here, *here.parents):
        if (place / NAME).is_dir():
            return Folder(place / NAME)
    return None


def make(start: Path | None = None) -> Folder:
    """Find the folder, or make it in `start`; whatever is missing inside is made as well.

    Any number of processes may do so at once. Raises StoreError where it cannot be made.
    """
    found = find(start)
    path = found.path if found else _absolute(start) / NAME
    try:
        path.mkdir(exist_ok=True)
        _write_once(path / ".gitignore", _IGNORE)
        _write_once(path / "CACHEDIR.TAG", _TAG)
        for name in ("artifacts", "leases", "logs", "tmp"):
            (path / name).mkdir(exist_ok=True)
    except OSError as error:
        raise StoreError(_refusal(path, error)) from error
    return Folder(path)


def here() -> Folder:
    """Name the folder of the working directory, whether it is there or not."""
    return Folder(_absolute(None) / NAME)


@contextmanager
def instead(place: Path) -> Iterator[None]:
    """Have what looks for the folder from the working directory look from here."""
    _instead.append(place)
    try:
        yield
    finally:
        _instead.remove(place)


def _absolute(start: Path | None) -> Path:
    if start is not None:
        return start.absolute()
    return _instead[-1] if _instead else Path.cwd()


def _write_once(path: Path, content: bytes) -> None:
    if path.exists():
        return
    # Renamed into place, so that a process killed here leaves no half-written file behind.
    partial = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
    partial.write_bytes(content)
    partial.replace(path)


def _refusal(path: Path, error: OSError) -> str:
    """Say why the folder cannot be made, and what to do."""
    where = str(path)
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        culprit = error.filename or where
        return f"{culprit!r} is a file, and a folder is needed there; move it away"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"cannot make {where!r}: the disk is full; free some space"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return (
            f"cannot make {where!r}: the folder is read-only; work in a folder that you may write to, "
            "or name another place under 'store' and 'artifacts' in the environment file"
        )
    return f"cannot make {where!r}: {error.strerror or error}"
