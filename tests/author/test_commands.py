"""Shell commands and notebooks as tasks: what they take, how they are called, what is refused."""

import json
import pickle

import cloudpickle
import pytest

from fairlead import notebook, shell, task, workflow
from fairlead.author.commands import CommandTask, NotebookCore
from fairlead.errors import DefinitionError
from fairlead.model.task import LEFT_OUT, Param, Source
from fairlead.model.workflow import Const, MapNode
from fairlead.node.loading import loading


def cell(source, *tags, kind="code"):
    extra = {"outputs": [{"output_type": "stream", "name": "stdout", "text": "old"}], "execution_count": 7}
    return {"cell_type": kind, "metadata": {"tags": list(tags)}, "source": source, **(extra if kind == "code" else {})}


def write(path, *cells, metadata=None):
    data = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata or {}, "cells": list(cells)}
    path.write_text(json.dumps(data))
    return path


@pytest.fixture
def clean(tmp_path):
    return write(
        tmp_path / "clean.ipynb",
        cell("# Clean\n", kind="markdown"),
        cell(["path: str\n", "rate = 0.1\n", "when = date.today()\n", "a = b = [1]"], "parameters"),
        cell("table = path"),
    )


# --- shell ------------------------------------------------------------------------------------------


def test_a_command_is_a_task_definition():
    count = shell("wc -l $path ${out:-x}", outputs=["n"], retries=2, name="count")
    made = count.definition
    assert (made.name, made.kind, made.outputs, made.retries) == ("count", "shell", ("n",), 2)
    assert made.sources == (Source("command", "wc -l $path ${out:-x}", "bash"),)
    assert made.params == (Param("path"), Param("out", "normal", False), Param("variables", "varkw", False))
    assert made.place.file == __file__
    assert (repr(count), count.name, made.target) == ("<Task count>", "count", "")


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("wc -l $path", "wc"),
        ("\n  ./bin/run.sh -x", "run"),
        ("python train.py", "python"),
        ("n=$(wc -l); export n", "shell"),
        ("for x in 1; do :; done", "shell"),
        ("set -x", "shell"),
    ],
)
def test_a_command_is_called_by_its_program(command, name):
    assert shell(command).name == name


def test_calls_in_a_workflow_become_nodes():
    count = shell("wc -l < $path $more", outputs=["n", "m"])

    @workflow
    def flow(path, paths):
        n, m = count(path, more=1, extra=n_of(2))
        each = shell("cat $x", outputs=["y"]).map(paths, k=m)
        shell("echo last").after(each)()
        return count.options(retries=1, name="again")(n, m)

    graph = flow("a", ["b"]).graph
    first, mapped = graph.nodes[1], graph.nodes[2]
    assert list(first.args) == ["path", "more", "extra"] and isinstance(first.args["more"], Const)
    assert isinstance(mapped, MapNode) and list(mapped.over) == ["x"] and list(mapped.whole) == ["k"]
    assert [node.name for node in graph.nodes] == ["n_of", "wc", "cat", "echo", "again"]
    assert [task.kind for task in graph.tasks] == ["python", "shell", "shell", "shell", "shell"]
    assert graph.nodes[4].after


@task
def n_of(n):
    return n


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: shell(""), "takes a command as text; got ''"),
        (lambda: shell(["ls"]), "takes a command as text; got ['ls']"),
        (lambda: shell("a\0b"), "has a NUL character in its command"),
        (lambda: shell("x" * 200_000), "has a command of more than 100,000 bytes; put it into a file, and run that"),
        (lambda: shell("true", outputs=["a-b"]), "true: outputs 'a-b' is no name of a variable"),
        (lambda: shell("true", outputs=["a", "a"]), "true: outputs has 'a' twice"),
        (lambda: shell("true", outputs="n"), "true: outputs must be a list of names: ['n']"),
        (lambda: shell("true", inputs="n"), "inputs must be a list of names; got 'n'"),
        (lambda: shell("true", inputs=["n", "n", "2"]), "inputs  has 'n' twice"),
        (lambda: shell("true", retry=1), "retry is no option of a task (nearest: 'retries')"),
        (lambda: shell("true", name="a.b"), "name may not hold .; got 'a.b'"),
        (lambda: shell("true", tracked=["n"]).definition, "tracked 'n' is no output"),
        (lambda: shell("true").options(outputs=["1a"]), "true: outputs '1a' is no name of a variable"),
    ],
)
def test_what_cannot_be_is_refused_when_it_is_built(make, said):
    with pytest.raises(DefinitionError) as caught:
        make()
    assert said in str(caught.value)


def test_calls_that_cannot_be_are_told_with_their_place():
    count = shell("wc -l $path ${sep:-,}")

    @workflow
    def flow():
        count()
        count(1, 2, 3)
        return count("a", **{"a-b": 1})

    with pytest.raises(DefinitionError) as caught:
        flow()
    said = str(caught.value)
    assert "wc    is not given 'path' (test_commands.py:" in said
    assert "takes 2 positional arguments, 3 were given" in said
    assert "is given 'a-b', which is no name of a variable" in said
    with pytest.raises(DefinitionError, match="wc: is not given 'path'"):
        count(sep=1)


def test_a_name_with_a_default_may_stand_before_one_without():
    @workflow
    def flow():
        return shell("echo ${a:-1} $b")("x")

    with pytest.raises(DefinitionError, match="echo is not given 'b'"):
        flow()


def test_inputs_say_what_a_command_takes():
    run = shell("source vars.sh; echo $token", inputs=["file"], outputs=["n"])
    assert run.definition.params == (Param("file"), Param("variables", "varkw", False))
    odd = shell("echo $variables")
    assert [param.name for param in odd.definition.params] == ["variables", "variables_"]


def test_commands_can_be_pickled():
    count = shell("echo $path", outputs=["n"], name="count")
    again = pickle.loads(pickle.dumps(count))
    assert isinstance(again, CommandTask) and again.definition == count.definition
    assert pickle.loads(pickle.dumps(LEFT_OUT)) is LEFT_OUT


# --- notebooks --------------------------------------------------------------------------------------


def test_a_notebook_is_a_task_definition(clean):
    made = notebook(clean, outputs=["table"], retries=1).definition
    assert (made.name, made.kind, made.outputs, made.retries) == ("clean", "notebook", ("table",), 1)
    assert [source.name for source in made.sources] == [
        "clean.ipynb: kernel",
        "clean.ipynb: cell 1 (parameters)",
        "clean.ipynb: cell 2",
    ]
    assert made.sources[2] == Source("clean.ipynb: cell 2", "table = path", "python")
    assert made.params == (
        Param("path", "normal", True, "str"),
        Param("rate", "normal", False),
        Param("when", "normal", False),
        Param("a", "normal", False),
        Param("b", "normal", False),
        Param("variables", "varkw", False),
    )
    assert "old" not in json.dumps(made.settings) and "table = path" not in json.dumps(made.settings)


def test_defaults_are_those_of_the_parameters_cell(clean):
    by_name = {one.name: one.default for one in notebook(clean)._core.layout.arguments}
    assert (by_name["rate"], by_name["when"], by_name["a"]) == (0.1, LEFT_OUT, [1])


def test_types_of_parameters_are_checked(clean):
    @workflow
    def flow():
        return notebook(clean)(3)

    with pytest.raises(DefinitionError, match="clean 3 given for 'path: str'"):
        flow()


def test_other_languages_have_parameters_too(tmp_path):
    path = write(
        tmp_path / "1.r nb.ipynb",
        cell("# n = 1\nrate <- 0.1\nname = 'x'\nif (a == 1) {}", "parameters"),
        metadata={"kernelspec": {"name": "ir", "language": "R"}},
    )
    made = notebook(path)
    assert made.name == "1_r nb"
    assert [one.name for one in made.definition.params] == ["rate", "name", "variables"]
    assert made.definition.sources[0].text == "ir"


@pytest.mark.parametrize("source", ["%load_ext x\nrate = 1", "rate = ", ""])
def test_a_parameters_cell_that_is_no_python_names_nothing(tmp_path, source):
    made = notebook(write(tmp_path / "odd.ipynb", cell(source, "parameters")))
    assert [one.name for one in made.definition.params] == ["variables"]


def test_a_path_goes_from_the_file_that_says_it(tmp_path, monkeypatch, clean):
    monkeypatch.chdir("/")
    (tmp_path / "jobs_nb.py").write_text("from fairlead import notebook\nc = notebook('clean.ipynb')\n")
    monkeypatch.syspath_prepend(tmp_path)
    import jobs_nb

    assert jobs_nb.c.name == "clean"
    with pytest.raises(DefinitionError, match=r"no notebook '.*tests/author/clean.ipynb'"):
        notebook("clean.ipynb")
    monkeypatch.chdir(tmp_path)
    namespace = {}
    exec(compile("from fairlead import notebook\nc = notebook('clean.ipynb')", "<session>", "exec"), namespace)
    assert namespace["c"].name == "clean"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "is no notebook: it has no 'nbformat' and 'cells'"),
        ("[1]", "is no notebook"),
        ("{", "cannot be read: "),
        ('{"nbformat": 3, "worksheets": []}', "is of format 3; open and save it in Jupyter, for format 4"),
    ],
)
def test_a_file_that_is_no_notebook_is_refused(tmp_path, text, said):
    (tmp_path / "x.ipynb").write_text(text)
    with pytest.raises(DefinitionError) as caught:
        notebook(tmp_path / "x.ipynb")
    assert said in str(caught.value) and "test_commands.py:" in str(caught.value)


def test_other_mistakes_are_refused_too(clean, tmp_path):
    with pytest.raises(DefinitionError, match=r"takes the path of a notebook; got 3"):
        notebook(3)
    with pytest.raises(DefinitionError, match="outputs 'a b' is no name of a variable"):
        notebook(clean, outputs=["a b"])
    with pytest.raises(DefinitionError, match="cannot be read"):
        notebook(tmp_path)


def test_a_session_sees_a_notebook_that_was_edited(clean):
    made = notebook(clean)

    @workflow
    def flow(x):
        return made(x)

    before = flow("a").graph.tasks[0]
    write(clean, cell("path = 'longer'", "parameters"))
    after = flow("a").graph.tasks[0]
    assert (len(before.sources), len(after.sources)) == (3, 2)
    clean.unlink()
    with pytest.raises(DefinitionError, match="no notebook"):
        flow("a")


def test_a_file_that_is_loaded_elsewhere_needs_no_notebook(tmp_path):
    with loading():
        made = notebook(tmp_path / "gone.ipynb", outputs=["x"])
    with pytest.raises(DefinitionError, match="gone: no notebook"):
        _ = made.definition
    with pytest.raises(DefinitionError, match="no notebook"):
        made(1)


def test_notebooks_can_be_pickled(clean):
    made = notebook(clean, outputs=["table"])
    again = cloudpickle.loads(cloudpickle.dumps(made))
    assert again.definition == made.definition
    clean.unlink()
    assert cloudpickle.loads(cloudpickle.dumps(made)).name == "clean"


def test_without_a_way_to_run_it_a_plain_call_is_refused(clean, tmp_path):
    made = CommandTask(NotebookCore(clean, None, {}, notebook(clean).definition.place))
    with pytest.raises(DefinitionError, match="'clean' can be called in a workflow only"):
        made("a")
