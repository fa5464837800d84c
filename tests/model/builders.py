"""Small graphs by hand, and a pretend driver, for tests of what follows from facts."""

from __future__ import annotations

import msgspec

from fairlead.model.events import Attempt, Failure
from fairlead.model.fold import fold
from fairlead.model.run import Run
from fairlead.model.state import State
from fairlead.model.task import TaskDefinition
from fairlead.model.values import Inline, Rows, Tree, Value
from fairlead.model.workflow import After, Const, Container, MapNode, Parameter, ParamRef, Ref, TaskNode, Workflow

__all__ = [
    "After",
    "Const",
    "Container",
    "MapNode",
    "ParamRef",
    "Parameter",
    "Ref",
    "TaskNode",
    "Workflow",
    "drive",
    "failed",
    "fold",
    "json",
    "ok",
    "plain",
    "run_of",
    "statuses",
    "task",
    "workflow",
]


def json(value: object) -> Inline:
    return Inline("json", msgspec.json.encode(value))


def plain(value: Value) -> object:
    if isinstance(value, Inline):
        return msgspec.json.decode(value.data)
    if isinstance(value, Rows):
        return [plain(item) for item in value.items]
    if isinstance(value, Tree):
        items = [plain(item) for item in value.items]
        return dict(zip(map(plain, value.keys), items, strict=True)) if value.kind == "dict" else items
    found = plain(value.of)
    for key in value.select:
        found = found[key]
    return found


def task(name: str = "t", **options: object) -> TaskDefinition:
    return TaskDefinition(name=name, **options)


def workflow(*nodes, results=None, tasks=None, parameters=()) -> Workflow:
    used = tasks if tasks is not None else tuple(task(f"t{i}") for i in range(8))
    return Workflow("w", parameters, tuple(nodes), results or {"result": Ref(len(nodes) - 1)}, True, used)


def ok(live, *outputs) -> Attempt:
    return Attempt(live.path, live.attempt, ended=1.0, outcome="succeeded", outputs=[json(one) for one in outputs])


def failed(live, at: float = 1.0, **more) -> Attempt:
    return Attempt(live.path, live.attempt, ended=at, outcome="failed", failure=Failure("exception", "no"), **more)


def drive(state: State, answer, now: float = 0.0) -> list[str]:
    """Give every task run its answer (an Attempt, or outputs) until nothing is ready; lists the paths."""
    order = []
    while (live := state.next(now)) is not None:
        order.append(live.path)
        if live.opens:
            state.opened(live, [Rows([json(item) for item in plain(value)]) for value in state.asks(live).values()])
            continue
        found = answer(live, {name: plain(value) for name, value in state.args(live).items()})
        state.ended(live, found if isinstance(found, Attempt) else ok(live, found))
    return order


def run_of(definition: Workflow, constants=(), parameters=None) -> Run:
    return Run("r", definition, 0.0, list(constants), parameters or {})


def statuses(state: State) -> dict[str, dict[str, int]]:
    return {name: state.count(place) for place, name in enumerate(state.groups)}
