"""What a value holds, found out without the classes of its parts: its paths, and its bytes in the store.

Nothing of the value is made: every class but those of paths is stood in for.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from itertools import repeat
from pathlib import Path, PurePath
from typing import Any, Self

from fairlead.model.values import Inline, Pick, Stored, Tree, Value

__all__ = ["held_paths", "missing_in", "paths_in"]

_NAMED = b"pathlib"
"""Every stream with a path in it has these bytes."""
_CONCRETE = frozenset({"Path", "PosixPath", "WindowsPath"})
_LONGEST = 16 * 1024 * 1024
"""Longer streams are data, and nobody looks for paths in them."""


def paths_in(value: Value, bytes_of: Callable[[Stored], memoryview]) -> list[Path]:
    """List the paths that an encoded value holds as paths; `bytes_of` reads a stored part."""
    if isinstance(value, Inline):
        return held_paths(value.data) if value.codec == "pickle" and _NAMED in value.data else []
    if isinstance(value, Stored):
        if value.codec != "pickle" or value.size > _LONGEST:
            return []
        stream = bytes(bytes_of(value))
        return held_paths(stream) if _NAMED in stream else []
    if isinstance(value, Pick):
        return paths_in(value.of, bytes_of)
    parts = (*value.keys, *value.items) if isinstance(value, Tree) else value.items
    return [
        path
        for part in parts
        if not (type(part) is Inline and part.codec == "json")
        for path in paths_in(part, bytes_of)
    ]


def missing_in(value: Value, exists: Callable[[str, int], bool]) -> list[str]:
    """List the keys of stored parts whose bytes are not there, whole."""
    if isinstance(value, Inline):
        return []
    if isinstance(value, Stored):
        return [] if exists(value.key, value.size) else [value.key]
    if isinstance(value, Pick):
        return missing_in(value.of, exists)
    keys = value.keys if isinstance(value, Tree) else ()
    return [key for part in (*keys, *value.items) if type(part) is not Inline for key in missing_in(part, exists)]


def held_paths(stream: bytes) -> list[Path]:
    """List the paths in a pickle, in its order, as far as the stream can be followed."""
    finder = _Finder(io.BytesIO(stream))
    try:
        finder.load()
    except Exception:  # noqa: BLE001 - parts of other libraries may want more of their stand-ins than these have
        return finder.found
    return finder.found


class _Finder(pickle.Unpickler):
    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, buffers=repeat(b""))
        self.found: list[Path] = []

    def find_class(self, module: str, name: str, /) -> Any:
        if module.partition(".")[0] == "pathlib" and name in _CONCRETE:
            return self._path
        return _Anything

    def _path(self, *parts: str) -> PurePath:
        path = Path(*parts)
        self.found.append(path)
        return path


class _Anything:
    """Takes whatever a pickle does to an object, and does nothing."""

    def __new__(cls, *_: Any, **__: Any) -> Self:
        return super().__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __call__(self, *_: Any, **__: Any) -> _Anything:
        return self

    def __setstate__(self, _: Any) -> None: ...

    def __setitem__(self, _: Any, __: Any) -> None: ...

    def append(self, _: Any) -> None: ...

    def extend(self, _: Any) -> None: ...

    def add(self, _: Any) -> None: ...
