"""Blocks in workflow functions, on both executors, and what is refused."""

from __future__ import annotations

import enum

import pytest

from fairlead import DefinitionError, RunFailed, repeat, switch, task, workflow


class Side(enum.Enum):
    HEADS = 1
    TAILS = 2


@task
def toss(x: int) -> Side:
    return Side.HEADS if x % 2 else Side.TAILS


@task
def won(x: int) -> int:
    return x


@task
def lost(x: int) -> int:
    return -x


@task(outputs=("low", "high"))
def both(x: int):
    return -x, x


@task(outputs=("guess", "done"))
def better(guess: int, step: int = 4):
    return guess + step, guess + step > 9


@task
def boom(x: int) -> int:
    raise ValueError(f"no {x}")


@task
def rescue(x: int, failure: dict) -> str:
    return f"{x}: {failure['type']} in {failure['task']}"


@task
def add(*xs: int) -> int:
    return sum(xs)


class TestSwitch:
    @pytest.mark.parametrize(("x", "gives"), [(3, 3), (4, -4)])
    def test_cases_may_be_members_of_an_enum(self, env, x, gives):
        @workflow
        def game(x: int):
            return switch(toss(x), {Side.HEADS: won, Side.TAILS: lost})(x)

        run = game(x).run(env)
        assert run.get_results() == gives == game.fn(x)
        name = "HEADS.won" if x % 2 else "TAILS.lost"
        assert [one.id for one in run.get_tasks(status="succeeded")] == ["toss", f"switch.{name}"]

    def test_what_all_cases_give_in_parts_can_be_unpacked(self, env):
        @workflow
        def game(x: int):
            low, high = switch(x, {1: both}, default=lambda y: (lost(y), won(y)))(5)
            return add(low, low, high)

        assert game(1).run(env).get_results() == game(2).run(env).get_results() == game.fn(2) == -5

    def test_types_of_arguments_are_compared_inside_cases(self):
        @workflow
        def game(x: int):
            return switch(x, {1: won})(toss(x))

        with pytest.raises(DefinitionError, match="Side fed to 'x: int'"):
            game.build(1)

    @pytest.mark.parametrize(
        ("cases", "default", "problem"),
        [({}, None, "has no cases"), ({1: 3}, None, "1: 3 cannot be called"), ({1: won}, 4, "'default': 4 cannot")],
    )
    def test_what_cannot_be_chosen_is_refused(self, cases, default, problem):
        with pytest.raises(DefinitionError, match=problem):
            switch(1, cases, default=default)

    def test_a_value_that_is_no_case_means_the_same_in_plain_python(self):
        @workflow
        def game(x: int):
            return switch(x, {1: won})(x)

        with pytest.raises(DefinitionError, match="2 is none of its cases: 1"):
            game.fn(2)
        with pytest.raises(RunFailed, match="2 is none of its cases: 1"):
            game(2).run("in_process")


class TestRepeat:
    def test_a_single_value_is_carried_round(self, env):
        @workflow
        def doubled(x: int):
            return repeat(lambda x: add(x, x), max_iterations=3, x=x)

        assert doubled(1).run(env).get_results() == 8 == doubled.fn(1)

    def test_what_is_not_given_again_stays_as_it_is(self, env):
        @workflow
        def search(step: int):
            guess, _ = repeat(better, until="done", max_iterations=10, guess=0, step=step)
            return guess

        run = search(3).run(env)
        assert run.get_results() == 12 == search.fn(3)
        assert [one.id for one in run.get_tasks()] == [f"better[{index}]" for index in range(4)]

    @pytest.mark.parametrize(
        ("call", "problem"),
        [
            (lambda: repeat(better, until="over", max_iterations=3, guess=1), "until='over' is no result of it"),
            (lambda: repeat(won, until="done", max_iterations=3, x=1), "declare outputs="),
            (lambda: repeat(won, x=1), "max_iterations must be a whole number, 1 or more; got 0"),
            (lambda: repeat(3, max_iterations=1), "3 cannot be called"),
            (lambda: repeat(won, max_iterations=1, y=1), "takes no 'y'"),
        ],
    )
    def test_what_cannot_be_meant_is_refused(self, call, problem):
        @workflow
        def wrong():
            return call()

        with pytest.raises(DefinitionError, match=problem):
            wrong.build()


class TestHandlers:
    def test_a_handler_runs_in_the_place_of_a_task_that_failed(self, env):
        @workflow
        def safe(x: int):
            return boom.on_failure(rescue)(x)

        run = safe(3).run(env)
        assert run.get_results() == "3: ValueError in boom" == safe.fn(3)
        assert {one.id: one.status for one in run.get_tasks()} == {
            "boom": "failed",
            "boom.on_failure.rescue": "succeeded",
        }

    def test_a_handler_runs_in_the_place_of_a_workflow_that_failed(self, env):
        @workflow
        def part(x: int):
            return won(boom(won(x)))

        @workflow
        def safe(x: int):
            return part.on_failure(lost)(x)

        run = safe(3).run(env)
        assert run.get_results() == -3 == safe.fn(3)
        assert {one.id: one.status for one in run.get_tasks()} == {
            "part.won": "succeeded",
            "part.boom": "failed",
            "part.won#2": "skipped",
            "part.on_failure.lost": "succeeded",
        }

    def test_every_item_of_a_map_has_its_own(self, env):
        @workflow
        def safe(xs: list[int]):
            return boom.on_failure(lost).map(xs)

        assert safe([1, 2]).run(env).get_results() == [-1, -2] == safe.fn([1, 2])

    def test_a_handler_that_wants_what_the_call_has_not_is_refused(self):
        @task
        def wants(other):
            return other

        @workflow
        def safe(x: int):
            return boom.on_failure(wants)(x)

        with pytest.raises(DefinitionError, match=r"its handler takes 'other', and the call that failed has 'x'"):
            safe.build(1)
        with pytest.raises(DefinitionError, match="on_failure takes a task or workflow; got 3"):
            boom.on_failure(3)


class TestMaps:
    def test_limits_of_maps_are_options(self, env):
        @task
        def odd_fails(x: int) -> int:
            if x % 2:
                raise ValueError(x)
            return x

        @workflow
        def some(xs: list[int]):
            return odd_fails.options(min_success=0.5, max_parallel=2).map(xs)

        assert some([0, 1, 2, 3]).run(env).get_results() == [0, 2] == some.fn([0, 1, 2, 3])
        with pytest.raises(RunFailed):
            some([0, 1, 3]).run(env)

    def test_limits_of_maps_of_workflows_are_options(self):
        @workflow
        def part(x: int):
            return won(x)

        with pytest.raises(DefinitionError, match="max_parallel"):
            part.options(max_parallel=0)

        @workflow
        def all_of(xs: list[int]):
            return part.options(max_parallel=1).map(xs)

        assert all_of.build([1]).workflow.nodes[0].max_parallel == 1
        assert all_of([1, 2]).run("in_process").get_results() == [1, 2]
