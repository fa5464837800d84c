"""A block of a run, which is no task run: what kind it is, and the task runs inside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fairlead.api import TaskRun
from fairlead.cli.pages.failure import headline
from fairlead.cli.text import Column, Line, Span, table
from fairlead.model.words import duration, plural, tone

__all__ = ["block_document", "block_page"]

_COLUMNS = (Column("task"), Column("status"), Column("took", right=True), Column("", elastic=True))


def block_page(run: str, path: str, kind: str, tasks: Sequence[TaskRun], *, width: int | None = None) -> list[Line]:
    """Give a line for each task run inside."""
    rows = []
    for task in tasks:
        last = task.attempts[-1] if task.attempts else None
        failure = None if last is None else last.failure
        why = headline(failure) if failure is not None else ""
        took = duration(last.seconds) if last is not None and last.ended is not None and task.status != "reused" else ""
        rows.append((Span(task.id, "bold"), Span(task.status, tone(task.status)), took, Span(why, "dim")))
    counts = [f"{count} {status}" for status, count in _counts(tasks).items()]
    head = [Span(f"{run}/{path}", "bold"), Span(f"  {kind} of {plural(len(tasks), 'task run')}: {', '.join(counts)}")]
    return [head, [], *table(_COLUMNS, rows, width=width, indent=2)]


def block_document(run: str, path: str, kind: str, tasks: Sequence[TaskRun]) -> dict[str, Any]:
    """Write the same for programs."""
    listed = [{"path": task.id, "status": task.status, "attempts": len(task.attempts)} for task in tasks]
    return {"run": run, "path": path, "block": kind, "counts": _counts(tasks), "tasks": listed}


def _counts(tasks: Sequence[TaskRun]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for task in tasks:
        counts[task.status] = counts.get(task.status, 0) + 1
    return counts
