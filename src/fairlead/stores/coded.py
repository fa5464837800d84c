"""Values that codecs of the environment take: how they are kept, what they are known by, and how they come back.

Which codecs there are is said by whoever makes `StoredValues`; nothing here looks for one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from fairlead.errors import StoreError, UnstorableValue
from fairlead.model.values import Stored
from fairlead.ports import Codec
from fairlead.stores.codecs import project_classes
from fairlead.stores.digest import of_parts

__all__ = ["BUILT_IN", "Codecs", "digest_of_bytes", "length"]

BUILT_IN = frozenset({"json", "pickle", "buffers", "file", "folder", "absent"})
"""Names in recorded values that no other codec can have."""

_CONTENT = "sha256/"
"""Keys that begin so end with the digest of the bytes that they are for."""


class Codecs:
    """The codecs of an environment, and the way to those that recorded values name."""

    __slots__ = ("_find", "asked")

    def __init__(self, asked: Mapping[str, Codec] | None = None, find: Callable[[str], Codec] | None = None) -> None:
        """`asked`: by the names under which their values are recorded, in the order in which they are asked.

        `find` gives one that a recorded value names and that is not among them, or raises with why not.
        """
        self.asked = dict(asked or {})
        self._find = find

    def keep(self, value: Any, put: Callable[..., Stored]) -> Stored | None:
        """Keep a value with the first codec that takes it; None where none does.

        `put(chunks, size, codec, classes=…)` keeps bytes. UnstorableValue when the codec fails.
        """
        for name, codec in self.asked.items():
            try:
                if not codec.handles(value):
                    continue
                chunks = codec.dump(value)
            except (MemoryError, RecursionError):
                raise
            except Exception as error:
                raise UnstorableValue(f"codec {name!r} cannot keep it: {type(error).__name__}: {error}") from error
            kept = put(chunks, length(chunks), name, classes=project_classes(value))
            if not kept.key.startswith(_CONTENT):
                return kept  # too large to be digested before somebody asks
            return msgspec.structs.replace(kept, digest=digest_of_bytes(name, kept.key.rpartition("/")[2]))
        return None

    def load(self, value: Stored, data: memoryview) -> Any:
        """Give back a value from its bytes; StoreError when there is no such codec here."""
        codec = self.asked.get(value.codec)
        if codec is None:
            if self._find is None:
                raise StoreError(
                    f"artifact {value.key!r} was written by codec {value.codec!r}, which is not known here"
                )
            codec = self._find(value.codec)
        return codec.load(data)


def digest_of_bytes(codec: str, digest: str) -> str:
    """Give the canonical digest of a value that counts by the digest of its bytes."""
    return of_parts(f"bytes of {codec}", [digest])


def length(chunks: Any) -> int:
    """Count the bytes of chunks."""
    return sum(len(chunk) if isinstance(chunk, bytes) else memoryview(chunk).nbytes for chunk in chunks)
