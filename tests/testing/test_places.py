"""An environment for one test: in memory, and nothing stays."""

import os
from pathlib import Path

import pytest

from fairlead import Environment, NotFound, WorkflowRun, list_workflow_runs
from fairlead.testing import memory_env
from tests.testing import jobs


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FAIRLEAD_ENV", raising=False)


def test_runs_leave_nothing_in_the_project(tmp_path):
    with memory_env() as env:
        assert jobs.training("x").run(env).get_results() == 3.0
        assert [run.get_results() for run in list_workflow_runs(env=env)] == [3.0]
    assert not list(tmp_path.iterdir())


def test_what_a_test_made_is_not_there_for_the_next():
    with memory_env():
        run = jobs.training("x").run()
    with memory_env(), pytest.raises(NotFound):
        WorkflowRun.by_id(run.id)


def test_it_is_meant_where_no_environment_is_named():
    with memory_env() as env:
        run = jobs.training("x").run()
        assert WorkflowRun.by_id(run.id, env).get_status() == "succeeded"
        assert jobs.training("x").check() == []


def test_the_working_directory_stays(tmp_path):
    with memory_env():
        assert Path.cwd() == tmp_path


def test_the_projects_own_runs_are_out_of_sight(tmp_path):
    run = jobs.training("x").run("in_process")
    with memory_env():
        assert list_workflow_runs() == []
    assert [one.id for one in list_workflow_runs()] == [run.id]


@pytest.mark.parametrize("env", ["local", Environment(name="mine", executor={"type": "local", "max_workers": 1})])
def test_tasks_in_other_processes_are_kept_in_a_folder_that_goes(env, tmp_path):
    with memory_env(env) as environment:
        assert jobs.pids().run(environment).get_results() != os.getpid()
        assert len(list_workflow_runs()) == 1
    assert not list(tmp_path.iterdir())


def test_settings_are_replaced():
    with memory_env(parameters={"n": 4}):
        assert jobs.awaiting().run().get_results() == 5


def test_one_may_stand_in_another():
    with memory_env():
        outer = jobs.training("x").run()
        with memory_env():
            assert list_workflow_runs() == []
        assert [run.id for run in list_workflow_runs()] == [outer.id]


def test_some_tasks_in_other_processes_are_kept_in_files_as_well():
    with memory_env(executors={"far": {"type": "local", "max_workers": 1}}, tasks={"pid": {"executor": "far"}}) as env:
        assert env.store["type"] == "sqlite"
        assert jobs.pids().run().get_results() != os.getpid()
