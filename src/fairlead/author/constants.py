"""Values that are written down in a workflow, and the search for handles inside them.

A list that is passed to a task and changed afterwards must not change in the graph, so plain
containers are copied here. Nothing here is encoded: that belongs to whoever stores the run.
"""

from __future__ import annotations

import sys
from collections import deque
from typing import Any

from fairlead.author.handles import Handle

__all__ = ["ATOMS", "CONTAINERS", "holds_handle", "misplaced", "snapshot"]

ATOMS = frozenset({int, float, complex, str, bytes, bool, type(None)})
CONTAINERS = frozenset({list, tuple, dict})

_DEPTH = 3
"""How deep objects of the user's own classes are searched for handles."""


def holds_handle(value: Any) -> bool:
    """Whether a list, tuple or dict has a handle inside, at any depth of lists, tuples and dicts."""
    parts = (*value, *value.values()) if type(value) is dict else value
    kinds = set(map(type, parts))
    if kinds <= ATOMS:
        return False
    if Handle in kinds:
        return True
    return not kinds.isdisjoint(CONTAINERS) and any(type(one) in CONTAINERS and holds_handle(one) for one in parts)


def snapshot(value: Any) -> Any:
    """Copy plain containers, so that later changes of the original do not reach the graph."""
    kind = type(value)
    if kind is dict:
        return {key: snapshot(item) for key, item in value.items()}
    if kind is list or kind is tuple:
        return kind(value) if set(map(type, value)) <= ATOMS else kind(map(snapshot, value))
    return kind(value) if kind is set or kind is bytearray else value


def misplaced(value: Any, inside: str = "", depth: int = _DEPTH) -> str:
    """Say what a handle is in that no task could ever see into; empty when there is none.

    Lists, tuples and dicts are where handles may be; `inside` is set below anything else.
    """
    kind = type(value)
    if kind is Handle:
        return inside
    if kind in ATOMS or depth == 0:
        return ""
    if kind in CONTAINERS:
        parts = (*value, *value.values()) if kind is dict else value
        if set(map(type, parts)) <= ATOMS:
            return ""
        found = (misplaced(part, inside, depth - bool(inside)) for part in parts)
    else:
        found = (misplaced(part, inside or where, depth - 1) for where, part in _parts(value))
    return next(filter(None, found), "")


def _parts(value: Any) -> list[tuple[str, Any]]:
    name = type(value).__name__
    if isinstance(value, dict):
        return [(f"a {name}", part) for pair in value.items() for part in pair]
    if isinstance(value, (list, tuple, deque)):
        return [(f"a {name}", part) for part in value]
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ndarray):
        return [("an array", part) for part in value.flat] if value.dtype == object else []
    if isinstance(value, type) or callable(value):
        return []
    slots = [slot for kind in type(value).__mro__ for slot in getattr(kind, "__slots__", ())]
    own = getattr(value, "__dict__", {})
    named = [*own.items(), *((slot, getattr(value, slot, None)) for slot in slots if isinstance(slot, str))]
    return [(f"the field {field!r} of a {name}", part) for field, part in named]
