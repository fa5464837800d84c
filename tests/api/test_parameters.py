"""Where parameters come from, which source wins, and what is said of those that cannot be right."""

from __future__ import annotations

import datetime
import itertools
from typing import Any

import pytest

from fairlead import DefinitionError, NotFound, Pipeline, PythonTask, Static, task, workflow
from fairlead.api import load_target
from fairlead.api.parameters import Sources, gather
from fairlead.api.params_file import read_params_file
from fairlead.author.built import Input

SOURCES = ["default", "environment file", "params file", "process environment", "command line"]
"""From the least specific to the most specific."""


def inputs(**types):
    return [Input(name, kind, "", True, None, False) for name, kind in types.items()]


def gathered(known, **sources):
    found = gather(known, Sources(**sources))
    assert not found.problems, found.problems
    return found.values


@task
def show(rate, n):
    return [rate, n]


@workflow
def told(rate: float = 0.0, n: Static[int] = 1):
    return show(rate, n)


@workflow
def dated(day: datetime.date):
    return show(day, 1)


FILE = """
from fairlead import Static, task, workflow

@task
def show(rate, items):
    return [rate, items]

@workflow
def told(rate: float = 0, items: list[str] = ["a"], n: Static[int] = 1):
    for _ in range(n):
        last = show(rate, items)
    return last

@workflow
def needs(path: str, rate: float, day: int = 1):
    return show(path, [rate, day])
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / ".fairlead").mkdir()
    (tmp_path / "jobs.py").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def give(source, value, folder, monkeypatch):
    """Give `rate` from one source; gives what `bind` takes."""
    if source == "environment file":
        (folder / "here.yaml").write_text(f"executor: in_process\nparameters: {{rate: {value}}}\n")
    if source == "params file":
        (folder / "p.yaml").write_text(f"rate: {value}\n")
        return {"file": "p.yaml"}
    if source == "process environment":
        monkeypatch.setenv("FAIRLEAD_PARAM_RATE", str(value))
    return {"given": {"rate": str(value)}} if source == "command line" else {}


@pytest.mark.parametrize(("weaker", "stronger"), list(itertools.combinations(SOURCES, 2)))
def test_the_more_specific_source_wins(project, monkeypatch, weaker, stronger):
    (project / "here.yaml").write_text("executor: in_process\n")
    told = give(weaker, 1, project, monkeypatch) | give(stronger, 2, project, monkeypatch)
    bound = load_target("jobs.py:told").bind(told.get("given", {}), file=told.get("file"), env="here")
    assert bound.run("here").get_results() == [2.0, ["a"]]


@pytest.mark.parametrize(("weaker", "stronger"), list(itertools.combinations([*SOURCES[:2], SOURCES[3]], 2)))
def test_a_python_program_gets_what_it_leaves_open(project, monkeypatch, weaker, stronger):
    (project / "here.yaml").write_text("executor: in_process\n")
    for value, source in enumerate((weaker, stronger), 1):
        give(source, value, project, monkeypatch)
    assert told().run("here").get_results() == [2.0, 1]
    assert told(rate=7.0).run("here").get_results() == [7.0, 1]
    steps = Pipeline(steps=[PythonTask(function=pair, returns=["pair"])])
    assert steps.run("here").get_results() == {"pair": [2.0, 5]}
    assert steps.run("here", parameters={"rate": 7.0}).get_results() == {"pair": [7.0, 5]}


def pair(rate: float = 0.0, m: int = 5):
    return [rate, m]


def test_what_python_gives_is_checked_and_never_converted():
    with pytest.raises(DefinitionError, match=r"'0\.1' given for 'rate: float'"):
        told(rate="0.1")
    with pytest.raises(DefinitionError, match=r"'0\.1' given for 'rate: float'"):
        Pipeline(steps=[PythonTask(function=pair)]).run("in_process", parameters={"rate": "0.1"})
    with pytest.raises(DefinitionError, match="'2026-11-21' given for 'day: date'"):
        dated(day="2026-11-21")
    assert dated(day=datetime.date(2026, 11, 21)).build().parameters["day"] == datetime.date(2026, 11, 21)
    one = told(rate=1).build().parameters["rate"]
    assert one == 1 and type(one) is int


def test_static_parameters_are_read_like_all_others(project):
    bound = load_target("jobs.py:told").bind({"n": "2"}, env="in_process")
    assert len(bound.graph.nodes) == 2
    with pytest.raises(DefinitionError, match="'n': 'x' is not int"):
        load_target("jobs.py:told").bind({"n": "x"})


def test_pipelines_read_text_as_the_functions_that_take_it_say(project):
    (project / "steps.py").write_text(
        "from fairlead import Pipeline, PythonTask\n"
        "def first(day, n: int): return n\n"
        "def second(day: str, m: list[int]): return day\n"
        "steps = Pipeline(steps=[PythonTask(function=first, returns=['a']), PythonTask(function=second)])\n"
    )
    bound = load_target("steps.py").bind({"n": "3", "day": "007", "m": "[1]"})
    assert bound.build().parameters == {"day": "007", "n": 3, "m": [1]}


def test_all_that_is_wrong_is_told_at_once_with_its_source(project, monkeypatch):
    (project / "p.yaml").write_text("day: 3\n\nrat: 1\nrate: fast\n")
    monkeypatch.setenv("FAIRLEAD_PARAM_DAY", "soon")
    with pytest.raises(DefinitionError) as error:
        load_target("jobs.py:needs").bind({"dya": "1"}, file="p.yaml")
    assert error.value.problems == (
        "'day': 'soon' is not int (FAIRLEAD_PARAM_DAY)",
        "takes no 'rat' (nearest: 'rate') (p.yaml:3)",
        "'rate': 'fast' is not float (p.yaml:4)",
        "takes no 'dya' (nearest: 'day') (-p dya=…)",
        "is not given 'path'",
    )
    assert str(error.value).startswith("needs: 5 problems\n")


def test_one_problem_is_one_line(project):
    with pytest.raises(DefinitionError, match=r"^needs: 'rate': 'x' is not float \(-p rate=…\)$"):
        load_target("jobs.py:needs").bind({"path": "a", "rate": "x"})


def test_the_environment_file_is_named(project):
    (project / "prod.yaml").write_text("parameters:\n  rate: fast\n  other: 1\n")
    with pytest.raises(DefinitionError, match=r"'rate': 'fast' is not float \(prod.yaml:2:3\)"):
        load_target("jobs.py:told").bind({}, env="prod")
    with pytest.raises(DefinitionError, match=r"'rate': 'fast' is not float \(prod.yaml:2:3\)"):
        told().run("prod")


def test_what_is_shared_by_many_workflows_is_noted_where_it_looks_misspelt(project, monkeypatch):
    (project / "prod.yaml").write_text("parameters: {itmes: [], unrelated: 1}\n")
    monkeypatch.setenv("FAIRLEAD_PARAM_RAET", "1")
    monkeypatch.setenv("FAIRLEAD_PARAM_SOMETHING", "1")
    target = load_target("jobs.py:told")
    target.bind({}, env="prod")
    assert target.notes == [
        "told: FAIRLEAD_PARAM_RAET is no parameter of it (nearest: 'rate')",
        "told: 'itmes' (prod.yaml:1:14) is no parameter of it (nearest: 'items')",
    ]
    monkeypatch.delenv("FAIRLEAD_PARAM_RAET")
    monkeypatch.setenv("FAIRLEAD_PARAM_PAHT", "1")
    with pytest.raises(DefinitionError) as error:
        load_target("jobs.py:needs").bind({"rate": "1"})
    assert "FAIRLEAD_PARAM_PAHT" in " ".join(error.value.__notes__)
    with pytest.raises(DefinitionError, match="FAIRLEAD_PARAM_PAHT is no parameter"):
        load_target("jobs.py:needs").bind({"rate": "x"})


def test_names_in_the_process_environment_are_upper_case_or_exact(monkeypatch):
    monkeypatch.setenv("FAIRLEAD_PARAM_N", "1")
    assert gathered(inputs(n=int)) == {"n": 1}
    assert gathered(inputs(N=int)) == {"N": 1}
    assert gathered(inputs(n=int, N=int)) == {"N": 1}
    monkeypatch.setenv("FAIRLEAD_PARAM_n", "2")
    assert gathered(inputs(n=int, N=int)) == {"n": 2, "N": 1}
    assert gathered(inputs(n=int)) == {"n": 2}


def test_an_empty_variable_is_text_like_any_other(monkeypatch):
    monkeypatch.setenv("FAIRLEAD_PARAM_A", "")
    assert gathered(inputs(a=str)) == {"a": ""}
    assert gather(inputs(a=int), Sources()).problems == ["'a': '' is not int (FAIRLEAD_PARAM_A)"]


@pytest.mark.parametrize(
    ("default", "text", "value"),
    [
        ("1.0", "2.0", "2.0"),
        (False, "no", False),
        (False, "maybe", "maybe"),
        (True, "2", 2),
        (1, "0.5", 0.5),
        (None, "3", 3),
    ],
)
def test_without_an_annotation_a_default_that_is_text_or_a_bool_tells_the_type(default, text, value):
    found = gathered([Input("a", Any, "", False, default)], given={"a": text})["a"]
    assert found == value and type(found) is type(value)


def test_the_parameters_of_a_run_that_goes_on_stay_unless_they_are_given(tmp_path, monkeypatch):
    file = tmp_path / "p.yaml"
    file.write_text("b: 2\nc: 2\n")
    monkeypatch.setenv("FAIRLEAD_PARAM_A", "9")
    monkeypatch.setenv("FAIRLEAD_PARAM_D", "9")
    recorded = {"a": "1", "b": 1, "c": 1}
    found = gathered(inputs(a=Any, b=int, c=int, d=int), given={"c": "3"}, file=file, recorded=recorded)
    assert found == {"a": "1", "b": 2, "c": 3, "d": 9}


# --- files ---------------------------------------------------------------------------------------

YAML = """# first
rate: 0.10
version: 1.10
flag: no
when: 2026-11-21
nested: {b: 1, c: [x, "2"]}
base: &base {a: 1, b: 2}
more: {<<: *base, b: 3}
text: |
  two
  lines
"""


def of_file(path, **types):
    return gathered(inputs(**types), file=path)


def test_yaml_is_read_by_annotation(tmp_path):
    file = tmp_path / "p.yaml"
    file.write_text(YAML)
    loose = of_file(file, **dict.fromkeys(("rate", "version", "flag", "when", "nested", "base", "more", "text"), Any))
    assert loose == {
        "rate": 0.1,
        "version": 1.1,
        "flag": False,
        "when": datetime.date(2026, 11, 21),
        "nested": {"b": 1, "c": ["x", "2"]},
        "base": {"a": 1, "b": 2},
        "more": {"a": 1, "b": 3},
        "text": "two\nlines\n",
    }
    kinds = dict.fromkeys(("rate", "version", "flag", "when", "text"), str)
    strict = of_file(file, **kinds, nested=dict[str, Any], base=dict[str, str], more=dict[str, int])
    assert strict == {
        "rate": "0.10",
        "version": "1.10",
        "flag": "no",
        "when": "2026-11-21",
        "text": "two\nlines\n",
        "nested": {"b": 1, "c": ["x", "2"]},
        "base": {"a": "1", "b": "2"},
        "more": {"a": 1, "b": 3},
    }


PLACES = {
    "p.yaml": "a: 1\n\nb:\n  c: 1\n'd e': 2\n",
    "p.yml": "{a: 1,\n\nb:\n  {c: 1},\n'd e': 2}\n",
    "p.json": '{"a": 1,\n\n"b":\n {"c": 1}, \n "d e": 2}',
    "p.toml": "a = 1\n\nb.c = 1\n\n'd e' = 2",
    "q.toml": "# x\n'd e' = 2\na = 1\n[b]\nc = 1\na = 7\n",
    "plain": "a: 1\n\nb:\n  c: 1\n'd e': 2\n",
}


@pytest.mark.parametrize("name", PLACES)
def test_files_of_every_kind_know_the_lines(tmp_path, name):
    file = tmp_path / name
    file.write_text(PLACES[name])
    found = read_params_file(file)
    wanted = inputs(**{"a": int, "b": dict[str, int], "d e": int})
    values = gathered(wanted, file=file)
    assert values == {"a": 1, "b": {"c": 1, **({"a": 7} if name == "q.toml" else {})}, "d e": 2}
    lines = {key: int(one.place.removeprefix(f"{file}:")) for key, one in found.items()}
    assert lines == ({"a": 3, "b": 4, "d e": 2} if name == "q.toml" else {"a": 1, "b": 3, "d e": 5})


BROKEN = [
    ("p.json", "{", "p.json: cannot be read as json"),
    ("p.json", '{"a": 1, "a": 2}', "p.json: cannot be read as json: the key 'a' is there twice"),
    ("p.json", "[" * 100_000, "p.json: is nested too deeply"),
    ("p.toml", "a = ", "p.toml: cannot be read as toml"),
    ("p.yaml", "a: [", "p.yaml:2: cannot be read as yaml"),
    ("p.yaml", "a: 1\nb: 2\na: 3", "p.yaml:3: cannot be read as yaml: 'a' is there twice"),
    ("p.yaml", "a: {b: 1,\n b: 2}", "p.yaml:2: cannot be read as yaml: 'b' is there twice"),
    ("p.yaml", "? [a]\n: 1", "p.yaml:1: cannot be read as yaml: a key is a list or a mapping"),
    ("p.yaml", "a: !!python/name:os.system x", "p.yaml:1: cannot be read as yaml: could not determine"),
    ("p.yaml", "a: &a [*a]", "holds itself"),
    ("p.yaml", "- 1", "is a mapping"),
    ("p.yaml", "1: 2", None),
    ("p.json", "[]", "is a mapping"),
]


@pytest.mark.parametrize(("name", "text", "said"), BROKEN)
def test_files_that_are_no_parameters(tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    if said is None:
        assert read_params_file(tmp_path / name)["1"].value == "2"
        return
    with pytest.raises(DefinitionError) as error:
        read_params_file(tmp_path / name)
    assert said in str(error.value)


@pytest.mark.parametrize("text", ["", "# nothing yet\n"])
def test_an_empty_file_gives_nothing(tmp_path, text):
    (tmp_path / "p.yaml").write_text(text)
    assert read_params_file(tmp_path / "p.yaml") == {}


def test_a_file_that_is_not_there_or_is_no_text(tmp_path):
    with pytest.raises(NotFound, match="cannot read the parameters file"):
        read_params_file(tmp_path / "none.yaml")
    (tmp_path / "image.yaml").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(NotFound, match="it is no text"):
        read_params_file(tmp_path / "image.yaml")
