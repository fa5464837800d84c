"""Looking makes nothing; a project that was moved is found again; ids can be named."""

from __future__ import annotations

import subprocess
import sys

import pytest

from fairlead import DefinitionError, NotFound, WorkflowRun, list_workflow_runs, task, workflow
from fairlead.api import collect, diagnose, list_summaries, load_target, resume_run
from fairlead.stores import folder as folders

SOURCE = """
from fairlead import task, workflow

@task
def double(x: int) -> int:
    return 2 * x

@workflow
def job(x: int = 4):
    return double(x)
"""


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A folder with no store in it or above it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        folders, "find", lambda start=None: None if start is None else folders.Folder(start / ".fairlead")
    )
    return tmp_path


def test_looking_in_a_bare_folder_makes_nothing(bare):
    assert list_workflow_runs() == [] and list_summaries() == []
    assert collect(0.0, yes=True).runs == []
    assert any("none yet" in finding.text for finding in diagnose())
    with pytest.raises(NotFound, match=r"there is no '\.fairlead' folder"):
        WorkflowRun.by_id("calm-otter")
    with pytest.raises(NotFound, match=r"there is no '\.fairlead' folder"):
        resume_run("calm-otter")
    assert list(bare.iterdir()) == []


def test_checking_keeps_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "checked.py").write_text(SOURCE)
    assert load_target("checked.py").bind({}).check() == []
    assert [path.name for path in tmp_path.iterdir() if path.name != "__pycache__"] == ["checked.py"]


def test_a_project_that_was_moved_is_resumed_where_it_is(tmp_path):
    old = tmp_path / "old"
    (old / ".fairlead").mkdir(parents=True)
    (old / "jobs.py").write_text(SOURCE)

    def fairlead(*words, cwd):
        done = subprocess.run(
            [sys.executable, "-m", "fairlead", *words], cwd=cwd, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    fairlead("run", "jobs.py", "--id", "moved", "--env", "in_process", cwd=old)
    old.rename(tmp_path / "new")
    assert "10" in fairlead("resume", "moved", "-p", "x=5", cwd=tmp_path / "new")


@pytest.mark.parametrize("run_id", ["a/b", "../x", "", "-x", "a\nb", "x" * 201])
def test_ids_that_no_command_could_name_are_refused(tmp_path, monkeypatch, run_id):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".fairlead").mkdir()

    @task
    def one():
        return 1

    @workflow
    def job():
        return one()

    with pytest.raises(DefinitionError, match="cannot be the id of a run"):
        job().run("in_process", id=run_id)


def test_a_store_removed_during_a_run_is_told_as_such(tmp_path):
    (tmp_path / ".fairlead").mkdir()
    (tmp_path / "jobs.py").write_text(
        SOURCE.replace("    return 2 * x", "    import shutil; shutil.rmtree('.fairlead'); return 2 * x")
    )
    words = [sys.executable, "-m", "fairlead", "run", "jobs.py", "--env", "in_process"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 4, done.stderr
    assert "was removed or replaced while it was going on" in done.stderr


def test_a_status_that_there_is_none_of_is_an_error():
    with pytest.raises(DefinitionError, match=r"status='suceeded' is no status \(nearest: 'succeeded'\); there are"):
        list_workflow_runs(status="suceeded")
