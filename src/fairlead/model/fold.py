"""From a run and its recorded facts to where it stands: the one way to read a run back.

The facts come in any order. They are applied in the order of the graph: whatever may start is
looked up among them, so that the fold is linear in what is recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from math import inf

from fairlead.model.events import Attempt
from fairlead.model.path import beneath
from fairlead.model.plan import Plan
from fairlead.model.run import Run, TaskStatus
from fairlead.model.scope import SKIPPED, STATUSES, Fan, Live, Scope
from fairlead.model.state import FOR_GOOD, State
from fairlead.model.workflow import GroupNode, MapNode, TaskNode

__all__ = ["complete", "fold", "replayed", "walk"]


def complete(run: Run, attempts: Iterable[Attempt]) -> Run:
    """Add the task definitions that a dynamic body met on its way; any other run is given back as it is."""
    if not run.workflow.dynamic:
        return run
    from fairlead.model.recorded import completed  # few runs are dynamic, and every run starts here

    return completed(run, attempts)


def fold(
    run: Run,
    attempts: Iterable[Attempt],
    *,
    epoch: int,
    alive: bool = False,
    keep: bool = False,
    visit: Callable[[State, Live, Attempt], None] | None = None,
    make: Callable[..., State] = State,
) -> State:
    """Work out where a run stands in its `epoch`.

    Successes of every epoch count. Failures count that are of this one, since retries count anew, or
    that were dealt with: what follows a handler's result goes on following it. What this epoch recorded
    as started and not as ended is running while the driver is `alive`, and lost otherwise. `keep`: the
    state can be walked through. `visit` is shown every success, at the moment at which its inputs are
    known. `make` makes the state.
    """
    if run.workflow.dynamic:
        from fairlead.model.recorded import fold_calls

        return fold_calls(run, attempts, epoch=epoch, alive=alive, visit=visit)
    recorded: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        recorded.setdefault(attempt.path, []).append(attempt)
    state = make(run.workflow, run.constants, run.parameters, keep=keep)
    if not recorded and not keep:
        return state  # to look up what may start would open every map that stands at the beginning
    for records in recorded.values():
        records.sort(key=_by_number)
    handled = _handled(run, recorded, epoch, make)
    for live in _apply(state, recorded, handled, epoch=epoch, alive=alive, visit=visit):
        state.put_back(live)
    if recorded:
        # They follow a task run that has to run again because its bytes are gone, and count once it has.
        state.recall = partial(_recall, state, recorded)
    return state


def _apply(
    state: State,
    recorded: dict[str, list[Attempt]],
    handled: set[str],
    *,
    epoch: int,
    alive: bool = False,
    visit: Callable[[State, Live, Attempt], None] | None = None,
) -> list[Live]:
    """Apply what is recorded, which is taken out of `recorded`; gives the task runs that may start."""
    state.known = recorded.__contains__
    may_start: list[Live] = []
    while (live := _next(state, may_start)) is not None:
        records = recorded.get(live.path, [])
        done = _success(records)
        if done is not None:
            if visit is not None and not live.opens:
                visit(state, live, done)
            _succeed(state, live, done)
            del recorded[live.path]
        elif live.path in handled:
            _fail(state, live, _failure(records))
        elif not _replay(state, live, records, epoch, alive):
            may_start.append(live)
    state.known = None
    return may_start


def _next(state: State, waiting: list[Live]) -> Live | None:
    """Give the next task run that is to be looked up; those `waiting` in a block that was stopped end with it."""
    while (live := state.next(inf)) is None:
        ended = [one.beneath(state.stopped) for one in waiting] if state.stopped else []
        if not any(ended):
            return None
        stopped = [one for one, over in zip(waiting, ended, strict=True) if over]
        waiting[:] = [one for one, over in zip(waiting, ended, strict=True) if not over]
        for one in stopped:
            state.give_up(one)
    return live


def _handled(run: Run, recorded: dict[str, list[Attempt]], epoch: int, make: Callable[..., State]) -> set[str]:
    """List the task runs that failed for good in an earlier epoch, where that was dealt with."""
    failed = {path: last for path, records in recorded.items() if (last := _failure(records)) and not _success(records)}
    found: set[str] = set()
    for past in sorted({last.epoch for last in failed.values() if last.epoch < epoch}):
        known = {path: kept for path, records in recorded.items() if (kept := [r for r in records if r.epoch <= past])}
        state = make(run.workflow, run.constants, run.parameters)
        _apply(state, known, found, epoch=past)
        for path, last in failed.items():
            if last.epoch <= past and (path in state.forgiven or beneath(path, state.forgiven)):
                found.add(path)
    return found


def replayed(run: Run, attempts: Iterable[Attempt]) -> tuple[State, list[tuple[Live, Attempt | None]]]:
    """Fold, and list every task run whose inputs are known, with its last record if there is one."""
    if run.workflow.dynamic:
        from fairlead.model.recorded import replayed_calls

        return replayed_calls(run, attempts)
    recorded: dict[str, Attempt] = {}
    for attempt in attempts:
        before = recorded.get(attempt.path)
        good = attempt.outcome in {"succeeded", "reused"}
        if (
            before is None
            or good
            or (before.attempt < attempt.attempt and before.outcome not in {"succeeded", "reused"})
        ):
            recorded[attempt.path] = attempt
    state = State(run.workflow, run.constants, run.parameters)
    state.known = recorded.__contains__
    found: list[tuple[Live, Attempt | None]] = []
    waiting: list[Live] = []
    while (live := _next(state, waiting)) is not None:
        record = recorded.get(live.path)
        if not live.opens:
            found.append((live, record))
        if record is not None and record.outcome in {"succeeded", "reused"}:
            _succeed(state, live, record)
        elif record is not None and record.outcome == "failed":
            _fail(state, live, record)  # what runs in its place is known, too
        else:
            waiting.append(live)
    return state, found


def walk(state: State) -> Iterator[tuple[str, str, TaskStatus]]:
    """List every task run that is known of: its path, its task's name, its status.

    In the order of the graph; for a state folded with `keep`.
    """
    if state.plan.workflow.dynamic:
        from fairlead.model.calls import CallState
        from fairlead.model.recorded import walk_calls

        assert isinstance(state, CallState)
        yield from walk_calls(state, state.tasks)
    else:
        yield from _walk(state, state.root)


def _by_number(attempt: Attempt) -> int:
    return attempt.attempt


def _success(records: list[Attempt]) -> Attempt | None:
    """Give the latest success: where the bytes of an earlier one were gone, this one's are there."""
    return next((record for record in reversed(records) if record.outcome in {"succeeded", "reused"}), None)


def _failure(records: list[Attempt]) -> Attempt | None:
    return next((record for record in reversed(records) if record.outcome in {"failed", "lost"}), None)


def _fail(state: State, live: Live, record: Attempt | None) -> None:
    """It failed, and no attempt is left."""
    assert record is not None
    live.attempt = record.attempt
    live.failures = live.losses = FOR_GOOD
    state.ended(live, record)


def _recall(state: State, recorded: dict[str, list[Attempt]], live: Live) -> bool:
    """Apply what is recorded of a task run that is reached only now: its success, or how often it was tried."""
    records = recorded.pop(live.path, [])
    done = _success(records)
    if done is not None:
        _succeed(state, live, done)
    elif records:
        live.attempt = records[-1].attempt + 1
    return done is not None


def _succeed(state: State, live: Live, record: Attempt) -> None:
    live.attempt = record.attempt
    if live.opens:
        state.opened(live, record.outputs or [])
    else:
        state.ended(live, record)


def _replay(state: State, live: Live, records: list[Attempt], epoch: int, alive: bool) -> bool:
    """Apply this epoch's attempts without success; gives False when the task run may start."""
    current = [record for record in records if record.epoch == epoch]
    if not current:
        if records:
            live.attempt = records[-1].attempt + 1
        return False
    position = next((i for i, record in enumerate(current) if record.attempt == live.attempt), None)
    if position is None:
        if live.failures or live.losses:
            return False
        position = 0
        live.attempt = current[0].attempt
    record = current[position]
    if record.outcome is not None:
        state.ended(live, record)
    elif not alive:
        state.lose(live)
    elif record.started is not None:
        state.started(live)
    return True


def _walk(state: State, scope: Scope, skipped: bool = False) -> Iterator[tuple[str, str, TaskStatus]]:
    for position, node in enumerate(scope.plan.nodes):
        path = scope.path(position)
        status = SKIPPED if skipped else scope.status[position]
        if isinstance(node, TaskNode):
            live = state.lives.get(path)
            yield path, state.tasks[node.task].name, STATUSES[live.status if live else status]
            continue
        fan = scope.outputs[position]
        if isinstance(node, MapNode) and node.flat and isinstance(fan, Fan):
            yield from _walk_fan(state, path, node, fan)
            continue
        inside = (scope.kept or {}).get(position, [])
        for one in inside:
            yield from _walk(state, one)
        if not inside and not isinstance(fan, Fan):
            yield from _walk_closed(state, scope.plan, position, path, STATUSES[status])


def _walk_closed(
    state: State, plan: Plan, position: int, path: str, status: TaskStatus
) -> Iterator[tuple[str, str, TaskStatus]]:
    """List what would run in a block that is not open: of a group that is known, of others only the block is."""
    node = plan.nodes[position]
    if isinstance(node, TaskNode):
        yield path, state.tasks[node.task].name, status
    elif not isinstance(node, GroupNode):
        yield path, node.name, status
    else:
        inner = plan.bodies[position][0]
        for place, inside in enumerate(inner.nodes):
            yield from _walk_closed(state, inner, place, path if inner.flat else f"{path}.{inside.name}", status)


def _walk_fan(state: State, path: str, node: MapNode, fan: Fan) -> Iterator[tuple[str, str, TaskStatus]]:
    inner = node.body.nodes[0]
    assert isinstance(inner, TaskNode)
    for item, status in enumerate(fan.status):
        live = state.lives.get(f"{path}[{item}]")
        yield f"{path}[{item}]", state.tasks[inner.task].name, STATUSES[live.status if live else status]
