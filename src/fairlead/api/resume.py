"""Going on with a run whose code or parameters may have changed since: what is valid stays.

Nothing changed: the same run goes on, in its next epoch. Something changed: a new run is made, whose
reused task runs point to where their results come from; the old run stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

import msgspec

from fairlead.api.dynamic.plans import plan_again, plan_new, without
from fairlead.config.services import Services
from fairlead.engine.lineage import diff as code_diff
from fairlead.engine.reuse import Finder, Found, Keys, differences, index, paths_changed
from fairlead.errors import NotFound, RunBusy
from fairlead.model.events import Attempt
from fairlead.model.fold import replayed
from fairlead.model.notices import Plan
from fairlead.model.path import group_of
from fairlead.model.plan import Plan as GraphPlan
from fairlead.model.run import Run, TaskCode
from fairlead.model.scope import Live
from fairlead.model.state import State
from fairlead.model.workflow import Workflow
from fairlead.ports import Values

__all__ = ["Resumption", "resume_into"]


class Resumption(msgspec.Struct):
    """How a run is resumed."""

    run: Run
    """The run to carry: the old one, or the new one made of it."""
    again: bool
    """The same run goes on."""
    plan: Plan
    previous: dict[str, Found]
    fresh: set[str] = msgspec.field(default_factory=set)
    """Top-level names that run again whatever is there."""


def resume_into(
    services: Services, old: Run, new: Run, *, from_task: str | None = None, renew: bool = False
) -> Resumption:
    """Decide how `new`, today's definition of the run `old`, goes on with it.

    `from_task`: the path or name of a task that runs again with all that depends on it. `renew`: a new
    run is made although nothing changed. Raises RunBusy
    when a living driver carries the old run, NotFound for a task that it does not have.
    """
    summary = services.store.summary(old.id)
    if summary.status == "running":
        raise RunBusy(f"run {old.id!r} is running; wait for it, or stop it with 'fairlead stop {old.id}'")
    values = services.values()
    attempts = list(services.store.attempts(old.id))
    again = from_task is None and not renew
    if again and _same(old, new, values) and not paths_changed(old, attempts, summary.epoch, values):
        if old.workflow.dynamic:
            return Resumption(old, True, plan_again(old, attempts, summary.epoch, values), {})
        return Resumption(old, True, _plan_again(old, attempts, values), {})
    asked: set[str] = set()
    if from_task is not None:
        if old.workflow.dynamic:
            asked, attempts = without(old, attempts, from_task)
        else:
            asked, attempts = _without(old.workflow, attempts, from_task, old.id)
    previous = index(old, attempts, summary.epoch, values)
    new.parent = old.id
    if new.workflow.dynamic:
        # Without records of the body, `attempts` tell nothing of how it went, which is as it should be.
        return Resumption(new, False, plan_new(services, old, attempts, new, previous), previous, asked)
    return Resumption(new, False, _plan_new(services, old, attempts, new, previous, asked), previous, asked)


def _same(old: Run, new: Run, values: Values) -> bool:
    """Whether today's definition is the one that was recorded."""
    if msgspec.json.encode(_bare(old.workflow)) != msgspec.json.encode(_bare(new.workflow)):
        return False
    if [code.digest for code in old.code.tasks] != [code.digest for code in new.code.tasks]:
        return False
    if len(old.constants) != len(new.constants) or set(old.parameters) != set(new.parameters):
        return False
    pairs = [*zip(old.constants, new.constants, strict=True)]
    pairs += [(old.parameters[name], new.parameters[name]) for name in old.parameters]
    return all(a == b or values.digest(a) == values.digest(b) for a, b in pairs)


def _bare(workflow: Workflow) -> object:
    """A workflow without the places where it was written: moving lines about changes nothing."""

    def strip(data: object) -> object:
        if isinstance(data, dict):
            return {key: strip(value) for key, value in data.items() if key not in {"place", "doc"}}
        return [strip(item) for item in data] if isinstance(data, (list, tuple)) else data

    return strip(msgspec.to_builtins(workflow))


def _plan_again(run: Run, attempts: list[Attempt], values: Values) -> Plan:
    state, found = replayed(run, attempts)
    again: dict[str, str] = {}
    reused = 0
    for live, record in found:
        if record is not None and record.outcome in {"succeeded", "reused"}:
            if any(map(values.missing, record.outputs or [])):
                again.setdefault(group_of(live.path), "its result is gone")
            else:
                reused += 1
        else:
            outcome = (record.outcome or "did not end") if record is not None else "did not start"
            again.setdefault(group_of(live.path), outcome)
    return _plan(state, reused, len(found) - reused, again, "")


def _plan(state: State, reused: int, stopped: int, again: dict[str, str], parent: str) -> Plan:
    """Add what waits for the task runs that stop the walk."""
    behind = 0
    for place, name in enumerate(state.groups):
        waiting = state.count(place).get("waiting", 0)
        behind += waiting
        if waiting and name not in again:
            again[name] = "follows from them" if again else "did not start"
    return Plan(reused, again, parent, stopped + behind)


def _plan_new(
    services: Services, old: Run, attempts: list[Attempt], new: Run, previous: dict[str, Found], asked: set[str]
) -> Plan:
    """Walk through the new run as far as reused results carry, and say what stops it.

    `asked`: top-level names whose results somebody asked not to use.
    """
    values = services.values()
    finder = Finder(new, Keys(new, values), services.store, values, previous, fresh=asked)
    state = State(new.workflow, new.constants, new.parameters)
    reused = 0
    again: dict[str, str] = {}
    reasons = _Reasons(old, attempts, new, values)
    stopped = 0
    while (live := state.next(inf)) is not None:
        if live.opens:
            again.setdefault(group_of(live.path), "its list is read again")
            continue
        found = finder.find(state, [live])[0]
        if found is not None:
            reused += 1
            state.ended(live, found)
            continue
        stopped += 1
        if group_of(live.path) not in again:
            again[group_of(live.path)] = "asked for" if _top(live.path) in asked else reasons.of(state, live)
    return _plan(state, reused, stopped, again, old.id)


class _Reasons:
    """Why task runs of a new run cannot be taken from the old one."""

    def __init__(self, old: Run, attempts: list[Attempt], new: Run, values: Values) -> None:
        self._old_keys = Keys(old, values)
        self._new_keys = Keys(new, values)
        self._state, found = replayed(old, attempts)
        self._lives = {live.path: (live, record) for live, record in found}

    def of(self, state: State, live: Live) -> str:
        entry = self._lives.get(live.path)
        if entry is None:
            return "new"
        before, record = entry
        old_code: TaskCode = self._old_keys.code(before.task)
        changes = differences(
            self._old_keys.parts(self._state, before),
            self._new_keys.parts(state, live),
            code_diff(old_code, self._new_keys.code(live.task)),
        )
        if not changes and record is not None and record.key not in {"", self._new_keys.parts(state, live).key()}:
            changes = [f"what {name!r} names changed" for name in self._new_keys.path_inputs(state, live)]
        if record is None:
            changes.insert(0, "did not start")
        elif record.outcome not in {"succeeded", "reused"}:
            changes.insert(0, record.outcome or "did not end")
        return "; ".join(changes) or "its result is gone"


def _top(path: str) -> str:
    """The name of the top-level node that a task run belongs to."""
    return path.partition(".")[0].partition("[")[0]


def _without(
    workflow: Workflow, attempts: list[Attempt], from_task: str, run_id: str
) -> tuple[set[str], list[Attempt]]:
    """Leave out a task's results and those of all that depends on it."""
    names = {node.name: position for position, node in enumerate(workflow.nodes)}
    wanted = group_of(from_task)
    first = _top(from_task)
    start = {names[first]} if first in names else {names[name] for name in names if group_of(name) == wanted}
    if not start:
        raise NotFound(
            f"run {run_id!r} has no task {from_task!r}; it has {', '.join(dict.fromkeys(map(group_of, names)))}"
        )
    dropped = {workflow.nodes[position].name for position in _downstream(workflow, start)}
    return dropped, [attempt for attempt in attempts if _top(attempt.path) not in dropped]


def _downstream(workflow: Workflow, start: Iterable[int]) -> set[int]:
    plan = GraphPlan(workflow, {})
    found = set(start)
    work = list(found)
    while work:
        for dependant, _ in plan.dependants[work.pop()]:
            if dependant not in found:
                found.add(dependant)
                work.append(dependant)
    return found
