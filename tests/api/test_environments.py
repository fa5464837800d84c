"""What an environment changes: where parameters come from, how surely is recorded, what is kept, who may debug."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairlead import (
    DefinitionError,
    Environment,
    NotFound,
    Pipeline,
    PythonTask,
    RunFailed,
    WorkflowRun,
    task,
    workflow,
)


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
    with pytest.raises(DefinitionError, match="'many' is not int"):
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


# --- patches ----------------------------------------------------------------------------------------------


@task
def where_am_i(x):
    import os

    return os.getpid(), os.environ.get("LEVEL", "")


@workflow
def places():
    return where_am_i(1), where_am_i.map([2, 3])


def test_tasks_of_one_environment_run_on_several_executors():
    import os

    environment = Environment(
        name="mixed",
        executor="in_process",
        executors={"cores": {"type": "local", "max_workers": 1}},
        tasks={"where_am_i": {"executor": "cores"}, "where_am_i#2": {"executor": None, "env_vars": {"LEVEL": "2"}}},
    )
    run = places().run(environment)
    (pid, level), many = run.get_results()
    assert pid != os.getpid() and level == ""
    assert many == [(os.getpid(), "2")] * 2
    assert places().run(environment, debug=True).get_results()[0][0] == os.getpid()


def test_what_an_executor_cannot_do_is_told_for_the_tasks_that_it_gets():
    environment = Environment(
        name="mixed",
        executors={"small": {"type": "local", "max_workers": 1}},
        tasks={"where_am_i": {"executor": "small", "resources": {"cpu": 2}, "image": "x:1"}},
    )
    problems = places().check(environment)
    assert "where_am_i  needs 2 processors     small has 1" in problems
    assert "where_am_i  needs the image 'x:1'  small runs no images" in problems


def test_a_patch_counts_in_every_way_of_running(env):
    environment = Environment(name="patched", executor=env, tasks={"where*": {"env_vars": {"LEVEL": "7"}}})
    run = places().prepare(environment)
    assert {one.env_vars["LEVEL"] for one in run.graph.tasks} == {"7"}
    done = places().run(environment)
    assert done.get_results()[0][1] == "7"
    assert places().run(environment, resume=done).get_results()[0][1] == "7"


def test_a_pattern_that_matches_nothing_is_a_warning():
    (warning,) = places().warnings(Environment(tasks={"nothing": {"retries": 1}}))
    assert warning.startswith("tasks.nothing: matches no task")


def test_a_patch_puts_a_stand_in_in_the_place_of_a_task():
    def fake(x):
        return [x, "fake"]

    environment = Environment(executor="in_process", tasks={"where_am_i*": {"mock": fake, "retries": 2}})
    run = places().run(environment)
    assert run.get_results() == ([1, "fake"], [[2, "fake"], [3, "fake"]])
    assert WorkflowRun.by_id(run.id).graph.tasks[0].mock
    assert places().run(environment.replace(tasks={"*": {"mock": {"value": 1}}})).get_results() == (1, [1, 1])
    with pytest.raises(DefinitionError, match=r"tasks\.\*\.mock: where_am_i: "):
        places().run(Environment(tasks={"*": {"mock": "no_such_module:f"}}))


# --- observers --------------------------------------------------------------------------------------------


def test_observers_of_the_environment_are_told_what_happens(env):
    class Listener:
        def __init__(self):
            self.heard = []

        def notify(self, run, event):
            self.heard.append((run.id, type(event).__name__))

    listener = Listener()
    run = places().run(Environment(executor=env, observers=[listener]))
    assert {name for name, _ in listener.heard} == {run.id}
    assert {"Opened", "TaskEnded", "Closed"} <= {kind for _, kind in listener.heard}


# --- what an executor finds missing -------------------------------------------------------------------------


class Bare:
    """An executor that looks at what is there, and finds nothing."""

    def __init__(self):
        from fairlead.ports import Offers

        self.offers = Offers(reach="process", image=True)
        self.asked = []

    def lacks(self, tasks, *, fetch):
        self.asked.append(([task.name for task in tasks], fetch))
        return [("", "there is no engine; start one"), ("fine", "no image 'x:1'; build it")]

    def close(self):
        self.closed = True


def test_what_an_executor_finds_missing_is_told_before_a_run_is_made():
    bare = Bare()
    environment = Environment(executor=bare)
    problems = ["there is no engine; start one", "fine  no image 'x:1'; build it"]
    assert slow_and_fine(1).check(environment) == problems
    with pytest.raises(DefinitionError) as caught:
        slow_and_fine(1).run(environment, id="bare-run")
    assert list(caught.value.problems) == problems
    assert bare.asked == [(["fine"], False), (["fine"], True)]
    assert bare.closed
    with pytest.raises(NotFound):
        WorkflowRun.by_id("bare-run")


def test_executors_are_asked_about_their_own_tasks_only():
    other = Bare()
    environment = Environment(executor="in_process", executors={"box": other}, tasks={"join": {"executor": "box"}})
    assert study("a").check(environment) == ["there is no engine; start one", "fine  no image 'x:1'; build it"]
    assert study("a").check("in_process") == []
    assert other.asked == [(["join"], False)]
