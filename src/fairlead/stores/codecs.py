"""What JSON keeps exactly, as JSON and back; and which class of the project a value is of.

Everything else is `pickled`'s, which is imported when there is such a value: many runs have none.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from math import isfinite
from typing import Any

import msgspec

__all__ = ["SCRIPTS", "Exact", "encoded", "json_bytes", "json_value", "project_classes", "project_name"]

# --- JSON ----------------------------------------------------------------------------------------

json_value: Callable[[Any], Any] = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_encode_into = msgspec.json.Encoder().encode_into
_SIZED = frozenset({str, list, dict})
_LARGE = 10_000
"""Characters or items from which on the JSON of a value may be more than memory holds."""
_SCALARS = frozenset({bool, int, float, str, type(None)})
_CONTAINERS = frozenset({list, dict})
_DEEPEST = 200
_MOST = 1_000_000
"""Containers in one value; what holds more may be a small structure that refers to itself very often."""
_UNENCODABLE = (UnicodeEncodeError, OverflowError, ValueError, RecursionError)
"""Lone surrogates, and integers of thousands of digits."""


class Exact:
    """Asks whether JSON keeps values exactly; `failed` holds the ids of containers that it would change."""

    __slots__ = ("failed", "left")

    def __init__(self) -> None:
        self.failed: set[int] = set()
        self.left = _MOST

    def bytes(self, value: Any) -> bytes | None:
        """Give the JSON of a value, or None where JSON would change it."""
        self.left = _MOST
        return encoded(value) if self._keeps(value, _DEEPEST) else None

    def _keeps(self, value: Any, depth: int) -> bool:
        kind = type(value)
        items: Iterable[Any]
        if kind is list:
            items = value
        elif kind is dict:
            if value and set(map(type, value)) != {str}:
                return False
            items = value.values()
        else:
            return kind in _SCALARS and (kind is not float or isfinite(value))
        kinds = set(map(type, items))
        if float in kinds:
            floats = items if len(kinds) == 1 else [item for item in items if type(item) is float]
            if not all(map(isfinite, floats)):
                return False
        return kinds <= _SCALARS or (kinds - _SCALARS <= _CONTAINERS and self._keeps_all(value, items, depth))

    def _keeps_all(self, value: Any, items: Iterable[Any], depth: int) -> bool:
        if depth and id(value) not in self.failed:
            for item in items:
                if type(item) in _CONTAINERS:
                    self.left -= 1
                    if self.left < 0 or not self._keeps(item, depth - 1):
                        break
            else:
                return True
        self.failed.add(id(value))
        return False


def encoded(value: Any) -> bytes | None:
    """Give the JSON of a value that is known to be of types that JSON keeps."""
    try:
        if type(value) in _SIZED and len(value) > _LARGE:
            # Where memory runs out, `encode` of msgspec 0.22 ends the process; this raises MemoryError.
            room = bytearray()
            _encode_into(value, room)
            return bytes(room)
        return _encode(value)
    except _UNENCODABLE:
        return None


def json_bytes(value: Any) -> bytes | None:
    """Give the JSON of a value, or None where JSON would change it."""
    return Exact().bytes(value)


# --- classes ---------------------------------------------------------------------------------------

SCRIPTS = frozenset({"__main__", "__mp_main__"})
"""Modules that no other process can import under their name."""


def project_name(code: Any) -> str:
    """`module:qualname` of a class or function of the project; "" for libraries' and Python's own."""
    module = getattr(code, "__module__", None)
    if not isinstance(module, str) or not hasattr(code, "__qualname__"):
        return ""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or top == "fairlead":
        return ""
    file = getattr(sys.modules.get(module), "__file__", None) or ""
    if "/site-packages/" in file or "/dist-packages/" in file or not (file or module in SCRIPTS):
        return ""
    return f"{module}:{code.__qualname__}"


def project_classes(value: Any) -> tuple[str, ...]:
    """Name the project's class that a value is of, as far as it is one."""
    name = project_name(type(value))
    return (name,) if name else ()
