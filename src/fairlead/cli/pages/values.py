"""How users' values are written for people: whole, as Python would, and readable."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import PurePath
from reprlib import Repr
from typing import Any

from fairlead.cli.text import Line, Span
from fairlead.model.words import number

__all__ = ["readable", "results_page"]

_LONG = 100
"""Items of a container beyond which `whole=False` shows the beginning only."""


def readable(value: Any, width: int = 100, *, whole: bool = True) -> str:
    """Write a value as Python does, containers over several lines where one is not enough.

    A path alone is written as it is, ready to be opened. `whole=False` gives the beginning of long
    containers only. A repr that raises is reported in its place: a look at results must not fail by one
    of them.
    """
    if isinstance(value, PurePath):
        return str(value)
    try:
        if not isinstance(value, dict | list | tuple | set | frozenset):
            return repr(value)
        if not whole and len(value) > _LONG:
            return f"{_beginning().repr(value)}  ({number(len(value))} items)"
        from pprint import pformat

        return pformat(value, width=width, sort_dicts=False)
    except Exception as error:  # noqa: BLE001 - the user's own __repr__ may raise anything
        return f"<{type(value).__name__} whose repr raises {type(error).__name__}>"


def results_page(
    results: Mapping[str, Any], *, width: int = 100, limit: int | None = None, brief: Collection[str] = ()
) -> list[Line]:
    """Write results; several ones by name, a single text as it is.

    `limit` is the number of lines for each; None gives all. Of those in `brief`, what takes more than one
    line is only said to be there.
    """
    if len(results) == 1:
        (value,) = results.values()
        text = value if type(value) is str else readable(value, width, whole=limit is None)
        return _cut(text.splitlines(), limit)
    page: list[Line] = []
    for name, value in results.items():
        text = readable(value, max(width - len(name) - 3, 40), whole=limit is None)
        if "\n" not in text:
            page.append([Span(name, "bold"), Span(f" = {text}")])
        elif name in brief:
            said = f"{type(value).__name__}, {len(text.splitlines())} lines; 'fairlead results' prints them"
            page.append([Span(name, "bold"), Span(" = "), Span(f"… ({said})", "dim")])
        else:
            page += [[Span(name, "bold"), Span(" =")], *_cut([f"  {line}" for line in text.splitlines()], limit)]
    return page


def _beginning() -> Repr:
    """Make a repr that shows where a long container begins."""
    short = Repr()
    short.maxlist = short.maxtuple = short.maxset = short.maxfrozenset = short.maxdict = 10
    short.maxstring = short.maxother = 200
    return short


def _cut(texts: list[str], limit: int | None) -> list[Line]:
    if limit is None or len(texts) <= limit:
        return [[Span(text)] for text in texts]
    more = f"… {len(texts) - limit} more lines; 'fairlead results' prints them all"
    return [*([Span(text)] for text in texts[:limit]), [Span(more, "dim")]]
