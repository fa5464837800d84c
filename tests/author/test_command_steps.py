"""Shell commands and notebooks as steps: names flow, and mistakes are told with all the others."""

import json

import pytest

from fairlead import NotebookTask, ShellTask, metric
from fairlead.author.steps import Conditional, Pipeline, PythonTask
from fairlead.errors import DefinitionError
from fairlead.model.task import LEFT_OUT
from fairlead.model.workflow import ParamRef, Ref


def load(path):
    return [path]


@pytest.fixture
def clean(tmp_path):
    cells = [{"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": "df = None\nwhen = now()"}]
    path = tmp_path / "clean.ipynb"
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}))
    return path


def test_names_flow_through_commands_and_notebooks(clean):
    flow = Pipeline(
        [
            PythonTask(load, returns=["df"]),
            NotebookTask(clean, returns=["table"]),
            ShellTask("wc -l $table $extra ${sep:-,}", returns=["n", metric("rows")], name="count", retries=2),
            PythonTask(load, name="last"),
        ]
    )
    built = flow.build({"extra": "x", "path": "p"})
    nodes, tasks = built.workflow.nodes, built.workflow.tasks
    assert [node.name for node in nodes] == ["load", "clean", "count", "last"]
    assert nodes[1].args == {"df": Ref(0), "when": ParamRef("when")}
    assert nodes[2].args == {"table": Ref(1), "extra": ParamRef("extra"), "sep": ParamRef("sep")}
    assert (tasks[2].outputs, tasks[2].tracked, tasks[2].retries) == (("n", "rows"), ("rows",), 2)
    assert set(built.workflow.results) == {"df", "table", "n", "rows", "last"}
    assert built.parameters["sep"] is LEFT_OUT and built.parameters["when"] is LEFT_OUT
    assert tasks[2].place.file == __file__ and nodes[2].place.file == __file__


def test_a_step_without_returns_gives_nothing_on():
    flow = Pipeline([ShellTask("echo hi"), PythonTask(load, name="take")])
    built = flow.build({"path": 1})
    assert built.workflow.nodes[1].args == {"path": ParamRef("path")}
    assert set(built.workflow.results) == {"take"}


def test_commands_stand_in_branches_and_handlers():
    flow = Pipeline(
        [
            ShellTask("false", on_failure=ShellTask("echo dealt with", name="rescue"), name="try"),
            Conditional("toss", "side", {"a": ShellTask("echo a $x"), "b": ShellTask("echo b")}),
        ]
    )
    assert len(flow.build({"side": "a", "x": 1}).workflow.tasks) == 4


def test_everything_wrong_with_steps_is_told_at_once(tmp_path):
    flow = Pipeline(
        [
            ShellTask("", name="empty"),
            NotebookTask(tmp_path / "none.ipynb"),
            ShellTask("true", returns=["a-b"], name="bad"),
            ShellTask("true", retry=2, name="odd"),
            ShellTask("echo $x"),
        ]
    )
    with pytest.raises(DefinitionError) as caught:
        flow.build()
    said = str(caught.value)
    assert "5 problems" in said
    for part in ("takes a command as text", "no notebook", "'a-b' is no name", "is no option", "takes 'x', which noth"):
        assert part in said
    assert said.count("(test_command_steps.py:") >= 4


def test_steps_are_called_by_their_program_or_file(clean):
    assert [repr(ShellTask("ls")), repr(NotebookTask(clean))] == ["<ShellTask shell>", "<NotebookTask clean>"]
