"""What every orchestrator must do: the sentences of `fairlead.orchestration.Orchestrator`, a test each.

A plugin's test file says:

    class TestMine(OrchestratorContract, OrchestratorRehearsalContract):
        @pytest.fixture
        def make_orchestrator(self):
            ...  # gives a function that makes the orchestrator

What is compiled is a book of workflows (`orchestrator_book`). An orchestrator may lack blocks, and says so; the
tests of what it lacks are skipped with what it said. The rehearsals start processes: they take a minute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
import pytest

from fairlead.api.compiling import Compiled, compile_for
from fairlead.api.rehearsing import rehearse
from fairlead.config.environment import Environment
from fairlead.config.services import close_all
from fairlead.engine.outline import outline_of
from fairlead.errors import DefinitionError, FairleadError
from fairlead.orchestration import Deployment, Orchestrator
from fairlead.ports import Offers
from fairlead.testing.contracts import orchestrator_book as book
from fairlead.testing.contracts.another_process import go_on_elsewhere, handed_over

__all__ = ["OrchestratorContract", "OrchestratorRehearsalContract"]

MakeOrchestrator = Callable[[], Orchestrator]


class _Asked:
    """What both suites ask for."""

    @pytest.fixture
    def make_orchestrator(self) -> MakeOrchestrator:
        """Give a function that makes the orchestrator; override this."""
        raise NotImplementedError("override the 'make_orchestrator' fixture")

    @pytest.fixture(autouse=True)
    def _in_a_project(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        (tmp_path / ".fairlead").mkdir()
        monkeypatch.chdir(tmp_path)
        yield
        close_all()


class OrchestratorContract(_Asked):
    """Tests of what an orchestrator makes of a workflow; nothing is run."""

    def test_it_says_what_it_offers(self, make_orchestrator: MakeOrchestrator) -> None:
        assert isinstance(make_orchestrator().offers, Offers)

    @pytest.mark.parametrize("name", book.ALWAYS)
    def test_it_takes_tasks_that_follow_each_other(self, make_orchestrator: MakeOrchestrator, name: str) -> None:
        assert make_orchestrator().lacking(_deployment(name).outline) == []

    @pytest.mark.parametrize("name", book.EVERY)
    def test_what_it_lacks_it_says_by_the_step_and_what_that_needs(
        self, make_orchestrator: MakeOrchestrator, name: str
    ) -> None:
        outline = _deployment(name).outline
        for path, need in make_orchestrator().lacking(outline):
            assert path
            assert need

    @pytest.mark.parametrize("name", book.EVERY)
    def test_it_gives_files_with_plain_names(self, make_orchestrator: MakeOrchestrator, name: str) -> None:
        files = _taken(make_orchestrator(), name)
        assert files
        for file, text in files.items():
            assert not PurePosixPath(file).is_absolute()
            assert ".." not in PurePosixPath(file).parts
            assert text.endswith("\n")

    def test_the_same_deployment_gives_the_same_text(self, make_orchestrator: MakeOrchestrator) -> None:
        for name in book.EVERY:
            deployment = _deployment(name)
            if not make_orchestrator().lacking(deployment.outline):
                first = make_orchestrator()
                found = first.compile(deployment)
                assert first.compile(deployment) == make_orchestrator().compile(_deployment(name)) == found

    def test_it_does_so_in_another_process(
        self, make_orchestrator: MakeOrchestrator, request: pytest.FixtureRequest, tmp_path: Path
    ) -> None:
        one = make_orchestrator()
        outlines = {name: _deployment(name) for name in book.EVERY}
        found = {name: one.compile(it) for name, it in outlines.items() if not one.lacking(it.outline)}
        if (folder := handed_over()) is not None:
            assert msgspec.json.decode((folder / "found").read_bytes()) == found
            return
        (tmp_path / "found").write_bytes(msgspec.json.encode(found))
        go_on_elsewhere(request, tmp_path)

    def test_the_files_lead_to_the_definition_and_to_nothing_else(self, make_orchestrator: MakeOrchestrator) -> None:
        one, other = (_text(make_orchestrator(), definition=f"definitions/{key}") for key in ("abc", "abd"))
        assert "definitions/abc" in one
        assert "definitions/abd" in other
        assert "definitions/abc" not in other

    def test_parameters_can_be_given_anew_by_their_names(self, make_orchestrator: MakeOrchestrator) -> None:
        text = _text(make_orchestrator(), parameters={"learning_rate": "0.125"})
        assert "learning_rate" in text
        assert "0.125" in text

    def test_what_is_read_where_a_task_runs_stays_as_it_was_written(
        self, make_orchestrator: MakeOrchestrator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CONTRACT_PASSWORD", "correct-horse-battery")
        text = _text(make_orchestrator(), environment={"store": {"url": "pg://u:${CONTRACT_PASSWORD}@db"}})
        assert "${CONTRACT_PASSWORD}" in text
        assert "correct-horse-battery" not in text

    def test_compiling_changes_nothing(self, make_orchestrator: MakeOrchestrator, tmp_path: Path) -> None:
        deployment, orchestrator = _deployment("nested"), make_orchestrator()
        before, there = deepcopy(deployment), sorted(tmp_path.rglob("*"))
        if not orchestrator.lacking(deployment.outline):
            orchestrator.notes(deployment, orchestrator.compile(deployment))
        orchestrator.notes(deployment, {})
        assert deployment == before
        assert sorted(tmp_path.rglob("*")) == there

    @pytest.mark.parametrize("name", book.EVERY)
    def test_its_notes_are_sentences(self, make_orchestrator: MakeOrchestrator, name: str) -> None:
        notes = make_orchestrator().notes(_deployment(name), {})
        assert all(isinstance(note, str) and note and "\n" not in note for note in notes)


class OrchestratorRehearsalContract(_Asked):
    """Tests of what an orchestrator's files do, interpreted on this machine."""

    @pytest.mark.parametrize("name", book.EVERY)
    def test_a_rehearsal_records_what_a_plain_run_records(self, make_orchestrator: MakeOrchestrator, name: str) -> None:
        orchestrator = make_orchestrator()
        if lacking := orchestrator.lacking(_deployment(name).outline):
            with pytest.raises(DefinitionError):
                rehearse(_bound(name), Environment(orchestrator=orchestrator))
            pytest.skip("; ".join(f"{path} {need}" for path, need in lacking))
        done = rehearse(_bound(name), Environment(orchestrator=orchestrator))
        assert [(row.path, row.differs_in) for row in done.rows if not row.equal] == [], done.rehearsed.said
        assert done.equal
        assert (done.status == "succeeded") is done.rehearsed.succeeded is (name in book.GOOD)
        assert done.rehearsed.phase
        assert done.rehearsed.started >= sum(row.here.status == "succeeded" for row in done.rows) / 2  # in chunks of 2
        if name in book.BAD:
            assert done.rehearsed.said, "what failed must be told"

    def test_no_more_runs_at_once_than_it_was_told(self, make_orchestrator: MakeOrchestrator, tmp_path: Path) -> None:
        orchestrator, definition = make_orchestrator(), book.one_by_one(tmp_path)
        if orchestrator.lacking(_deployment_of(definition).outline):
            pytest.skip("it takes no maps")
        done = rehearse(definition, Environment(orchestrator=orchestrator), at_once=1)
        assert done.rehearsed.succeeded, done.rehearsed.said

    def test_the_files_are_all_that_it_needs_and_runs_do_not_disturb_each_other(
        self, make_orchestrator: MakeOrchestrator, tmp_path: Path
    ) -> None:
        environment, compiled = self._compiled(make_orchestrator)
        there = _names(tmp_path)

        def run(name: str) -> Any:
            return make_orchestrator().rehearse(compiled.files, run=name, folder=tmp_path / f"at-{name}", at_once=2)

        with ThreadPoolExecutor(2) as threads:
            done = list(threads.map(run, ("one", "other")))
        assert [(one.run, one.succeeded) for one in done] == [("one", True), ("other", True)], done
        for name in ("one", "other"):
            found = _run(name, environment)
            assert (found.get_status(), found.get_results()) == ("succeeded", 1)
        assert _names(tmp_path) - there <= {"at-one", "at-other"}

    def test_a_definition_that_is_gone_is_told(self, make_orchestrator: MakeOrchestrator, tmp_path: Path) -> None:
        environment, compiled = self._compiled(make_orchestrator)
        (tmp_path / "values").rename(tmp_path / "gone")
        done = make_orchestrator().rehearse(compiled.files, run="one", folder=tmp_path / "at", at_once=2)
        assert not done.succeeded
        assert done.said
        with pytest.raises(FairleadError):
            _run("one", environment)

    def test_files_that_it_did_not_make_are_refused(self, make_orchestrator: MakeOrchestrator, tmp_path: Path) -> None:
        for files in ({}, {"a.txt": "nothing\n", "b.txt": "nothing\n"}):
            with pytest.raises(FairleadError):
                make_orchestrator().rehearse(files, run="one", folder=tmp_path / "at", at_once=2)

    def _compiled(self, make_orchestrator: MakeOrchestrator) -> tuple[Environment, Compiled]:
        """Compile for stores of this folder, which this process has closed again."""
        kept = {"store": {"type": "sqlite", "path": "runs.db"}, "artifacts": {"url": "values"}}
        environment = Environment.from_record({"name": "here", **_absolute(kept)})
        offers = msgspec.structs.replace(make_orchestrator().offers, reach="host")
        orchestrator = _Near(make_orchestrator(), offers)
        compiled = compile_for(_bound("sequence"), environment.replace(orchestrator=orchestrator))
        close_all()
        return environment, compiled


class _Near:
    """An orchestrator whose tasks run on this machine, so that stores which only that has may be named."""

    def __init__(self, orchestrator: Orchestrator, offers: Offers) -> None:
        self.offers = offers
        self.lacking = orchestrator.lacking
        self.compile = orchestrator.compile
        self.notes = orchestrator.notes
        self.rehearse = orchestrator.rehearse


def _names(folder: Path) -> set[str]:
    """List what is in a folder, but for the database that runs are kept in."""
    return {file.name for file in folder.iterdir() if not file.name.startswith("runs.db")}


def _absolute(kept: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Have stores found from whichever folder a process starts in."""
    places = ("path", "url")
    return {
        key: {name: str(Path.cwd() / text) if name in places else text for name, text in one.items()}
        for key, one in kept.items()
    }


def _bound(name: str) -> Any:
    return book.EVERY[name].bound_to({})


def _run(name: str, environment: Environment) -> Any:
    from fairlead.api import WorkflowRun

    return WorkflowRun.by_id(name, environment)


def _deployment(name: str, **more: Any) -> Deployment:
    return _deployment_of(_bound(name), **more)


def _deployment_of(bound: Any, /, **more: Any) -> Deployment:
    workflow = bound._built(Environment()).workflow
    known: dict[str, Any] = {"definition": "definitions/abc", "environment": {"store": {"type": "postgres"}}}
    return Deployment(outline=outline_of(workflow), **{**known, **more})


def _taken(orchestrator: Orchestrator, name: str, **more: Any) -> dict[str, str]:
    """Compile a workflow; the test is skipped where the orchestrator does not take it."""
    deployment = _deployment(name, **more)
    if lacking := orchestrator.lacking(deployment.outline):
        pytest.skip("; ".join(f"{path} {need}" for path, need in lacking))
    return orchestrator.compile(deployment)


def _text(orchestrator: Orchestrator, **more: Any) -> str:
    return "".join(_taken(orchestrator, "sequence", **more).values())
