"""Single tasks as targets: a task, or a plain function, runs as a workflow of one."""

from __future__ import annotations

import json
import sys

import pytest

from fairlead import DefinitionError, NotFound
from fairlead.api import load_target, resume_run
from fairlead.author.functions import Task

JOBS = '''
import argparse
import functools
from fairlead import task, workflow

@task(outputs=("best", "report"), retries=1)
def train(path: str, rate: float = 0.1, *, deep=None, home=object):
    """Train.

    Args:
        path: Where the data is.
    """
    return [path, rate, deep], home is object

@task
def many(first, second: int = 2, /, third=3, *more: int, last=4):
    return [first, second, third, more, last]

@task
def words(n: int, **rest: float):
    return n, rest

@task
def spaced(args: argparse.Namespace):
    return vars(args)

def fallback(path, failure=None):
    return "instead"

@task
def breaks(path):
    raise ValueError(path)

guarded = breaks.on_failure(fallback)

def plain(n: int, m: int = 2):
    return n * m

def forgotten():
    return train("a")

def uses():
    return flow()

@workflow
def flow():
    return words(1)

def numbers():
    yield 1

class Thing: ...

partly = functools.partial(plain, 1)
'''


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / ".fairlead").mkdir()
    (tmp_path / "jobs.py").write_text(JOBS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(name, env="in_process", **parameters):
    return load_target(f"jobs.py:{name}").bind(parameters, env=env).run(env)


@pytest.mark.parametrize("env", ["in_process", "local"])
def test_a_task_runs_as_a_workflow_of_one(project, env):
    done = run("train", env, path="a.csv", rate="2")
    assert done.get_results() == {"best": ["a.csv", 2.0, None], "report": True}
    assert done.parameters == {"path": "a.csv", "rate": 2.0, "deep": None}
    assert [one.name for one in done.get_tasks()] == ["train"]
    assert done.graph.tasks[0].retries == 1
    assert done.graph.nodes[0].place == done.graph.tasks[0].place


@pytest.mark.parametrize(
    ("given", "result"),
    [
        ({"first": "1"}, [1, 2, 3, (), 4]),
        ({"first": "1", "last": "5"}, [1, 2, 3, (), 5]),
        ({"first": "1", "more": "[7, 8]"}, [1, 2, 3, (7, 8), 4]),
        ({"first": "1", "second": "0", "third": "x", "more": "[7]"}, [1, 0, "x", (7,), 4]),
        ({"first": "1", "more": "[]"}, [1, 2, 3, (), 4]),
    ],
)
def test_arguments_of_every_kind_are_parameters(project, given, result):
    assert run("many", **given).get_results() == result


def test_a_task_with_kwargs_takes_any_name(project):
    assert run("words", n="1", a="2", b="0.5").get_results() == (1, {"a": 2.0, "b": 0.5})
    with pytest.raises(DefinitionError, match="'a': 'x' is not float"):
        run("words", n="1", a="x")


@pytest.mark.parametrize("env", ["in_process", "local"])
def test_a_task_with_a_namespace_takes_any_name(project, env):
    assert run("spaced", env, n="1", path="x").get_results() == {"n": 1, "path": "x"}
    assert run("spaced", env).get_results() == {}


def test_the_handler_of_a_task_comes_along(project):
    assert run("guarded", path="x").get_results() == "instead"


def test_a_plain_function_runs_too(project):
    done = run("plain", n="3")
    assert done.get_results() == 6
    assert done.record.target == f"{project / 'jobs.py'}:plain"


def test_what_is_wrong_is_told_as_for_workflows(project):
    with pytest.raises(DefinitionError) as error:
        run("train", pth="a", rate="x")
    assert error.value.problems == (
        "takes no 'pth' (nearest: 'path') (-p pth=…)",
        "'rate': 'x' is not float (-p rate=…)",
        "is not given 'path'",
    )


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("forgotten", NotFound, "'forgotten' is a plain function that calls tasks; put @workflow above it"),
        ("uses", NotFound, "'uses' is a plain function that calls tasks"),
        ("Thing", NotFound, "'Thing' cannot be run"),
        ("partly", NotFound, "'partly' cannot be run"),
        ("numbers", DefinitionError, "is a generator"),
        ("none", NotFound, "has no workflow 'none'"),
    ],
)
def test_what_cannot_run_by_itself_says_why(project, name, kind, said):
    with pytest.raises(kind, match=said):
        load_target(f"jobs.py:{name}")


def test_a_file_with_one_task_and_no_workflow_needs_no_name(project):
    (project / "one.py").write_text("from fairlead import task\n@task\ndef only(n: int): return n\n")
    assert load_target("one.py").bind({"n": "3"}).run("in_process").get_results() == 3
    (project / "two.py").write_text("from fairlead import task\n@task\ndef a(): ...\n@task\ndef b(): ...\n")
    with pytest.raises(NotFound, match=r"name a task to run it by itself: two.py:a, two.py:b|two\.py:b"):
        load_target("two.py")
    (project / "none.py").write_text("def a(): ...\n")
    with pytest.raises(NotFound, match="name a function to run it by itself"):
        load_target("none.py")


def test_a_step_runs_by_itself_as_a_pipeline_of_one(project):
    (project / "steps.py").write_text(
        "from fairlead import PythonTask, ShellTask\n"
        "count = ShellTask(command='export n=$(printf %s $text | wc -c)', returns=['n'])\n"
        "twice = PythonTask(function=lambda n: 2 * n, name='twice', returns=['m'])\n"
    )
    done = load_target("steps.py:count").bind({"text": "heron"}).run("in_process")
    assert done.get_results() == {"n": "5"}
    assert resume_run(done.id, "in_process").id == done.id
    assert load_target("steps.py:twice").bind({"n": "4"}).run("in_process").get_results() == {"m": 8}
    (project / "one.py").write_text("from fairlead import ShellTask\nonly = ShellTask(command='true', name='only')\n")
    assert load_target("one.py").name == "only"


def test_a_run_of_a_task_resumes(project):
    first = run("plain", n="3")
    assert resume_run(first.id, "in_process").id == first.id
    second = resume_run(first.id, "in_process", parameters={"m": "5"})
    assert second.get_results() == 15 and second.record.parent == first.id


def test_a_task_is_drawn_and_checked_without_its_parameters(project):
    graph = load_target("jobs.py:train").draft({})
    assert [one.name for one in graph.parameters] == ["path", "rate", "deep"] and list(graph.results) == [
        "best",
        "report",
    ]
    assert load_target("jobs.py:train").bind({"path": "x"}).check("in_process") == []


def test_a_task_made_in_code_is_a_target_like_any_other(project):
    from fairlead.api.single import single

    assert single(Task(len, name="length")).bound_to({"obj": [1, 2]}).run("in_process").get_results() == 2


def notebook_file(path, *sources):
    cells = [
        {"cell_type": "code", "metadata": {"tags": ["parameters"] * (place == 0)}, "source": text, "outputs": []}
        for place, text in enumerate(sources)
    ]
    metadata = {"kernelspec": {"name": "python3", "language": "python", "display_name": "python3"}}
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": metadata, "cells": cells}))


def test_a_notebook_is_a_target_with_the_parameters_of_its_cell(project):
    notebook_file(project / "clean.ipynb", "limit: int = 3\nname = 'a'\nnow = len(name)", "print(limit * 2)")
    target = load_target("clean.ipynb")
    assert target.name == "clean" and [one.name for one in target.inputs] == ["limit", "name", "now"]
    assert not target.inputs[2].required and repr(target.inputs[2].default) == "<no default>"
    assert target.folder == project and target.text == f"{project}/clean.ipynb:clean"
    with pytest.raises(DefinitionError, match="'limit': 'x' is not int"):
        target.bind({"limit": "x"})
    graph = target.draft({})
    assert graph.tasks[0].kind == "notebook" and list(graph.results) == ["result"]
    with pytest.raises(NotFound, match=r"no file 'none.ipynb'"):
        load_target("none.ipynb")


def test_a_notebook_runs_and_resumes(project, monkeypatch):
    pytest.importorskip("ipykernel", reason="the extra 'notebook' is not installed")
    notebook_file(project / "clean.ipynb", "limit: int = 3", "print(limit * 2)")
    done = load_target("clean.ipynb").bind({"limit": "4"}, env="in_process").run("in_process")
    assert done.get_status() == "succeeded" and "8" in "".join(map(str, done.get_logs()))
    assert resume_run(done.id, "in_process").id == done.id
    again = resume_run(done.id, "in_process", parameters={"limit": "5"})
    assert again.record.parent == done.id and "10" in "".join(map(str, again.get_logs()))


def test_moving_lines_about_changes_no_run(project):
    first = run("plain", n="3")
    (project / "jobs.py").write_text(f"\n\n{JOBS}")
    sys.modules.pop(
        next(
            name for name, module in sys.modules.items() if getattr(module, "__file__", "") == str(project / "jobs.py")
        )
    )
    assert resume_run(first.id, "in_process").id == first.id
