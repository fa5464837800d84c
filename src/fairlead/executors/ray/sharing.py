"""Large values in Ray's object store, beside the artifact store that keeps them for good.

Who makes a value writes it to both at once; who uses it takes it from the object store while it is there,
and otherwise from the artifact store.
"""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from pickle import PickleBuffer
from typing import Any, Protocol, runtime_checkable

from fairlead.executors.ray.direct import write
from fairlead.executors.ray.windows import ALIGNED, window
from fairlead.model.values import Pick, Rows, Stored, Tree, Value
from fairlead.ports import ArtifactStore, Reach

__all__ = ["LARGE", "References", "SharedArtifacts", "large_in"]

LARGE = 1 << 20
"""Bytes from which on a value is put into the object store."""

SMALL = 1 << 16
"""Bytes below which a chunk is copied together with those beside it."""


@runtime_checkable
class FilledFiles(Protocol):
    """An artifact store whose objects are files that are written here."""

    def put_by(self, key: str, size: int, fill: Callable[[int], None]) -> int: ...


def large_in(args: Mapping[str, Value]) -> Iterator[str]:
    """Give the keys of large artifacts among the inputs of a job."""
    left = list(args.values())
    while left:
        value = left.pop()
        if isinstance(value, Stored):
            if value.size >= LARGE:
                yield value.key
        elif isinstance(value, (Rows, Tree)):
            left += value.items
        elif isinstance(value, Pick):
            left.append(value.of)


class References:
    """References to large values in the object store, by the key of their artifact; the oldest are let go."""

    def __init__(self) -> None:
        self.most = 0
        """Bytes that they may take together."""
        self._held: OrderedDict[str, tuple[Any, int]] = OrderedDict()
        self._bytes = 0

    def hold(self, made: Mapping[str, tuple[Any, int]]) -> None:
        """Keep values for who uses them next."""
        for key, (reference, size) in made.items():
            if key not in self._held:
                self._held[key] = reference, size
                self._bytes += size
        while self._bytes > self.most and self._held:
            _, (_, size) = self._held.popitem(last=False)
            self._bytes -= size

    def give(self, keys: Iterable[str]) -> dict[str, Any]:
        """Give those that are held."""
        found = {key: self._held[key][0] for key in keys if key in self._held}
        for key in found:
            self._held.move_to_end(key)
        return found


class SharedArtifacts:
    """An artifact store with the object store before it, in a worker."""

    def __init__(self, inner: ArtifactStore, *, put: Callable[[Any], Any], get: Callable[[Any], Any]) -> None:
        """`put` and `get` are Ray's."""
        self.reach: Reach = inner.reach
        self._inner = inner
        self._put = put
        self._get = get
        self.given: dict[str, Any] = {}
        """References to what the jobs of this bundle may use, by key."""
        self.made: dict[str, tuple[Any, int]] = {}
        """References to what they have made, with its size in bytes."""

    def put(self, key: str, chunks: Sequence[bytes | memoryview]) -> int:
        """Write the chunks as one object; a large one goes into the object store meanwhile."""
        views = [memoryview(chunk).cast("B") for chunk in chunks]
        size = sum(view.nbytes for view in views)
        if size < LARGE:
            return self._inner.put(key, chunks)
        kept: list[int | BaseException] = []

        def keep() -> None:
            try:
                kept.append(self._keep(key, views, size))
            except BaseException as error:  # noqa: BLE001  # raised again by who waits for it
                kept.append(error)

        writer = threading.Thread(target=keep)
        writer.start()
        reference = None
        try:
            reference = self._put([PickleBuffer(view) for view in _laid_out(views)])
        except Exception as error:  # noqa: BLE001  # it is full, or gone: the artifact store has the value
            print(f"fairlead: Ray's object store does not take {key}: {error}", file=sys.__stderr__)
        finally:
            writer.join()
        said = kept[0]
        if isinstance(said, BaseException):
            raise said
        if reference is not None:
            self.made[key] = reference, size
        return said

    def _keep(self, key: str, views: Sequence[memoryview], size: int) -> int:
        inner = self._inner
        if isinstance(inner, FilledFiles):
            return inner.put_by(key, size, lambda descriptor: write(descriptor, views))
        return inner.put(key, views)

    def get(self, key: str) -> memoryview:
        """Give the bytes, the caller's own: from the object store where they are there."""
        reference = self.given.get(key)
        if reference is None:
            return self._inner.get(key)
        try:
            chunks = [memoryview(chunk).cast("B") for chunk in self._get(reference)]
        except Exception:  # noqa: BLE001  # lost with its node, or pushed out: the artifact store has it
            del self.given[key]
            return self._inner.get(key)
        return window(chunks) or _copied(chunks)

    def put_file(self, key: str, path: Path) -> int:
        """Keep a file."""
        return self._inner.put_file(key, path)

    def fetch(self, key: str, path: Path) -> None:
        """Write the bytes to a new file."""
        self._inner.fetch(key, path)

    def exists(self, key: str, size: int | None = None) -> bool:
        """Whether it is there for good."""
        return self._inner.exists(key, size)

    def remove(self, key: str) -> None:
        """Remove an object."""
        self.made.pop(key, None)
        self._inner.remove(key)

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Keys and sizes."""
        return self._inner.list(prefix)


def _laid_out(views: Sequence[memoryview]) -> list[memoryview]:
    """Cut the chunks anew, with as little copied as can be, so that each begins at a multiple of 64 bytes.

    That is where Ray puts them: one behind the other, and seen as one by who reads them.
    """
    found: list[memoryview] = []
    small = bytearray()
    for view in views:
        lead = -len(small) % ALIGNED
        if view.nbytes < lead + SMALL:
            small += view
            continue
        end = lead + (view.nbytes - lead) // ALIGNED * ALIGNED
        small += view[:lead]
        found += [memoryview(small), view[lead:end]] if small else [view[lead:end]]
        small = bytearray(view[end:])
    return [*found, memoryview(small)] if small else found


def _copied(chunks: Sequence[memoryview]) -> memoryview:
    whole = bytearray(sum(chunk.nbytes for chunk in chunks))
    at = 0
    for chunk in chunks:
        whole[at : at + chunk.nbytes] = chunk
        at += chunk.nbytes
    return memoryview(whole)
