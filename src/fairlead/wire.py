"""Decoders of our records, made one at a time.

msgspec looks at a Struct when the first decoder for it is made, and crashes the process when two threads do
that at once (seen with 0.22). So every decoder, and every conversion, of this package is made here, under one
lock; what is made once is given again without it.
"""

from __future__ import annotations

import threading
from typing import Any

import msgspec

__all__ = ["converted", "decoder", "json_decoder"]

_LOCK = threading.RLock()  # a conversion may call what users wrote, and that may convert in turn
_PACKED: dict[Any, msgspec.msgpack.Decoder[Any]] = {}
_TEXT: dict[Any, msgspec.json.Decoder[Any]] = {}


def decoder(kind: Any) -> msgspec.msgpack.Decoder[Any]:
    """Give the decoder of msgpack for a type."""
    found = _PACKED.get(kind)
    if found is None:
        with _LOCK:
            found = _PACKED[kind] = _PACKED.get(kind) or msgspec.msgpack.Decoder(kind)
    return found


def json_decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    """Give the decoder of JSON for a type."""
    found = _TEXT.get(kind)
    if found is None:
        with _LOCK:
            found = _TEXT[kind] = _TEXT.get(kind) or msgspec.json.Decoder(kind)
    return found


def converted(data: Any, kind: Any, **options: Any) -> Any:
    """Convert plain data to a type, as `msgspec.convert` does; msgspec.ValidationError where it does not fit."""
    with _LOCK:
        return msgspec.convert(data, kind, **options)
