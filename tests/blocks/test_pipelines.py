"""Blocks in pipelines: what flows by name into them, out of them, and past those that were not taken."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest

from fairlead import (
    Conditional,
    DefinitionError,
    Loop,
    Map,
    Parallel,
    Pipeline,
    PythonTask,
    RunFailed,
    Stub,
)


def numbers(count=3):
    xs = list(range(count))
    return xs


def square(x):
    y = x * x
    return y


def plus(y, offset=0):
    y = y + offset
    return y


def total(y):
    sum_of = sum(y)
    return sum_of


def boom(**_):
    raise ValueError("no")


def odd_fails(x):
    if x % 2:
        raise ValueError(f"{x} is odd")
    even = x
    return even


def results(pipeline: Pipeline, **parameters) -> dict:
    return pipeline.run("in_process", parameters=parameters).get_results()


class TestMaps:
    def test_a_body_sees_outer_names_and_gives_lists(self, env):
        pipeline = Pipeline([PythonTask(numbers), Map("each", "xs", "x", [square, plus]), PythonTask(total)])
        run = pipeline.run(env, parameters={"offset": 10})
        assert run.get_results() == {"xs": [0, 1, 2], "y": [10, 11, 14], "sum_of": 35}

    def test_the_value_without_a_name_of_the_step_before_is_mapped_over(self):
        made = Pipeline(
            [
                PythonTask(lambda: [1, 2], name="load"),
                Map("each", "items", "item", PythonTask(lambda item: str(item), name="text")),
            ]
        )
        assert results(made) == {"load": [1, 2], "each": ["1", "2"]}

    def test_a_list_that_nobody_provides_is_a_parameter(self):
        assert results(Pipeline([Map("each", "xs", "x", square)]), xs=[2, 3]) == {"y": [4, 9]}

    @pytest.mark.parametrize(
        ("reducer", "made"),
        [(max, 9), (sum, 14), (len, 4), (lambda values: values[::-1], [9, 4, 1, 0])],
    )
    def test_a_reducer_is_any_callable(self, reducer, made):
        assert results(Pipeline([Map("each", "xs", "x", square, reducer=reducer)]), xs=[0, 1, 2, 3]) == {"y": made}

    def test_every_name_of_the_body_is_reduced(self):
        def two(x):
            low, high = -x, x
            return low, high

        assert results(Pipeline([Map("each", "xs", "x", two, reducer=max)]), xs=[1, 2]) == {"low": -1, "high": 2}

    @pytest.mark.parametrize(("wanted", "fine"), [(None, False), (2, True), (3, False), (0.6, True), (1.0, False)])
    def test_items_may_fail_as_far_as_is_said(self, env, wanted, fine):
        pipeline = Pipeline([Map("each", "xs", "x", odd_fails, min_success=wanted)])
        run = pipeline.run(env, parameters={"xs": [0, 1, 2]}, check=False)
        assert run.get_status() == ("succeeded" if fine else "failed")
        assert [one.id for one in run.get_tasks(status="failed")] == ["each[1].odd_fails"]
        if fine:
            assert run.get_results() == {"even": [0, 2]}
        else:
            with pytest.raises(RunFailed, match="1 is odd"):
                run.get_results()

    def test_an_empty_list_gives_empty_lists(self):
        pipeline = Pipeline([Map("each", "xs", "x", square, min_success=0.5), PythonTask(total)])
        assert results(pipeline, xs=[]) == {"y": [], "sum_of": 0}

    def test_no_more_items_are_under_way_than_may_be(self):
        def note(x):
            begun = time.time()
            time.sleep(0.05)
            span = (begun, time.time())
            return span

        pipeline = Pipeline([Map("each", "xs", "x", note, max_parallel=1)])
        spans = sorted(pipeline.run("local", parameters={"xs": list(range(5))}).get_results()["span"])
        assert all(before[1] <= after[0] for before, after in pairwise(spans))


def heads(x):
    won, both = x, "h"
    return won, both


def tails(x):
    both = "t"
    return both


class TestConditions:
    @pytest.mark.parametrize(("side", "given"), [("heads", {"won": 5, "both": "h"}), ("tails", {"both": "t"})])
    def test_one_branch_is_taken_and_its_names_are_there(self, env, side, given):
        pipeline = Pipeline([Conditional("toss", "side", {"heads": heads, "tails": tails})])
        run = pipeline.run(env, parameters={"side": side, "x": 5})
        assert run.get_results() == given
        assert [one.id for one in run.get_tasks(status="succeeded")] == [f"toss.{side}.{side}"]

    def test_a_name_that_was_not_given_falls_back_to_the_outer_one(self):
        def won_before():
            won = "outer"
            return won

        steps = [PythonTask(won_before), Conditional("toss", "side", {"heads": heads, "tails": tails})]
        assert results(Pipeline(steps), side="tails", x=1)["won"] == "outer"
        assert results(Pipeline(steps), side="heads", x=1)["won"] == 1

    def test_a_name_that_was_not_given_is_an_optional_parameter_or_the_steps_default(self):
        def tell(won="nothing"):
            said = won
            return said

        pipeline = Pipeline([Conditional("toss", "side", {"heads": heads, "tails": tails}), PythonTask(tell)])
        assert {one.name: one.required for one in pipeline.inputs} == {"side": True, "x": True, "won": False}
        assert results(pipeline, side="tails", x=1)["said"] == "nothing"
        assert results(pipeline, side="tails", x=1, won=7)["said"] == 7
        assert results(pipeline, side="heads", x=1, won=7)["said"] == 1

    def test_a_step_that_needs_a_name_that_was_not_given_says_why_it_cannot_run(self):
        def need(won):
            return won

        pipeline = Pipeline([Conditional("toss", "side", {"heads": heads, "tails": tails}), PythonTask(need)])
        with pytest.raises(RunFailed, match="nothing gave this value: the branch that gives it was not taken"):
            results(pipeline, side="tails", x=1)

    def test_a_value_that_is_no_case_fails_and_names_the_cases_unless_there_is_a_default(self):
        branches = {"heads": heads, "tails": tails}
        with pytest.raises(RunFailed, match="'edge' is none of its cases: 'heads', 'tails'; default= takes the rest"):
            results(Pipeline([Conditional("toss", "side", branches)]), side="edge", x=1)
        assert results(Pipeline([Conditional("toss", "side", branches, default=tails)]), side="edge", x=1) == {
            "both": "t"
        }

    @pytest.mark.parametrize("value", [1, True, 1.0])
    def test_cases_are_found_as_in_a_dict(self, value):
        assert results(Pipeline([Conditional("toss", "on", {1: tails, "1": heads})]), on=value, x=1) == {"both": "t"}


class TestParallel:
    def test_branches_run_side_by_side_and_their_names_are_there_afterwards(self):
        def slow_a():
            begun_a = time.time()
            time.sleep(0.2)
            return begun_a

        def slow_b():
            begun_b = time.time()
            time.sleep(0.2)
            return begun_b

        made = Pipeline([Parallel("both", {"a": slow_a, "b": slow_b})]).run("local").get_results()
        assert abs(made["begun_a"] - made["begun_b"]) < 0.2

    def test_the_later_declared_of_two_branches_wins_and_it_is_told(self):
        pipeline = Pipeline([Parallel("both", {"a": heads, "b": tails})])
        assert results(pipeline, x=3) == {"won": 3, "both": "t"}
        (told,) = pipeline.build({"x": 3}).warnings
        assert "branches 'a' and 'b' both give 'both'; that of 'b' counts" in told

    def test_branches_do_not_see_each_other(self):
        def other(won=None):
            seen = won
            return seen

        assert results(Pipeline([Parallel("both", {"a": heads, "b": other})]), x=3)["seen"] is None

    def test_independent_branches_finish_when_one_fails(self, env):
        pipeline = Pipeline([Parallel("both", {"a": boom, "b": [square, plus]}), Stub("after")])
        run = pipeline.run(env, parameters={"x": 2}, check=False)
        assert run.get_status() == "failed"
        assert {one.id: one.status for one in run.get_tasks()} == {
            "both.a.boom": "failed",
            "both.b.square": "succeeded",
            "both.b.plus": "succeeded",
            "after": "skipped",
        }

    def test_the_others_are_ended_where_that_is_wanted(self):
        def slow():
            time.sleep(30)

        pipeline = Pipeline([Parallel("both", {"a": boom, "b": [slow, plus]}, on_error="stop")])
        begun = time.monotonic()
        run = pipeline.run("local", parameters={"y": 2}, check=False)
        assert time.monotonic() - begun < 15
        assert run.get_status() == "failed"
        assert {one.id: one.status for one in run.get_tasks()} == {
            "both.a.boom": "failed",
            "both.b.slow": "cancelled",
            "both.b.plus": "skipped",
        }


class TestValuesWithoutNames:
    @pytest.mark.parametrize(
        "block",
        [
            lambda step: Pipeline([step], name="b"),
            lambda step: Pipeline([Pipeline([step], name="inner")], name="b"),
            lambda step: Parallel("b", {"one": step}),
            lambda step: Conditional("b", "kind", {"k": step}),
        ],
    )
    def test_they_go_to_the_only_open_argument_of_the_first_step_inside(self, block):
        first = PythonTask(lambda: 20 + 1, name="first")
        last = PythonTask(lambda value: value * 2, name="last", returns=["made"])
        pipeline = Pipeline([first, block(last)])
        given = {"kind": "k"} if isinstance(pipeline.steps[1], Conditional) else {}
        assert results(pipeline, **given)["made"] == 42

    def test_every_branch_may_take_them(self):
        first = PythonTask(lambda: 20 + 1, name="first")
        doubled = PythonTask(lambda value: value * 2, name="doubled", returns=["a"])
        halved = PythonTask(lambda value: value // 2, name="halved", returns=["b"])
        made = results(Pipeline([first, Parallel("p", {"x": doubled, "y": [Stub("later"), halved]})]))
        assert (made["a"], made["b"]) == (42, 10)

    def test_what_chooses_is_not_handed_on(self):
        first = PythonTask(lambda: "k", name="first")
        pipeline = Pipeline([first, Conditional("b", "kind", {"k": PythonTask(lambda value: value, name="last")})])
        with pytest.raises(DefinitionError, match="takes 'value', which nothing before it provides"):
            pipeline.build()


class TestLoops:
    def test_names_are_carried_round_and_the_last_ones_stay(self, env):
        def better(guess, i):
            guess, done = guess + 10 * i, i >= 2
            return guess, done

        pipeline = Pipeline([Loop("tune", better, 10, break_on="done", index_as="i")])
        run = pipeline.run(env, parameters={"guess": 1})
        assert run.get_results() == {"guess": 31, "done": True}
        assert [one.id for one in run.get_tasks()] == [f"tune[{index}].better" for index in range(3)]

    def test_it_ends_after_so_many_times_whatever_it_gives(self):
        assert results(Pipeline([Loop("twice", plus, 2)]), y=1, offset=5) == {"y": 11}

    def test_what_ends_it_may_be_anything_that_is_true_or_false(self, env):
        import numpy

        def step(y):
            y, done = y + 1, numpy.bool_(y > 1)
            return y, done

        assert Pipeline([Loop("on", step, 9, break_on="done")]).run(env, parameters={"y": 0}).get_results()["y"] == 3


class TestHandlers:
    def test_a_failure_that_is_dealt_with_leaves_the_run_succeeded(self, env):
        def instead(failure):
            y = failure
            return y

        run = Pipeline([PythonTask(boom, on_failure=instead)]).run(env)
        assert run.get_status() == "succeeded"
        assert run.get_results()["y"] == {"task": "boom", "type": "ValueError", "message": "no"}

    def test_a_handler_that_fails_fails_the_run_whose_root_cause_is_what_failed_first(self):
        def worse():
            raise KeyError("worse")

        with pytest.raises(RunFailed, match="task 'boom' failed: ValueError: no"):
            results(Pipeline([PythonTask(boom, on_failure=worse)]))

    @pytest.mark.parametrize(
        "block",
        [
            lambda handler: Parallel("b", {"a": odd_fails, "c": square}, on_failure=handler),
            lambda handler: Map("b", "xs", "x", odd_fails, on_failure=handler),
            lambda handler: Pipeline([PythonTask(square), PythonTask(odd_fails)], name="b", on_failure=handler),
            lambda handler: Loop("b", odd_fails, 2, on_failure=handler),
            lambda handler: Conditional("b", "x", {1: odd_fails}, on_failure=handler),
        ],
    )
    def test_any_block_may_have_one(self, block):
        def rescue():
            even = "rescued"
            return even

        pipeline = Pipeline([block(rescue), PythonTask(lambda even: even, name="end")])
        given = {"x": 1, "xs": [0, 1]}
        wanted = {one.name for one in pipeline.inputs}
        run = pipeline.run("in_process", parameters={name: value for name, value in given.items() if name in wanted})
        assert run.get_results()["end"] == "rescued"
        assert any(".on_failure.rescue" in one.id for one in run.get_tasks())

    def test_nothing_of_a_handler_runs_when_nothing_fails(self):
        run = Pipeline([PythonTask(square, on_failure=boom)]).run("in_process", parameters={"x": 2})
        assert [one.id for one in run.get_tasks()] == ["square"]

    def test_retries_come_first(self, tmp_path):
        def flaky():
            tries = tmp_path / "tries"
            tries.write_text((tries.read_text() if tries.exists() else "") + "x")
            if len(tries.read_text()) < 3:
                raise ValueError
            tried = len(tries.read_text())
            return tried

        run = Pipeline([PythonTask(flaky, retries=2, on_failure=boom)]).run("in_process")
        assert run.get_results() == {"tried": 3}


class TestTermination:
    def test_a_step_ends_its_pipeline_with_success(self):
        pipeline = Pipeline([PythonTask(square, terminate_with_success=True), PythonTask(boom)])
        run = pipeline.run("in_process", parameters={"x": 3})
        assert run.get_results() == {"y": 9}
        assert {one.id: one.status for one in run.get_tasks()} == {"square": "succeeded", "boom": "skipped"}

    def test_a_step_ends_its_pipeline_with_failure(self):
        run = Pipeline([Stub("stop", terminate_with_failure=True), PythonTask(square)]).run(
            "in_process", parameters={"x": 1}, check=False
        )
        assert run.get_status() == "failed"

    def test_only_the_innermost_pipeline_ends(self):
        inner = Pipeline([PythonTask(square, terminate_with_success=True), PythonTask(boom)], name="inner")
        assert results(Pipeline([inner, PythonTask(plus)]), x=3, offset=1) == {"y": 10}

    def test_a_handler_may_fail_the_run_all_the_same(self):
        told = [Stub("tell", terminate_with_failure=True)]
        run = Pipeline([PythonTask(boom, on_failure=told)]).run("in_process", check=False)
        assert run.get_status() == "failed"


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        (lambda: Map("each", "", "x", square), "iterate_on must be a name"),
        (lambda: Map("each", "xs", "x", 3), "branch must be a pipeline, a step, a function, or a list of them; got 3"),
        (lambda: Map("each", "xs", "x", square, min_success=1.5), "min_success must be a count, or a share"),
        (lambda: Map("each", "xs", "x", square, max_parallel=0), "max_parallel must be a whole number, 1 or more"),
        (lambda: Map("each", "xs", "x", square, reducer=3), "reducer must be callable; got 3"),
        (lambda: Parallel("p", {}), "branches must map names to pipelines"),
        (lambda: Parallel("p", {"a": [3]}), r"branches\['a'\] must be a pipeline"),
        (lambda: Parallel("p", {"a": square}, on_error="no"), "on_error must be 'finish' or 'stop'"),
        (lambda: Conditional("c", "x", {"a": square}, default=4), "default must be a pipeline"),
        (lambda: Loop("l", square, 0), "max_iterations must be a whole number, 1 or more; got 0"),
        (lambda: Loop("l", square, 3, break_on="done"), "break_on names 'done', which its branch does not give"),
        (lambda: Loop("l", PythonTask(square, name="until"), 3), "'until' cannot be the name of a step in a loop"),
        (lambda: PythonTask(square, on_failure=3), "on_failure must be a pipeline"),
        (
            lambda: Stub("s", terminate_with_success=True, terminate_with_failure=True),
            "terminates with success and with failure",
        ),
        (lambda: Map("a.b", "xs", "x", square), "may not hold"),
    ],
)
def test_settings_that_cannot_be_meant_are_told_with_the_step_and_its_line(step, problem):
    with pytest.raises(DefinitionError, match=problem) as refused:
        Pipeline([step()]).build({"x": 1})
    assert "test_pipelines.py" in str(refused.value) or "may not hold" in str(refused.value)


def test_all_problems_of_all_bodies_are_told_at_once():
    def typed(n: int) -> str:
        text = str(n)
        return text

    def wants(text: int):
        return text

    inner = Pipeline([PythonTask(typed), PythonTask(wants)], name="inner")
    with pytest.raises(DefinitionError) as refused:
        Pipeline([Parallel("p", {"a": inner, "b": 3}), Map("m", "xs", "x", square, min_success=-1)]).build()
    assert "2 problems" in str(refused.value)
