"""Lines of styled text: how tables are laid out and painted, for terminals and for everything else.

Pages are built as data (lines of spans) and painted at the end, so that tests read them without
colours. Nothing here knows a run or a workflow.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TextIO, TypeAlias

import msgspec

from fairlead.model.words import Tone

__all__ = [
    "Cell",
    "Column",
    "Line",
    "Span",
    "cells",
    "colour_wanted",
    "fit",
    "paint",
    "plain",
    "table",
    "terminal_width",
]


class Span(msgspec.Struct, frozen=True):
    """A piece of text in one style."""

    text: str
    style: str = ""
    """A Tone, `bold` or `dim`; empty for plain text."""


Line: TypeAlias = list[Span]
Cell: TypeAlias = Span | str


class Column(msgspec.Struct, frozen=True):
    """One column of a table."""

    title: str
    right: bool = False
    """Numbers stand at the right."""
    elastic: bool = False
    """Gives way where a terminal is too narrow. Ids and names never do."""


_CODES: dict[Tone | str, str] = {
    "good": "32",
    "bad": "31",
    "busy": "34",
    "kept": "36",
    "odd": "33",
    "quiet": "2",
    "bold": "1",
    "dim": "2",
}
_GAP = 2


def colour_wanted(stream: TextIO) -> bool:
    """Whether colours are welcome: on a terminal, unless NO_COLOR or TERM=dumb says otherwise."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def terminal_width(stream: TextIO) -> int | None:
    """Columns of the terminal behind a stream; None when there is none, so that nothing is cut."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None


def cells(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(sign) else 2 if east_asian_width(sign) in "WF" else 1 for sign in text)


def fit(text: str, width: int) -> str:
    """Shorten a text to so many columns, and show that it was."""
    if cells(text) <= width:
        return text
    while text and cells(text) >= width:
        text = text[: width - 1] if len(text) > width else text[:-1]
    return text + "…" if width > 0 else ""


def table(
    columns: Sequence[Column], rows: Iterable[Sequence[Cell]], *, width: int | None = None, indent: int = 0
) -> list[Line]:
    """Lay rows out under titles; `width` is the terminal's, None cuts nothing.

    A column in which every cell is empty is left out.
    """
    body = [[cell if isinstance(cell, Span) else Span(cell) for cell in row] for row in rows]
    if not body:
        return []
    kept = [place for place in range(len(columns)) if any(row[place].text for row in body)]
    columns = [columns[place] for place in kept]
    titled = any(column.title for column in columns)
    grid = [[Span(column.title, "dim") for column in columns]] if titled else []
    grid += [[row[place] for place in kept] for row in body]
    widths = [max(cells(row[place].text) for row in grid) for place in range(len(columns))]
    if width is not None:
        _squeeze(columns, widths, width - indent)
    return [_row(columns, widths, row, indent) for row in grid]


def _squeeze(columns: Sequence[Column], widths: list[int], room: int) -> None:
    """Take from the elastic columns what does not fit, the widest first."""
    excess = sum(widths) + _GAP * (len(widths) - 1) - room
    elastic = [place for place, column in enumerate(columns) if column.elastic]
    while excess > 0 and elastic:
        widest = max(elastic, key=widths.__getitem__)
        if widths[widest] <= 8:
            return
        widths[widest] -= 1
        excess -= 1


def _row(columns: Sequence[Column], widths: Sequence[int], row: Sequence[Span], indent: int) -> Line:
    line: Line = [Span(" " * indent)] if indent else []
    for place, (column, width, cell) in enumerate(zip(columns, widths, row, strict=True)):
        text = fit(cell.text, width)
        space = " " * (width - cells(text))
        last = place == len(columns) - 1
        if column.right:
            line += [Span(space), Span(text, cell.style)]
        else:
            line += [Span(text, cell.style), Span("" if last else space)]
        if not last:
            line.append(Span(" " * _GAP))
    return line


def paint(lines: Iterable[Line], *, colour: bool) -> str:
    """Write lines as text, each with its end."""
    return "".join("".join(_painted(span, colour) for span in line).rstrip(" ") + "\n" for line in lines)


def plain(text: str, indent: int = 0) -> list[Line]:
    """Make lines of a text as it is."""
    return [[Span(" " * indent + line)] for line in text.splitlines()]


def _painted(span: Span, colour: bool) -> str:
    code = _CODES.get(span.style) if colour and span.text else None
    return f"\x1b[{code}m{span.text}\x1b[0m" if code else span.text
