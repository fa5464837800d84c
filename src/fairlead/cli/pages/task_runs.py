"""All task runs of one name."""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.cli.pages.failure import headline
from fairlead.cli.pages.times import local
from fairlead.cli.text import Column, Line, Span, table
from fairlead.model.events import Attempt
from fairlead.model.words import duration, plural, tone

__all__ = ["task_runs_page"]

_COLUMNS = (
    Column("task"),
    Column("attempt", right=True),
    Column("status"),
    Column("started"),
    Column("took", right=True),
    Column("", elastic=True),
)


def task_runs_page(run: str, name: str, attempts: Sequence[Attempt], *, width: int | None = None) -> list[Line]:
    """Give a line for each attempt."""
    rows = []
    for attempt in attempts:
        status = attempt.outcome or ("running" if attempt.started else "queued")
        why = "" if attempt.failure is None else headline(attempt.failure)
        if attempt.origin is not None:
            why = f"from {attempt.origin.run}/{attempt.origin.path}"
        rows.append(
            (
                Span(attempt.path, "bold"),
                str(attempt.attempt),
                Span(status, tone(status)),
                local(attempt.started),
                duration(attempt.seconds) if attempt.ended is not None and attempt.outcome != "reused" else "",
                Span(why, "dim"),
            )
        )
    head = [Span(f"{run}/{name}", "bold"), Span(f"  {plural(len(attempts), 'attempt')}")]
    return [head, [], *table(_COLUMNS, rows, width=width, indent=2)]
