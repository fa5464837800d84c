"""What other tools get wrong with branches, loops and maps inside each other."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from fairlead import Conditional, Loop, Map, Parallel, Pipeline, PythonTask
from fairlead.config.services import close_all


@pytest.fixture(autouse=True)
def _project(tmp_path, monkeypatch):
    (tmp_path / ".fairlead").mkdir()
    monkeypatch.chdir(tmp_path)
    yield
    close_all()


def scale(x, factor):
    y = x * factor
    return y


def test_a_branch_sees_its_parents_parameters_at_any_depth():
    deep = Map("inner", "row", "x", Parallel("p", {"a": Conditional("c", "kind", {"k": scale})}))
    pipeline = Pipeline([Map("outer", "rows", "row", Loop("twice", deep, 2))])
    run = pipeline.run("in_process", parameters={"rows": [[1, 2], [3]], "factor": 10, "kind": "k"})
    assert run.get_results()["y"] == [[10, 20], [30]]


@pytest.mark.parametrize("items", [["a.csv", "b/c.d", "#1", "[0]"], [0.1, 0.1, 0.1], []])
def test_items_of_any_look_and_duplicates_keep_their_own_values(items):
    def same(item):
        kept = item
        return kept

    assert Pipeline([Map("each", "items", "item", same)]).run("local", parameters={"items": items}).get_results() == {
        "kept": items
    }


def killed():
    os.kill(os.getpid(), signal.SIGKILL)


def leaves():
    sys.exit("gone")


def unstorable():
    generator = (x for x in [])
    return generator


@pytest.mark.parametrize("step", [killed, leaves, unstorable])
def test_handlers_work_however_a_task_fails(step):
    def rescue(failure):
        told = failure["task"]
        return told

    run = Pipeline([PythonTask(step, on_failure=rescue)]).run("local")
    assert run.get_status() == "succeeded"
    assert run.get_results()["told"] == step.__name__


def test_what_follows_a_failure_is_skipped_and_says_why():
    pipeline = Pipeline([PythonTask(leaves), Parallel("p", {"a": scale}), PythonTask(lambda y: y, name="end")])
    run = pipeline.run("in_process", parameters={"x": 1, "factor": 2}, check=False)
    assert {one.id: one.status for one in run.get_tasks()} == {
        "leaves": "failed",
        "p.a.scale": "skipped",
        "end": "skipped",
    }
    assert run.explain("end")["end"] == ["skipped: leaves did not succeed"]
    assert run.explain("p.a.scale") == {"p.a.scale": ["skipped: leaves did not succeed"]}
