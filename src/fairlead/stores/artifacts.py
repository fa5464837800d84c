"""Where the bytes of values are kept: a folder, or this process's memory.

Objects are written once and never changed. Nothing here knows what the bytes mean; that is for
`codecs` and `values`.
"""

from __future__ import annotations

import errno
import mmap
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from fairlead.errors import ArtifactMissing, StoreError
from fairlead.ports import Reach

__all__ = ["FolderArtifacts", "MemoryArtifacts", "checked_key", "copy_file"]

_MAP_FROM = 128 * 1024
"""Smaller objects are read: a map costs more than a read there, and a process may hold 65,530 maps at most."""
_RESERVE_FROM = 1024 * 1024
"""From this size on, room is reserved first: a third faster on ext4, and a full disk is known at once."""
_PIECES = 1000
"""Pieces per system call; the limit is 1,024 on Linux."""
_FICLONE = 0x40049409
"""The ioctl that makes a file share another one's blocks until either is written to."""
_RESERVE = 0x4030582A
"""The ioctl that sets room aside behind the end of a file (Linux's `FS_IOC_RESVSP64`)."""
_CANNOT_RESERVE = frozenset({errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOTTY, errno.EPERM})
_FRESH = 60.0
"""Seconds; an object that is older and put again is marked as written now."""
_TEMPORARY = ".tmp"
_serial = count()

_ADVICE = {
    errno.ENOSPC: "the disk is full; free some space ('fairlead gc' lists what can go) and resume the run",
    errno.EDQUOT: "the disk quota is used up; free some space ('fairlead gc' lists what can go) and resume the run",
    errno.EROFS: "the file system is read-only; choose another folder under 'artifacts' in the environment file",
    errno.EACCES: "no permission to write there; choose another folder under 'artifacts' in the environment file",
    errno.EPERM: "no permission to write there; choose another folder under 'artifacts' in the environment file",
    errno.EIO: "the disk reports an error; check it before anything else is written there",
    errno.ENAMETOOLONG: "the name is too long for this file system; use a shorter run id or task name",
}


class FolderArtifacts:
    """Artifacts as files in one folder, for all processes of a host.

    A file appears under its key only when it is whole: it is written beside, in `.tmp`, and renamed.
    What killed writers leave there, `sweep` removes.
    """

    reach: Reach = "host"

    def __init__(self, folder: Path, *, fsync: bool = False) -> None:
        """`fsync`: wait for the disk with every object, so that it survives a power cut."""
        self.folder = Path(folder).absolute()
        self._root = f"{self.folder}/"
        self._tmp = f"{self._root}{_TEMPORARY}/"
        self._fsync = fsync

    def __repr__(self) -> str:
        return f"<FolderArtifacts {self.folder}>"

    def put(self, key: str, chunks: Sequence[bytes | memoryview]) -> int:
        """Write the chunks as one object, whole or not at all; gives its size in bytes."""
        views = [chunk if type(chunk) is bytes else memoryview(chunk).cast("B") for chunk in chunks]
        size = sum(map(len, views))
        return self._store(key, size, lambda descriptor: _write(descriptor, views, size))

    def put_file(self, key: str, path: Path) -> int:
        """Keep a copy of a file; gives its size in bytes."""
        with _explained("open", path):
            source = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            size = os.fstat(source).st_size
            return self._store(key, size, lambda descriptor: copy_file(source, descriptor))
        finally:
            os.close(source)

    def put_by(self, key: str, size: int, fill: Callable[[int], None]) -> int:
        """Keep what `fill` writes to an open file, wherever in it; gives its size in bytes.

        What survives a power cut is told by its size: the last bytes are to be written last, unless `fsync` is set.
        """

        def reserved(descriptor: int) -> None:
            _reserve(descriptor, size)
            fill(descriptor)

        return self._store(key, size, reserved)

    def get(self, key: str) -> memoryview:
        """Give the bytes; large objects are mapped copy-on-write, so that writing to them changes no file."""
        path = self._path(key)
        with _missing(key, path), _explained("read", path):
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                size = os.fstat(descriptor).st_size
                return _map(descriptor, size) if size >= _MAP_FROM else _read(descriptor, size)
            finally:
                os.close(descriptor)

    def fetch(self, key: str, path: Path) -> None:
        """Write the bytes to a new file at `path`, by sharing blocks where the file system can."""
        stored = self._path(key)
        with _missing(key, stored), _explained("read", stored):
            source = os.open(stored, os.O_RDONLY | os.O_CLOEXEC)
        try:
            with _explained("write", path):
                target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
                try:
                    copy_file(source, target)
                except BaseException:
                    os.unlink(path)  # noqa: PTH108 - a half file must not look like a whole one
                    raise
                finally:
                    os.close(target)
        finally:
            os.close(source)

    def exists(self, key: str, size: int | None = None) -> bool:
        """Whether it is there, and of that size where one is given."""
        found = _size(self._path(key))
        return found is not None and (size is None or size == found)

    def remove(self, key: str) -> None:
        """Remove an object; one that is not there is no error. Maps of it stay valid."""
        path = self._path(key)
        with _explained("remove", path):
            Path(path).unlink(missing_ok=True)

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Keys and sizes, in no particular order; objects that go away meanwhile are left out."""
        # Only the folder that the prefix names is walked: a run's artifacts among those of 10,000 runs.
        folders = [prefix.rpartition("/")[0]]
        while folders:
            folder = folders.pop()
            for name, is_folder in _entries(f"{self._root}{folder}"):
                key = f"{folder}/{name}" if folder else name
                if is_folder:
                    if key != _TEMPORARY and (key.startswith(prefix) or prefix.startswith(f"{key}/")):
                        folders.append(key)
                elif key.startswith(prefix):
                    size = _size(self._root + key)
                    if size is not None:
                        yield key, size

    def written(self, key: str) -> float:
        """Give when it was last written, or would have been (seconds since the Unix epoch); ArtifactMissing."""
        path = self._path(key)
        with _missing(key, path), _explained("read", path):
            return os.stat(path).st_mtime  # noqa: PTH116 - pathlib is a slow import

    def sweep(self, older_than: float = 86_400.0) -> int:
        """Remove what killed writers left more than `older_than` seconds ago; gives the bytes freed."""
        freed = 0
        limit = time.time() - older_than
        for name, _ in _entries(self._tmp):
            path = Path(self._tmp, name)
            with _explained("remove", path):
                try:
                    found = path.stat()
                    if found.st_mtime <= limit:
                        path.unlink()
                        freed += found.st_size
                except FileNotFoundError:
                    continue  # its writer was alive and has just renamed it
        return freed

    def _path(self, key: str) -> str:
        return self._root + checked_key(key)

    def _store(self, key: str, size: int, fill: Callable[[int], None]) -> int:
        path = self._path(key)
        found, written = _stat(path)
        # A content-addressed file of another size is what a power cut left of it: it is written again.
        if found is not None and (found == size or not key.startswith("sha256/")):
            if time.time() - written > _FRESH:
                # Somebody needs it now: `gc` spares what is young until it is recorded.
                with suppress(OSError):
                    os.utime(path)
            return found
        temporary = f"{self._tmp}{os.getpid()}-{next(_serial)}-{os.urandom(6).hex()}"
        with _explained("write", path):
            try:
                size = self._fill(temporary, fill)
                _rename(temporary, path)
                if self._fsync:
                    _sync_folder(path.rpartition("/")[0])
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
        return size

    def _fill(self, temporary: str, fill: Callable[[int], None]) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            descriptor = os.open(temporary, flags, 0o644)
        except FileNotFoundError:
            Path(self._tmp).mkdir(parents=True, exist_ok=True)
            descriptor = os.open(temporary, flags, 0o644)
        try:
            fill(descriptor)
            if self._fsync:
                os.fsync(descriptor)
            return os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)


class MemoryArtifacts:
    """Artifacts in this process's memory, for tests and for runs that nobody needs to keep."""

    reach: Reach = "process"

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}

    def __repr__(self) -> str:
        return f"<MemoryArtifacts: {len(self._objects)} objects>"

    def put(self, key: str, chunks: Sequence[bytes | memoryview]) -> int:
        """Keep the chunks as one object; gives its size in bytes."""
        return len(self._objects.setdefault(checked_key(key), b"".join(chunks)))

    def put_file(self, key: str, path: Path) -> int:
        """Keep a copy of a file; gives its size in bytes."""
        with _explained("open", path):
            return self.put(key, [Path(path).read_bytes()])

    def get(self, key: str) -> memoryview:
        """Give a copy of the bytes that is the caller's own."""
        return memoryview(bytearray(self._bytes(key)))

    def fetch(self, key: str, path: Path) -> None:
        """Write the bytes to a new file at `path`."""
        data = self._bytes(key)
        with _explained("write", path), Path(path).open("xb") as target:
            target.write(data)

    def exists(self, key: str, size: int | None = None) -> bool:
        """Whether it is there, and of that size where one is given."""
        data = self._objects.get(checked_key(key))
        return data is not None and (size is None or size == len(data))

    def remove(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""
        self._objects.pop(checked_key(key), None)

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Keys and sizes."""
        for key, data in list(self._objects.items()):
            if key.startswith(prefix):
                yield key, len(data)

    def sweep(self, older_than: float = 86_400.0) -> int:  # noqa: ARG002 - the folder's counterpart needs it
        """Nothing is ever left over in memory."""
        return 0

    def _bytes(self, key: str) -> bytes:
        try:
            return self._objects[checked_key(key)]
        except KeyError:
            raise ArtifactMissing(f"no artifact {key!r} in memory; run the task that made it again") from None


def copy_file(source: int, target: int) -> None:
    """Copy an open file's bytes, from its start, by the cheapest means that both file systems know."""
    import fcntl

    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        _copy_bytes(source, target)


def _copy_bytes(source: int, target: int) -> None:
    """Copy in the kernel where it can; the fallback goes on where the kernel stopped."""
    copy_range = getattr(os, "copy_file_range", None)
    while copy_range is not None:
        try:
            if not copy_range(source, target, 1 << 30):
                return
        except OSError as error:
            if error.errno not in {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}:
                raise
            break
    while data := os.read(source, 1 << 20):
        _write(target, [data], len(data))


def _write(descriptor: int, views: list[bytes | memoryview], size: int) -> None:
    _reserve(descriptor, size)
    for start in range(0, len(views), _PIECES):
        pieces = views[start : start + _PIECES]
        while pieces:
            written = os.writev(descriptor, pieces)
            while pieces and written >= len(pieces[0]):
                written -= len(pieces[0])
                del pieces[0]
            if pieces and written:
                pieces[0] = memoryview(pieces[0])[written:]


def _reserve(descriptor: int, size: int) -> None:
    """Have the disk set room aside for what comes next; the file grows only with what is written to it.

    `posix_fallocate` makes it as long as it is to be. A power cut before its bytes are on the disk then leaves
    a file of the right size, full of zeros, which nobody can tell from a whole one.
    """
    if size < _RESERVE_FROM:
        return
    import fcntl
    import struct

    at = os.lseek(descriptor, 0, os.SEEK_CUR)
    try:
        fcntl.ioctl(descriptor, _RESERVE, struct.pack("hhqqii4i", 0, os.SEEK_SET, at, size, *[0] * 6))
    except OSError as error:
        if error.errno not in _CANNOT_RESERVE:
            raise


def _map(descriptor: int, size: int) -> memoryview:
    try:
        return memoryview(mmap.mmap(descriptor, size, access=mmap.ACCESS_COPY))
    except (OSError, ValueError):
        # Too many maps, or a file system that cannot map: reading always works.
        return _read(descriptor, size)


def _read(descriptor: int, size: int) -> memoryview:
    view = memoryview(bytearray(size))
    done = 0
    while done < size and (got := os.readv(descriptor, [view[done:]])):
        done += got
    return view[:done]


def _rename(temporary: str, path: str) -> None:
    try:
        os.rename(temporary, path)  # noqa: PTH104 - strings: this runs for every artifact
    except FileNotFoundError:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        os.rename(temporary, path)  # noqa: PTH104 - pathlib is a slow import


def _sync_folder(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _size(path: str) -> int | None:
    return _stat(path)[0]


def _stat(path: str) -> tuple[int | None, float]:
    """Size and time of writing; None where there is nothing."""
    try:
        found = os.stat(path)  # noqa: PTH116 - pathlib is a slow import
        return found.st_size, found.st_mtime
    except (FileNotFoundError, NotADirectoryError):
        return None, 0.0
    except OSError as error:
        raise StoreError(f"cannot look at {path}: {error.strerror}") from error


def _entries(folder: str) -> list[tuple[str, bool]]:
    """Names in a folder and whether each is a folder; nothing where there is none."""
    try:
        with os.scandir(folder) as found:
            return [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in found]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StoreError(f"cannot list {folder}: {error.strerror}") from error


def checked_key(key: str) -> str:
    """Give the key, or StoreError."""
    # Keys come out of records that other people may have written: none may lead out of the folder.
    if key[:1] == "." or "/." in key or key[:1] == "/" or "//" in key or key[-1:] in {"", "/"} or "\0" in key:
        raise StoreError(
            f"artifact key {key!r} is not a relative path of names that do not begin with a dot; nothing was done"
        )
    return key


@contextmanager
def _explained(verb: str, path: str | Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, FileNotFoundError) and verb == "read":
            raise
        advice = _ADVICE.get(error.errno or 0, "")
        raise StoreError(f"cannot {verb} {path}: {error.strerror}" + (f"; {advice}" if advice else "")) from error


@contextmanager
def _missing(key: str, path: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise ArtifactMissing(f"no artifact {key!r} at {path}; run the task that made it again") from None
