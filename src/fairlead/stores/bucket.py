"""Requests to one bucket: each tried again while its failure may pass, and explained when it does not.

The only place that knows obstore. Nothing here knows what the objects are for.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from fairlead.errors import StoreError
from fairlead.stores.bucket_errors import is_temporary, refusal

__all__ = ["Bucket", "Entry", "Found", "Version", "in_parallel"]

_T = TypeVar("_T")
_R = TypeVar("_R")

_PAUSES = (0.2, 1.0)
"""Seconds before a request is made again, beside what the client does for itself within one."""
_AT_ONCE = 16
"""Requests under way at the same time."""
_LISTED = 1000
"""Entries that a service gives in one answer."""
_ENCODED = {code: f"%{code:02X}" for code in (*range(32), 37, 127)}
"""Control characters would break the listing's XML; the percent sign makes the code unambiguous."""


_used_by = 0
"""The process in which obstore's threads are: a forked child has none of them, and would wait for ever."""


class Version(NamedTuple):
    """Which state of an object something is about."""

    e_tag: str | None
    version: str | None

    def condition(self) -> dict[str, str]:
        """Give it as obstore wants it."""
        return {key: value for key, value in self._asdict().items() if value is not None}


class Entry(NamedTuple):
    """What a listing, or a look, says of an object."""

    key: str
    size: int
    modified: float
    """Seconds since the Unix epoch, by the service's clock."""
    version: Version


class Found(NamedTuple):
    """An object and what is said of it."""

    data: Any
    """Bytes, as a buffer that cannot be written to."""
    entry: Entry


class Bucket:
    """A bucket, or the part of it under a prefix."""

    def __init__(self, store: Any, name: str, *, endpoint: str = "") -> None:
        """`store`: one of obstore's; `name` is what people call it, `endpoint` who serves it."""
        import obstore
        from obstore import exceptions

        global _used_by
        _used_by = _used_by or os.getpid()
        self.name = name
        self._endpoint = endpoint
        self._store = store
        self._obs = obstore
        self._exists = exceptions.AlreadyExistsError
        self._changed = exceptions.PreconditionError
        self._failures = (exceptions.BaseError, OSError)

    def __repr__(self) -> str:
        return f"<Bucket {self.name}>"

    # --- writing ----------------------------------------------------------------------------------

    def create(self, key: str, data: Any) -> Version | None:
        """Make an object; None when there is one of that key already, perhaps by a request of ours that broke off."""
        try:
            return _version(self._ask(f"write {key!r}", self._put, key, data, "create"))
        except self._exists:
            return None

    def claim(self, key: str, data: bytes) -> Version | None:
        """Make an object whose bytes nobody else writes; None when what is there now is somebody else's."""
        while (version := self.create(key, data)) is None:
            found = self.get(key)
            # Gone again, or two requests at once were both turned away: neither says who was first.
            if found is not None:
                return found.entry.version if bytes(found.data) == data else None
        return version

    def update(self, key: str, data: bytes, version: Version) -> Version | None:
        """Change an object that is still in the given state; None when it is not.

        A folder has no such condition: there it is written whatever its state is.
        """
        try:
            return _version(self._ask(f"write {key!r}", self._put, key, data, version.condition()))
        except NotImplementedError:
            return _version(self._ask(f"write {key!r}", self._put, key, data, "overwrite"))
        except (self._changed, FileNotFoundError):
            # A request of ours may have come through before its connection broke off.
            found = self.get(key)
            return found.entry.version if found is not None and bytes(found.data) == data else None

    def put(self, key: str, data: Any) -> None:
        """Write an object, over one that may be there."""
        self._ask(f"write {key!r}", self._put, key, data, "overwrite")

    def upload(self, key: str, pieces: Callable[[], Iterable[Any]], part: int) -> None:
        """Write a large object in parts of so many bytes; it is there when the last has arrived."""

        def work() -> None:
            self._obs.put(
                self._store, _encoded(key), iter(pieces()), use_multipart=True, chunk_size=part, max_concurrency=4
            )

        self._ask(f"write {key!r}", work)

    def _put(self, key: str, data: Any, mode: Any) -> Any:
        return self._obs.put(self._store, _encoded(key), data, mode=mode, use_multipart=False)

    # --- reading ----------------------------------------------------------------------------------

    def get(self, key: str, limit: int | None = None) -> Found | None:
        """Give an object; None when there is none. One of more than `limit` bytes comes without its bytes."""

        def work() -> Found:
            result = self._obs.get(self._store, _encoded(key))
            entry = _entry(result.meta)
            return Found(b"" if limit is not None and entry.size > limit else result.bytes(), entry)

        return self._found(f"read {key!r}", work)

    def part(self, key: str, start: int, end: int) -> Any:
        """Give some of an object's bytes; None when there is no such object."""
        return self._found(
            f"read {key!r}", lambda: self._obs.get_range(self._store, _encoded(key), start=start, end=end)
        )

    def look(self, key: str) -> Entry | None:
        """Say what there is to say of an object; None when there is none."""
        return self._found(f"look at {key!r}", lambda: _entry(self._obs.head(self._store, _encoded(key))))

    def list(self, folder: str = "", *, after: str = "") -> Iterator[Entry]:
        """Give what is in a folder and in those within, in the order of the keys' bytes."""
        if self.name.startswith("file:"):
            found = self._ask(f"list {folder!r}", self._all, folder)
            yield from sorted(entry for entry in found if entry.key > after)
            return
        self.refuse_forks()
        prefix, last = _encoded(folder) or None, _encoded(after) or None
        pauses = list(_PAUSES)
        stream = self._listing(prefix, last)
        while True:
            try:
                batch = next(stream, ())
            except self._failures as error:
                if not pauses or not is_temporary(error):
                    raise refusal(error, f"list {folder!r}", self.name, self._endpoint) from None
                _wait(pauses.pop(0))
                stream = self._listing(prefix, last)
                continue
            if not batch:
                return
            last = batch[-1]["path"]
            yield from map(_entry, batch)

    def _listing(self, prefix: str | None, after: str | None) -> Iterator[Sequence[Any]]:
        return iter(self._obs.list(self._store, prefix, offset=after, chunk_size=_LISTED))

    def _all(self, folder: str) -> Sequence[Entry]:
        return [_entry(meta) for batch in self._listing(_encoded(folder) or None, None) for meta in batch]

    def folders(self, folder: str = "") -> Iterable[str]:
        """Name the folders within a folder, without going through what they hold."""
        found = self._ask(f"list {folder!r}", self._obs.list_with_delimiter, self._store, _encoded(folder) or None)
        return [_decoded(path).rpartition("/")[2] for path in found["common_prefixes"]]

    def remove(self, *keys: str) -> None:
        """Remove objects; one that is not there is no error."""
        if not keys:
            return
        try:
            self._ask("remove objects", self._obs.delete, self._store, [_encoded(key) for key in keys])
        except FileNotFoundError:
            # A folder stops at the first that is not there; a bucket never says so.
            if len(keys) > 1:
                for key in keys:
                    self.remove(key)

    def refuse_forks(self) -> None:
        """Raise StoreError in a child that was forked from a process that used a bucket: it would wait for ever."""
        if os.getpid() != _used_by:
            raise StoreError(
                f"this process was forked from process {_used_by}, which uses {self.name}, and cannot use it as well;"
                " start processes with 'spawn' or 'forkserver'"
            )

    # --- within -----------------------------------------------------------------------------------

    def _found(self, doing: str, work: Callable[[], _T]) -> _T | None:
        try:
            return self._ask(doing, work)
        except FileNotFoundError:
            return None

    def _ask(self, doing: str, work: Callable[..., _R], *arguments: Any) -> _R:
        """Make a request; FileNotFoundError, and what conditions say, go to the caller."""
        self.refuse_forks()
        for pause in (*_PAUSES, None):
            try:
                return work(*arguments)
            except (self._exists, self._changed):
                raise
            except self._failures as error:
                if isinstance(error, FileNotFoundError) and "NoSuchBucket" not in str(error):
                    raise
                if pause is None or not is_temporary(error):
                    # The service's own words may hold what must not be shown.
                    raise refusal(error, doing, self.name, self._endpoint) from None
            _wait(pause)
        raise AssertionError("the last failure was raised")


def in_parallel(work: Callable[[_T], _R], items: Sequence[_T]) -> list[_R]:
    """Do the work for every item, several at once, and give what came of each."""
    if len(items) < 2:
        return [work(item) for item in items]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(_AT_ONCE, len(items))) as pool:
        return list(pool.map(work, items))


def _wait(pause: float) -> None:
    time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - not a secret


def _version(result: Any) -> Version:
    return Version(result.get("e_tag"), result.get("version"))


def _entry(meta: Any) -> Entry:
    return Entry(_decoded(meta["path"]), meta["size"], meta["last_modified"].timestamp(), _version(meta))


def _encoded(key: str) -> str:
    return key.translate(_ENCODED)


def _decoded(key: str) -> str:
    if "%" not in key:
        return key
    from urllib.parse import unquote

    return unquote(key)
