"""What `-o json` and `-o jsonl` write: the same facts as the pages, for programs.

Times are UTC in ISO 8601, lengths of time are seconds, nothing is shortened but values, which
`results` gives whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairlead.cli.pages.times import elapsed, iso
from fairlead.cli.views import RunView, TaskView
from fairlead.model.events import Attempt, Failure
from fairlead.model.run import Group, RunSummary
from fairlead.model.words import done, leading, short

__all__ = ["attempt_document", "jsonable", "run_document", "summary_document", "task_document"]


def summary_document(summary: RunSummary, now: float) -> dict[str, Any]:
    """Write one run of a list."""
    return {
        "id": summary.id,
        "workflow": summary.workflow,
        "status": summary.status,
        "created": iso(summary.created),
        "started": iso(summary.started),
        "ended": iso(summary.ended),
        "seconds": elapsed(summary, now),
        "done": done(summary.counts),
        "total": sum(summary.counts.values()),
        "counts": {name: amount for name, amount in summary.counts.items() if amount},
        "tags": list(summary.tags),
        "target": summary.target,
        "parent": summary.parent or None,
        "epoch": summary.epoch,
        "error": summary.error or None,
    }


def run_document(view: RunView, now: float) -> dict[str, Any]:
    """Write one run with its task names."""
    return {
        **summary_document(view.summary, now),
        "parameters": {name: short(value, 200) for name, value in view.record.parameters.items()},
        "mocked": {task.name: task.mock for task in view.record.workflow.tasks if task.mock},
        "tasks": [group_document(group) for group in view.groups],
        "failed": [attempt_document(attempt) for attempt in view.failed],
        "reused": [attempt_document(attempt) for attempt in view.reused],
    }


def group_document(group: Group) -> dict[str, Any]:
    """Write one task name."""
    return {
        "name": group.name,
        "status": leading(group.counts),
        "done": done(group.counts),
        "total": group.total,
        "counts": {name: amount for name, amount in group.counts.items() if amount},
        "seconds": group.seconds,
        "started": iso(group.started),
        "ended": iso(group.ended),
    }


def task_document(view: TaskView) -> dict[str, Any]:
    """Write one task run."""
    return {
        "run": view.run,
        "path": view.path,
        "status": view.status,
        "mocked": view.mock or None,
        "inputs": dict(view.inputs),
        "outputs": dict(view.outputs),
        "attempts": [attempt_document(attempt) for attempt in view.attempts],
    }


def attempt_document(attempt: Attempt) -> dict[str, Any]:
    """Write one attempt."""
    origin, log = attempt.origin, attempt.log
    return {
        "path": attempt.path,
        "attempt": attempt.attempt,
        "outcome": attempt.outcome,
        "queued": iso(attempt.queued),
        "started": iso(attempt.started),
        "ended": iso(attempt.ended),
        "seconds": attempt.seconds,
        "failure": None if attempt.failure is None else _failure(attempt.failure),
        "origin": None if origin is None else {"run": origin.run, "path": origin.path, "attempt": origin.attempt},
        "log": None if log is None else {"file": log.file, "start": log.start, "end": log.end},
        "metrics": attempt.metrics or {},
        "artifacts": sorted(attempt.artifacts or ()),
        "worker": attempt.worker,
        **({"notes": list(attempt.notes)} if attempt.notes else {}),
    }


def _failure(failure: Failure) -> dict[str, Any]:
    return {
        "reason": failure.reason,
        "type": failure.type,
        "message": failure.message,
        "traceback": failure.traceback,
        "arguments": failure.arguments,
        "file": None if failure.place is None else failure.place.file,
        "line": None if failure.place is None else failure.place.line,
    }


def jsonable(value: Any, kept_as_text: list[str], where: str = "result") -> Any:
    """Turn a user's value into what JSON can say; where it cannot, the value's repr is given.

    The place of each value that became text is added to `kept_as_text`.
    """
    if value is None or isinstance(value, bool | str):
        return value if type(value) in (bool, str, type(None)) else str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float) and value - value == 0:  # neither infinite nor NaN, which JSON has no words for
        return float(value)
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {str(key): jsonable(item, kept_as_text, f"{where}[{key!r}]") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item, kept_as_text, f"{where}[{place}]") for place, item in enumerate(value)]
    kept_as_text.append(f"{where} ({type(value).__name__})")
    return repr(value)
