"""Where a task run stands in its run: `load`, `train[3]`, `each[3].fit`, `outer[1].inner[0].fit`.

The second call of one task in a scope is `load#2`, the third `load#3`. Names may hold any character
but the five with a meaning here: `.`, `[`, `]`, `#` and `/`; author code sees to it.
"""

from __future__ import annotations

import re
from collections.abc import Container

__all__ = ["BODY", "RESERVED", "beneath", "group_of", "join", "said"]

BODY = "."
"""The path of a dynamic workflow's own body; no call can have it."""

RESERVED = frozenset(".[]#/")
"""Characters that no name of a node may hold."""

_COUNTERS = re.compile(r"\[\d+\]|#\d+")


def join(prefix: str, name: str, item: int = -1) -> str:
    """Put a path together; `item` below zero means that the node is not mapped."""
    path = f"{prefix}.{name}" if prefix else name
    return path if item < 0 else f"{path}[{item}]"


def group_of(path: str) -> str:
    """Name the group that a task run is counted under: its path without indexes and call numbers."""
    if "[" not in path and "." not in path:
        name, _, number = path.partition("#")
        if not number or number.isdecimal():
            return name
    return _COUNTERS.sub("", path)


def beneath(path: str, places: Container[str]) -> bool:
    """Whether a task run stands inside one of the nodes with these paths."""
    return any(path[:end] in places for end, letter in enumerate(path) if letter in ".[")


def said(path: str) -> str:
    """Give a path as people are told it."""
    return "the workflow's own code" if path == BODY else path
