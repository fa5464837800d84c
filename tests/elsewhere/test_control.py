"""The steps of `exec-node` around the tasks of a run that an orchestrator carries."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from fairlead import Environment, RunFailed
from fairlead.api import WorkflowRun
from fairlead.api.making import make_run
from fairlead.api.running import built_for
from fairlead.config.control import steer
from fairlead.config.services import close_all, open_services
from fairlead.engine.definitions import keep
from fairlead.model.events import Attempt
from fairlead.ports import Commit
from fairlead.testing.contracts import orchestrator_book as book

ENVIRONMENT = Environment(executor="in_process", store="sqlite")


class Place:
    """A folder with a store, and workflows that were compiled for it."""

    def __init__(self) -> None:
        self.services = open_services(ENVIRONMENT)
        self.store = self.services.store

    def kept(self, name: str) -> str:
        bound = book.EVERY[name].bound_to({})
        made = make_run(self.services, built_for(bound, ENVIRONMENT), elsewhere=True)
        return keep(made, self.services.artifacts)

    def open(self, name: str, *words: str, run: str = "r") -> int:
        return steer([run, "@open", "--definition", self.kept(name), *words])

    def recorded(self, name: str, *without: str, run: str = "r") -> None:
        """Have the facts of a run in this process be those of the open run."""
        done = book.EVERY[name].bound_to({}).run(ENVIRONMENT, check=False)
        facts = [one for one in self.store.attempts(done.id) if one.path not in without]
        self.store.append(run, 1, Commit(facts))


@pytest.fixture
def place(tmp_path, monkeypatch):
    (tmp_path / ".fairlead").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FAIRLEAD_ENV", json.dumps({"executor": "in_process", "store": "sqlite"}))
    yield Place()
    close_all()


def facts(folder) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.iterdir()}


# --- @open ----------------------------------------------------------------------------------------


def test_a_run_is_opened_from_its_definition(place):
    assert place.open("mapped", "--uid", "u1") == 0
    run, summary = place.store.get("r"), place.store.summary("r")
    assert (run.workflow.name, run.tags, summary.status, summary.epoch) == ("mapped", ("of:u1",), "elsewhere", 1)
    assert run.created > 0
    assert WorkflowRun.by_id("r", ENVIRONMENT).get_status() == "running"


def test_opening_it_again_changes_nothing(place):
    assert place.open("mapped", "--uid", "u1") == 0
    before = place.store.get("r"), place.store.summary("r")
    assert place.open("mapped", "--uid", "u1") == 0
    assert (place.store.get("r"), place.store.summary("r")) == before


def test_a_step_that_died_after_the_run_was_made_goes_on(place):
    assert place.open("mapped") == 0
    run = place.store.get("r")
    place.store.remove("r")
    place.store.create(run)
    assert place.open("mapped") == 0
    assert place.store.summary("r").status == "elsewhere"


def test_another_run_of_that_name_is_not_taken_over(place, capsys):
    assert place.open("mapped", "--uid", "u1") == 0
    assert place.open("mapped", "--uid", "u2") == 2
    assert "there is a run 'r' already, which is another one" in capsys.readouterr().err


def test_parameters_may_be_given_anew(place):
    assert place.open("mapped", "-p", "n=5") == 0
    definition = place.store.get("r")
    assert definition.parameters["n"].data == b"5"
    assert place.open("mapped", "-p", "n=3", run="same") == 0
    assert place.store.get("same").parameters["n"].data == b"3"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["r", "@open", "--definition", "definitions/nope"], 3, "compile it again"),
        (["r", "@close", "x"], 2, "say RUN, one of @open"),
        (["r", "@what", "x"], 2, "say RUN, one of @open"),
        (["r", "@plan"], 2, "say RUN, one of @open"),
        (["r", "@plan", "x"], 3, "no run 'r'"),
        (["r", "@plan", "x", "--chunk", "many"], 2, "--chunk many: say how many items"),
        (["r", "@plan", "x", "--chunk", "0"], 2, "--chunk 0: say how many items"),
        (["r", "@plan", "x", "--chunk=-1"], 2, "--chunk -1: say how many items"),
        (["r", "@plan", "x", "--chunks", "2"], 2, "no option '--chunks'"),
        (["r", "@plan", "x", "--env", "nope"], 3, "nope"),
        (["r", "@open", "-p", "n"], 2, "-p n: say NAME=VALUE"),
        (["r", "@open"], 2, "say --definition"),
        (["r", "@open", "--definition="], 2, "say --definition"),
    ],
)
def test_what_makes_no_sense_is_told_and_not_tried_again(place, words, code, said, capsys):
    assert steer(words) == code
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("words", [["@close"], ["fit"]])
def test_a_process_that_keeps_nothing_here_leaves_nothing_among_temporary_files(tmp_path, words):
    environment = {"store": {"type": "sqlite", "path": str(tmp_path / "kept" / "runs.db")}}
    places = {"TMPDIR": str(tmp_path / "tmp"), "FAIRLEAD_ENV": json.dumps(environment)}
    for name in ("tmp", "cwd", "kept"):
        (tmp_path / name).mkdir()
    command = [sys.executable, "-m", "fairlead", "exec-node", "r", *words]
    done = subprocess.run(command, cwd=tmp_path / "cwd", env={**os.environ, **places}, capture_output=True, text=True)
    assert "no run 'r'" in done.stderr
    assert [list(folder.iterdir()) for folder in (tmp_path / "tmp").iterdir()] in ([], [[]])
    assert list((tmp_path / "cwd").iterdir()) == []


def test_a_parameter_that_there_is_not_is_told(place, capsys):
    assert place.open("mapped", "-p", "m=5") == 2
    assert "has no parameter 'm'; it has n" in capsys.readouterr().err


# --- @plan, @choose, @again, @join ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words", "found"),
    [
        ("mapped", ["@plan", "square"], {"count": "3"}),
        ("mapped", ["@plan", "square", "--chunk", "2"], {"count": "2"}),
        ("mapped", ["@plan", "--chunk=2", "square"], {"count": "2"}),
        ("empty", ["@plan", "square", "--chunk", "2"], {"count": "0"}),
        ("nested", ["@plan", "inner[2].square"], {"count": "2"}),
        ("switched", ["@choose", "switch"], {"branch": "heads"}),
        ("looped", ["@again", "step[1]"], {"again": "true", "next": "2"}),
        ("looped", ["@again", "step[2]"], {"again": "false", "next": "3"}),
        ("partly_failing", ["@plan", "odd_only"], {"count": "4"}),
    ],
)
def test_each_step_tells_its_facts(place, tmp_path, name, words, found):
    place.open(name)
    place.recorded(name)
    assert steer(["r", *words, "--control", str(tmp_path / "facts")]) == 0
    assert facts(tmp_path / "facts") == found


def test_a_step_that_comes_too_early_may_be_tried_again(place, capsys):
    place.open("mapped")
    assert steer(["r", "@plan", "square"]) == 75
    assert "nothing is recorded of 'numbers'" in capsys.readouterr().err


def test_enough_items_are_enough(place, capsys):
    for name, code in (("enough", 0), ("too_few", 20)):
        place.open(name, run=name)
        place.recorded(name, run=name)
        assert steer([name, "@join", "odd_only"]) == code
    assert "too many of its items failed" in capsys.readouterr().err


def test_an_answer_is_recorded_once(place):
    environment = ENVIRONMENT
    done = strange().run(environment)
    facts = [one for one in place.store.attempts(done.id) if one.path == "pairs"]
    made = make_run(place.services, built_for(strange(), environment), elsewhere=True)
    assert steer(["r", "@open", "--definition", keep(made, place.services.artifacts)]) == 0
    place.store.append("r", 1, Commit(facts))
    for _ in range(2):
        assert steer(["r", "@plan", "square"]) == 0
    (answer,) = place.store.attempts("r", path="square")
    assert answer.outcome == "succeeded"


# --- @close ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", book.EVERY)
def test_a_run_is_closed_as_its_records_say(place, name):
    place.open(name)
    place.recorded(name)
    good = name in book.GOOD
    assert steer(["r", "@close", "--status", "Succeeded" if good else "Failed"]) == 0
    run = WorkflowRun.by_id("r", ENVIRONMENT)
    assert run.get_status() == ("succeeded" if good else "failed")
    if good:
        run.get_results()
    else:
        with pytest.raises(RunFailed):
            run.get_results()
    assert steer(["r", "@close", "--status", "Succeeded" if good else "Failed"]) == 0


def test_a_record_that_is_missing_fails_the_run_whatever_the_orchestrator_says(place, capsys):
    place.open("mapped")
    place.recorded("mapped", "square[1]", "total")
    assert steer(["r", "@close", "--status", "Succeeded"]) == 20
    told = capsys.readouterr().err
    assert "no end is recorded of square[1]" in told
    assert "the orchestrator says that 'r' succeeded, and the records say failed" in told
    assert place.store.summary("r").error == "square[1]"


def test_a_run_that_was_stopped_is_cancelled(place, capsys):
    place.open("sequence")
    place.store.append("r", 1, Commit([Attempt("numbers", 1, 1, started=1.0)]))
    place.store.ask_cancel("r", 1.0)
    assert steer(["r", "@close", "--status", "Failed"]) == 0
    assert "r was stopped" in capsys.readouterr().out
    assert place.store.summary("r").status == "cancelled"


class Pair:
    def __iter__(self):
        return iter([1, 2])


@book.task
def pairs():
    return Pair()


@book.workflow
def strange():
    return book.square.map(pairs())
