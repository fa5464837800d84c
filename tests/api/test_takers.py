"""Steps that take whatever there is, and steps that ask for one name as different types."""

from __future__ import annotations

import argparse
from argparse import Namespace
from pathlib import Path

import pytest

from fairlead import Conditional, DefinitionError, Loop, Map, Pipeline, PythonTask, ShellTask, task
from fairlead.api import load_target


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    (tmp_path / ".fairlead").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(path: str, rate: float = 0.5):
    data = [path, rate]
    return data


def everything(**names):
    return names


def others(data, **names: float):
    return names


def spaced(args: argparse.Namespace):
    return vars(args)


def short(args: Namespace, /):
    return vars(args)


async def later(**names):
    return names


def steps(*functions, **parameters):
    made = [one if hasattr(one, "place") else PythonTask(function=one) for one in functions]
    return Pipeline(steps=made).run("in_process", parameters=parameters).get_results()


@pytest.mark.parametrize("taker", [everything, spaced, short, later, task(everything), task(spaced)])
@pytest.mark.parametrize("env", ["in_process", "local"])
def test_such_a_step_gets_all_names_there_are(taker, env):
    pipeline = Pipeline(steps=[PythonTask(function=load), PythonTask(function=taker, returns=["seen"])])
    results = pipeline.run(env, parameters={"path": "a", "extra": 3}).get_results()
    assert results["seen"] == {"data": ["a", 0.5], "path": "a", "rate": 0.5, "extra": 3}


def test_names_that_it_takes_by_themselves_are_not_among_the_rest():
    assert steps(load, PythonTask(function=others, returns=["seen"]), path="a")["seen"] == {"path": "a", "rate": 0.5}


def test_without_such_a_step_a_name_that_nobody_takes_is_refused():
    with pytest.raises(DefinitionError, match="'extra' is taken by no step"):
        steps(load, path="a", extra=3)
    with pytest.raises(DefinitionError, match="'extra' is taken by no step"):
        steps(load, ShellTask(command="echo $path"), path="a", extra=3)


def test_builtins_that_do_not_say_what_they_take_are_given_nothing():
    assert PythonTask(function=getattr, name="get") and steps(
        PythonTask(function=dict.fromkeys, name="make", returns=["made"]), iterable=["a"]
    ) == {"made": {"a": None}}


def test_it_sees_names_from_around_blocks():
    body = Pipeline(steps=[PythonTask(function=everything, returns=["seen"])])
    results = steps(
        PythonTask(function=items, returns=["xs"]), Map(name="each", iterate_on="xs", iterate_as="x", branch=body), n=2
    )
    assert results["seen"] == [{"x": 0, "xs": [0, 1], "n": 2}, {"x": 1, "xs": [0, 1], "n": 2}]
    loop = Loop(
        name="again", branch=Pipeline(steps=[PythonTask(function=everything, returns=["seen"])]), max_iterations=1
    )
    assert steps(PythonTask(function=items, returns=["xs"]), loop, n=1)["seen"] == {"xs": [0], "n": 1}


def items(n):
    return list(range(n))


def side():
    return "heads"


def one():
    return 1


def test_a_name_that_may_have_no_value_is_not_among_them():
    branch = {
        "heads": Pipeline(steps=[PythonTask(function=one, returns=["a"])]),
        "tails": Pipeline(steps=[PythonTask(function=one, returns=["b"])]),
    }
    toss = Conditional(name="toss", parameter="side", branches=branch)
    results = steps(
        PythonTask(function=side, returns=["side"]), toss, PythonTask(function=everything, returns=["seen"])
    )
    assert results["seen"] == {"side": "heads"}


def test_on_the_command_line_any_name_is_taken_and_read(project):
    (project / "jobs.py").write_text(
        "from fairlead import Pipeline, PythonTask\n"
        "def load(path: str): return path\n"
        "def rest(**names: float): return names\n"
        "steps = [PythonTask(function=load, returns=['data']), PythonTask(function=rest, returns=['seen'])]\n"
        "jobs = Pipeline(steps=steps)\n"
    )
    target = load_target("jobs.py")
    assert [one.name for one in target.inputs] == ["path"] and target.definition.rest.annotation is float
    done = target.bind({"path": "007", "extra": "3"}, env="in_process").run("in_process")
    assert done.get_results()["seen"] == {"data": "007", "path": "007", "extra": 3.0}
    with pytest.raises(DefinitionError, match="'extra': 'x' is not float"):
        target.bind({"path": "007", "extra": "x"})


def count(n: int):
    return n


def write(n: str):
    return n


def maybe(n: int | None = None):
    return n


def half(n: float = 1.0):
    return n


def loose(n):
    return n


def path(n: Path):
    return n


@pytest.mark.parametrize(
    ("functions", "wanted"),
    [((count, maybe), int), ((maybe, count), int), ((half, count), int), ((loose, count), int), ((count, loose), int)],
)
def test_a_name_that_several_steps_take_is_what_suits_them_all(functions, wanted):
    named = [PythonTask(function=one, returns=[one.__name__]) for one in functions]
    assert Pipeline(steps=named).inputs[0].annotation is wanted


@pytest.mark.parametrize("functions", [(count, write), (write, count), (write, path), (loose, count, write)])
def test_steps_that_take_a_name_as_types_that_no_value_is_are_told(functions):
    named = [PythonTask(function=one, returns=[one.__name__]) for one in functions]
    with pytest.raises(DefinitionError, match="no value is both; give one another name"):
        Pipeline(steps=named).run("in_process", parameters={"n": 1})
    with pytest.raises(DefinitionError, match="no value is both"):
        Pipeline(steps=named).run("in_process")
    assert Pipeline(steps=named).inputs[0].name == "n"
