"""The list of runs."""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.cli.pages.times import elapsed, local
from fairlead.cli.text import Column, Line, Span, table
from fairlead.model.path import said
from fairlead.model.run import RunSummary
from fairlead.model.words import ago, done, duration, one_line, tone

__all__ = ["runs_page", "task_counts"]

_COLUMNS = (
    Column("run"),
    Column("workflow"),
    Column("status"),
    Column("started"),
    Column("took", right=True),
    Column("tasks", right=True),
    Column("tags", elastic=True),
    Column("", elastic=True),
)


def runs_page(
    summaries: Sequence[RunSummary], *, now: float, width: int | None = None, relative: bool = False
) -> list[Line]:
    """Give a line for each run; `relative` says `3 min ago` in place of the time."""
    rows = []
    for summary in summaries:
        moment = summary.started or summary.created
        seconds = elapsed(summary, now)
        rows.append(
            (
                Span(summary.id, "bold"),
                summary.workflow,
                Span(summary.status, tone(summary.status)),
                ago(now - moment) if relative else local(moment),
                "" if seconds is None else duration(seconds),
                task_counts(summary),
                " ".join(summary.tags),
                Span(one_line(said(summary.error)), "dim"),
            )
        )
    return table(_COLUMNS, rows, width=width)


def task_counts(summary: RunSummary) -> str:
    """Say how many task runs have ended, of how many that are known."""
    total = sum(summary.counts.values())
    return f"{done(summary.counts)}/{total}" if total else ""
