"""Once a run is to stop nothing more starts, whatever a block would do next."""

from __future__ import annotations

from fairlead.engine.decide import verdict
from fairlead.model.events import Attempt
from fairlead.model.state import State
from fairlead.model.values import Rows
from fairlead.model.workflow import GroupNode, RepeatNode
from tests.model.builders import Const, MapNode, ParamRef, Ref, TaskNode, Workflow, json, ok, statuses, task, workflow


def stopped(live) -> Attempt:
    return Attempt(live.path, live.attempt, ended=1.0, outcome="cancelled")


def body(number: int = 0, *names: str) -> Workflow:
    node = TaskNode("t", number, {name: ParamRef(name) for name in names})
    return Workflow("body", nodes=(node,), results={"result": Ref(0)})


def items(*, flat: bool, **more) -> State:
    definition = workflow(MapNode("m", body(0, "x"), {"x": Const(0)}, flat=flat, **more), tasks=(task("t"),))
    return State(definition, [json([1, 2, 3])], {})


def read(state: State):
    """Hand out what may start, with the list of a map read."""
    live = state.next(0)
    if live is not None and live.opens:
        state.opened(live, [Rows([json(i) for i in (1, 2, 3)])])
        live = state.next(0)
    return live


def test_no_handler_starts():
    guarded = GroupNode("g", body(0), handler=body(1), outputs=("result",))
    state = State(workflow(guarded, results={}), [], {})
    live = state.next(0)
    state.cancel()
    state.ended(live, stopped(live))
    assert state.next(0) is None and state.idle
    assert verdict(state) == "cancelled"


def test_no_further_item_of_a_map_with_a_limit_starts():
    for flat in (True, False):
        state = items(flat=flat, max_parallel=1)
        live = read(state)
        state.cancel()
        state.ended(live, stopped(live))
        assert state.next(0) is None and state.idle
        assert list(statuses(state).values()) == [{"cancelled": 3}]
        assert verdict(state) == "cancelled"


def test_a_map_that_may_lose_items_has_not_succeeded_with_those_that_were_stopped():
    for flat in (True, False):
        state = items(flat=flat, min_success=1)
        lives = [read(state), state.next(0), state.next(0)]
        state.ended(lives[0], ok(lives[0], 1))
        state.cancel()
        for live in lives[1:]:
            state.ended(live, stopped(live))
        assert state.idle and verdict(state) == "cancelled"


def test_no_further_round_starts():
    again = RepeatNode("r", body(0), 5, flat=False)
    state = State(workflow(again, results={}), [], {})
    live = state.next(0)
    state.cancel()
    state.ended(live, ok(live, 1))
    assert state.next(0) is None and state.idle
    assert verdict(state) == "cancelled"
