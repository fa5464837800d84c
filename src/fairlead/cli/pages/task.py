"""What one task run did: its attempts, its inputs and outputs in short, its failure, its log."""

from __future__ import annotations

from collections.abc import Mapping

from fairlead.cli.pages.failure import failure_page
from fairlead.cli.pages.times import local
from fairlead.cli.text import Column, Line, Span, table
from fairlead.cli.views import TaskView
from fairlead.model.events import Attempt
from fairlead.model.words import duration, size, standing_for, tone

__all__ = ["task_page"]

_COLUMNS = (
    Column("attempt", right=True),
    Column("status"),
    Column("started"),
    Column("waited", right=True),
    Column("took", right=True),
    Column("log"),
    Column("worker"),
)


def task_page(view: TaskView, *, width: int | None = None) -> list[Line]:
    """Tell what a task run did."""
    page: list[Line] = [[Span(f"{view.run}/{view.path}", "bold"), Span(f"  {view.status}", tone(view.status))]]
    if view.doc:
        page.append([Span(f"  {view.doc.strip().splitlines()[0]}", "dim")])
    if view.mock:
        page.append([Span("  mocked: ", "odd"), Span(standing_for(view.mock))])
    if view.attempts:
        page += [[], *table(_COLUMNS, [_row(attempt) for attempt in view.attempts], width=width, indent=2)]
    for attempt in view.attempts:
        page += [[Span(f"  attempt {attempt.attempt} ran with {text}", "odd")] for text in attempt.notes]
    page += _named("inputs", view.inputs, width) + _named("outputs", view.outputs, width)
    last = view.attempts[-1] if view.attempts else None
    if last is not None:
        metrics = {name: f"{value:g}" for name, value in (last.metrics or {}).items()}
        page += _named("metrics", metrics, width)
        if last.artifacts:
            page += [[], [Span("artifacts", "dim")], [Span(f"  {', '.join(last.artifacts)}")]]
        if last.origin is not None:
            origin = f"{last.origin.run}/{last.origin.path}"
            page += [[], [Span("reused from ", "kept"), Span(origin)]]
        if last.failure is not None:
            page += [[], *failure_page(last)]
        if any(attempt.log for attempt in view.attempts):
            page += [[], [Span(f"'fairlead logs {view.run}/{view.path}' prints what it printed", "dim")]]
    return page


def _row(attempt: Attempt) -> list[Span]:
    status = attempt.outcome or ("running" if attempt.started else "queued")
    waited = (
        duration(attempt.started - attempt.queued)
        if attempt.started is not None and attempt.queued is not None and attempt.started >= attempt.queued
        else ""
    )
    log = attempt.log
    return [
        Span(str(attempt.attempt)),
        Span(status, tone(status)),
        Span(local(attempt.started)),
        Span(waited, "dim"),
        Span(duration(attempt.seconds) if attempt.ended is not None and attempt.outcome != "reused" else ""),
        Span(size(log.end - log.start) if log is not None and log.end > log.start else ""),
        Span(attempt.worker, "dim"),
    ]


def _named(title: str, values: Mapping[str, str], width: int | None) -> list[Line]:
    if not values:
        return []
    rows = [(Span(name), Span(text)) for name, text in values.items()]
    return [[], [Span(title, "dim")], *table((Column(""), Column("", elastic=True)), rows, width=width, indent=2)]
