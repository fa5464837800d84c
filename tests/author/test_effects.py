"""Of the steps before a step, those count for reuse whose values nobody takes."""

import pytest

from fairlead import Map, Parallel, Pipeline, PythonTask, Stub
from fairlead.model.workflow import After


def load():
    rows = [1, 2]
    return rows


def tidy():
    print("tidied")


def fit(rows):
    model = sum(rows)
    return model


def double(row):
    doubled = 2 * row
    return doubled


def after(*steps):
    return [node.after for node in Pipeline(list(steps)).build().workflow.nodes]


PLAIN = After(0, counts=-1)
ROWS = {
    "what gives something that is taken does not count": ([load, fit], [(), (PLAIN,)]),
    "what is there for its effect does": ([tidy, load], [(), (After(0),)]),
    "also from further away": ([tidy, load, fit], [(), (After(0),), (After(1, counts=0),)]),
    "the nearest speaks for those before it": (
        [tidy, Stub("later"), load, fit],
        [(), (After(0),), (After(1),), (After(2, counts=1),)],
    ),
    "a value that is a result and that no step takes is an effect": ([load, tidy], [(), (After(0),)]),
    "a list that is mapped over is taken": ([load, Map("each", "rows", "row", double)], [(), (PLAIN,)]),
    "a value that is taken inside a block is taken": ([load, Parallel("p", {"a": fit})], [(), (PLAIN,)]),
}


@pytest.mark.parametrize("row", ROWS)
def test_which_order_counts(row):
    steps, expected = ROWS[row]
    assert after(*(step if not callable(step) else PythonTask(step) for step in steps)) == expected


def test_inside_a_block_it_is_the_same():
    body = [PythonTask(double), PythonTask(lambda doubled: doubled + 1, name="more", returns=["more"])]
    (_, node) = Pipeline([PythonTask(load), Map("each", "rows", "row", body)]).build().workflow.nodes
    assert [one.after for one in node.body.nodes] == [(), (PLAIN,)]
