"""What the pages show, gathered from the API: no more of a large run than is shown."""

from __future__ import annotations

from fairlead.api import TaskRun, WorkflowRun
from fairlead.cli.views import TaskView
from fairlead.errors import NotFinished
from fairlead.model.events import Attempt
from fairlead.model.path import BODY, group_of
from fairlead.model.run import RunSummary
from fairlead.model.task import CATALOG
from fairlead.model.words import short

__all__ = ["attempts_of", "failures", "reused_attempts", "task_runs_in", "task_view"]

_LOOKED_AT = 100
"""Attempts that are fetched to choose from; a page shows ten."""
_SHOWN = 10


def attempts_of(
    run: WorkflowRun,
    *,
    name: str | None = None,
    path: str | None = None,
    outcome: str | None = None,
    limit: int | None = None,
) -> list[Attempt]:
    """Give recorded attempts of one task name, path or outcome; nothing is folded for it."""
    store = run._services.store
    return list(store.attempts(run.id, group=name, path=path, outcome=outcome, limit=limit))


def failures(run: WorkflowRun, summary: RunSummary) -> list[Attempt]:
    """Give some task runs that failed for good, what made the run fail first."""
    if not any(summary.counts.get(status) for status in ("failed", "lost")) and summary.error != BODY:
        return []
    fetched = attempts_of(run, path=BODY, outcome="failed") if summary.error == BODY else []
    fetched += [
        attempt
        for outcome in ("failed", "lost")
        if summary.counts.get(outcome)
        for attempt in attempts_of(run, outcome=outcome, limit=_LOOKED_AT)
    ]
    paths = dict.fromkeys(attempt.path for attempt in sorted(fetched, key=lambda attempt: attempt.ended or 0.0))
    if summary.error in paths:
        paths = {summary.error: None, **paths}
    found: list[Attempt] = []
    for path in paths:
        # A failed attempt says nothing of the task run: a later one may have succeeded.
        last = attempts_of(run, path=path)[-1]
        if last.outcome in ("failed", "lost"):
            found.append(last)
        if len(found) == _SHOWN:
            break
    return found


def reused_attempts(run: WorkflowRun, summary: RunSummary) -> list[Attempt]:
    """Give some task runs whose results were reused."""
    return attempts_of(run, outcome="reused", limit=_LOOKED_AT) if summary.counts.get("reused") else []


def task_runs_in(run: WorkflowRun, block: str) -> list[TaskRun]:
    """Give the task runs inside a block, by its path with or without indexes; none where it is no block."""
    return [task for task in run.get_tasks() if any(place.startswith(block) for place in _around(task.id, block))]


def _around(path: str, block: str) -> list[str]:
    """Give a task run's path, and the one without indexes, where they go on behind a block's."""
    return [one for one in (path, group_of(path)) if one[len(block) : len(block) + 1] in (".", "[", ":")]


def task_view(run: WorkflowRun, path: str) -> TaskView:
    """Gather what `show RUN/TASK` shows; raises NotFound."""
    # Both bring in the analysis of code, which no other look needs.
    from fairlead.api.explaining import inputs_of
    from fairlead.api.telling import definition_at

    task = run.get_task(path)
    definition = definition_at(run.graph, task.attempts[0] if task.attempts else Attempt(path, 0))
    try:
        inputs = {name: short(value, 200) for name, value in inputs_of(run, path).items() if name != CATALOG}
    except NotFinished:
        inputs = {}
    done = next((attempt for attempt in reversed(task.attempts) if attempt.outputs is not None), None)
    outputs = {}
    if done is not None and done.outputs is not None and definition is not None:
        outputs = {name: short(value, 200) for name, value in zip(definition.returns, done.outputs, strict=False)}
    return TaskView(
        run=run.id,
        path=path,
        status=task.status,
        attempts=task.attempts,
        inputs=inputs,
        outputs=outputs,
        doc="" if definition is None else definition.doc,
        mock="" if definition is None else definition.mock,
    )
