"""A third party's kind of task and codec: their contracts, and that they are found where they are installed."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from fairlead import Environment, custom, task, workflow
from fairlead.errors import DefinitionError
from fairlead.ports import Site
from fairlead.testing.contracts.codec import CodecContract
from fairlead.testing.contracts.task_kind import Sample, TaskKindContract
from tests.plugins.installing import fairlead, install, load

HERE = Path(__file__).parent / "fairlead-tables"


@pytest.fixture(scope="module")
def package():
    yield load("fairlead_tables", HERE)
    del sys.modules["fairlead_tables"]


def make_sales(folder):
    with sqlite3.connect(folder / "sales.db") as database:
        database.execute("create table sales (month text, amount int)")
        database.executemany("insert into sales values (?, ?)", [("may", 3), ("june", 9), ("july", 5)])
    database.close()


class TestKind(TaskKindContract):
    @pytest.fixture
    def make_kind(self, package):
        return lambda: package.sql.open(None, Site(folder=Path.cwd()))

    def query(self, text, tmp_path):
        return custom("sql", text, settings={"database": str(tmp_path / "sales.db")}).definition

    @pytest.fixture
    def works(self, package, tmp_path):
        make_sales(tmp_path)
        task = self.query("select month from sales where amount > :least order by 1", tmp_path)
        return Sample(task, {"least": 4}, package.Table(["month"], [["july"], ["june"]]))

    @pytest.fixture
    def fails(self, tmp_path):
        return Sample(self.query("select nonsense", tmp_path), {})


class TestCodec(CodecContract):
    @pytest.fixture(params=[False, True], ids=["plain", "compressed"])
    def codec(self, request, package):
        return package.tables.open(package.Options(compressed=request.param), Site(folder=Path.cwd()))

    @pytest.fixture
    def values(self, package):
        long = package.Table(["n"], [[n] for n in range(5_000)])
        return [package.Table(["a", "b"], [[1, "ü"], [2.5, None]]), package.Table([], []), long]


# --- installed ------------------------------------------------------------------------------------------------

JOBS = """
from fairlead import custom, task, workflow

top = custom("sql", "select * from sales order by amount desc limit :n", inputs=["n"], name="top",
             settings={"database": "sales.db"}, cache=True)

@task
def widths(table):
    return [type(table).__name__, len(table), len(table.columns)]

@workflow
def best(n: int = 2):
    return widths(top(n))

@workflow
def table(n: int = 2):
    return top(n)
"""

STEPS = """
parameters: {n: 2}
steps:
  - custom: sql
    text: select * from sales order by amount desc limit :n
    settings: {database: sales.db}
    inputs: [n]
    returns: [table]
  - python: jobs.widths
    returns: [found]
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    return install(HERE, tmp_path_factory.mktemp("installed"), tmp_path_factory.mktemp("source"))


@pytest.fixture
def place(tmp_path):
    (tmp_path / ".fairlead").mkdir()
    (tmp_path / "jobs.py").write_text(JOBS)
    (tmp_path / "steps.yaml").write_text(STEPS)
    (tmp_path / "tables.yaml").write_text("executor: {type: local, max_workers: 2}\ncodecs: tables\n")
    make_sales(tmp_path)
    return tmp_path


def ran(installed, place, *words, code=0):
    return json.loads(fairlead(installed, place, "run", *words, "-o", "json", code=code).stdout)


def test_they_are_listed_with_their_settings(installed, place):
    (kind,) = json.loads(fairlead(installed, place, "plugins", "sql", "-o", "json").stdout)
    assert (kind["kind"], kind["origin"], kind["settings"][0]["name"]) == (
        "kind of task",
        "fairlead-tables",
        "database",
    )
    (codec,) = json.loads(fairlead(installed, place, "plugins", "tables", "-o", "json").stdout)
    assert (codec["kind"], codec["settings"][0]["default"]) == ("codec", False)


@pytest.mark.parametrize("target", ["jobs.py:best", "steps.yaml"])
def test_tasks_of_the_kind_run_in_workers(installed, place, target):
    told = ran(installed, place, target, "--env", "local")
    assert told["status"] == "succeeded"
    found = told["results"] if target == "jobs.py:best" else told["results"]["found"]
    assert found == ["Table", 2, 2]


def test_what_the_environment_names_keeps_values_in_workers_too(installed, place):
    told = ran(installed, place, "jobs.py:best", "--env", "tables")
    (kept,) = json.loads(fairlead(installed, place, "artifacts", told["id"], "-o", "json").stdout)[:1]
    assert kept["kind"] == "tables@fairlead-tables"
    read = [
        "-c",
        f"import fairlead; print(len(fairlead.WorkflowRun.by_id({told['id']!r}).get_artifacts()['top/result'].load()))",
    ]

    done = subprocess.run([sys.executable, *read], cwd=place, env=installed, capture_output=True, text=True, timeout=60)
    assert done.stdout == "2\n", done.stderr


def test_without_the_package_a_value_says_what_to_install(installed, place):
    told = ran(installed, place, "jobs.py:table", "--env", "tables")
    said = fairlead(dict(os.environ), place, "results", told["id"], code=4).stderr
    assert "was written by the codec 'tables' of the package 'fairlead-tables'" in said
    assert "pip install fairlead-tables" in said


def test_a_result_is_reused_until_the_query_or_its_settings_change(installed, place):
    ran(installed, place, "jobs.py:best", "--env", "tables")
    again = ran(installed, place, "jobs.py:best", "--env", "tables")
    assert fairlead(installed, place, "show", f"{again['id']}/top", "-o", "json").stdout.count('"reused"')
    for old, new in (("desc", "asc"), ('"database": "sales.db"', '"database": "sales.db", "most": 1')):
        text = (place / "jobs.py").read_text().replace(old, new)
        (place / "jobs.py").write_text(text)
        other = ran(installed, place, "jobs.py:best", "--env", "tables")
        assert '"reused"' not in fairlead(installed, place, "show", f"{other['id']}/top", "-o", "json").stdout


def test_what_is_wrong_with_settings_is_told_before_anything_runs(installed, place):
    (place / "jobs.py").write_text(JOBS.replace('"database": "sales.db"', '"databse": "sales.db", "most": 0'))
    said = fairlead(installed, place, "run", "jobs.py:best", code=2).stderr
    assert "top (jobs.py:4): settings: unknown key 'databse' (nearest: 'database')" in said
    assert "settings.most: 0: expected int >= 1" in said
    assert "'database' is missing" in said


def test_a_kind_that_is_not_installed_is_told_before_anything_runs(place):
    said = fairlead(dict(os.environ), place, "run", "jobs.py:best", code=2).stderr
    assert "top (jobs.py:4): no kind of task 'sql'; known: mock, notebook, python, shell, stub" in said


# --- objects --------------------------------------------------------------------------------------------------


class Reversed:
    """Keeps texts of a class of its own backwards."""

    def handles(self, value):
        return type(value) is Word

    def dump(self, value):
        return [value.text[::-1].encode()]

    def load(self, data):
        return Word(bytes(data).decode()[::-1])


class Word:
    def __init__(self, text):
        self.text = text


@task
def word(text):
    return Word(text)


@task
def shout(word):
    return word.text.upper()


@workflow
def shouting(text):
    return shout(word(text))


def test_an_object_may_stand_in_place_of_a_codecs_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".fairlead").mkdir()
    run = shouting("abc").run(Environment(executor="in_process", codecs=Reversed()))
    assert run.get_results() == "ABC"
    kept = run.get_artifacts()["word/result"]
    assert (kept.kind, kept.load().text) == ("Reversed", "abc")


def test_such_an_object_is_refused_where_tasks_run_in_other_processes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".fairlead").mkdir()
    with pytest.raises(DefinitionError, match="codec 'Reversed' is an object of this process"):
        shouting("abc").run(Environment(executor="local", codecs=[Reversed()]))


def test_a_codec_that_is_not_there_is_told_with_its_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dev.yaml").write_text("executor: in_process\ncodecs: [arow]\n")
    said = fairlead(dict(os.environ), tmp_path, "env", "check", "dev", code=2).stderr
    assert "dev.yaml:2:10: codecs[0].type: 'arow' is no codec; known: none" in said


def test_the_page_about_them_shows_them_as_they_are():
    page = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text(encoding="utf-8")
    for name in ("pyproject.toml", "fairlead_tables.py"):
        assert (HERE / name).read_text(encoding="utf-8") in page, f"docs/plugins.md shows another {name}"
