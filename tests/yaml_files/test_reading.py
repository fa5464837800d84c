"""Workflows written as YAML are the workflows that Python would write, and what is wrong has its line and column."""

from __future__ import annotations

import json
import subprocess
import sys

import msgspec
import pytest

from fairlead import (
    Conditional,
    DefinitionError,
    Loop,
    Map,
    NotebookTask,
    NotFound,
    Parallel,
    Pipeline,
    PythonTask,
    Resources,
    ShellTask,
    Stub,
    metric,
)
from fairlead.api.targets import load_target
from fairlead.author.options import OPTIONS
from fairlead.author.yaml_grammar import KINDS, OPTIONS_OF_TASKS, keys_of, schema
from fairlead.model.task import Place

JOBS = """
    def load(path, n: int = 3):
        df = list(range(n))
        return df

    def double(x):
        y = 2 * x
        return y

    def total(y):
        s = sum(y)
        return s

    def side(s):
        kind = "big" if s > 5 else "small"
        return kind

    def note(kind, s):
        said = f"{kind} {s}"
        return said

    def better(s, i=0):
        s, done = s + 1, s > 8
        return s, done

    class Tools:
        @staticmethod
        def total(y):
            s = sum(y)
            return s

    number = 3
"""

WHOLE = """
    name: churn
    description: A little of everything.
    parameters: {path: data.csv}
    steps:
      - python: yaml_jobs.load
        retries: 2
        resources: {cpu: 2, memory: 1Gi}
      - map: {over: df, as: x, steps: [{python: "yaml_jobs.py:double"}], min_success: 0.5, max_parallel: 4}
        name: each
        on_error: stop
      - python: yaml_jobs.Tools.total
        returns: [{metric: s}]
      - parallel:
          left: [{python: yaml_jobs.side}]
          right: [{stub: later, returns: [z]}]
        name: both
      - switch:
          on: kind
          cases:
            big: [{python: yaml_jobs.note}]
            no: [{python: yaml_jobs.note}]
            1: [{python: yaml_jobs.note}]
          default: [{shell: "n=$s; export n", returns: [n], name: shell}]
      - repeat: {steps: [{python: yaml_jobs.better}], until: done, max_iterations: 5, index_as: i}
        name: tune
      - pipeline: [{stub: inside}]
        name: inner
        on_failure: [{stub: rescue}]
      - map: {over: df, as: x, steps: [{python: yaml_jobs.double}], reducer: max}
      - stub: end
        terminate_with_success: true
"""


def pipeline() -> Pipeline:
    import yaml_jobs as jobs

    return Pipeline(
        [
            PythonTask(jobs.load, retries=2, resources=Resources(cpu=2, memory="1Gi")),
            Map("each", "df", "x", jobs.double, min_success=0.5, max_parallel=4, on_error="stop"),
            PythonTask(jobs.Tools.total, returns=[metric("s")]),
            Parallel("both", {"left": jobs.side, "right": Stub("later", returns=["z"])}),
            Conditional(
                "switch",
                "kind",
                {"big": jobs.note, "no": jobs.note, 1: jobs.note},
                default=ShellTask("n=$s; export n", "shell", ["n"]),
            ),
            Loop("tune", jobs.better, 5, break_on="done", index_as="i"),
            Pipeline([Stub("inside")], name="inner", on_failure=Stub("rescue")),
            Map("map", "df", "x", jobs.double, reducer=max),
            Stub("end", terminate_with_success=True),
        ],
        name="churn",
        parameters={"path": "data.csv"},
    )


def without_places(data):
    if isinstance(data, dict):
        return {key: without_places(value) for key, value in data.items() if key != "place"}
    return [without_places(value) for value in data] if isinstance(data, (list, tuple)) else data


@pytest.fixture
def files(place, monkeypatch):
    monkeypatch.syspath_prepend(str(place.folder))
    place.write("yaml_jobs.py", JOBS)
    return place


def test_text_and_python_build_the_same_graph(files):
    files.write("whole.yaml", WHOLE)
    read = load_target("whole.yaml").definition.build()
    written = pipeline().build()
    assert without_places(msgspec.to_builtins(read.workflow)) == without_places(msgspec.to_builtins(written.workflow))
    assert read.constants == written.constants
    assert read.parameters == written.parameters == {"path": "data.csv", "n": 3}


def test_a_notebook_is_named_from_the_files_folder_and_may_have_another_kernel(files, tmp_path_factory, monkeypatch):
    cells = [{"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": "n = 3"}]
    notebook = json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells})
    text = "steps:\n  - {notebook: count.ipynb, kernel: python3, returns: [n]}\n"
    for place in ("inner/count.ipynb", "inner/flow.yaml"):
        files.write(place, notebook if place.endswith("ipynb") else text)
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    read = load_target(str(files.folder / "inner" / "flow.yaml")).definition.build().workflow
    place = Place(str(files.folder / "inner" / "flow.py"), 1, 0)
    files.write("inner/flow.py", "")
    step = NotebookTask("count.ipynb", returns=["n"], kernel="python3", place=place)
    written = Pipeline([step], name="flow").build().workflow
    assert without_places(msgspec.to_builtins(read)) == without_places(msgspec.to_builtins(written))


def test_a_file_is_run_checked_drawn_and_gone_on_with(files):
    files.write("whole.yaml", WHOLE)

    def fairlead(*words, code=0):
        done = subprocess.run(
            [sys.executable, "-m", "fairlead", *words], capture_output=True, text=True, timeout=60, cwd=files.folder
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    assert "A little of everything." in fairlead("run", "whole.yaml", "--help")
    assert "said = 'big 6'" in fairlead("run", "whole.yaml", "--id", "one", "-q")
    assert "nothing is wrong" in fairlead("check", "whole.yaml:churn")
    assert "each" in fairlead("graph", "whole.yaml", "--format", "mermaid")
    files.write("yaml_jobs.py", JOBS.replace("2 * x", "3 * x"))
    assert "yaml_jobs.py: double changed" in fairlead("resume", "one")
    assert "no workflow 'other'" in fairlead("run", "whole.yaml:other", code=3)


BAD = {
    "steps: 3": ["1:1: must be a list of steps; got 3"],
    "- 1": ["is a mapping, and this is a list"],
    "nothing: 1": ["1:1: unknown key 'nothing'", "1:1: has no 'steps'"],
    "steps:\n  - pyhton: a.b": ["2:5: the step is none of python, shell, notebook", "(nearest: 'python')"],
    "steps:\n  - {stub: a, shell: b}": ["2:5: the step is stub and shell at once"],
    "steps:\n  - 5\n  - []": ["2:5: a step is a mapping with one of", "3:5: a step is a mapping with one of"],
    "steps:\n  - python: yaml_jobs.laod": ["2:5: no function 'laod' in yaml_jobs (nearest: 'load')"],
    "steps:\n  - python: yaml_jobs.number": ["2:5: 'yaml_jobs.number' is 3, and no function"],
    "steps:\n  - python: nowhere.load": ["2:5: no module 'nowhere'; it is looked for beside the file, too"],
    "steps:\n  - python: nowhere.py:load": ["2:5: no file"],
    "steps:\n  - python: 4": ["2:5: must be text; got 4"],
    "steps:\n  - python: yaml_jobs.load\n    retires: 3": ["3:5: unknown key 'retires' (nearest: 'retries')"],
    "steps:\n  - python: yaml_jobs.load\n    resources: {cpus: 1}": ["3:17: unknown key 'cpus' (nearest: 'cpu')"],
    "steps:\n  - python: yaml_jobs.load\n    resources: {cpu: x}": ["3:5: Expected `float`, got `str`"],
    "steps:\n  - python: yaml_jobs.load\n    returns: x": ["3:5: must be a list of names; got 'x'"],
    "steps:\n  - python: yaml_jobs.load\n    returns: [{unit: x}]": ["3:15: must be a name, or {metric: name}"],
    "steps:\n  - map: {over: df, az: x, steps: []}": ["unknown key 'az'", "has no 'as'"],
    "steps:\n  - map: []": ["2:5: must be a mapping with over, as, steps; got an empty one"],
    "steps:\n  - map: {over: a, as: b, steps: [{stub: c}], reducer: [1]}": ["must name a function"],
    "steps:\n  - switch: {on: a, cases: []}": ["must map names to lists of steps; got an empty one"],
    "steps:\n  - parallel: {a: [], b: 3}": ["2:16: must be a list of steps", "2:23: must be a list of steps; got 3"],
    "steps:\n  - repeat: {steps: [{stub: a}]}": ["has no 'max_iterations'"],
    "steps: [": ["not valid YAML"],
    "steps:\n  - stub: a\n    stub: b": ["3:5: the key 'stub' is there twice (first in line 2)"],
}


@pytest.mark.parametrize("text", BAD)
def test_what_is_wrong_is_told_with_line_and_column(files, text):
    files.write("bad.yaml", text)
    with pytest.raises(DefinitionError) as refused:
        load_target("bad.yaml")
    told = str(refused.value)
    for part in BAD[text]:
        assert part in told


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- stub: a\n", "bad.yaml: a workflow is a mapping, and this is a list"),
        ("steps:\n", "must be a list of steps; got nothing"),
        ("steps: [{switch: side}]\n", "must be a mapping with on, cases; got 'side'"),
        ("steps: [{switch: {on: side, cases: }}]\n", "must map names to lists of steps; got nothing"),
        ("steps: [{parallel: []}]\n", "must map names to lists of steps; got an empty one"),
        ("steps: [{python: 3}]\n", "must be text; got 3"),
    ],
)
def test_what_stands_in_place_of_a_list_or_a_mapping_is_told(files, text, said):
    files.write("bad.yaml", text)
    with pytest.raises(DefinitionError) as refused:
        load_target("bad.yaml")
    assert said in str(refused.value)


def test_all_problems_are_told_at_once(files):
    files.write("bad.yaml", "stepz: 1\nsteps:\n  - python: a.b\n  - 5\n  - stub: a\n    retries: 1\n")
    with pytest.raises(DefinitionError, match="4 problems"):
        load_target("bad.yaml")


def test_what_the_graph_refuses_has_its_line_and_column_too(files):
    files.write(
        "bad.yaml", "steps:\n  - python: yaml_jobs.total\n  - repeat: {steps: [{stub: a}], max_iterations: 0}\n"
    )
    with pytest.raises(DefinitionError) as refused:
        load_target("bad.yaml").definition.build()
    assert "takes 'y', which nothing before it provides; give it as a parameter (bad.yaml:2:5)" in str(refused.value)
    assert "max_iterations must be a whole number, 1 or more; got 0 (bad.yaml:3:5)" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("steps:\n\t- stub: a\n", "found character '\\t' that cannot start any token"),
        (
            "steps: [{stub: a}]\n---\nsteps: []\n",
            "expected a single document in the stream, but found another document",
        ),
        ("steps: !!python/object/apply:os.getcwd []\n", "could not determine a constructor for the tag"),
    ],
)
def test_what_is_no_yaml_is_told_once_and_nothing_in_it_is_called(files, text, said):
    files.write("odd.yaml", text)
    with pytest.raises(DefinitionError) as told:
        load_target("odd.yaml")
    assert said in str(told.value)
    assert str(told.value).count("not valid YAML") == 1


def test_a_file_that_is_not_there_is_not_found(files):
    with pytest.raises(NotFound, match=r"no file 'none.yaml'"):
        load_target("none.yaml")


class TestSchema:
    def test_every_option_of_tasks_can_be_written(self):
        assert set(OPTIONS_OF_TASKS) - {"returns"} == set(OPTIONS) - {
            "name",
            "outputs",
            "tracked",
            "order",
            "min_success",
            "max_parallel",
        }

    def test_good_files_fit_and_bad_ones_do_not(self, files):
        jsonschema = pytest.importorskip("jsonschema")
        import yaml

        check = jsonschema.Draft202012Validator(schema())
        whole = yaml.safe_load(
            WHOLE.replace("on: kind", "'on': kind").replace("no: [", "'no': [").replace("1: [", "'1': [")
        )
        assert [error.message for error in check.iter_errors(whole)] == []
        for text in ("steps: 3", "nothing: 1", "steps: [{stub: a, retries: 1}]", "steps: [{map: {over: a}}]"):
            assert list(check.iter_errors(yaml.safe_load(text)))

    def test_every_kind_of_step_says_what_it_is(self):
        made = schema()
        for kind in KINDS:
            step = made["$defs"][f"{kind}_step"]
            assert step["description"] and set(step["properties"]) == set(keys_of(kind))
        json.dumps(made)
