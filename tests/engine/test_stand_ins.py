"""What tasks that do nothing must seem to give, for a graph to be walked."""

import pytest

from fairlead import repeat, switch, task, workflow
from fairlead.engine.stand_ins import stand_ins


@task
def a():
    """Gives something."""


@task
def b():
    """Gives something else."""


@task
def use(x=None, y=None):
    """Takes something."""


@task(outputs=("first", "second"))
def pair():
    """Gives two things."""


def needed(function, **parameters):
    """What is needed of each task, by the place where it stands."""
    built = function.build(**parameters)
    found = stand_ins(built.workflow, built.constants, built.parameters)
    return {place: values for places in found.values() for place, values in places.items()}


@workflow
def nothing():
    return use(a(), [b()])


@workflow
def slices():
    found = a()
    return use.map(found[1:3]), use(found[-2])


@workflow
def a_list_of_lists():
    return inner.map([a(), b()])


@workflow
def inner(items):
    return use.map(items)


@workflow
def lists_beside_a_made_one():
    return use.map([a(), a(), a()], b())


@workflow
def lists_beside_each_other(rows):
    return use.map(a(), use.map(b(), rows))


@workflow
def one_of_several():
    chosen = switch(a(), {"left": as_list, "right": alone})()
    return use.map(chosen)


@workflow
def as_list():
    return [use(), b()]


@workflow
def alone():
    return b()


@workflow
def parts_of_parts():
    first, _ = pair()
    return use(first["rows"][0]["name"]), use(first["rows"][1]), use(first["size"])


@workflow
def round_and_round():
    return repeat(turn, until="over", max_iterations=3, items=a())


@workflow
def turn(items):
    more, over = pair()
    return {"items": [use.map(items), more], "over": over["yes"]}


@workflow
def odd_keys():
    return switch(a(), {(1, 2): use, None: b})()


@workflow
def nested_lists(table):
    return outer_rows.map(table, a())


@workflow
def outer_rows(row, column):
    return use.map(row, column)


@pytest.mark.parametrize(
    ("function", "parameters", "found"),
    [
        (nothing, {}, {}),
        (slices, {}, {"a": [[None, None]]}),
        (a_list_of_lists, {}, {"a": [[None]], "b": [[None]]}),
        (lists_beside_a_made_one, {}, {"b": [[None] * 3]}),
        (lists_beside_each_other, {"rows": [1, 2]}, {"a": [[None] * 2], "b": [[None] * 2]}),
        (one_of_several, {}, {"a": ["left"], "switch.right.b": [[None] * 2]}),
        (parts_of_parts, {}, {"pair": [{"rows": [{"name": None}, None], "size": None}, None]}),
        (round_and_round, {}, {"a": [[[None], [None]]], "turn.pair": [[None], {"yes": True}]}),
        (odd_keys, {}, {}),
        (nested_lists, {"table": [[1, 2], [3, 4]]}, {"a": [[[None] * 2] * 2]}),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_an_output_is_what_is_done_with_it(function, parameters, found):
    assert needed(function, **parameters) == found
