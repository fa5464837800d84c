"""Workflows made by chance: blocks in blocks in blocks, whose plain meaning is the same code run as Python."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from fairlead import repeat, switch, task, workflow

__all__ = ["programs", "workflow_of"]


@task
def inc(x: int) -> int:
    return x + 1


@task
def add(*xs: int) -> int:
    return sum(xs) % 1000


@task
def numbers(x: int, count: int) -> list[int]:
    return [(x + index) % 7 for index in range(count)]


@task
def total(xs: list[int]) -> int:
    return sum(xs) % 1000


@task
def pick(x: int, among: int) -> int:
    return x % among


@task
def fail_if_odd(x: int) -> int:
    if x % 2:
        raise ValueError(f"{x} is odd")
    return x


@task
def instead(x: int, failure: dict) -> int:
    return x * 10 + len(failure)


@task(outputs=("value", "done"))
def check(value: int, index: int, limit: int):
    return value, value > limit or index > 5


programs = st.recursive(
    st.just(("inc",)),
    lambda inner: st.one_of(
        st.tuples(st.just("then"), inner, inner),
        st.tuples(st.just("both"), inner, inner),
        st.tuples(st.just("map"), inner, st.integers(0, 4)),
        st.tuples(st.just("some"), inner, st.sampled_from([0, 1, 0.0, 0.5])),
        st.tuples(st.just("switch"), inner, inner, st.booleans()),
        st.tuples(st.just("repeat"), inner, st.integers(1, 4), st.integers(0, 60)),
        st.tuples(st.just("guard"), inner),
        st.tuples(st.just("inside"), inner),
    ),
    max_leaves=6,
)


def workflow_of(program: tuple[Any, ...]) -> Any:
    """Give a workflow of one parameter, x."""

    def main(x: int) -> Any:
        return _meaning(program, x)

    return workflow(main)


def _meaning(program: tuple[Any, ...], x: Any) -> Any:
    kind, *parts = program
    if kind == "inc":
        return inc(x)
    if kind == "then":
        return _meaning(parts[1], _meaning(parts[0], x))
    if kind == "both":
        return add(_meaning(parts[0], x), _meaning(parts[1], x))
    if kind == "map":
        return total(_body(parts[0]).map(numbers(x, parts[1])))
    if kind == "some":
        risky = _body(("then", ("fail",), parts[0])).options(min_success=parts[1])
        return total(risky.map(numbers(x, 3)))
    if kind == "fail":
        return fail_if_odd(x)
    if kind == "switch":
        cases = {0: _body(parts[0]), 1: lambda value: _meaning(parts[1], value)}
        rest = inc if parts[2] else lambda value: add(value, x)
        return switch(pick(x, 3), cases, default=rest)(x)
    if kind == "repeat":
        body, times, limit = parts

        def once(value: Any, index: Any) -> Any:
            new, done = check(_meaning(body, value), index, limit)
            return {"value": new, "done": done}

        return repeat(workflow(once), until="done", max_iterations=times, index_as="index", value=x)["value"]
    if kind == "guard":
        risky = _body(("then", parts[0], ("fail",)))
        return risky.on_failure(instead)(x)
    return _body(parts[0])(x)


def _body(program: tuple[Any, ...]) -> Any:
    def part(x: int) -> Any:
        return _meaning(program, x)

    return workflow(part)
