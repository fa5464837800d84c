"""How values that JSON would change become bytes and come back. Nothing here knows where bytes are kept.

Pickle protocol 5, with large buffers (arrays, data frames) outside the stream, so that they are written
without a copy and mapped on the way back. There is no codec of its own for data frames: this one writes
them at least as fast as Arrow IPC, maps them several times as fast, and keeps every index, attribute and
dtype, which Arrow does not.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable, Sequence
from io import IOBase
from pathlib import Path
from types import BuiltinFunctionType, FunctionType
from typing import Any

from fairlead.errors import UnstorableValue
from fairlead.model.files import File
from fairlead.stores.codecs import SCRIPTS, project_name

__all__ = ["Pickled", "dump", "load_buffers", "load_pickle"]

_IN_STREAM = 4096
"""Smaller buffers stay in the stream: one each would cost more than it saves."""
_ALIGNED = 64
_MAGIC = b"FLbuf\x01\r\n"
_HEAD = struct.Struct("<8sQQ")


class Pickled:
    """A pickled value: its stream in chunks, its large buffers, and the project's classes in it."""

    __slots__ = ("buffers", "chunks", "classes", "files", "paths", "size")

    def __init__(self, chunks: list[bytes], buffers: list[memoryview], classes: set[str]) -> None:
        self.chunks = chunks
        self.buffers = buffers
        self.paths = _PATH_NAME in classes
        """A `pathlib.Path` is among its parts."""
        self.files = _FILE_NAME in classes
        """A `File` is among its parts."""
        self.classes = tuple(sorted(classes - {_PATH_NAME, _FILE_NAME})) if classes else ()
        self.size = sum(map(len, chunks))
        """Bytes of the stream alone."""

    def packed(self) -> list[bytes | memoryview]:
        """Lay stream and buffers out as one object, each buffer on a 64-byte border."""
        sizes = [buffer.nbytes for buffer in self.buffers]
        head = _HEAD.pack(_MAGIC, len(sizes), self.size) + struct.pack(f"<{len(sizes)}Q", *sizes)
        packed: list[bytes | memoryview] = [head, *self.chunks]
        end = len(head) + self.size
        for buffer in self.buffers:
            packed += (bytes(-end % _ALIGNED), buffer)
            end += -end % _ALIGNED + buffer.nbytes
        return packed


class _ByValueNeeded(Exception):
    """The value holds code that cannot be imported elsewhere."""


class _Collector:
    """Receives what a pickler writes, and what it says about classes."""

    __slots__ = ("buffers", "chunks", "classes")

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.buffers: list[memoryview] = []
        self.classes: set[str] = set()

    def write(self, data: bytes | memoryview) -> int:
        # A memory view is of memory that may go away with the part it belongs to; bytes stay.
        self.chunks.append(data if type(data) is bytes else bytes(data))
        return len(data)

    def keep(self, buffer: pickle.PickleBuffer) -> bool:
        """Take a buffer out of the stream; True leaves it there."""
        view = buffer.raw()
        if view.nbytes < _IN_STREAM:
            return True
        self.buffers.append(view)
        return False


_PATH_NAME, _FILE_NAME = "pathlib:Path", "fairlead:File"
_PATH = type(Path())
_OWN: dict[type, str] = {_PATH: _PATH_NAME, File: _FILE_NAME}
_names: dict[type, str | None] = dict(_OWN)
"""Of classes seen: the name to record, "" for nothing, None for classes of classes and functions."""


class _Pickler(pickle.Pickler):
    def __init__(self, collector: _Collector) -> None:
        super().__init__(collector, 5, buffer_callback=collector.keep)
        self._classes = collector.classes

    def reducer_override(self, obj: Any) -> Any:
        kind = type(obj)
        try:
            name = _names[kind]
        except KeyError:
            name = _remember(kind)
        if name is None:
            name = project_name(obj)
            if name and _is_dynamic(obj):
                raise _ByValueNeeded
        if name:
            self._classes.add(name)
        return NotImplemented


def _remember(kind: type) -> str | None:
    if issubclass(kind, type) or kind in {FunctionType, BuiltinFunctionType}:
        _names[kind] = None
        return None
    if _is_dynamic(kind):
        # Not remembered: such classes come and go.
        raise _ByValueNeeded
    _names[kind] = name = project_name(kind)
    return name


def _is_dynamic(code: Any) -> bool:
    return code.__module__ in SCRIPTS or "<" in code.__qualname__


_by_value: Callable[[_Collector], Any] | None = None


def _by_value_pickler() -> Callable[[_Collector], Any]:
    """Make the pickler that takes code along which cannot be imported; once per process."""
    global _by_value
    if _by_value is None:
        import cloudpickle

        class ByValue(cloudpickle.Pickler):  # type: ignore[misc]
            def __init__(self, collector: _Collector) -> None:
                super().__init__(collector, 5, buffer_callback=collector.keep)
                self._classes = collector.classes

            def reducer_override(self, obj: Any) -> Any:
                # cloudpickle would give these back as something else: a StringIO, bytes.
                if isinstance(obj, (IOBase, memoryview)):
                    raise TypeError(f"cannot pickle {type(obj).__name__!r} object")
                code = obj if isinstance(obj, (type, FunctionType)) else type(obj)
                name = _OWN.get(type(obj)) or project_name(code)
                # Methods come with their classes, and functions without a name of their own by their code.
                if name and (isinstance(code, type) or code.__qualname__.isidentifier()):
                    self._classes.add(name)
                return super().reducer_override(obj)

        _by_value = ByValue
    return _by_value


def _pickle(value: Any, pickler: Callable[[_Collector], Any]) -> Pickled:
    collector = _Collector()
    pickler(collector).dump(value)
    return Pickled(collector.chunks, collector.buffers, collector.classes)


def _dump(value: Any) -> Pickled:
    try:
        return _pickle(value, _Pickler)
    except (MemoryError, RecursionError):
        raise
    except Exception:  # noqa: BLE001 - what plain pickle refuses, cloudpickle may take; its error is the one told
        return _pickle(value, _by_value_pickler())


def dump(value: Any) -> Pickled:
    """Pickle a value; UnstorableValue names the part that cannot be pickled."""
    try:
        return _dump(value)
    except Exception as error:
        from fairlead.stores.blame import blame

        raise UnstorableValue(blame(value, _dump)) from error


def load_pickle(data: bytes | memoryview) -> Any:
    """Give back a value from its stream."""
    return pickle.loads(data)


def load_buffers(data: memoryview) -> Any:
    """Give back a value that was packed with its buffers; these are used where they stand."""
    _, count, size = _HEAD.unpack_from(data)
    sizes: Sequence[int] = struct.unpack_from(f"<{count}Q", data, _HEAD.size)
    start = _HEAD.size + 8 * count
    end = start + size
    stream = data[start:end]
    buffers = []
    for length in sizes:
        end += -end % _ALIGNED
        buffers.append(data[end : end + length])
        end += length
    return pickle.loads(stream, buffers=buffers)
