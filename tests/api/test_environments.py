"""What an environment changes: where parameters come from, how surely is recorded, what is kept, who may debug."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairlead import DefinitionError, Environment, Pipeline, PythonTask, RunFailed, WorkflowRun, task, workflow


@task
def join(where, count):
    return where, count


@workflow
def study(where: Path, count: int = 1):
    return join(where, count)


@task(timeout=0.2)
def boom(x):
    import time

    time.sleep(0.3)
    raise KeyError(x)


@task
def fine(x):
    return x


@workflow
def broken(x):
    return boom(fine(x))


@workflow
def slow_and_fine(x):
    return fine.options(timeout=5)(x)


# --- parameters -------------------------------------------------------------------------------------------


@pytest.fixture
def settings(tmp_path):
    def write(text):
        file = tmp_path / "dev.yaml"
        file.write_text(text)
        return file

    return write


def test_an_environment_gives_the_parameters_that_nobody_else_gives(settings, monkeypatch):
    file = settings("executor: in_process\nparameters: {where: data.csv, count: '2', other: 3}\n")
    assert study().run(file).get_results() == (Path("data.csv"), 2)
    assert study(Path("b"), count=5).run(file).get_results() == (Path("b"), 5)
    monkeypatch.setenv("FAIRLEAD_PARAM_COUNT", "3")
    assert study(Path("b")).run(file).get_results() == (Path("b"), 3)
    assert study(Path("b")).run(file).parameters == {"where": Path("b"), "count": 3}
    assert study().prepare(file).parameters["count"] == 3
    assert study().check(file) == []


def test_what_an_environment_gives_must_fit(settings):
    file = settings("executor: in_process\nparameters: {count: many}\n")
    with pytest.raises(DefinitionError, match="environment file: 'many' is not int"):
        study(Path("b")).run(file)
    (problem,) = study().check("in_process")
    assert "is not given 'where'" in problem


def test_a_pipeline_takes_them_as_well(settings):
    file = settings("executor: in_process\nparameters: {where: a, count: 2, other: 3}\n")
    pipeline = Pipeline(steps=[PythonTask(function=lambda where, count: [where, count], name="join", returns=["it"])])
    assert pipeline.run(file).get_results() == {"it": ["a", 2]}
    assert pipeline.run(file, parameters={"count": 9}).get_results() == {"it": ["a", 9]}


# --- keeping ----------------------------------------------------------------------------------------------


def test_each_fact_may_be_committed_by_itself(env, settings):
    run = study(Path("a")).run(settings(f"executor: {env}\ndurability: each\n"))
    assert run.get_results() == (Path("a"), 1)
    assert WorkflowRun.by_id(run.id).get_results() == (Path("a"), 1)


def test_a_memory_store_keeps_runs_of_this_process(place):
    environment = Environment(name="scratch", executor={"type": "in_process"}, store={"type": "memory"})
    run = study(Path("a")).run(environment)
    assert WorkflowRun.by_id(run.id, environment).get_results() == (Path("a"), 1)
    with pytest.raises(DefinitionError, match="cannot be carried by another process"):
        study(Path("a")).start(environment)


def test_a_memory_store_is_refused_where_other_processes_run_tasks():
    environment = Environment(name="odd", store={"type": "memory"})
    problems = study(Path("a")).check(environment)
    assert len(problems) == 2 and "the run store can be seen from this process only" in problems[0]
    with pytest.raises(DefinitionError, match="the artifact store can be seen"):
        study(Path("a")).run(environment)


# --- debugging --------------------------------------------------------------------------------------------


def test_debugging_raises_the_tasks_own_exception_with_its_frames():
    with pytest.raises(KeyError) as caught:
        broken(7).run(debug=True, id="debugged")
    frame = caught.traceback[-1]
    assert frame.name == "boom" and frame.locals["x"] == 7
    run = WorkflowRun.by_id("debugged")
    assert run.get_status() == "failed"
    assert run.get_task("boom").attempts[0].failure.reason == "exception", "there is no time limit"


def test_debugging_stays_in_this_process_whatever_the_environment_says(settings):
    import os

    run = broken(1).run(settings("executor: {type: local, max_workers: 1}\n"), debug=True, check=False)
    workers = {one.attempts[0].worker for one in run.get_tasks()}
    assert {worker.rpartition(":")[2] for worker in workers} == {str(os.getpid())}
    assert slow_and_fine(3).run(debug=True).get_results() == 3


def test_without_debugging_a_failure_is_the_runs():
    with pytest.raises(RunFailed, match="took longer than its"):
        broken(7).run("in_process")
