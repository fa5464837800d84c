"""Why tasks ran or were reused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fairlead.cli.text import Line, Span
from fairlead.model.path import group_of

__all__ = ["explained_page"]


def explained_page(reasons: Mapping[str, Sequence[str]]) -> list[Line]:
    """Give each task run with its reasons; those of one task name with the same ones are told together."""
    page: list[Line] = []
    together: list[str] = []
    last: tuple[str, ...] | None = None
    for path, said in [*reasons.items(), ("", ())]:
        if together and (tuple(said) != last or group_of(path) != group_of(together[0])):
            page += _told(together, last or ())
            together = []
        together.append(path)
        last = tuple(said)
    return page


def _told(paths: Sequence[str], reasons: Sequence[str]) -> list[Line]:
    more = f" … {paths[-1]} ({len(paths)} task runs)" if len(paths) > 2 else f", {paths[1]}" if len(paths) == 2 else ""
    lines: list[Line] = [[Span(paths[0], "bold"), Span(more)]]
    for reason in reasons:
        style = "kept" if reason.startswith("reused") else "odd" if reason.startswith("not analysed") else ""
        lines.append([Span(f"  {reason}", style)])
    return lines
