"""What follows from facts."""

from __future__ import annotations

import pytest

from fairlead.model.fold import replayed, walk
from fairlead.model.state import MAX_LOSSES, State
from fairlead.model.values import Rows, Stored
from fairlead.model.workflow import GroupNode

from .builders import (
    After,
    Attempt,
    Const,
    Container,
    MapNode,
    Parameter,
    ParamRef,
    Ref,
    TaskNode,
    Workflow,
    drive,
    failed,
    fold,
    json,
    ok,
    plain,
    run_of,
    statuses,
    task,
    workflow,
)


def add(live, args):
    return sum(args.values())


def state_of(definition, *constants, **parameters):
    return State(definition, [json(c) for c in constants], {k: json(v) for k, v in parameters.items()})


def chain(size, **options):
    nodes = [TaskNode("inc", 0, {"x": Const(0)})]
    nodes += [TaskNode(f"inc#{i + 1}", 0, {"x": Ref(i - 1), "y": Const(0)}) for i in range(1, size)]
    return workflow(*nodes, tasks=(task("inc", **options),))


def test_a_chain_runs_in_order_and_gives_its_last_output():
    state = state_of(chain(3), 1)
    assert drive(state, add) == ["inc", "inc#2", "inc#3"]
    assert plain(state.results()["result"]) == 3
    assert state.finished and state.idle
    assert statuses(state) == {"inc": {"succeeded": 3}}


def test_a_task_behind_a_failed_task_is_skipped_with_its_cause():
    state = state_of(chain(4), 1)
    drive(state, lambda live, args: failed(live) if live.path == "inc#2" else 1)
    assert statuses(state) == {"inc": {"succeeded": 1, "failed": 1, "skipped": 2}}
    assert state.causes == {"inc#3": "inc#2", "inc#4": "inc#2"}
    assert state.failed == ["inc#2"]
    assert state.finished and state.root.failed == 1


def test_a_very_long_chain_of_skips_costs_no_stack():
    state = state_of(chain(20_000), 1)
    drive(state, lambda live, args: failed(live))
    assert statuses(state)["inc"]["skipped"] == 19_999


def test_an_independent_branch_finishes_when_another_fails():
    state = state_of(workflow(TaskNode("a", 0), TaskNode("b", 1), TaskNode("c", 2, {"x": Ref(1)})))
    order = drive(state, lambda live, args: failed(live) if live.path == "a" else 1)
    assert order == ["a", "b", "c"]
    assert state.finished and state.root.failed == 1


def test_an_order_without_data_holds_a_task_back():
    state = state_of(workflow(TaskNode("a", 0), TaskNode("b", 1, after=(After(0),))))
    first = state.next(0)
    assert first.path == "a" and state.next(0) is None
    state.ended(first, ok(first, 1))
    assert state.next(0).path == "b"


@pytest.mark.parametrize(
    ("when", "outcome", "runs"),
    [
        ("ok", "good", True),
        ("ok", "bad", False),
        ("failed", "good", False),
        ("failed", "bad", True),
        ("done", "good", True),
        ("done", "bad", True),
    ],
)
def test_edges_say_what_must_have_become_of_the_node_before(when, outcome, runs):
    state = state_of(workflow(TaskNode("a", 0), TaskNode("b", 1, after=(After(0, when),))))
    order = drive(state, lambda live, args: failed(live) if (live.path, outcome) == ("a", "bad") else 1)
    assert ("b" in order) is runs


def test_a_failure_that_somebody_handles_does_not_fail_the_scope():
    state = state_of(workflow(TaskNode("a", 0), TaskNode("b", 1, after=(After(0, "failed"),))))
    drive(state, lambda live, args: failed(live) if live.path == "a" else 1)
    assert state.finished and state.root.failed == 0


def test_what_failed_and_was_not_dealt_with_is_listed_as_it_became_known():
    def single(number):
        return Workflow("b", nodes=(TaskNode("t", number),), results={"result": Ref(0)})

    guarded = GroupNode("g", single(0), handler=single(1), outputs=("result",))
    items = Workflow("i", nodes=(guarded,), parameters=(Parameter("x"),), results={"result": Ref(0)})
    definition = workflow(MapNode("m", items, {"x": Const(0)}), results={}, tasks=(task("a"), task("b")))
    state = State(definition, [Rows([json(1)] * 4)], {})
    lives = {}
    while (live := state.next(0)) is not None:
        lives[live.path] = live
        good = live.path in {"m[1].g.on_failure.t", "m[2].g.on_failure.t"}
        state.ended(live, ok(live, 1) if good else failed(live))
    assert state.failed == [path for path in lives if path[:4] in {"m[0]", "m[3]"}]
    assert len(lives) == 8


def test_retries_are_made_after_a_delay_that_doubles():
    state = state_of(chain(1, retries=2, retry_delay=10.0), 1)
    live = state.next(0)
    assert state.ended(live, failed(live, at=100.0)) is False
    assert state.next(109.9) is None and state.due() == 110.0 and not state.idle
    live = state.next(110.0)
    assert live.attempt == 2
    state.ended(live, failed(live, at=200.0))
    assert state.due() == 220.0
    live = state.next(220.0)
    assert state.ended(live, failed(live)) is True
    assert state.failed == ["inc"]


def test_a_failure_that_cannot_get_better_is_not_retried():
    state = state_of(chain(1, retries=2), 1)
    live = state.next(0)
    assert state.ended(live, failed(live, retryable=False)) is True


def test_a_lost_attempt_uses_no_retry_a_few_times():
    state = state_of(chain(1), 1)
    for number in range(MAX_LOSSES + 1):
        live = state.next(0)
        assert live.attempt == number + 1
        last = state.ended(live, Attempt(live.path, live.attempt, outcome="lost"))
    assert last is True and state.failed == ["inc"]


def test_a_returned_task_run_starts_again_as_the_same_attempt():
    state = state_of(chain(1), 1)
    live = state.next(0)
    state.put_back(live)
    assert state.in_flight == 0
    again = state.next(0)
    assert (again.path, again.attempt) == ("inc", 1)


def mapped(**more):
    body = Workflow(
        "each",
        (Parameter("x"), Parameter("y")),
        (TaskNode("f", 1, {"x": ParamRef("x"), "y": ParamRef("y")}),),
        {"result": Ref(0)},
    )
    return MapNode("f", body, {"x": Ref(0)}, {"y": Const(0)}, True, **more)


def test_a_map_over_a_single_task_gives_a_list_in_order():
    state = state_of(workflow(TaskNode("load", 0), mapped(), TaskNode("total", 2, {"xs": Ref(1)})), 10)
    seen = {}

    def answer(live, args):
        seen[live.path] = args
        return [1, 2, 3] if live.path == "load" else args["x"] + args["y"] if live.path[0] == "f" else sum(args["xs"])

    assert drive(state, answer) == ["load", "f[0]", "f[1]", "f[2]", "total"]
    assert plain(state.results()["result"]) == 36
    assert statuses(state) == {"load": {"succeeded": 1}, "f": {"succeeded": 3}, "total": {"succeeded": 1}}


def test_an_empty_map_gives_an_empty_list():
    state = state_of(workflow(TaskNode("load", 0), mapped(), TaskNode("total", 2, {"xs": Ref(1)})), 10)
    drive(state, lambda live, args: [] if live.path == "load" else args.get("xs"))
    assert plain(state.results()["result"]) == []


def test_a_thousand_empty_maps_in_a_row_cost_no_stack():
    body = Workflow("each", (Parameter("x"),), (TaskNode("f", 0, {"x": ParamRef("x")}),), {"result": Ref(0)})
    nodes = [MapNode("m", body, {"x": Const(0)}, flat=True)]
    nodes += [MapNode(f"m#{i + 1}", body, {"x": Ref(i - 1)}, flat=True) for i in range(1, 3000)]
    state = state_of(workflow(*nodes), [])
    assert state.finished and plain(state.results()["result"]) == []


def test_a_failed_item_fails_the_map_after_the_others_have_run():
    state = state_of(workflow(TaskNode("load", 0), mapped(), TaskNode("total", 2, {"xs": Ref(1)})), 10)
    drive(state, lambda live, args: [1, 2, 3] if live.path == "load" else failed(live) if live.path == "f[1]" else 1)
    assert statuses(state) == {"load": {"succeeded": 1}, "f": {"succeeded": 2, "failed": 1}, "total": {"skipped": 1}}
    assert state.causes == {"total": "f"}


def nested():
    inner = Workflow("g", (Parameter("v"),), (TaskNode("g", 1, {"v": ParamRef("v")}),), {"result": Ref(0)})
    body = Workflow(
        "each",
        (Parameter("x"), Parameter("k")),
        (
            TaskNode("spread", 0, {"x": ParamRef("x")}),
            MapNode("g", inner, {"v": Ref(0)}, flat=True),
            TaskNode("join", 2, {"vs": Ref(1), "k": ParamRef("k")}),
        ),
        {"result": Ref(2), "pair": Container("tuple", (Ref(2), ParamRef("x")))},
    )
    return workflow(
        MapNode("each", body, {"x": ParamRef("xs")}, {"k": ParamRef("k")}),
        results={"sums": Ref(0, 0), "pairs": Ref(0, 1)},
        parameters=(Parameter("xs"), Parameter("k")),
    )


def nested_answer(live, args):
    if live.path.endswith("spread"):
        return list(range(args["x"]))
    return args["v"] * 2 if "g[" in live.path else sum(args["vs"]) + args["k"]


def test_maps_nest_and_a_body_may_be_a_small_workflow():
    state = state_of(nested(), xs=[1, 3], k=100)
    order = drive(state, nested_answer)
    assert order == [
        "each[0].spread",
        "each[0].g[0]",
        "each[0].join",
        "each[1].spread",
        "each[1].g[0]",
        "each[1].g[1]",
        "each[1].g[2]",
        "each[1].join",
    ]
    assert plain(state.results()["sums"]) == [100, 106]
    assert plain(state.results()["pairs"]) == [[100, 1], [106, 3]]
    assert statuses(state) == {
        "each.spread": {"succeeded": 2},
        "each.g": {"succeeded": 4},
        "each.join": {"succeeded": 2},
    }


def test_lists_that_must_be_read_are_opened_first():
    definition = workflow(TaskNode("load", 0), mapped(), tasks=(task("load"), task("f")))
    state = state_of(definition, 5)
    live = state.next(0)
    state.ended(live, Attempt("load", 1, outcome="succeeded", outputs=[Stored("k", "pickle", 10)]))
    opening = state.next(0)
    assert opening.opens and opening.path == "f" and list(state.asks(opening)) == ["x"]
    assert statuses(state)["f"] == {"queued": 1}
    state.opened(opening, [Rows([json(1), json(2)])])
    assert statuses(state)["f"] == {"ready": 2}
    drive(state, lambda live, args: args["x"] + args["y"])
    assert plain(state.results()["result"]) == [6, 7]


def test_lists_of_unequal_length_are_left_to_whoever_opens_the_map():
    body = Workflow(
        "m",
        (Parameter("x"), Parameter("y")),
        (TaskNode("f", 0, {"x": ParamRef("x"), "y": ParamRef("y")}),),
        {"result": Ref(0)},
    )
    state = state_of(workflow(MapNode("f", body, {"x": Const(0), "y": Const(1)}, flat=True)), [1], [1, 2])
    live = state.next(0)
    assert live.opens
    state.ended(live, failed(live, retryable=False))
    assert state.finished and state.failed == ["f"]


def test_cancelling_leaves_nothing_to_start():
    state = state_of(workflow(TaskNode("load", 0), mapped(), TaskNode("total", 2, {"xs": Ref(1)})), 10)
    live = state.next(0)
    state.ended(live, Attempt("load", 1, outcome="succeeded", outputs=[Rows([json(i) for i in range(5)])]))
    running = state.next(0)
    state.started(running)
    state.cancel()
    assert state.next(0) is None and not state.idle
    state.ended(running, Attempt(running.path, 1, outcome="cancelled"))
    assert state.idle and not state.finished
    assert statuses(state) == {"load": {"succeeded": 1}, "f": {"cancelled": 5}, "total": {"cancelled": 1}}


def test_reused_results_count_as_successes():
    state = state_of(chain(2), 1)
    drive(state, lambda live, args: Attempt(live.path, 1, outcome="reused", outputs=[json(7)]))
    assert statuses(state) == {"inc": {"reused": 2}} and plain(state.results()["result"]) == 7


def test_selections_and_containers_resolve():
    definition = workflow(
        TaskNode("a", 0),
        TaskNode(
            "b",
            1,
            {
                "x": Ref(0, 0, ("k", 1)),
                "y": Container("list", (Ref(0, 1), Const(0))),
                "z": Container("dict", (Ref(0, 1),), (Const(1),)),
            },
        ),
    )
    state = state_of(definition, 9, "name")
    live = state.next(0)
    state.ended(live, ok(live, {"k": [1, 2]}, 3))
    live = state.next(0)
    assert {k: plain(v) for k, v in state.args(live).items()} == {"x": 2, "y": [3, 9], "z": {"name": 3}}


def test_a_mapped_task_may_take_a_part_of_an_item_and_give_a_container():
    body = Workflow(
        "m",
        (Parameter("x"),),
        (TaskNode("f", 0, {"a": ParamRef("x", ("k",)), "b": Const(1)}),),
        {"result": Container("list", (Ref(0), Ref(0, 1)))},
    )
    state = state_of(workflow(MapNode("f", body, {"x": Const(0)}, flat=True)), [{"k": 1}, {"k": 2}], 7)
    live = state.next(0)
    assert live.placed_by().name == "f" and repr(live) == "<Live f[0]#1 queued>"
    assert {name: plain(value) for name, value in state.args(live).items()} == {"a": 1, "b": 7}
    state.ended(live, ok(live, "p", "q"))
    drive(state, lambda live, args: Attempt(live.path, 1, outcome="succeeded", outputs=[json("r"), json("s")]))
    assert plain(state.results()["result"]) == [["p", "q"], ["r", "s"]]


def test_an_item_without_tasks_gives_what_it_was_given():
    body = Workflow("m", (Parameter("x"),), (), {"same": ParamRef("x")})
    state = state_of(workflow(MapNode("each", body, {"x": Const(0)})), [1, 2])
    assert drive(state, add) == []
    assert plain(state.results()["result"]) == [1, 2]


def test_a_task_behind_two_that_failed_is_skipped_once():
    state = state_of(workflow(TaskNode("a", 0), TaskNode("b", 1), TaskNode("c", 2, {"x": Ref(0), "y": Ref(1)})))
    drive(state, lambda live, args: failed(live))
    assert statuses(state)["c"] == {"skipped": 1} and state.causes == {"c": "a"}


def test_a_map_of_workflows_behind_a_failure_is_skipped_with_all_its_tasks():
    definition = workflow(TaskNode("load", 3), MapNode("each", nested().nodes[0].body, {"x": Ref(0)}, {"k": Const(0)}))
    state = state_of(definition, 1)
    drive(state, lambda live, args: failed(live))
    assert state.finished and state.causes == {"each": "load"}
    assert {status for group, counts in statuses(state).items() if group != "load" for status in counts} == {"skipped"}


def test_what_started_twice_is_running_once():
    state = state_of(chain(1), 1)
    live = state.next(0)
    state.started(live)
    state.started(live)
    assert statuses(state) == {"inc": {"running": 1}}


# --- reading back ------------------------------------------------------------------------------------------


def recorded(definition, constants=(), answer=add, **parameters):
    facts = []
    state = state_of(definition, *constants, **parameters)

    def keep(live, args):
        found = answer(live, args)
        found = found if isinstance(found, Attempt) else ok(live, found)
        found.epoch = 1
        facts.append(found)
        return found

    drive(state, keep)
    return run_of(definition, [json(c) for c in constants], {k: json(v) for k, v in parameters.items()}), facts


def test_the_fold_does_not_care_about_the_order_of_facts():
    run, facts = recorded(nested(), answer=nested_answer, xs=[1, 3], k=100)
    for order in (facts, facts[::-1], sorted(facts, key=lambda fact: fact.path)):
        state = fold(run, order, epoch=1)
        assert state.finished and plain(state.results()["sums"]) == [100, 106]


def test_whatever_is_cut_off_is_what_remains_to_do():
    run, facts = recorded(nested(), answer=nested_answer, xs=[1, 3], k=100)
    for size in range(len(facts) + 1):
        state = fold(run, facts[:size], epoch=2)
        remaining = drive(state, nested_answer)
        assert {fact.path for fact in facts[:size]} | set(remaining) == {fact.path for fact in facts}
        assert len(remaining) == len(facts) - size
        assert plain(state.results()["sums"]) == [100, 106]


def test_retries_count_anew_in_the_next_epoch():
    definition = chain(1, retries=1)
    run, facts = recorded(definition, [1], lambda live, args: failed(live))
    assert [fact.attempt for fact in facts] == [1, 2]
    assert fold(run, facts, epoch=1).failed == ["inc"]
    state = fold(run, facts, epoch=2)
    live = state.next(0)
    assert (live.attempt, live.failures) == (3, 0)


def test_what_had_started_is_lost_when_nobody_carries_the_run():
    run = run_of(chain(2), [json(1)])
    facts = [Attempt("inc", 1, 1, started=5.0)]
    assert statuses(fold(run, facts, epoch=1, alive=True)) == {"inc": {"running": 1, "waiting": 1}}
    assert statuses(fold(run, facts, epoch=1)) == {"inc": {"lost": 1, "waiting": 1}}
    assert fold(run, facts, epoch=2).next(0).attempt == 2


def test_a_run_of_which_nothing_is_recorded_opens_nothing_before_it_is_asked_for(monkeypatch):
    asked = []
    hand_out = State.next
    monkeypatch.setattr(State, "next", lambda self, now: asked.append(now) or hand_out(self, now))
    state = fold(run_of(chain(3), [json(1)]), [], epoch=1)
    assert asked == []
    assert state.next(0.0).path == "inc"


def test_walking_lists_every_task_run():
    run, facts = recorded(
        nested(),
        answer=lambda live, args: failed(live) if live.path == "each[1].spread" else nested_answer(live, args),
        xs=[1, 3],
        k=0,
    )
    state = fold(run, facts, epoch=1, keep=True)
    assert list(walk(state)) == [
        ("each[0].spread", "t0", "succeeded"),
        ("each[0].g[0]", "t1", "succeeded"),
        ("each[0].join", "t2", "succeeded"),
        ("each[1].spread", "t0", "failed"),
        ("each[1].g", "g", "skipped"),
        ("each[1].join", "t2", "skipped"),
    ]


def test_a_map_that_is_not_open_is_walked_as_one():
    run = run_of(workflow(TaskNode("load", 0), mapped(), TaskNode("total", 2, {"xs": Ref(1)})), [json(1)])
    assert list(walk(fold(run, [], epoch=1, keep=True))) == [
        ("load", "t0", "ready"),
        ("f", "f", "waiting"),
        ("total", "t2", "waiting"),
    ]


def test_a_map_that_was_opened_is_read_back():
    run = run_of(workflow(TaskNode("load", 0), mapped(), tasks=(task("load"), task("f"))), [json(5)])
    facts = [
        Attempt("load", 1, 1, outcome="succeeded", outputs=[Stored("k", "pickle", 10)]),
        Attempt("f", 1, 1, outcome="succeeded", outputs=[Rows([json(1), json(2)])]),
        Attempt("f[0]", 1, 1, outcome="succeeded", outputs=[json(6)]),
    ]
    state = fold(run, facts, epoch=2)
    assert statuses(state) == {"load": {"succeeded": 1}, "f": {"succeeded": 1, "ready": 1}}
    assert state.next(0).path == "f[1]"
    _, found = replayed(run, facts)
    assert [(live.path, record and record.outcome) for live, record in found] == [
        ("load", "succeeded"),
        ("f[0]", "succeeded"),
        ("f[1]", None),
    ]


@pytest.mark.parametrize("order", [1, -1])
def test_replaying_takes_the_success_or_else_the_last_attempt(order):
    run = run_of(workflow(TaskNode("a", 0), TaskNode("b", 1)))
    facts = [
        Attempt("a", 1, 1, outcome="failed"),
        Attempt("a", 2, 1, outcome="succeeded", outputs=[json(1)]),
        Attempt("b", 1, 1, outcome="failed"),
        Attempt("b", 2, 1, outcome="failed"),
    ][::order]
    state, found = replayed(run, facts)
    assert [(live.path, record.attempt) for live, record in found] == [("a", 2), ("b", 2)]
    assert plain(state.root.outputs[0][0]) == 1


def test_a_retry_of_the_current_epoch_that_had_not_started_is_made_again():
    run = run_of(chain(1, retries=2), [json(1)])
    state = fold(run, [Attempt("inc", 1, 1, outcome="failed", ended=1.0)], epoch=1)
    assert (live := state.next(99.0)).attempt == 2 and live.failures == 1


def test_what_follows_a_result_that_is_gone_counts_once_that_is_made_again():
    run = run_of(chain(3), [json(1)])
    facts = [
        Attempt("inc", 1, 1, outcome="lost"),
        Attempt("inc#2", 1, 1, outcome="succeeded", outputs=[json(3)]),
        Attempt("inc#3", 1, 1, outcome="failed", ended=1.0),
    ]
    state = fold(run, facts, epoch=2)
    first = state.next(0)
    assert (first.path, first.attempt) == ("inc", 2)
    state.ended(first, ok(first, 2))
    last = state.next(0)
    assert (last.path, last.attempt) == ("inc#3", 2)
