"""What other tools get wrong about data. Each test is one line of the list."""

import collections
import datetime
import enum
import math
import threading
import time
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from fairlead import RunFailed, task, workflow

pytestmark = pytest.mark.usefixtures("project")


class Colour(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    HIGH = 3


class Point(NamedTuple):
    x: int
    y: int


@task
def same(value):
    return value


@task
def pair(left, right):
    return [left, right]


@task
def times(item, factor):
    return item * factor


@workflow
def scale_row(row, factor):
    return times.map(row, factor=factor)


# A branch cannot see its parent's parameters; a map inside a map crashes.


@pytest.mark.parametrize("env", ["in_process", "local"])
def test_a_map_inside_a_map_sees_the_outermost_parameters(env):
    @workflow
    def table(rows, factor):
        return scale_row.map(rows, factor=factor)

    assert table([[1, 2], [], [3]], factor=10).run(env).get_results() == [[10, 20], [], [30]]


# A map over pickled results gives every item the last item's value; two runs swap objects.


def test_every_item_of_a_map_over_objects_is_itself():
    @task
    def points(n):
        return [Point(i, -i) for i in range(n)]

    @task
    def sum_of(point):
        assert type(point) is Point
        return point.x * 10 + point.y

    @workflow
    def sums(n):
        return sum_of.map(points(n))

    assert sums(5).run("in_process").get_results() == [0, 9, 18, 27, 36]


def test_two_runs_in_one_folder_keep_their_own_values():
    @workflow
    def keep(value):
        return same(value)

    first = keep(np.arange(4)).run("in_process")
    second = keep(np.arange(4) * 2).run("in_process")
    assert first.get_results().tolist() == [0, 1, 2, 3]
    assert second.get_results().tolist() == [0, 2, 4, 6]


# A value that JSON cannot hold truncates the run log for good.


@pytest.mark.parametrize(
    "value", [{"n": np.int64(3)}, {"a": {1, 2}}, b"\x00\xff", {"when": datetime.date(2024, 2, 29)}]
)
def test_a_value_that_json_cannot_hold_comes_back_as_it_was(value):
    @workflow
    def keep(value):
        return same(value)

    back = keep(value).run("in_process").get_results()
    assert back == value
    assert type(back) is type(value)


def test_a_frame_travels_between_tasks():
    @task
    def frame():
        return pd.DataFrame({"name": ["a", "b"], "size": [1.5, 2.5]})

    @workflow
    def keep():
        return same(frame())

    back = keep().run("in_process").get_results()
    pd.testing.assert_frame_equal(back, pd.DataFrame({"name": ["a", "b"], "size": [1.5, 2.5]}))


@pytest.mark.parametrize("env", ["in_process", "local"])
def test_a_value_that_cannot_be_stored_fails_its_task_by_name_and_the_run_stays_readable(env):
    @task
    def locked():
        return {"fine": 1, "key": threading.Lock()}

    @workflow
    def broken():
        return same(locked())

    run = broken().run(env, check=False)
    assert run.get_status() == "failed"
    with pytest.raises(RunFailed, match="locked") as failed:
        run.get_results()
    assert "lock" in str(failed.value)
    assert {task_run.status for task_run in run.get_tasks()} == {"failed", "skipped"}


# JSON-first storage loses key types, namedtuples, enums, tuples and -0.0, and merges 1, 1.0 and True.


AWKWARD = [
    {1: "a", "1": "b"},
    (1,),
    [(1,), (1.0,), (True,)],
    (1, 1.0, True),
    Point(1, 2),
    [Point(0, 0)],
    Colour.RED,
    Level.HIGH,
    {"level": Level.HIGH},
    -0.0,
    math.inf,
    2**70,
    "\ud800",
    "",
    [],
    {},
    (),
    None,
    frozenset({1}),
    collections.OrderedDict(b=1, a=2),
    {"b": 1, "a": 2},
    range(3),
    complex(1, -0.0),
    1e-320,
]


def exactly(value):
    """A form in which two values are equal only when every type in them is."""
    if isinstance(value, dict):
        return (type(value), [(exactly(key), exactly(item)) for key, item in value.items()])
    if isinstance(value, (list, tuple)):
        return (type(value), [exactly(item) for item in value])
    return (type(value), repr(value))


@pytest.mark.parametrize("value", AWKWARD, ids=repr)
def test_what_comes_back_equals_what_went_in_by_value_and_type(value):
    seen = []

    @task
    def look(value):
        seen.append(exactly(value))
        return value

    @workflow
    def keep(value):
        return look(value)

    back = keep(value).run("in_process").get_results()
    assert exactly(back) == exactly(value)
    assert seen == [exactly(value)]


def test_awkward_values_are_the_same_on_all_cores():
    @workflow
    def keep(values):
        return same.map(values)

    back = keep(AWKWARD).run("local").get_results()
    assert [exactly(value) for value in back] == [exactly(value) for value in AWKWARD]


def test_reuse_does_not_take_one_for_true():
    @task(cache=True)
    def name_of(value):
        return type(value).__name__

    @workflow
    def name(value):
        return name_of(value)

    assert [name(value).run("in_process").get_results() for value in (1, True, 1.0, (1,), [1])] == [
        "int",
        "bool",
        "float",
        "tuple",
        "list",
    ]


# Items such as "a.csv", 0.1, duplicates and [] break a map.


@pytest.mark.parametrize("items", [["a.csv", "a/b", "x[0]", "x#2", ""], [0.1, 0.1, 0.2], [[], [[]]], [None, None], []])
def test_any_item_can_be_mapped(items):
    @workflow
    def each(items):
        return same.map(items)

    assert each(items).run("in_process").get_results() == items


@pytest.mark.parametrize("env", ["in_process", "local"])
def test_an_empty_map_gives_an_empty_list_to_what_comes_after(env):
    @task(outputs=("low", "high"))
    def bounds(item):
        return item - 1, item + 1

    @workflow
    def each(items):
        return same(bounds.map(items))

    assert each([]).run(env).get_results() == []
    assert each([4, 5]).run(env).get_results() == [(3, 5), (4, 6)]


def test_lists_of_unequal_length_are_refused():
    @workflow
    def both(left, right):
        return pair.map(left, right)

    with pytest.raises(RunFailed, match=r"length|long"):
        both([1, 2], [3]).run("in_process")


# Unpacking means one thing in process and another on the cluster.


@pytest.mark.parametrize("env", ["in_process", "local"])
def test_unpacking_means_the_same_everywhere(env):
    @task(outputs=("small", "large"))
    def split(numbers):
        return min(numbers), max(numbers)

    @workflow
    def swap(numbers):
        small, large = split(numbers)
        return pair(large, small)

    assert swap([3, 1, 2]).run(env).get_results() == [3, 1]
    assert swap.fn([3, 1, 2]) == [3, 1]


# Large values pass through logs and rewrites: 1.4 MB through seven tasks took 245 s.


def test_a_large_value_is_not_copied_into_the_record(project):
    text = "x" * 1_400_000

    @workflow
    def chain(text):
        for _ in range(7):
            text = same(text)
        return text

    started = time.perf_counter()
    run = chain(text).run("in_process")
    assert run.get_results() == text
    assert time.perf_counter() - started < 5
    kept = sum(path.stat().st_size for path in (project.folder / ".fairlead").rglob("*") if path.is_file())
    assert kept < 4 * len(text)
    assert len(project.fairlead("show", run.id, code=0).stdout) < 5_000


def test_a_consumer_that_changes_its_input_changes_nobody_elses():
    @task
    def numbers():
        return [1, 2, 3]

    @task
    def drained(values):
        values.clear()
        return values

    @workflow
    def both():
        values = numbers()
        return pair(drained(values), same(values))

    assert both().run("in_process").get_results() == [[], [1, 2, 3]]
