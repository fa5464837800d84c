"""How a value looks while nobody needs it: encoded, small, and safe to write down.

The driver handles values in this form only. Decoding belongs to codecs, which run where the task
runs; nothing here may need the user's classes.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

__all__ = ["ABSENT", "NONE", "Inline", "Key", "Pick", "Rows", "Stored", "Tree", "Value", "pick", "split"]

Key: TypeAlias = str | int | tuple[int | None, int | None, int | None]
"""What `h[key]` selects by: a string, an index, or a slice as (start, stop, step)."""


class Inline(msgspec.Struct, frozen=True, array_like=True, tag="i", gc=False):
    """A small value, carried in the record itself."""

    codec: str
    """`json` (for what JSON keeps exactly) or `pickle`."""
    data: bytes
    digest: str = ""
    """Canonical digest; empty for `json`, whose bytes are canonical."""
    classes: tuple[str, ...] = ()
    """`module:qualname` of the classes whose instances the value holds (pickle only)."""


class Stored(msgspec.Struct, frozen=True, array_like=True, tag="s", gc=False):
    """A value whose bytes are in the artifact store under `key`."""

    key: str
    codec: str
    size: int
    """Bytes."""
    digest: str = ""
    """Canonical digest; empty until somebody needs it (large values are digested lazily)."""
    classes: tuple[str, ...] = ()


class Rows(msgspec.Struct, frozen=True, array_like=True, tag="r"):
    """A list whose items are kept one by one, so that a map can hand them out singly."""

    items: list[Value]


class Tree(msgspec.Struct, frozen=True, array_like=True, tag="t"):
    """A container built around values when they are used."""

    kind: Literal["list", "tuple", "dict"]
    items: tuple[Value, ...]
    keys: tuple[Value, ...] = ()
    """The keys of a dict, in the order of `items`."""


class Pick(msgspec.Struct, frozen=True, array_like=True, tag="p"):
    """What `of[k1][k2]…` selects, worked out where the value is used."""

    of: Value
    select: tuple[Key, ...]


Value: TypeAlias = Inline | Stored | Rows | Tree | Pick

NONE = Inline("json", b"null")

ABSENT = Inline("absent", b"", "absent")
"""Stands for a value that nothing gave: the branch that gives it was not taken."""


def pick(value: Value, select: tuple[Key, ...]) -> Value:
    """Select from a value without decoding more than its own structure."""
    if value is ABSENT:
        return value
    for done, key in enumerate(select):
        if isinstance(value, Rows) or (isinstance(value, Tree) and value.kind != "dict"):
            if isinstance(key, int) and -len(value.items) <= key < len(value.items):
                value = value.items[key]
                continue
        return Pick(value, select[done:])
    return value


def split(value: Value) -> list[Value] | None:
    """Give a list value's items, or None when its bytes must be decoded to know them."""
    if isinstance(value, Rows):
        return value.items
    if isinstance(value, Tree) and value.kind != "dict":
        return list(value.items)
    if isinstance(value, Inline) and value.codec == "json" and value.data[:1] == b"[":
        return [Inline("json", bytes(raw)) for raw in _RAW_LIST.decode(value.data)]
    return None


_RAW_LIST = msgspec.json.Decoder(list[msgspec.Raw])
