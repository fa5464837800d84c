"""What `doctor` found, and what `gc` removes."""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.cli.pages.times import local
from fairlead.cli.text import Column, Line, Span, table
from fairlead.model.run import RunSummary
from fairlead.model.words import symbol, tone

__all__ = ["diagnosis_page", "removal_page"]


def diagnosis_page(found: Sequence[tuple[str, bool, str]], *, width: int | None = None) -> list[Line]:
    """Give a line for each check: (name, whether it is fine, what was found or what to do)."""
    rows = []
    for name, ok, text in found:
        status = "succeeded" if ok else "failed"
        rows.append((Span(symbol(status), tone(status)), Span(name, "bold"), text))
    return table((Column(""), Column(""), Column("", elastic=True)), rows, width=width)


def removal_page(runs: Sequence[RunSummary], *, width: int | None = None) -> list[Line]:
    """Give a line for each run that goes."""
    columns = (Column("run"), Column("workflow"), Column("status"), Column("ended"), Column("tags", elastic=True))
    rows = [
        (
            Span(run.id, "bold"),
            run.workflow,
            Span(run.status, tone(run.status)),
            local(run.ended or run.created),
            " ".join(run.tags),
        )
        for run in runs
    ]
    return table(columns, rows, width=width)
