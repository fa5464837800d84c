"""Asserting on graphs."""

import pytest

from fairlead import Pipeline, PythonTask, repeat, switch, task, workflow
from fairlead.testing import assert_graph, graph_of
from tests.testing import jobs


@task
def a():
    return 1


@task
def b(x=None):
    return x


@task
def c(x=None, y=None):
    return x


def test_a_graph_is_told_as_chains():
    assert_graph(jobs.training, "load -> train[] -> total")
    assert_graph(jobs.training("x"), "load -> train[]\ntrain[] -> total")
    assert str(graph_of(jobs.training)) == "load -> train[]\ntrain[] -> total"


def test_a_recorded_run_has_one_too(fairlead_env):
    assert_graph(jobs.training("x").run(), "load -> train[] -> total")


def test_a_pipeline_has_one_too():
    def one():
        return 1

    def two(x):
        return x

    pipeline = Pipeline(name="p", steps=[PythonTask(function=one, returns=["x"]), PythonTask(function=two)])
    assert_graph(pipeline, "one -> two")


def test_commas_join_several():
    @workflow
    def wide():
        first, second = a(), b()
        return c(first, second)

    assert_graph(wide, "b, a -> c")
    assert graph_of(wide).before("c") == {"a", "b"}
    assert graph_of(wide).after("a") == {"c"}


def test_order_without_data_has_an_arrow_of_its_own():
    @workflow
    def ordered():
        first = a()
        return b.after(first)()

    assert_graph(ordered, "a ~> b")


def test_tasks_without_edges_stand_alone():
    @workflow
    def lonely():
        return a(), b()

    assert_graph(lonely, "a\nb")
    assert str(graph_of(lonely)) == "a\nb"
    with pytest.raises(AssertionError, match=r"\+ b  \(there, and not expected\)"):
        assert_graph(lonely, "a")


def test_calls_of_one_task_are_told_apart():
    @workflow
    def twice():
        return b(b(1))

    assert_graph(twice, "b -> b#2")


def test_values_are_followed_through_maps_and_containers():
    @workflow
    def each(x, extra):
        return c(b(x), {"more": [extra]})

    @workflow
    def outer():
        return total_of(each.map([1, 2], extra=a()))

    @task
    def total_of(items):
        return items

    assert_graph(outer, "a -> each[].c -> total_of\neach[].b -> each[].c")


def test_a_difference_is_told_line_by_line_with_the_whole_graph():
    with pytest.raises(AssertionError) as told:
        assert_graph(jobs.training, "load -> total\nload -> trian[]")
    assert str(told.value).splitlines() == [
        "the graph of 'training' is not what was expected:",
        "  - load -> total  (expected, and not there)",
        "  - load -> trian[]  (expected, and not there)",
        "  - trian[]  (expected, and not there)",
        "  + load -> train[]  (there, and not expected)",
        "  + train[] -> total  (there, and not expected)",
        "the whole graph is:",
        "    load -> train[]",
        "    train[] -> total",
    ]


@pytest.mark.parametrize("text", ["load ->", "-> total", "a, -> b"])
def test_a_line_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match="is not a line of a graph"):
        assert_graph(jobs.training, text)


def test_what_has_no_graph_is_refused():
    with pytest.raises(TypeError, match="has no graph; give a workflow, a pipeline or a run"):
        graph_of(3)


def test_a_task_that_is_not_there_is_told_with_those_that_are():
    graph = graph_of(jobs.training)
    assert repr(graph) == "<Graph training: 3 tasks, 2 edges>"
    with pytest.raises(KeyError, match=r"no task 'lod' in 'training'; it has load, train\[\], total"):
        graph.before("lod")


def test_blocks_are_seen_through():
    @workflow
    def blocks():
        chosen = switch(a(), {"x": b, "y": c})(1)
        return b(repeat(c, max_iterations=2, x=chosen))

    assert_graph(
        blocks,
        """
        a ~> switch.x.b, switch.y.c
        switch.x.b, switch.y.c -> c[] -> b
        """,
    )


def test_handlers_stand_behind_what_they_mend():
    @workflow
    def mending():
        return c(b.on_failure(a_mend)(a()))

    @task
    def a_mend(failure):
        return 0

    assert_graph(
        mending,
        """
        a -> b -> c
        b ~failed> b.on_failure.a_mend -> c
        """,
    )


def test_what_is_ordered_after_a_block_waits_for_the_end_of_it():
    @workflow
    def inner(x):
        return b(a.options(name="first")())

    @workflow
    def outer():
        done = inner.map([1, 2])
        return c.after(done)()

    assert_graph(outer, "inner[].first -> inner[].b ~> c")
