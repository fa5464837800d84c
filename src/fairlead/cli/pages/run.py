"""What one run did: a line for each task name, what was reused, what failed and with which values."""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.cli.pages.failure import call_of, headline, next_steps
from fairlead.cli.pages.times import elapsed, local
from fairlead.cli.text import Column, Line, Span, table
from fairlead.cli.views import RunView
from fairlead.model.run import Group, Run, RunSummary
from fairlead.model.words import ago, done, duration, leading, number, plural, said_counts, short, standing_for, tone

__all__ = ["group_rows", "run_page"]

_LISTED = 10

_COLUMNS = (
    Column("task"),
    Column("status"),
    Column("done", right=True),
    Column("time", right=True),
    Column("mean", right=True),
    Column("", elastic=True),
)


def run_page(view: RunView, *, now: float, width: int | None = None) -> list[Line]:
    """Tell what a run did."""
    page = [*_header(view, now)]
    if view.groups:
        page += [
            [],
            *table(_COLUMNS, group_rows(view.groups, alive=view.summary.status == "running"), width=width, indent=2),
        ]
    page += _reused(view)
    page += _failures(view, width)
    if view.summary.status in ("failed", "interrupted", "cancelled"):
        page += [[], *next_steps(view.summary, view.failed[0].path if view.failed else "")]
    return page


def group_rows(groups: Sequence[Group], *, alive: bool = True) -> list[list[Span]]:
    """Give a row for each task name: status, counts, total and mean time.

    `alive`: a driver carries the run, so that what is not over is on its way.
    """
    rows = []
    for group in groups:
        status = leading(group.counts)
        if status == "running" and not alive:
            status = "unfinished"
        ended = sum(group.counts.get(name, 0) for name in ("succeeded", "failed", "cancelled"))
        total = "?" if group.total is None else number(group.total)
        several = len([name for name, amount in group.counts.items() if amount]) > 1
        rows.append(
            [
                Span(group.name, "bold"),
                Span(status, tone(status)),
                Span(f"{number(done(group.counts))}/{total}"),
                Span(duration(group.seconds) if group.seconds else ""),
                Span(duration(group.seconds / ended) if group.seconds and ended > 1 else "", "dim"),
                Span(said_counts(group.counts) if several else "", "dim"),
            ]
        )
    return rows


def _header(view: RunView, now: float) -> list[Line]:
    summary, record = view.summary, view.record
    title = [Span(summary.id, "bold"), Span(f"  {summary.workflow}  "), Span(summary.status, tone(summary.status))]
    if summary.cancel_asked is not None and summary.status == "running":
        title.append(Span(", asked to stop", "odd"))
    facts = [("started", _when(summary, now)), ("target", summary.target or record.target)]
    facts.append(("with", ", ".join(f"{name}={short(value)}" for name, value in record.parameters.items())))
    facts.append(("tags", " ".join(summary.tags)))
    facts.append(("resumes", summary.parent))
    facts.append(("taken up", f"{summary.epoch} times" if summary.epoch > 1 else ""))
    facts.append(("mocked", _mocked(record)))
    facts.append(("error", "" if view.failed else summary.error.strip()))
    lines = [title]
    for name, text in facts:
        for place, line in enumerate(text.splitlines()):
            lines.append([Span(f"  {name if place == 0 else '':<9}", "dim"), Span(line)])
    return lines


def _mocked(record: Run) -> str:
    """Say which tasks were not the real ones."""
    tasks = record.workflow.tasks
    mocks = [task for task in tasks if task.mock]
    if len(mocks) == len(tasks) and all(task.mock == "stub" for task in mocks):
        return "every task; nothing was run" if mocks else ""
    return "\n".join(f"{task.name}: {standing_for(task.mock)}" for task in mocks)


def _when(summary: RunSummary, now: float) -> str:
    if summary.started is None:
        return f"not yet; recorded {local(summary.created)}"
    seconds = elapsed(summary, now)
    said = f"{local(summary.started)} ({ago(now - summary.started)})"
    if seconds is None:
        return said
    return f"{said}, took {duration(seconds)}" if summary.ended is not None else f"{said}, for {duration(seconds)} now"


def _reused(view: RunView) -> list[Line]:
    total = view.summary.counts.get("reused", 0)
    if not total:
        return []
    runs: dict[str, list[str]] = {}
    for attempt in view.reused:
        if attempt.origin is not None:
            runs.setdefault(attempt.origin.run, []).append(attempt.path)
    page: list[Line] = [[], [Span(f"{plural(total, 'result')} reused", "kept"), Span(": same code, same inputs")]]
    for run, paths in runs.items():
        listed = ", ".join(paths[:_LISTED]) + (", …" if len(paths) > _LISTED else "")
        page.append([Span(f"  from {run}: {listed}")])
    if view.reused:
        example = f"{view.summary.id}/{view.reused[0].path}"
        page.append([Span(f"  'fairlead explain {example}' says why", "dim")])
    return page


def _failures(view: RunView, width: int | None) -> list[Line]:
    if not view.failed:
        return []
    total = max(view.summary.counts.get("failed", 0), len(view.failed))
    page: list[Line] = [[], [Span(f"{plural(total, 'task')} failed", "bad")]]
    if view.summary.status == "succeeded":
        page[-1].append(Span(", and that was dealt with", "dim"))
    rows = []
    for attempt in view.failed[:_LISTED]:
        failure = attempt.failure
        if failure is None:
            continue
        place = "" if failure.place is None else str(failure.place)
        rows.append(
            (Span(call_of(attempt.path, failure.arguments, 40)), Span(headline(failure), "bad"), Span(place, "dim"))
        )
    page += table((Column(""), Column("", elastic=True), Column("")), rows, width=width, indent=2)
    if total > len(rows):
        page.append([Span(f"  and {number(total - len(rows))} more", "dim")])
    return page
