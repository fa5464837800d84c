"""Folders outside of any store that are there for as long as one process is, also when that is killed.

Whoever needs a folder in memory or among temporary files makes an `OwnFolder`. All of a user's are in one folder
that nobody else can read, each beside a file that its process holds locked. The kernel drops the lock with the process,
so that `sweep`, which every command that opens a store calls, can tell what nobody needs any more. Nothing that is to
outlive a process may be put here.
"""

from __future__ import annotations

import fcntl
import os
import stat
import threading
import time
from contextlib import suppress
from pathlib import Path
from zlib import crc32

from fairlead.errors import ConfigurationError

__all__ = ["OwnFolder", "make_private", "sweep"]

MEMORY = "/dev/shm"  # noqa: S108 - no disk keeps what is there; the folder is ours alone
_NAME = "fairlead-own"
_LOCK = ".lock"

_PATIENCE = 5.0
"""Seconds for which a folder by name is waited for: a process that was killed is gone in far less."""


class OwnFolder:
    """A folder that this process has until it calls `remove`, or ends.

    With a `name`, it is the one of that name, with what an earlier process has left in it; otherwise a new one.
    """

    def __init__(self, kind: str, *, name: str = "", in_memory: bool = False) -> None:
        """`kind`: what it is for, in one word. `in_memory`: on no disk, where the machine has such a place."""
        parent = _parent(MEMORY if in_memory and os.path.isdir(MEMORY) else _temporary())  # noqa: PTH112 - a string
        self.path = Path(parent, f"{kind}-{name or os.urandom(8).hex()}")
        self._pid = os.getpid()
        self._fd = _take(str(self.path))
        self.path.mkdir(mode=0o700, exist_ok=True)

    def remove(self) -> None:
        """Take it away; does nothing the second time, or in a forked child."""
        if self._pid != os.getpid():
            return
        with _one_at_a_time:
            fd, self._fd = self._fd, -1
            if fd < 0:
                return
            try:
                _remove(str(self.path))
            finally:
                _own.discard(_identity(os.fstat(fd)))
                os.close(fd)

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *_: object) -> None:
        self.remove()

    def __repr__(self) -> str:
        return f"<OwnFolder {str(self.path)!r}: {'held' if self._fd >= 0 else 'removed'}>"


def sweep() -> None:
    """Remove the folders of this user's processes that are gone; what cannot be removed is left to the next sweep."""
    for place in {_temporary(), MEMORY}:
        parent = _parent_in(place)
        try:
            found = os.listdir(parent)  # noqa: PTH208 - most commands find nothing here, and pay for this look
        except OSError:
            continue  # there never was one, which is how most machines are
        if found and _is_ours(parent):
            for name in found:
                if name.endswith(_LOCK):
                    with suppress(OSError):  # a command that has other things to do does not fail for this
                        _sweep(f"{parent}/{name.removesuffix(_LOCK)}")


def _sweep(path: str) -> None:
    with _one_at_a_time:
        if _is_own(path):
            return
        try:
            fd = os.open(path + _LOCK, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            if _lock(fd) and _is_at(fd, path + _LOCK):
                _remove(path)
        finally:
            os.close(fd)


def _remove(path: str) -> None:
    """Remove a folder whose lock is held, and then the file to lock: without that, nobody would find it again."""
    import shutil

    shutil.rmtree(path, ignore_errors=True)
    if not os.path.lexists(path):
        os.unlink(path + _LOCK)  # noqa: PTH108 - a string


def _take(path: str) -> int:
    """Lock a folder that is there, or is about to be made; gives the file that holds the lock."""
    until = time.monotonic() + _PATIENCE
    while True:
        fd = _try(path)
        if fd is not None:
            return fd
        if time.monotonic() > until:
            raise ConfigurationError(f"{path!r} is used by another process, or for another run; wait for its end")
        time.sleep(0.01)


def _try(path: str) -> int | None:
    with _one_at_a_time:
        if _is_own(path):
            return None
        fd = os.open(path + _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            # A file that was swept between our open and our lock says nothing to anybody.
            if _lock(fd) and _is_at(fd, path + _LOCK):
                _own.add(_identity(os.fstat(fd)))
                return fd
        except OSError as error:
            os.close(fd)
            raise ConfigurationError(f"{path!r} cannot be locked: {error.strerror}; set TMPDIR") from error
    os.close(fd)
    return None


def _parent(place: str) -> str:
    """Make the folder of all folders of this user."""
    parent = _parent_in(place)
    make_private(parent)
    return parent


def _parent_in(place: str) -> str:
    """Name the folder of all folders of this user; hosts that share a disk, and no locks on it, do not share that."""
    host = "" if place == MEMORY else f"-{crc32(os.uname().nodename.encode()):08x}"
    return f"{place}/{_NAME}-{os.getuid()}{host}"


def make_private(folder: str) -> None:
    """Make a folder that nobody else can look into; ConfigurationError where it is there and not this user's alone."""
    try:
        os.mkdir(folder, 0o700)  # noqa: PTH102 - a string
    except FileExistsError:
        if not _is_ours(folder):
            raise ConfigurationError(
                f"{folder!r} is for what nobody else may read, and it is another user's or can be read by others; "
                "remove it, or have TMPDIR name another folder"
            ) from None
    except OSError as error:
        place = os.path.dirname(folder)  # noqa: PTH120 - a string
        raise ConfigurationError(f"no folder can be made in {place!r}: {error.strerror}; set TMPDIR") from error


def _is_ours(folder: str) -> bool:
    found = os.lstat(folder)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


def _temporary() -> str:
    """Where temporary files go: what `tempfile` says, which is a slow import."""
    for name in ("TMPDIR", "TEMP", "TMP"):
        place = os.environ.get(name)
        if place and os.path.isdir(place):  # noqa: PTH112 - a string
            return os.path.abspath(place)  # noqa: PTH100 - a string
    return "/tmp"  # noqa: S108 - the folder in it is ours alone


def _lock(fd: int) -> bool:
    """Lock a file for this process alone: `flock` would be for the children that it forks as well."""
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # the two ways in which systems say that another process has it
        return False
    return True


def _is_at(fd: int, path: str) -> bool:
    try:
        there = os.stat(path)  # noqa: PTH116 - a string
    except FileNotFoundError:
        return False
    return _identity(os.fstat(fd)) == _identity(there)


def _is_own(path: str) -> bool:
    """Whether this process has it: it would be given its lock again, and lose it for good when it closes the file.

    By the file itself: one place may have several names, as /run/shm and /dev/shm are.
    """
    try:
        return _identity(os.stat(path + _LOCK)) in _own  # noqa: PTH116 - a string
    except OSError:
        return False


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


_own: set[tuple[int, int]] = set()
"""Lock files of this process."""
_one_at_a_time = threading.Lock()


def _begin_in_child() -> None:
    """A forked child holds none of its parent's locks, of neither kind."""
    global _one_at_a_time
    _one_at_a_time = threading.Lock()
    _own.clear()


os.register_at_fork(after_in_child=_begin_in_child)
