"""Which types meet at the edges of a graph, each pair once, and which of them cannot be right.

Judging belongs to `fairlead.model.types`; this file only collects while the graph is built.
"""

from __future__ import annotations

import reprlib
from typing import Any, Literal

import msgspec

from fairlead.author.callables import Layout
from fairlead.author.constants import ATOMS
from fairlead.author.handles import Handle, Origin, What
from fairlead.author.problems import Problem
from fairlead.model.task import Place
from fairlead.model.types import compatible, describe, fits, is_list, item_of

__all__ = ["Edges"]

Kind = Literal["value", "member", "item"]
"""The argument itself, a member of the list that is the argument, or a list that is mapped over."""


class _Meeting(msgspec.Struct, frozen=True):
    origin: Origin
    what: What
    layout: Layout
    argument: str
    kind: Kind
    name: str
    place: Place
    producer: str


class Edges:
    """The pairs of types that meet, by where they come from and where they go."""

    def __init__(self) -> None:
        self.seen: dict[tuple[Any, ...], _Meeting] = {}
        self._fine: set[tuple[Any, ...]] = set()

    def add(
        self, handle: Handle, layout: Layout, argument: str, name: str, place: Place, *, kind: Kind = "value"
    ) -> None:
        """Note that a handle is given to an argument of the call `name` at `place`."""
        origin, what = handle._origin, handle._what
        if origin is None:
            return
        key = (origin, what, layout, argument) if kind == "value" else (origin, what, layout, argument, kind)
        if key not in self.seen:
            self.seen[key] = _Meeting(origin, what, layout, argument, kind, name, place, handle._name)

    def misfit(self, value: Any, layout: Layout, argument: str) -> str:
        """Say why a constant cannot be an argument; empty when it can."""
        kind = type(value)
        key = (kind, layout, argument)
        if kind in ATOMS and key in self._fine:
            return ""
        wanted = layout.wanted(argument)
        if not fits(value, wanted):
            return f"{reprlib.repr(value)} given for '{argument}: {describe(wanted)}'"
        # Text may be one of a Literal's values and the next text not: only other types are settled.
        if kind is not str:
            self._fine.add(key)
        return ""

    def problems(self) -> list[Problem]:
        """Say which edges cannot be right."""
        found = []
        for one in self.seen.values():
            produced = one.origin.produced(*one.what)
            wanted = one.layout.wanted(one.argument)
            if one.kind == "item":
                if not is_list(produced):
                    what = f"{describe(produced)} mapped over as {one.argument!r}"
                    found.append(Problem(one.name, f"{what} (from {one.producer}, {one.place})"))
                    continue
                produced = item_of(produced)
            elif one.kind == "member":
                wanted = item_of(wanted)
            if not compatible(produced, wanted):
                what = f"{describe(produced)} fed to '{one.argument}: {describe(wanted)}'"
                found.append(Problem(one.name, f"{what} (from {one.producer}, {one.place})"))
        return found
