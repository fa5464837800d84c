"""What happened, as data for programs: the documents that observers write and send.

The keys are a promise; `docs/observers.md` lists them. Nothing is written or sent here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

from fairlead.model.events import Attempt, Failure
from fairlead.model.notices import Closed, Notice, Opened, Output, Progress, TaskEnded
from fairlead.model.path import group_of
from fairlead.model.run import Run, RunSummary
from fairlead.model.words import short

__all__ = ["USUAL", "Kind", "document", "documents"]

Kind: TypeAlias = Literal["run_opened", "task_ended", "progress", "output", "run_closed"]
"""What can be told of."""

USUAL: tuple[Kind, ...] = ("run_opened", "task_ended", "run_closed")

_LONGEST = 500
"""Characters of a parameter."""


def documents(run: Run, events: Iterable[Notice], kinds: Iterable[Kind]) -> list[dict[str, Any]]:
    """Write those events down that are of the kinds wanted."""
    wanted = frozenset(kinds)
    return [found for event in events if (found := document(run, event))["event"] in wanted]


def document(run: Run, event: Notice) -> dict[str, Any]:
    """Write one event down."""
    if isinstance(event, TaskEnded):
        return {**_head("task_ended", run), **_task(event.attempt), "final": event.final}
    if isinstance(event, Output):
        return {**_head("output", run), "task": event.path, "text": event.data.decode("utf-8", "replace")}
    if isinstance(event, Progress):
        return {**_head("progress", run), "counts": _counts(event.counts)}
    if isinstance(event, Opened):
        return {**_head("run_opened", run), **_opened(run, event)}
    assert isinstance(event, Closed)
    return {**_head("run_closed", run), **_standing(event.summary), "error": event.summary.error}


def _head(kind: Kind, run: Run) -> dict[str, Any]:
    return {"event": kind, "run": run.id, "workflow": run.workflow.name}


def _opened(run: Run, event: Opened) -> dict[str, Any]:
    plan = event.plan
    return {
        **_standing(event.summary),
        "environment": str(run.environment.get("name", "")),
        "tags": list(run.tags),
        "target": run.target,
        "parent": run.parent,
        "host": run.host,
        "user": run.user,
        "parameters": {name: short(value, _LONGEST) for name, value in run.parameters.items()},
        "mocked": any(task.mock for task in run.workflow.tasks),
        "plan": None if plan is None else {"reused": plan.reused, "run": plan.run, "again": plan.again},
    }


def _standing(summary: RunSummary) -> dict[str, Any]:
    return {
        "status": summary.status,
        "epoch": summary.epoch,
        "started": summary.started,
        "ended": summary.ended,
        "counts": _counts(summary.counts),
    }


def _task(attempt: Attempt) -> dict[str, Any]:
    origin = attempt.origin
    return {
        "task": attempt.path,
        "name": group_of(attempt.path),
        "attempt": attempt.attempt,
        "outcome": attempt.outcome,
        "started": attempt.started,
        "ended": attempt.ended,
        "seconds": attempt.seconds,
        "metrics": attempt.metrics or {},
        "artifacts": sorted(attempt.artifacts or ()),
        "origin": "" if origin is None else f"{origin.run}/{origin.path}",
        "failure": None if attempt.failure is None else _failure(attempt.failure),
    }


def _failure(failure: Failure) -> dict[str, Any]:
    place = failure.place
    return {
        "reason": failure.reason,
        "type": failure.type,
        "message": failure.message,
        "arguments": failure.arguments,
        "place": "" if place is None else f"{place.file}:{place.line}",
        "traceback": failure.traceback,
    }


def _counts(counts: dict[str, int]) -> dict[str, int]:
    return {status: count for status, count in counts.items() if count}
