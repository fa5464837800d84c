"""The roles of runners, with the classes that could fill them; the chosen one is marked."""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.api import RoleListing
from fairlead.api.components import Filler
from fairlead.cli.text import Column, Line, Span, table

__all__ = ["components_page"]


def components_page(roles: Sequence[RoleListing], *, width: int | None = None) -> list[Line]:
    """Tell each role, and under it each class with its settings."""
    page: list[Line] = []
    for role in roles:
        if page:
            page.append([])
        page.append([Span(f"{role.runner}.{role.role}", "bold"), Span(f": {role.kind}"), *_dim(role.doc)])
        if role.chosen:
            page.append([Span("  filled by "), Span(role.chosen, "good"), Span(f" ({role.by})", "dim")])
        else:
            page.append([Span("  filled by nothing", "odd")])
        if not role.fillers:
            page.append([Span(f"  no class here is a {role.kind}", "odd")])
        for filler in role.fillers:
            page += _filler(filler, width)
    return page


def _filler(filler: Filler, width: int | None) -> list[Line]:
    mark = "*" if filler.chosen else "-"
    lines: list[Line] = [
        [
            Span(f"  {mark} "),
            Span(filler.name, "good" if filler.chosen else ""),
            Span(f"  {filler.place}", "dim"),
            *_dim(filler.doc),
        ]
    ]
    rows = []
    for one in filler.settings:
        says = "required" if one.required else f"default {one.default}"
        rows.append((one.name, one.type, f"= {one.chosen}" if one.chosen else Span(says, "dim"), Span(one.doc, "dim")))
    rows += [(name, kind, Span("a role of its own", "dim"), Span("")) for name, kind in filler.roles.items()]
    return lines + table((Column(""), Column(""), Column(""), Column("")), rows, indent=6, width=width)


def _dim(text: str) -> list[Span]:
    return [Span(f"  {text}", "dim")] if text else []
