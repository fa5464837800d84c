"""Artifacts in a bucket: whole or not there at all, never written over, from any host.

How requests are made and explained is in `bucket.py`. Nothing here knows what the bytes mean.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from fairlead.errors import ArtifactMissing, StoreError
from fairlead.ports import Reach
from fairlead.stores.artifacts import FolderArtifacts, checked_key
from fairlead.stores.bucket import Bucket, Entry

__all__ = ["ObjectArtifacts"]

_PART = 8 * 1024 * 1024
"""Bytes of one request; what is larger goes in several, and four of them are under way at once."""
_PARTS = 9_000
"""Parts of one object at most; services allow 10,000."""
_AT_ONCE = 4
_TRIES = 2
"""How often a copy is made on this host that others remove before it can be opened."""
_FRESH = 1800.0
"""Seconds; an object that is older and put again is written anew, so that `gc` sees that somebody needs it."""


class ObjectArtifacts:
    """Artifacts as objects in a bucket, under the keys that they have.

    Small ones are created by one request that fails when the key exists. Larger ones are looked for
    first and go in parts: two writers of one key at the same moment both succeed, and the later stays;
    keys that two writers may share have their content's digest in them, so that it is the same.
    """

    reach: Reach

    def __init__(
        self, bucket: Bucket, *, part: int = _PART, near: FolderArtifacts | None = None, near_size: float = 0.0
    ) -> None:
        """`part`: bytes up to which an object is read, or written, by one request.

        `near`: where copies of larger objects are kept for all processes of this host, of `near_size` bytes at most.
        """
        self._bucket = bucket
        self._part = part
        self._near = near
        self._near_size = near_size
        self.reach = "host" if bucket.name.startswith("file:") else "network"

    def __repr__(self) -> str:
        return f"<ObjectArtifacts {self._bucket.name}>"

    def put(self, key: str, chunks: Sequence[bytes | memoryview]) -> int:
        """Write the chunks as one object, whole or not at all; gives its size in bytes."""
        views = [memoryview(chunk).cast("B") for chunk in chunks if len(chunk)]
        size = sum(map(len, views))
        if size <= self._part:
            return self._small(key, b"".join(views))
        return self._large(key, size, lambda: _regrouped(views))

    def put_file(self, key: str, path: Path) -> int:
        """Keep a copy of a file; gives its size in bytes."""
        try:
            with Path(path).open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size <= self._part:
                    return self._small(key, _all(file.fileno(), 0, size, path))
                return self._large(key, size, lambda: _pieces(file.fileno(), size, path))
        except OSError as error:
            raise StoreError(f"cannot open {path}: {error.strerror}") from error

    def get(self, key: str) -> memoryview:
        """Give the bytes in memory that is the caller's own."""
        found = self._bucket.get(checked_key(key), limit=self._part)
        if found is None:
            raise self._missing(key)
        size = found.entry.size
        if size <= self._part:
            return memoryview(bytearray(found.data))
        if self._near is not None and size <= self._near_size:
            copy = self._from_near(self._near, key, size)
            if copy is not None:
                return copy
        import mmap

        # Fresh pages of the system's: a bytearray would be filled with zeros first.
        view = memoryview(mmap.mmap(-1, size))

        def take(start: int, data: Any) -> None:
            view[start : start + len(data)] = memoryview(data)

        self._parts(key, size, take)
        return view

    def _from_near(self, near: FolderArtifacts, key: str, size: int) -> memoryview | None:
        """Give a large object from the copies of this host, where it is put first if it is not there.

        None where other processes make room for their own as fast as that: there is no place for all of them.
        """
        for _ in range(_TRIES):
            if not near.exists(key, size):
                _make_room(near, self._near_size - size)
                near.put_by(key, size, lambda file: self._parts(key, size, lambda at, data: _write(file, at, data)))
            with suppress(ArtifactMissing):
                return near.get(key)
        return None

    def fetch(self, key: str, path: Path) -> None:
        """Write the bytes to a new file at `path`."""
        found = self._bucket.get(checked_key(key), limit=self._part)
        if found is None:
            raise self._missing(key)
        try:
            target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            try:
                if found.entry.size <= self._part:
                    _write(target, 0, found.data)
                else:
                    self._parts(key, found.entry.size, lambda start, data: _write(target, start, data))
            except BaseException:
                os.unlink(path)  # noqa: PTH108 - a half file must not look like a whole one
                raise
            finally:
                os.close(target)
        except OSError as error:
            raise StoreError(f"cannot write {path}: {error.strerror}") from error

    def exists(self, key: str, size: int | None = None) -> bool:
        """Whether it is there, and of that size where one is given."""
        found = self._bucket.look(checked_key(key))
        return found is not None and (size is None or size == found.size)

    def remove(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""
        self._bucket.remove(checked_key(key))

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Keys and sizes, in the order of the keys' bytes."""
        for entry in self._bucket.list(prefix.rpartition("/")[0]):
            if entry.key.startswith(prefix):
                yield entry.key, entry.size

    def written(self, key: str) -> float:
        """Give when it was last written, by the service's clock (seconds since the Unix epoch); ArtifactMissing."""
        found = self._bucket.look(checked_key(key))
        if found is None:
            raise self._missing(key)
        return found.modified

    # --- within -----------------------------------------------------------------------------------

    def _small(self, key: str, data: bytes) -> int:
        if self._bucket.create(checked_key(key), data) is None:
            found = self._bucket.look(key)
            if found is None or _is_old(key, found):
                self._bucket.put(key, data)
            else:
                return found.size
        return len(data)

    def _large(self, key: str, size: int, pieces: Callable[[], Iterator[Any]]) -> int:
        found = self._bucket.look(checked_key(key))
        if found is not None and not _is_old(key, found):
            return found.size
        self._bucket.upload(key, pieces, max(_PART, size // _PARTS + 1))
        return size

    def _parts(self, key: str, size: int, take: Callable[[int, Any], None]) -> None:
        """Hand over an object's bytes in parts, in any order, several at once."""
        starts = iter(range(0, size, self._part))
        lock = threading.Lock()
        problems: list[BaseException] = []

        def work() -> None:
            while not problems:
                with lock:
                    start = next(starts, None)
                if start is None:
                    return
                try:
                    data = self._bucket.part(key, start, min(start + self._part, size))
                    if data is None:
                        raise self._missing(key)
                    take(start, data)
                except BaseException as problem:  # noqa: BLE001 - raised again below
                    problems.append(problem)

        threads = [threading.Thread(target=work, daemon=True) for _ in range(_AT_ONCE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if problems:
            raise problems[0]

    def _missing(self, key: str) -> ArtifactMissing:
        return ArtifactMissing(f"no artifact {key!r} in {self._bucket.name}; run the task that made it again")


def _make_room(near: FolderArtifacts, size: float) -> None:
    """Remove copies, the oldest first, until the others take no more than this."""
    copies = []
    for key, one in near.list():
        with suppress(ArtifactMissing):  # another process was faster
            copies.append((near.written(key), key, one))
    total = sum(one for _, _, one in copies)
    for _, key, one in sorted(copies):
        if total <= size:
            return
        near.remove(key)
        total -= one


def _is_old(key: str, found: Entry) -> bool:
    # Only what has its content's digest for a key may be written again: the bytes are the same.
    return key.startswith("sha256/") and time.time() - found.modified > _FRESH


def _regrouped(views: Sequence[memoryview]) -> Iterator[bytes | memoryview]:
    """Put small chunks together: each that is handed over costs a call."""
    few: list[memoryview] = []
    held = 0
    for view in views:
        if held + len(view) > _PART and few:
            yield few[0] if len(few) == 1 else b"".join(few)
            few, held = [], 0
        few.append(view)
        held += len(view)
    if few:
        yield few[0] if len(few) == 1 else b"".join(few)


def _pieces(descriptor: int, size: int, path: Path) -> Iterator[bytes]:
    for start in range(0, size, _PART):
        yield _all(descriptor, start, min(_PART, size - start), path)


def _all(descriptor: int, start: int, size: int, path: Path) -> bytes:
    """Read a piece of a file; a file that was cut short meanwhile must not be kept as if it were whole."""
    data = os.pread(descriptor, size, start)
    while len(data) < size:
        more = os.pread(descriptor, size - len(data), start + len(data))
        if not more:
            raise StoreError(f"{path} became shorter while it was read; keep it when nobody writes to it")
        data += more
    return data


def _write(target: int, start: int, data: Any) -> None:
    view = memoryview(data)
    while view:
        done = os.pwrite(target, view, start)
        view = view[done:]
        start += done
