"""Words for live values: what counts of a constant beyond its source, and what a registry holds."""

from __future__ import annotations

import _ast
import argparse
import ast
import collections
import datetime
import functools
from pathlib import Path

import pytest

from fairlead.engine.lineage_live import UNKNOWN, definitions_in, literal, words


class Plain:
    def __init__(self, value):
        self.value = value

    def method(self):
        return self.value


def helper():
    return 1


def ours(kind):
    return kind.__module__ == __name__


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("text", "str:'text'"),
        (1, "int:1"),
        (-0.0, "float:-0.0"),
        (None, "NoneType:None"),
        (datetime.date(2026, 11, 21), "date:datetime.date(2026, 11, 21)"),
        ([1, "a"], "list(int:1,str:'a')"),
        ({"k": 1}, "dict(tuple(str:'k',int:1))"),
        (frozenset({2, 1}), "frozenset(int:1,int:2)"),
        (collections.OrderedDict(a=1), "OrderedDict(tuple(str:'a',int:1))"),
        (argparse.Namespace(k=1), "Namespacedict(tuple(str:'k',int:1))"),
        (Plain(3), "Plaindict(tuple(str:'value',int:3))"),
        (object(), None),
        ([object()], None),
        (Plain(object()), None),
    ],
)
def test_plain_data_is_spelt_out_and_nothing_else(value, said):
    assert words(value, "", ours) == said


def test_functions_and_classes_are_named_since_their_source_counts():
    assert words(helper, "", ours) == f"{__name__}:helper"
    assert words(Plain, "", ours) == f"{__name__}:Plain"


def test_a_path_in_the_project_is_told_relative_to_it():
    assert words(Path("/home/me/project/data.csv"), "/home/me/project", ours) == "PosixPath:'/data.csv'"


def test_what_is_nested_too_deep_is_not_spelt_out():
    value = []
    for _ in range(30):
        value = [value]
    assert words(value, "", ours) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-1.5", -1.5),
        ("-'a'", UNKNOWN),
        ("(1, 'a')", (1, "a")),
        ("[1, [2]]", [1, [2]]),
        ("{1, 2}", {1, 2}),
        ("{'k': [1]}", {"k": [1]}),
        ("[f()]", UNKNOWN),
        ("{**x}", UNKNOWN),
        ("{'k': f()}", UNKNOWN),
        ("f()", UNKNOWN),
    ],
)
def test_literals_are_worked_out(text, value):
    node = ast.parse(text, mode="eval").body
    assert isinstance(node, _ast.expr)
    found = literal(node)
    assert found is value if value is UNKNOWN else found == value


def test_what_a_registry_holds_is_found_however_it_is_wrapped():
    loop = [helper]
    loop.append(loop)
    held = {
        "a": Plain,
        "b": [helper],
        Plain: 1,
        "c": functools.partial(helper),
        "d": Plain(1).method,
        "e": Plain(2),
        "f": loop,
    }
    assert {part.__name__ for part in definitions_in(held, ours)} == {"Plain", "helper", "method"}
    assert set(definitions_in(vars(Plain), ours)) == {Plain.__init__, Plain.method}
    assert list(definitions_in(7, ours)) == []
