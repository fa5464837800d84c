"""Runs: started here or in a process of their own, asked from anywhere, stopped, failed, and told about."""

from __future__ import annotations

import itertools
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from fairlead import (
    NotFinished,
    NotFound,
    RunCancelled,
    RunExists,
    RunFailed,
    WorkflowRun,
    list_workflow_runs,
    task,
    workflow,
)

JOBS = """
    import subprocess
    import time
    from pathlib import Path
    from fairlead import current_run, task, workflow

    @task
    def say(x):
        print("said", x, flush=True)
        current_run().log_metric("x", x)
        return x + 1

    @task
    def wait(x, gate):
        print("waiting", flush=True)
        while not Path(gate).exists():
            time.sleep(0.02)
        print("done", flush=True)
        return x

    @task(timeout=1.0)
    def slow(pid_file):
        subprocess.run(["sh", "-c", f"sleep 60 & echo $! > {pid_file}; wait"])

    @workflow
    def limited(pid_file):
        return slow(pid_file)

    @workflow
    def gated(x, gate):
        return wait(say(x), gate)
"""


@pytest.fixture(scope="module")
def jobs(place):
    place.write("jobs_running.py", JOBS)
    import sys

    sys.path.insert(0, str(place.folder))
    import jobs_running

    yield jobs_running
    sys.path.remove(str(place.folder))
    del sys.modules["jobs_running"]


def wait_until(what, seconds=15.0):
    until = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < until
        time.sleep(0.02)
    return found


# --- from one process to another --------------------------------------------------------------------------


def test_a_started_run_outlives_its_starter_and_is_asked_from_anywhere(place, jobs, tmp_path):
    gate = tmp_path / "gate"
    run_id = place.python(f"import jobs_running; print(jobs_running.gated(1, {str(gate)!r}).start('in_process').id)")
    run = WorkflowRun.by_id(run_id)
    wait_until(lambda: run.get_tasks(status="running"))
    assert run.get_status() == "running"
    with pytest.raises(NotFinished, match="still running; wait for it"):
        run.get_results()
    with pytest.raises(NotFinished, match="wait longer"):
        run.wait(timeout=0.05)
    inside = place.folder / "deeper" / "still"
    inside.mkdir(parents=True, exist_ok=True)
    asked = f"from fairlead import WorkflowRun; print(WorkflowRun.by_id({run_id!r}).get_status())"
    assert place.python(asked, cwd=inside) == "running"
    told = []
    reader = threading.Thread(target=lambda: told.extend(run.get_logs(follow=True)))
    reader.start()
    gate.touch()
    assert run.get_results(wait=True, timeout=20) == 2
    reader.join(10)
    assert "".join(text for path, text in told if path == "wait") == "waiting\ndone\n"
    assert list(run.get_logs("say")) == [("say", "said 1\n")]
    assert run.get_metrics() == {"say": {"x": 1.0}}


def test_a_prepared_run_is_started_by_another_process_in_its_own_environment(place, jobs, tmp_path):
    gate = tmp_path / "gate"
    gate.touch()
    run = jobs.gated(4, str(gate)).prepare("in_process", tags=["ready"])
    assert run.get_status() == "created"
    with pytest.raises(NotFinished, match="has not been started"):
        run.get_results()
    assert {one.status for one in run.get_tasks()} == {"ready", "waiting"}
    place.python(f"from fairlead import WorkflowRun; WorkflowRun.by_id({run.id!r}).start().wait(20)")
    assert run.get_results() == 5
    (first,) = run.get_tasks(name="say")
    workers = {one.worker for one in run.get_task("wait").attempts + first.attempts}
    assert len(workers) == 1, "in_process: the driver itself ran them"


def test_a_started_run_is_stopped_and_goes_on_later(place, jobs, tmp_path):
    gate = tmp_path / "gate"
    run = jobs.gated(7, str(gate)).start("local")
    wait_until(lambda: run.get_tasks(status="running", name="wait"))
    assert run.stop() is True
    assert run.wait(20) == "cancelled"
    with pytest.raises(RunCancelled, match=f"fairlead resume {run.id}"):
        run.get_results()
    assert run.stop() is False and run.get_status() == "cancelled"
    gate.touch()
    assert run.resume().get_results() == 8
    assert [one.outcome for one in run.get_task("say").attempts] == ["succeeded"]
    assert run.stop() is False and run.get_results() == 8


def test_a_killed_driver_leaves_an_interrupted_run_that_goes_on(place, jobs, tmp_path):
    gate = tmp_path / "gate"
    run = jobs.gated(2, str(gate)).start("in_process")
    (running,) = wait_until(lambda: run.get_tasks(status="running", name="wait"))
    os.kill(int(running.attempts[-1].worker.rpartition(":")[2]), signal.SIGKILL)
    assert run.wait(10) == "interrupted"
    with pytest.raises(NotFinished, match="was interrupted: its driver is gone"):
        run.get_results()
    assert [one.id for one in run.get_tasks(status="lost")] == ["wait"]
    gate.touch()
    assert WorkflowRun.by_id(run.id).resume().get_results() == 3


# --- looking ----------------------------------------------------------------------------------------------


@task(outputs=("best", "report"))
def fit(x):
    return x * 2, "fine"


@task
def boom(x):
    if x > 1:
        raise ValueError(f"{x} is too much")
    return x


@workflow
def small(x):
    best, _ = fit(x)
    return best


@workflow
def failing(xs):
    return fit(boom.map(xs))


def test_ids_are_given_or_taken(env):
    run = small(1).run(env, id=f"mine-{env}")
    assert run.id == f"mine-{env}" and WorkflowRun.by_id(run.id).get_results() == 2
    with pytest.raises(RunExists, match=f"there is a run 'mine-{env}' already; give another id"):
        small(1).run(env, id=f"mine-{env}")
    with pytest.raises(NotFound, match=f"nearest: 'mine-{env}'"):
        WorkflowRun.by_id(f"min-{env}")


def test_runs_are_listed_by_what_is_known_of_them():
    before = time.time()
    ids = [small(1).run("in_process", tags=["a", f"n{n}"]).id for n in range(3)]
    failing([5]).run("in_process", tags=["a"], check=False)
    assert [run.id for run in list_workflow_runs("small", tags=["a"], since=before)] == ids[::-1]
    assert [run.id for run in list_workflow_runs(tags=["a", "n1"])] == [ids[1]]
    assert [run.graph.name for run in list_workflow_runs(status="failed", tags=["a"])] == ["failing"]
    assert len(list_workflow_runs(limit=2)) == 2
    assert list_workflow_runs(since=time.time() + 5) == []


def test_task_runs_are_found_by_status_name_and_path(env):
    run = failing([1, 2, 0]).run(env, check=False)
    assert run.get_status() == "failed"
    assert sorted(one.id for one in run.get_tasks(name="boom")) == ["boom[0]", "boom[1]", "boom[2]"]
    assert [one.id for one in run.get_tasks(status="failed")] == ["boom[1]"]
    assert [one.id for one in run.get_tasks(status="skipped")] == ["fit"]
    one = run.get_task("boom[0]")
    assert (one.name, one.status, one.inputs, one.outputs) == ("boom", "succeeded", {"x": 1}, 1)
    with pytest.raises(NotFinished, match="is failed; it has no outputs"):
        _ = run.get_task("boom[1]").outputs
    with pytest.raises(NotFound, match="nearest: 'boom"):
        run.get_task("bom[1]")
    assert "failed" in repr(run) and "boom[1]" in repr(run.get_task("boom[1]"))


def test_outputs_are_artifacts_that_can_be_saved(env, tmp_path):
    run = small(4).run(env)
    found = run.get_artifacts()
    assert sorted(found) == ["fit/best", "fit/report"]
    assert found["fit/best"].load() == 8
    assert found["fit/report"].save(tmp_path).read_text() == "fine"
    assert found["fit/best"].save(tmp_path / "best.json").read_text() == "8"


# --- failures ---------------------------------------------------------------------------------------------


def test_a_failed_run_tells_the_root_cause_first(env):
    with pytest.raises(RunFailed) as caught:
        failing([0, 3]).run(env)
    said = str(caught.value).splitlines()
    assert said[0] == "task 'boom[1]' failed: ValueError: 3 is too much"
    assert said[1] == "  with x=3" and said[2].startswith(f"  at {__file__}:")
    assert "Traceback (most recent call last):" in said and "src/fairlead" not in str(caught.value)
    assert caught.value.task == "boom[1]"
    run = WorkflowRun.by_id(caught.value.run_id)
    with pytest.raises(RunFailed, match="3 is too much"):
        run.get_results()


@task(retries=3, retry_delay=0.05)
def shaky(counter):
    file = Path(counter)
    file.write_text(file.read_text() + "x" if file.exists() else "x")
    if len(file.read_text()) < 3:
        raise OSError("not yet")
    return len(file.read_text())


@workflow
def retried(counter):
    return shaky(counter)


def test_retries_back_off(env, tmp_path):
    run = retried(str(tmp_path / "counter")).run(env)
    assert run.get_results() == 3
    attempts = run.get_task("shaky").attempts
    assert [one.outcome for one in attempts] == ["failed", "failed", "succeeded"]
    gaps = [after.started - before.ended for before, after in itertools.pairwise(attempts)]
    assert gaps[0] >= 0.045 and gaps[1] >= 0.095


def test_a_time_limit_ends_the_task_and_all_that_it_started(env, jobs, tmp_path):
    file = tmp_path / "pid"
    run = jobs.limited(str(file)).run(env, check=False)
    (attempt,) = run.get_task("slow").attempts
    assert (attempt.failure.reason, attempt.seconds < 8) == ("timeout", True)
    pid = int(file.read_text())
    wait_until(lambda: not Path(f"/proc/{pid}").exists() or " Z " in Path(f"/proc/{pid}/stat").read_text(), 5)
