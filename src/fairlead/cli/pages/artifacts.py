"""The list of what a run keeps."""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.cli.text import Column, Line, Span, table
from fairlead.model.words import size

__all__ = ["artifacts_page"]

_COLUMNS = (Column("artifact"), Column("kind"), Column("size", right=True), Column(""))


def artifacts_page(rows: Sequence[tuple[str, str, int, bool]], *, width: int | None = None) -> list[Line]:
    """Give a line for each (name, kind, bytes, whether a task kept it by name)."""
    cells = [
        (Span(name, "bold"), kind, size(amount), Span("kept by the task" if kept else "", "dim"))
        for name, kind, amount, kept in rows
    ]
    return table(_COLUMNS, cells, width=width)
