"""Every block, alone and in others."""

from __future__ import annotations

import os

from fairlead import Conditional, Loop, Map, Parallel, Pipeline, PythonTask, Stub, repeat, switch, task, workflow
from tests.conformance.case import Case


@task
def inc(x: int) -> int:
    return x + 1


@task
def add(a: int, b: int) -> int:
    return a + b


@task
def numbers(count: int) -> list[int]:
    return list(range(count))


@task
def square(x: int) -> int:
    return x * x


@task
def total(xs: list[int]) -> int:
    return sum(xs)


@task
def parity(x: int) -> str:
    return "odd" if x % 2 else "even"


@task(outputs=("low", "high"))
def ends(xs: list[int]):
    return min(xs), max(xs)


@task
def described(x: int) -> dict:
    return {"x": x, "list": [x, -x]}


@task
def step(x: int) -> dict:
    return {"x": 2 * x, "done": 2 * x > 20}


@task
def fail_on(x: int, bad: int) -> int:
    if x == bad:
        raise ValueError(f"bad item {x}")
    return x


@task
def instead(x: int, failure: dict) -> str:
    return f"{failure['type']} for {x}"


@task
def leave(mark: str) -> None:
    open(mark, "w").close()


@task
def is_there(mark: str) -> bool:
    return os.path.exists(mark)


@workflow
def chained(n: int = 1):
    return add(inc(n), inc(inc(n)))


@workflow
def mapped(count: int):
    return total(square.map(numbers(count)))


@workflow
def row(count: int):
    return total(square.map(numbers(count)))


@workflow
def nested():
    return total(row.map(numbers(3)))


@workflow
def paired():
    return add.map([1, 2, 3], [10, 20, 30])


@workflow
def doubled(x: int):
    return add(x, x)


@workflow
def chosen(n: int):
    return inc(switch(parity(n), {"odd": square, "even": doubled})(n))


@workflow
def chosen_in_a_map():
    return chosen.map([2, 3])


@workflow
def grown(x: int):
    found = step(x)
    return {"x": found["x"], "done": found["done"]}


@workflow
def repeated():
    return repeat(grown, until="done", max_iterations=9, x=3)["x"]


@workflow
def repeated_twice():
    return repeat(grown, until="done", max_iterations=2, x=3)["x"]


@workflow
def handled(bad: int):
    return fail_on.on_failure(instead)(4, bad)


@workflow
def enough():
    return total(fail_on.options(min_success=0.5).map([1, 2, 3], bad=2))


@workflow
def parts():
    low, high = ends(numbers(5))
    found = described(high)
    return add(low, found["list"][1])


@workflow
def in_order(mark: str):
    leave(mark)
    return is_there(mark)


@workflow(dynamic=True)
def decided(n: int):
    while n < 10:
        n = inc(n) if n % 2 else add(n, n)
    return n


def load(count=3):
    xs = list(range(count))
    return xs


def plus(x, offset):
    y = x + offset
    return y


def heads(y):
    said = f"heads of {len(y)}"
    return said


def tails(y):
    said = "tails"
    return said


def left(xs):
    low = min(xs)
    return low


def right(xs):
    high = max(xs)
    return high


def more(high):
    high = high + 1
    done = high >= 5
    return high, done


STEPS = Pipeline(
    [
        PythonTask(load),
        Map("each", "xs", "x", [plus]),
        Parallel("both", {"a": [left], "b": [right]}),
        Conditional("toss", "side", {"heads": [heads], "tails": [tails]}),
        Loop("tune", [more], 9, "done", "i"),
        Stub("later"),
    ],
    "steps",
)

EARLY = Pipeline([PythonTask(load, terminate_with_success=True), PythonTask(plus)], "early")

CASES = [
    Case(
        "tasks that take each other's results",
        lambda _: chained(1),
        5,
        tasks="inc inc#2 inc#3 add",
        core=True,
    ),
    Case(
        "a map over a list that a task gives",
        lambda _: mapped(3),
        5,
        tasks="numbers square[0-2] total",
        core=True,
    ),
    Case("a map over an empty list", lambda _: mapped(0), 0, tasks="numbers total"),
    Case(
        "a map in a map",
        lambda _: nested(),
        1,
        tasks="numbers row[0].numbers row[0].total row[1].numbers row[1].square[0] row[1].total"
        " row[2].numbers row[2].square[0-1] row[2].total total",
    ),
    Case("several lists mapped over together", lambda _: paired(), [11, 22, 33], tasks="add[0-2]"),
    Case(
        "a switch: what a value chooses",
        lambda _: chosen(3),
        10,
        tasks="parity switch.odd.square inc",
        core=True,
    ),
    Case(
        "a switch in a map",
        lambda _: chosen_in_a_map(),
        [5, 10],
        tasks="chosen[0].parity chosen[0].switch.even.add chosen[0].inc"
        " chosen[1].parity chosen[1].switch.odd.square chosen[1].inc",
    ),
    Case("a repeat until a result is true", lambda _: repeated(), 24, tasks="grown[0-2].step", core=True),
    Case("a repeat as often as it may be", lambda _: repeated_twice(), 12, tasks="grown[0-1].step"),
    Case(
        "a handler in the place of what failed",
        lambda _: handled(4),
        "ValueError for 4",
        tasks="fail_on=failed fail_on.on_failure.instead",
        core=True,
    ),
    Case("a handler that is not needed", lambda _: handled(5), 4, tasks="fail_on"),
    Case(
        "a map of which enough succeeds", lambda _: enough(), 4, tasks="fail_on[0] fail_on[1]=failed fail_on[2] total"
    ),
    Case("parts of results, and several outputs", lambda _: parts(), -4, tasks="numbers ends described add"),
    Case(
        "a call for its effect, before what is written after it",
        lambda place: in_order(f"{place}/mark"),
        True,
        tasks="leave is_there",
    ),
    Case(
        "a dynamic workflow",
        lambda _: decided(3),
        16,
        tasks="inc add add#2",
        refused={"argo": "it is dynamic"},
    ),
    Case(
        "a pipeline: map, parallel, conditional and loop by names",
        lambda _: STEPS.bound_to({"offset": 10, "side": "heads"}),
        {"xs": [0, 1, 2], "y": [10, 11, 12], "low": 0, "high": 5, "said": "heads of 3", "done": True},
        tasks="load each[0-2].plus both.a.left both.b.right toss.heads.heads tune[0-2].more later",
    ),
    Case(
        "a step that ends its pipeline with success",
        lambda _: EARLY.bound_to({"offset": 1, "x": 1}),
        {"xs": [0, 1, 2]},
        tasks="load plus=skipped",
        refused={"argo": "ends the pipeline that it stands in"},
    ),
]
