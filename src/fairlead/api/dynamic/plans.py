"""What resuming a dynamic run is going to do, as far as that can be known before its body runs."""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.config.services import Services
from fairlead.engine.lineage import diff as code_diff
from fairlead.engine.reuse import Found, Keys, differences
from fairlead.errors import NotFound
from fairlead.model.events import Attempt
from fairlead.model.fold import complete, fold
from fairlead.model.notices import Plan
from fairlead.model.path import group_of
from fairlead.model.run import Run
from fairlead.model.scope import FAILED, GOOD
from fairlead.ports import Values

__all__ = ["plan_again", "plan_new", "without"]


def plan_again(run: Run, attempts: Sequence[Attempt], epoch: int, values: Values) -> Plan:
    """Tell what going on with the same run does: what is recorded is given to the body again."""
    state = fold(complete(run, attempts), attempts, epoch=epoch + 1)
    again: dict[str, str] = {}
    reused = left = 0
    last = {attempt.path: attempt for attempt in attempts}
    for path, live in state.calls.items():  # type: ignore[attr-defined]
        if live.status in GOOD and not any(map(values.missing, live.outputs or [])):
            reused += 1
        elif live.status != FAILED:  # the body has caught that, and will again
            left += 1
            why = "its result is gone" if live.status in GOOD else last[path].outcome or "did not end"
            again.setdefault(group_of(path), why)
    return Plan(reused, again or {run.workflow.name: "its body goes on"}, "", left)


def plan_new(services: Services, old: Run, attempts: list[Attempt], new: Run, previous: dict[str, Found]) -> Plan:
    """Tell which results of the old run stand, if the body asks for them again."""
    values = services.values()
    old = complete(old, attempts)
    before, now = Keys(old, values), Keys(new, values)
    indexes = {(task.name, task.target): place for place, task in enumerate(new.workflow.tasks) if place}
    state = fold(old, attempts, epoch=max((one.epoch for one in attempts), default=0))
    again: dict[str, str] = {}
    reused = left = 0
    for path, live in state.calls.items():  # type: ignore[attr-defined]
        if live.status not in GOOD:
            continue
        task = old.workflow.tasks[live.task]
        index = indexes.get((task.name, task.target))
        if index is None:
            reused += live.call.defined is not None
            continue
        was, parts = before.parts(state, live), now.parts_of(index, live.call.args)
        if parts.key() in previous:
            reused += 1
            continue
        left += 1
        changes = differences(was, parts, code_diff(before.code(live.task), now.code(index)))
        again.setdefault(group_of(path), "; ".join(changes) or "asked for")
    return Plan(reused, again or {new.workflow.name: "its body runs again"}, old.id, left)


def without(run: Run, attempts: list[Attempt], from_task: str) -> tuple[set[str], list[Attempt]]:
    """Leave out the results of a task; what depends on it runs again where it is given something else."""
    wanted = group_of(from_task).partition(".")[0]
    known = dict.fromkeys(group_of(attempt.path).partition(".")[0] for attempt in attempts if attempt.path != ".")
    if wanted not in known:
        raise NotFound(f"run {run.id!r} has no task {from_task!r}; it has {', '.join(known)}")
    return {wanted}, [one for one in attempts if group_of(one.path).partition(".")[0] != wanted]
