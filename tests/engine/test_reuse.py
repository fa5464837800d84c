"""What a result depends on, and how a change of it is told."""

from __future__ import annotations

import os
import pickle
import time
from pathlib import Path, PurePosixPath

import numpy
import pytest

from fairlead.engine import contents
from fairlead.engine.contents import changed, content_digest
from fairlead.engine.reuse import Keys, Parts, differences, index, paths_changed
from fairlead.model.events import Attempt
from fairlead.model.run import Code, TaskCode
from fairlead.model.state import State
from fairlead.stores.artifacts import MemoryArtifacts
from fairlead.stores.held import held_paths
from fairlead.stores.values import StoredValues
from tests.model.builders import (
    After,
    Const,
    MapNode,
    Parameter,
    ParamRef,
    Ref,
    TaskNode,
    Workflow,
    run_of,
    task,
    workflow,
)

VALUES = StoredValues(MemoryArtifacts())


class Point:
    def __init__(self, where):
        self.where = where


ONE = (TaskNode("a", 0, {"x": Const(0)}),)
TASK = (task("a"),)


def given(*values, nodes=ONE, tasks=TASK, codes=("c",), cwd="", classes=None):
    run = run_of(workflow(*nodes, tasks=tasks), [VALUES.encode(value, files=False) for value in values], {})
    run.code = Code(tasks=tuple(TaskCode(code) for code in codes), classes=classes or {}, root="/p")
    run.cwd = cwd
    return run


def first(run):
    keys = Keys(run, VALUES)
    state = State(run.workflow, run.constants, run.parameters)
    return keys, state, state.next(0.0)


def parts_of(run):
    keys, state, live = first(run)
    return keys.parts(state, live)


# --- parts ------------------------------------------------------------------------------------------------


def test_equal_values_have_one_key_however_they_are_encoded():
    array = numpy.arange(4000)
    one, other = (parts_of(given(value)) for value in (array[::2], array[::2].copy()))
    assert one == other and one.key() == other.key() and len(one.key()) == 40


@pytest.mark.parametrize(
    ("option", "counts"),
    [
        ({"env_vars": {"A": "1"}}, True),
        ({"image": "team/x:1"}, True),
        ({"secrets": ("KEY",)}, True),
        ({"settings": {"a": 1}}, True),
        ({"retries": 3}, False),
        ({"timeout": 3.0}, False),
        ({"cache": True}, False),
    ],
)
def test_only_options_that_change_what_comes_out_count(option, counts):
    assert (parts_of(given(1)).key() != parts_of(given(1, tasks=(task("a", **option),))).key()) is counts


def test_the_code_of_the_classes_of_inputs_counts():
    name = f"{__name__}:Point"
    parts = parts_of(given(Point(1), classes={name: "digest"}))
    assert parts.classes == {name: "digest"}
    assert parts.key() != parts_of(given(Point(1), classes={name: "new"})).key()


def test_a_class_that_no_name_leads_to_counts_with_all_of_its_module():
    parts = parts_of(given(Point(1), classes={f"{__name__}:": "all"}))
    assert parts.classes == {f"{__name__}:Point": "all"}


def test_a_class_that_was_not_written_down_is_the_same_in_no_other_run():
    one, other = given(Point(1)), given(Point(1))
    other.id = "other"
    assert parts_of(one).key() != parts_of(other).key()


def test_every_difference_is_said_once():
    old = Parts("c", {"a": "1", "b": "1"}, {"m:C": "1"}, {"image": "null"}, ())
    new = Parts("d", {"a": "2", "n": "1"}, {"m:C": "2"}, {"image": '"x"'}, ("k",))
    assert differences(old, old, ["unused"]) == []
    assert differences(old, new, []) == [
        "its code changed",
        "input 'a' changed",
        "input 'b' is gone",
        "input 'n' is new",
        "class m:C changed",
        "option 'image' changed: null -> \"x\"",
        "what it was ordered after changed",
    ]
    assert differences(old, new, ["x.py: f changed"])[0] == "x.py: f changed"


def test_what_a_chain_of_effects_was_ordered_after_counts_all_the_way_back():
    size = 3000
    nodes = [TaskNode("t0", 0, {"x": Const(0)})]
    nodes += [TaskNode(f"t{n}", 1, after=(After(n - 1),)) for n in range(1, size)]

    def last(value):
        run = given(value, nodes=nodes, tasks=(task("t"), task("u")), codes=("c", "d"))
        keys = Keys(run, VALUES)
        state = State(run.workflow, run.constants, run.parameters)
        for _ in range(size - 1):
            live = state.next(0.0)
            state.ended(live, Attempt(live.path, 1, outcome="succeeded", outputs=[VALUES.encode(None)]))
        return keys.parts(state, state.next(0.0)).key()

    assert last(1) == last(1) != last(2)


def test_a_map_that_was_waited_for_counts_with_its_lists_and_its_body():
    def after_map(items, code):
        body = Workflow("f", (Parameter("x"),), (TaskNode("f", 0, {"x": ParamRef("x")}),), {"result": Ref(0)})
        outer = Workflow("g", (Parameter("x"),), (MapNode("f", body, {"x": ParamRef("x")}, flat=True),), {"r": Ref(0)})
        nodes = (MapNode("g", outer, {"x": Const(0)}), TaskNode("b", 1, after=(After(0),)))
        run = given(items, nodes=nodes, tasks=(task("f"), task("b")), codes=(code, "d"))
        keys, state, live = first(run)
        while live.path != "b":
            state.ended(live, Attempt(live.path, 1, outcome="succeeded", outputs=[VALUES.encode(1)]))
            live = state.next(0.0)
        return keys.parts(state, live).order

    assert after_map([[1], [2]], "c") == after_map([[1], [2]], "c")
    assert len({after_map(*one) for one in (([[1]], "c"), ([[2]], "c"), ([[1]], "d"))}) == 3


# --- paths ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrap", [lambda p: p, lambda p: [p], lambda p: {"a": (p, 1)}, Point, lambda p: [p] * 2000])
def test_a_path_counts_with_what_it_names_wherever_it_stands(tmp_path, wrap):
    file = tmp_path / "a"
    missing = parts_of(given(wrap(file))).key()
    file.write_text("1")
    there = parts_of(given(wrap(file))).key()
    assert parts_of(given(wrap(file))).key() == there
    file.write_text("2")
    assert len({missing, there, parts_of(given(wrap(file))).key()}) == 3
    os.utime(file, (1, 1))
    file.write_text("1")
    assert parts_of(given(wrap(file))).key() == there


def test_relative_paths_are_those_of_where_the_run_was_made(tmp_path):
    (tmp_path / "a").write_text("1")
    keys = {parts_of(given(Path("a"), cwd=str(where))).key() for where in (tmp_path, tmp_path / "elsewhere")}
    assert len(keys) == 2


def test_text_and_pure_paths_name_nothing(tmp_path):
    for value in ("pathlib", ["pathlib.Path"], PurePosixPath(tmp_path), b"pathlib", Path):
        keys, state, live = first(given(value))
        assert keys.path_inputs(state, live) == [] and not keys.given_paths()


def test_paths_are_found_beside_parts_that_cannot_be_made_here():
    made = pickle.dumps([Path("a"), Point({Path("b")}), numpy.float64(1), numpy.arange(3), {1: Path("c")}], protocol=5)
    assert held_paths(made) == [Path("a"), Path("b"), Path("c")]
    assert held_paths(made.replace(b"test_reuse", b"test_wrong")) == [Path("a"), Path("b"), Path("c")]
    assert held_paths(b"\x80\x05nonsense pathlib") == []


def record(run, at):
    keys, state, live = first(run)
    return Attempt(
        "a", 1, 1, ended=at, outcome="succeeded", outputs=[VALUES.encode(1)], key=keys.parts(state, live).key()
    )


def test_a_file_that_changed_after_its_result_was_made_takes_it_away(tmp_path):
    file = tmp_path / "a"
    file.write_text("1")
    run = given(file)
    attempt = record(run, time.time() + 0.5)
    assert not paths_changed(run, [attempt], 1, VALUES)
    file.write_text("2")
    assert not paths_changed(run, [attempt], 1, VALUES), "the task itself may have written it"
    attempt.ended = time.time() - 5
    assert paths_changed(run, [attempt], 1, VALUES)
    (now,) = index(run, [attempt], 1, VALUES)
    assert now == attempt.key != parts_of(run).key()
    file.write_text("1")
    assert not paths_changed(run, [attempt], 1, VALUES), "it is what it was"
    file.unlink()
    assert paths_changed(run, [attempt], 1, VALUES)


def test_results_without_a_recorded_key_are_taken_as_they_are(tmp_path):
    run = given(tmp_path)
    attempt = record(run, 1.0)
    attempt.key = ""
    assert not paths_changed(run, [attempt], 1, VALUES)
    assert list(index(run, [attempt], 1, VALUES)) == [parts_of(run).key()]


# --- what files hold --------------------------------------------------------------------------------------


def test_a_folder_is_its_names_and_bytes(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        (folder / "deep").mkdir(parents=True)
        (folder / "deep" / "a").write_text("1")
        (folder / "loop").symlink_to(folder)
        (folder / "nowhere").symlink_to("not there")
        os.mkfifo(folder / "pipe")
    assert content_digest(one) == content_digest(other)
    (other / "deep" / "a").rename(other / "deep" / "b")
    assert content_digest(one) != content_digest(other)
    assert changed(one) <= time.time() < changed(tmp_path / "not there")


def test_a_file_is_read_once_while_it_stays_the_same(tmp_path, monkeypatch):
    file = tmp_path / "a"
    file.write_text("1")
    monkeypatch.setattr(contents, "_SETTLED", -1.0)
    digest = content_digest(file)
    reads = []
    monkeypatch.setattr("hashlib.file_digest", lambda *_: reads.append(1))
    assert content_digest(file) == digest and not reads


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_what_cannot_be_read_has_no_content(tmp_path):
    file = tmp_path / "a"
    file.write_text("1")
    file.chmod(0)
    assert content_digest(file).startswith("unreadable")


def test_a_path_to_what_is_neither_file_nor_folder_has_no_content(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert content_digest(tmp_path / "pipe") == content_digest(tmp_path / "none") == ""
