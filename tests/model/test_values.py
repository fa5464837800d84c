"""Values are taken apart without being decoded, and modules have one name everywhere."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from fairlead.model.names import canonical_module, script_module
from fairlead.model.values import Inline, Pick, Rows, Stored, Tree, pick, split
from tests.model.builders import json, plain

FAR = Stored("sha256/ab", "pickle", 10)
PAIR = Tree("tuple", (json(1), FAR))
BOX = Tree("dict", (json(1),), (json("a"),))


@pytest.mark.parametrize(
    ("value", "select", "found"),
    [
        (PAIR, (), PAIR),
        (PAIR, (1,), FAR),
        (PAIR, (-2,), json(1)),
        (Rows([json([1, 2])]), (0,), json([1, 2])),
        (Tree("list", (PAIR,)), (0, 1), FAR),
        (PAIR, (2,), Pick(PAIR, (2,))),
        (PAIR, ("a",), Pick(PAIR, ("a",))),
        (BOX, ("a",), Pick(BOX, ("a",))),
        (PAIR, (1, "a", 0), Pick(FAR, ("a", 0))),
    ],
)
def test_a_selection_goes_as_deep_as_the_structure_is_known(value, select, found):
    assert pick(value, select) == found


def test_lists_are_split_where_their_bytes_are_at_hand():
    assert split(Rows([json(1), FAR])) == [json(1), FAR]
    assert split(PAIR) == [json(1), FAR]
    assert [plain(item) for item in split(json([1, "b", [2]]))] == [1, "b", [2]]
    assert split(json([])) == []


@pytest.mark.parametrize("value", [FAR, BOX, json({"a": 1}), json(3), Inline("pickle", b"["), Pick(FAR, (0,))])
def test_what_must_be_decoded_first_is_not_split(value):
    assert split(value) is None


def test_a_module_keeps_its_name():
    assert canonical_module("jobs.train") == "jobs.train"


@pytest.mark.parametrize(
    ("main", "name"),
    [
        ({"__spec__": type("Spec", (), {"name": "jobs.train"})}, "jobs.train"),
        ({"__spec__": None, "__file__": "/home/me/my.jobs.py"}, "my_jobs"),
        ({"__spec__": None}, "__main__"),
    ],
)
def test_what_was_started_is_named_as_others_import_it(main, name, monkeypatch):
    module = ModuleType("__main__")
    module.__dict__.update(main)
    monkeypatch.setitem(sys.modules, "__main__", module)
    assert canonical_module("__main__") == canonical_module("__mp_main__") == name


def test_a_script_takes_no_name_of_another_module(monkeypatch):
    assert script_module("/home/me/random.py") == "random__script"
    other = ModuleType("jobs")
    other.__file__ = "/somewhere/jobs.py"
    monkeypatch.setitem(sys.modules, "jobs", other)
    assert script_module("/home/me/jobs.py") == "jobs__script"
    assert script_module("/somewhere/jobs.py") == "jobs"
