"""From the records of a dynamic run to where it stands: what `fold.py` does for graphs.

What a body was given stands: a success in every epoch, and a failure that it caught as well. A failure that
ended the body does not, since the run is resumed to try again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import inf

import msgspec

from fairlead.model.calls import CallState
from fairlead.model.events import Attempt, Call, Defined
from fairlead.model.path import BODY
from fairlead.model.run import Run, TaskCode, TaskStatus
from fairlead.model.scope import (
    CANCELLED,
    FAILED,
    GOOD,
    LOST,
    QUEUED,
    READY,
    REUSED,
    RUNNING,
    STATUSES,
    SUCCEEDED,
    WAITING,
    Live,
)
from fairlead.model.state import MAX_LOSSES, State
from fairlead.model.task import TaskDefinition
from fairlead.model.workflow import Workflow

__all__ = ["completed", "definition_of", "fold_calls", "replayed_calls", "walk_calls"]


def definition_of(workflow: Workflow, attempt: Attempt) -> TaskDefinition | None:
    """Give the task that an attempt of a dynamic run is one of."""
    call = attempt.call
    if call is None or attempt.path == BODY:
        return None
    return workflow.tasks[call.task] if call.defined is None else call.defined.task


def completed(run: Run, attempts: Iterable[Attempt]) -> Run:
    """Add the task definitions that a dynamic body met on its way."""
    known = _places(run)
    tasks, codes = list(run.workflow.tasks), list(run.code.tasks)
    codes += [TaskCode("")] * (len(tasks) - len(codes))
    for attempt in attempts:
        defined = attempt.call.defined if attempt.call is not None else None
        if defined is not None and known.setdefault(msgspec.json.encode(defined), len(tasks)) == len(tasks):
            tasks.append(defined.task)
            codes.append(defined.code)
    if len(tasks) == len(run.workflow.tasks):
        return run
    workflow = msgspec.structs.replace(run.workflow, tasks=tuple(tasks))
    return msgspec.structs.replace(run, workflow=workflow, code=msgspec.structs.replace(run.code, tasks=tuple(codes)))


def _places(run: Run) -> dict[bytes, int]:
    """Number the task definitions of a run, by what they are."""
    pairs = zip(run.workflow.tasks, run.code.tasks, strict=False)
    return {msgspec.json.encode(Defined(task, code)): place for place, (task, code) in enumerate(pairs)}


class _Records:
    """What is recorded of a dynamic run, sorted out."""

    def __init__(self, attempts: Iterable[Attempt]) -> None:
        self.body: list[Attempt] = []
        self.calls: dict[str, list[Attempt]] = {}
        for attempt in attempts:
            if attempt.path == BODY:
                self.body.append(attempt)
            else:
                self.calls.setdefault(attempt.path, []).append(attempt)
        self.body.sort(key=lambda one: one.attempt)
        for records in self.calls.values():
            records.sort(key=lambda one: one.attempt)
        self.left_body: dict[str, int] = {}
        """By path: the epoch in which the body was ended by its failure."""
        self.accepted = 0
        """The last epoch in which the body was allowed another way: what was recorded before is not expected."""
        for one in self.body:
            if one.call is not None:
                self.left_body.update(dict.fromkeys(one.call.causes, one.epoch))
                self.accepted = one.epoch if one.call.accepted else self.accepted

    def in_order(self) -> list[tuple[str, Call, list[Attempt]]]:
        """Give path, call and records of every call, in the order in which they were first made."""
        found = []
        for path, records in self.calls.items():
            call = next((one.call for one in records if one.call is not None), None)
            if call is not None:
                found.append((path, call, records))
        return sorted(found, key=lambda one: one[1].serial)


def fold_calls(
    run: Run,
    attempts: Iterable[Attempt],
    *,
    epoch: int,
    alive: bool = False,
    visit: Callable[[State, Live, Attempt], None] | None = None,
) -> CallState:
    """Work out where a dynamic run stands in its `epoch`; the arguments are those of `fold`.

    A failure that the body caught stands in every later epoch; one that ended the body does not.
    """
    attempts = list(attempts)
    records = _Records(attempts)
    state = CallState(run.workflow, run.constants, run.parameters)
    places = _places(completed(run, attempts))
    limit: float = inf
    for path, call, tried in records.in_order():
        task = call.task if call.defined is None else places[msgspec.json.encode(call.defined)]
        live = state.add(call, task, path)
        status, record = _standing(tried, epoch, alive, _retries(run, call), records.left_body.get(path, 0))
        state.settle(live, status, record)
        live.attempt = tried[-1].attempt + (status not in (RUNNING, QUEUED, *GOOD, FAILED))
        if call.ordered and not records.accepted:  # what was accepted has two ways in one record
            state.orders.setdefault(call.frames[-1] if call.frames else "", []).append(live)
        if status in GOOD or status == FAILED:
            live.expected = call.serial < limit and tried[-1].epoch >= records.accepted
        elif any(one.outcome in {"failed", "lost"} for one in tried):
            # It had an end that the body saw, and will have another: what followed may not follow again.
            limit = min(limit, call.serial)
        if status in GOOD and visit is not None and record is not None:
            visit(state, live, record)
    _settle_body(state, records.body, epoch)
    return state


def _settle_body(state: CallState, body: list[Attempt], epoch: int) -> None:
    last = body[-1] if body else None
    if last is None or last.epoch != epoch or last.outcome is None:
        return
    error = ""
    if last.outcome != "succeeded":
        causes = last.call.causes if last.call is not None else ()
        error = causes[0] if causes else BODY
        state.trouble = last
    state.end(last, error)


def _retries(run: Run, call: Call) -> int:
    return (run.workflow.tasks[call.task] if call.defined is None else call.defined.task).retries


def _standing(
    tried: list[Attempt], epoch: int, alive: bool, retries: int, left_body: int
) -> tuple[int, Attempt | None]:
    """Say how a call stands, and which record says so."""
    for record in reversed(tried):
        if record.outcome in {"succeeded", "reused"}:
            return (SUCCEEDED if record.outcome == "succeeded" else REUSED), record
    last = tried[-1]
    same = [one for one in tried if one.epoch == last.epoch]
    if last.outcome == "failed":
        final = not last.retryable or sum(one.outcome == "failed" for one in same) > retries
        if final and not last.epoch <= left_body < epoch:
            return FAILED, last
    if last.epoch != epoch:
        return WAITING, None
    if last.outcome == "cancelled":
        return CANCELLED, last
    if last.outcome == "lost":
        return (FAILED, last) if len([one for one in same if one.outcome == "lost"]) > MAX_LOSSES else (READY, None)
    if last.outcome == "failed":
        return READY, None
    if not alive:
        return LOST, None
    return (RUNNING if last.started is not None else QUEUED), None


def replayed_calls(run: Run, attempts: Iterable[Attempt]) -> tuple[CallState, list[tuple[Live, Attempt | None]]]:
    """Fold, and list every call with its last record."""
    attempts = list(attempts)
    last = {path: tried[-1] for path, tried in _Records(attempts).calls.items()}
    state = fold_calls(run, attempts, epoch=max((one.epoch for one in attempts), default=0))
    return state, [(live, live.last or last[path]) for path, live in state.calls.items()]


def walk_calls(state: CallState, run_tasks: Sequence[TaskDefinition]) -> Iterator[tuple[str, str, TaskStatus]]:
    """List every call: its path, its task's name, its status."""
    for path, live in state.calls.items():
        defined = live.call.defined
        name = defined.task.name if defined is not None else run_tasks[live.call.task].name
        yield path, name, STATUSES[live.status]
