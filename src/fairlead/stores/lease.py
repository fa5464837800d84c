"""A driver's hold on a run on this host: a file lock that the kernel drops when the driver dies.

The lock is `flock` on `<run>.lock`: it belongs to the open file, so a forked child would keep its
parent's lease alive. Every way out of that is in this file, and nothing else is.

Taking and dropping:

    driver   open, lock exclusively, check that the file is still the one under that name
             … work; commit the run's last status …
             unlink while locked, close
    reader   open (no file: nobody), lock shared, check the file, close
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import threading
import time
from pathlib import Path

from fairlead.errors import RunBusy, StoreError

__all__ = ["FileLease", "acquire", "file_name", "living", "probe"]

_PATIENCE = 0.1
"""Seconds for which a driver tries: readers hold the lock for microseconds, drivers for long."""

_PLAIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


def file_name(run_id: str) -> str:
    """Name a file or folder after a run; ids that no file system is sure to keep apart are digested."""
    if _PLAIN.fullmatch(run_id):
        return run_id
    import hashlib

    return "~" + hashlib.sha256(run_id.encode("utf-8", "surrogatepass")).hexdigest()[:40]


class FileLease:
    """A hold on a run; `release` gives it up, and so does the end of the process."""

    def __init__(self, path: Path, fd: int) -> None:
        self._path = path
        self._fd = fd
        # The same number may be another file in a forked child.
        self._pid = os.getpid()

    def release(self) -> None:
        """Let the run go; does nothing the second time, or in a forked child."""
        with _forks:
            fd, self._fd = self._fd, -1
            if fd < 0 or self._pid != os.getpid():
                return
            _held.discard(fd)
        try:
            # While the lock is held, the file under this name is ours.
            self._path.unlink(missing_ok=True)
        finally:
            os.close(fd)

    def __repr__(self) -> str:
        return f"<FileLease {str(self._path)!r}: {'held' if self._fd >= 0 else 'released'}>"


def acquire(folder: Path, run_id: str) -> FileLease:
    """Take a run over; RunBusy when a living driver holds it."""
    path = folder / f"{file_name(run_id)}.lock"
    deadline = time.monotonic() + _PATIENCE
    while True:
        fd = _open(path)
        try:
            if _lock(fd, fcntl.LOCK_EX):
                if _is_at(fd, path):
                    os.pwrite(fd, f"process {os.getpid()} on {os.uname().nodename}\n".encode(), 0)
                    return FileLease(path, fd)
                _close(fd)
                continue
        except OSError as error:
            _close(fd)
            raise StoreError(f"cannot take the lease {str(path)!r}: {error.strerror}") from error
        except BaseException:
            _close(fd)
            raise
        holder = os.pread(fd, 200, 0).decode(errors="replace").partition("\n")[0]
        _close(fd)
        if time.monotonic() > deadline:
            raise RunBusy(f"run {run_id!r} is carried by {holder or 'another driver'}; wait for it, or stop it first")
        time.sleep(0.002)


def probe(folder: Path, run_id: str) -> bool:
    """Whether a living driver holds the run."""
    return _is_held(folder / f"{file_name(run_id)}.lock")


def living(folder: Path) -> set[str]:
    """Give the file names of all runs that living drivers hold."""
    try:
        paths = [path for path in folder.iterdir() if path.suffix == ".lock"]
    except (FileNotFoundError, NotADirectoryError):
        return set()
    except OSError as error:
        raise StoreError(f"cannot look at the leases in {str(folder)!r}: {error.strerror}") from error
    return {path.stem for path in paths if _is_held(path)}


def _is_held(path: Path) -> bool:
    while True:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise StoreError(f"cannot look at the lease {str(path)!r}: {error.strerror}") from error
        try:
            if not _lock(fd, fcntl.LOCK_SH):
                return True
            # A file that was let go between our open and our lock says nothing about its successor.
            if _is_at(fd, path) or not path.exists():
                return False
        finally:
            os.close(fd)


def _open(path: Path) -> int:
    for _ in range(2):
        try:
            # No fork may happen between open and add: the child would not know what to close.
            with _forks:
                fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
                _held.add(fd)
                return fd
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"cannot take the lease {str(path)!r}: {error.strerror}") from error
    raise StoreError(f"cannot take the lease {str(path)!r}: its folder was removed")


def _close(fd: int) -> None:
    with _forks:
        if fd in _held:
            _held.discard(fd)
            os.close(fd)


def _lock(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in (errno.ENOLCK, errno.ENOTSUP):
            raise StoreError("this file system has no locks; keep the store on a local disk") from error
        raise
    return True


def _is_at(fd: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    here = os.fstat(fd)
    return (here.st_ino, here.st_dev) == (there.st_ino, there.st_dev)


# One registry per process: what a forked child has to close is known nowhere else.
_held: set[int] = set()
_forks = threading.Lock()


def _let_go_in_child() -> None:
    # Closed, not unlocked: unlocking would take the lease from the parent.
    for fd in _held:
        os.close(fd)
    _held.clear()
    _forks.release()


os.register_at_fork(before=_forks.acquire, after_in_parent=_forks.release, after_in_child=_let_go_in_child)
