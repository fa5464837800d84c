"""Blocks that end because something in them failed, what deals with that, and what a resumed run makes of it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from fairlead import Map, Parallel, Pipeline, PythonTask, RunFailed, Stub, repeat, switch, task, workflow
from fairlead.api.runs import WorkflowRun


def boom():
    raise ValueError("no")


def fine():
    y = 1
    return y


def odd_fails(x):
    if x % 2:
        raise ValueError(f"{x} is odd")
    return x


def told(failure):
    said = f"{failure['task']}: {failure['message']}"
    return said


def statuses(run: WorkflowRun) -> dict[str, str]:
    return {one.id: one.status for one in run.get_tasks()}


class TestHandlersOfStoppedBlocks:
    @pytest.mark.parametrize(
        ("step", "said"),
        [
            (lambda: Parallel("p", {"a": boom, "b": fine}, on_error="stop", on_failure=told), "p.a.boom: no"),
            (
                lambda: Map("m", "xs", "x", odd_fails, on_error="stop", on_failure=told),
                "m[1].odd_fails: 1 is odd",
            ),
            (
                lambda: Pipeline([PythonTask(boom), PythonTask(fine)], "g", on_error="stop", on_failure=told),
                "g.boom: no",
            ),
        ],
    )
    def test_the_handler_of_a_block_that_was_stopped_runs(self, env, step, said):
        needed = {"xs": [0, 1, 2]} if "m[" in said else {}
        run = Pipeline([step()]).run(env, parameters=needed)
        assert run.get_results()["said"] == said

    def test_a_second_block_is_stopped_after_the_first_was_dealt_with(self):
        def slow():
            time.sleep(30)

        first = Parallel("first", {"a": boom, "b": fine}, on_error="stop", on_failure=Stub("over"))
        second = Parallel("second", {"a": boom, "b": slow}, on_error="stop")
        begun = time.monotonic()
        run = Pipeline([first, second]).run("local", check=False)
        assert time.monotonic() - begun < 15
        assert statuses(run)["second.b.slow"] == "cancelled"

    def test_what_waits_for_its_next_attempt_does_not_hold_a_stopped_block_up(self, env):
        again = PythonTask(odd_fails, retries=3, retry_delay=60)
        begun = time.monotonic()
        run = Pipeline([Parallel("p", {"a": again, "b": boom}, on_error="stop")]).run(
            env, parameters={"x": 1}, check=False
        )
        assert time.monotonic() - begun < 15
        assert statuses(run) == {"p.a.odd_fails": "cancelled", "p.b.boom": "failed"}


class TestWhatAHandlerIsTold:
    def test_a_failure_inside_that_was_dealt_with_is_not_the_one(self):
        inside = Parallel("p", {"a": [PythonTask(boom, on_failure=fine)], "b": odd_fails}, on_failure=told)
        run = Pipeline([inside]).run("in_process", parameters={"x": 1})
        assert run.get_results()["said"] == "p.b.odd_fails: 1 is odd"

    def test_items_that_a_map_may_lose_are_not_the_one(self):
        some = Map("some", "xs", "x", odd_fails, min_success=1)
        inside = Pipeline([Parallel("p", {"a": some, "b": boom})], "g", on_failure=told)
        run = Pipeline([inside]).run("in_process", parameters={"xs": [0, 1]})
        assert run.get_results()["said"] == "g.p.b.boom: no"

    def test_a_step_that_ends_its_pipeline_as_failed_is_named(self):
        inside = Pipeline([PythonTask(fine, terminate_with_failure=True)], "g", on_failure=told)
        assert Pipeline([inside]).run("in_process").get_results()["said"] == "g.fine: 'g.fine' ended it as failed"


@task
def once(x: int, name: str) -> int:
    """Fail the first time that anybody called it so."""
    mark = Path(name)
    if x == 2 and not mark.exists():
        mark.touch()
        raise ConnectionError(name)
    return x


@task
def zero(x: int) -> int:
    return 0


@task
def keep(x: Any) -> Any:
    return x


@task
def together(*xs: Any) -> list[Any]:
    return list(xs)


class TestResuming:
    def test_what_was_dealt_with_stays_so_and_all_results_agree(self, env):
        @workflow
        def guarded(x: int):
            first = once.on_failure(zero)(x, f"guarded {env}")
            return together(first, keep(first), once(x, f"later {env}"))

        run = guarded(2).run(env, check=False)
        assert run.get_status() == "failed"
        again = run.resume()
        assert again.wait() == "succeeded"
        assert again.get_results() == [0, 0, 2]
        assert statuses(again)["once"] == "failed"
        assert statuses(again)["once.on_failure.zero"] == "succeeded"

    def test_items_that_a_map_lost_stay_lost(self, env):
        @workflow
        def some(x: int):
            left = once.options(min_success=1).map([1, x, 3], name=f"some {env}")
            return together(left, keep(left), once(x, f"after {env}"))

        again = some(2).run(env, check=False).resume()
        assert again.wait() == "succeeded"
        assert again.get_results() == [[1, 3], [1, 3], 2]

    def test_items_of_a_map_that_failed_are_tried_again(self, env):
        @workflow
        def every(x: int):
            return once.options(min_success=3).map([1, x, 3], name=f"every {env}")

        again = every(2).run(env, check=False).resume()
        assert again.wait() == "succeeded"
        assert again.get_results() == [1, 2, 3]

    def test_a_stopped_block_that_was_dealt_with_stays_stopped(self):
        def late(x):
            if not Path("late").exists():
                Path("late").touch()
                raise ConnectionError
            z = x
            return z

        stopped = Parallel("p", {"a": boom, "b": [Stub("one"), Stub("two")]}, on_error="stop", on_failure=told)
        run = Pipeline([stopped, PythonTask(late)]).run("in_process", parameters={"x": 3}, check=False)
        before = statuses(run)
        again = run.resume()
        assert again.wait() == "succeeded"
        assert again.get_results() == {"said": "p.a.boom: no", "z": 3}
        assert statuses(again) == {**before, "late": "succeeded"}


def test_thousands_of_times_nothing_cost_no_stack():
    @workflow
    def nothing(x: int):
        return repeat(lambda value: value, max_iterations=3000, value=x)

    assert nothing(7).run("in_process").get_results() == 7


def test_what_cannot_be_a_key_chooses_nothing():
    @workflow
    def chosen(x: list):
        return switch(x, {1: keep}, default=zero)(1)

    with pytest.raises(RunFailed, match="list cannot choose a case"):
        chosen([1]).run("in_process")
