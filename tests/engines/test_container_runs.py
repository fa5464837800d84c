"""Whole runs in containers: what a user of the executor sees, and what is left when parts of it are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from hashlib import sha256
from importlib import import_module
from pathlib import Path

import pytest

from fairlead import DefinitionError, Environment, NotFound, RunFailed, WorkflowRun
from fairlead.testing.contracts.executor_harness import until

pytestmark = pytest.mark.parametrize("engine", ["podman", "docker"], indirect=True)

JOBS = """
import os, time
from pathlib import Path
from fairlead import Resources, current_run, task, workflow

@task
def split(n):
    print("splitting", n)
    return list(range(n))

@task
def double(x):
    print("doubling", x)
    return 2 * x

@task
def total(xs):
    return sum(xs)

@workflow
def study(n: int = 3):
    return total(double.map(split(n)))

@workflow
def chunked(n: int = 6):
    return total(double.options(chunk=3).map(split(n)))

@task
def note(path, seconds):
    with open(path, "a") as file:
        file.write("begun\\n")
    print("here I am", flush=True)
    time.sleep(seconds)
    with open(path, "a") as file:
        file.write("done\\n")
    return "done"

@workflow
def noted(path: str, seconds: float):
    return double(note(path, seconds))

@workflow
def mixed(path: str):
    return note(path, 5.0), total(split(3))

@task
def total_of_notes(first, second):
    return first + second

@workflow
def noted_on_two(first: str, second: str, seconds: float):
    return total_of_notes(note(first, seconds), note.options(name="other")(second, seconds))

@task
def hungry():
    return len(bytearray(600 << 20))

@workflow
def starved():
    return hungry.options(resources=Resources(memory="64Mi"))()

@task(secrets=["API_KEY"])
def asks():
    value = current_run().secret("API_KEY")
    print("the key is", value)
    return [len(value), "API_KEY" in os.environ]

@workflow
def secretive():
    return asks()

@task(secrets=["API_KEY"])
def asks_late(path, seconds):
    Path(path).write_text("begun")
    time.sleep(seconds)
    return len(current_run().secret("API_KEY"))

@workflow
def secretive_later(path: str, seconds: float):
    return asks_late(path, seconds)
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with the jobs above, in a folder of its own."""
    (tmp_path / ".fairlead").mkdir()
    (tmp_path / "boxed_jobs.py").write_text(JOBS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("boxed_jobs", None)
    yield tmp_path
    sys.modules.pop("boxed_jobs", None)


@pytest.fixture
def jobs(project):
    return import_module("boxed_jobs")


@pytest.fixture
def box(engine, image, project):
    """Give a function that makes an environment; nothing may be left in the engine."""

    def make(**said):
        executor = {"type": "container", "image": image, "url": engine.url, "pull": "never", "network": "none"}
        return Environment(executor={**executor, "mounts": ["."], **said})

    yield make
    until(lambda: engine.names() == [])  # a driver of its own tidies up when the run has ended


def written(run, task=None):
    """What tasks of a run have written."""
    return "".join(text for _, text in run.get_logs(task))


def test_a_workflow_runs_in_containers(jobs, box, project):
    run = jobs.study(4).run(box())
    assert run.get_results() == 12
    assert written(run, "double[3]") == "doubling 3\n"
    workers = {task.attempts[-1].worker for task in run.get_tasks()}
    assert len(workers) == 6
    assert all("fairlead-" in worker for worker in workers)
    assert list(project.glob(".fairlead/logs/*/orders/*")) == []


def test_items_of_a_chunk_share_a_container_and_have_records_of_their_own(jobs, box):
    run = jobs.chunked(6).run(box())
    assert run.get_results() == 30
    workers = [task.attempts[-1].worker for task in run.get_tasks(name="double")]
    assert len(set(workers)) == 2
    assert [written(run, f"double[{item}]") for item in range(6)] == [f"doubling {item}\n" for item in range(6)]


def test_files_that_containers_have_written_are_the_drivers(jobs, box, project):
    run = jobs.study(2).run(box())
    assert run.get_results() == 2
    owners = {path.stat().st_uid for path in (project / ".fairlead").rglob("*")}
    assert owners == {os.getuid()}


def test_tasks_run_as_another_user(jobs, box, project):
    (project / ".fairlead" / "artifacts").mkdir()
    (project / ".fairlead" / "artifacts").chmod(0o777)
    project.chmod(0o755)  # it is mounted, and the run's folder is in it
    run = jobs.study(2).run(box(user="1234:1234"))
    assert run.get_results() == 2
    assert written(run, "double[1]") == "doubling 1\n"


def test_a_task_that_needs_more_memory_than_it_asked_for_is_told_so(jobs, box):
    with pytest.raises(RunFailed, match="more than the 64Mi of memory that it asked for"):
        jobs.starved().run(box())


def test_secrets_come_by_files_and_are_masked(jobs, box, project, monkeypatch):
    monkeypatch.setenv("API_KEY", "very-secret-0815")
    run = jobs.secretive().run(box())
    assert run.get_results() == [16, False]
    assert written(run) == "the key is ***\n"
    folder = sha256(str(project / ".fairlead" / "logs" / run.id).encode()).hexdigest()[:16]
    assert list(Path("/dev/shm").glob(f"fairlead-own-*/secrets-{folder}*")) == []


def test_tasks_on_two_executors_with_containers_leave_each_other_alone(jobs, box, project):
    first = box()
    both = Environment(
        executor=first.executor,
        executors={"other": {**first.executor, "max_workers": 1}},
        tasks={"total": {"executor": "other"}},
    )
    run = jobs.mixed(str(project / "note")).run(both)
    assert [len(task.attempts) for task in run.get_tasks()] == [1, 1, 1]
    assert (project / "note").read_text() == "begun\ndone\n"


def test_two_runs_at_once_do_not_meet(jobs, box):
    results = []
    environment = box()
    threads = [
        threading.Thread(target=lambda n=n: results.append(jobs.study(n).run(environment).get_results()))
        for n in (2, 3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(results) == [2, 6]


def test_the_log_can_be_followed_while_the_task_runs(jobs, box, project):
    run = jobs.noted(str(project / "note"), 3.0).start(box())
    seen = []

    def follow():
        seen.extend((text, (project / "note").read_text().count("done")) for _, text in run.get_logs(follow=True))

    thread = threading.Thread(target=follow)
    thread.start()
    assert run.get_results(wait=True, timeout=60) == "donedone"
    thread.join(10)
    assert seen[0][1] == 0


def test_a_run_that_is_stopped_leaves_no_container(jobs, box, project, engine):
    run = jobs.noted(str(project / "note"), 60.0).start(box())
    until((project / "note").exists)
    run.stop()
    run.wait(20)
    assert run.get_status() == "cancelled"
    until(lambda: engine.names() == [])
    assert (project / "note").read_text() == "begun\n"


def driver_of(run):
    """Find the process that carries a run."""
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = line.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"_drive" in words and run.id.encode() in words:
            return int(line.parent.name)
    raise AssertionError("nobody carries the run")


@pytest.mark.parametrize("dead_for", ["a while", "until the task has ended"])
def test_a_task_outlives_its_driver_and_the_next_one_hears_it(jobs, box, project, engine, dead_for):
    note = project / "note"
    run = jobs.noted(str(note), 2.0).start(box())
    until(note.exists)
    os.kill(driver_of(run), signal.SIGKILL)
    until(lambda: run.get_status() == "interrupted")
    if dead_for != "a while":
        until(lambda: "done" in note.read_text())
    assert run.resume().get_results() == "donedone"
    assert note.read_text() == "begun\ndone\n"


def test_secrets_of_a_killed_driver_go_with_the_next_command_and_its_tasks_still_have_them(
    jobs, box, project, monkeypatch
):
    secret = f"very-secret-{os.getpid()}-{time.time_ns()}"
    monkeypatch.setenv("API_KEY", secret)
    run = jobs.secretive_later(str(project / "note"), 3.0).start(box())
    until((project / "note").exists, 20)
    kept = [file for file in Path("/dev/shm").glob("fairlead-own-*/*/*/API_KEY") if secret in file.read_text()]
    (left,) = {file.parents[1] for file in kept}
    assert left.stat().st_mode & 0o777 == 0o700
    os.kill(driver_of(run), signal.SIGKILL)
    until(lambda: run.get_status() == "interrupted")
    subprocess.run([sys.executable, "-m", "fairlead", "runs"], check=True, stdout=subprocess.DEVNULL)
    assert not left.exists()
    assert run.resume().get_results() == len(secret)
    assert not left.exists()
    assert [len(task.attempts) for task in run.get_tasks()] == [1]


def test_the_next_driver_takes_up_the_containers_of_both_executors(jobs, box, project):
    first, second = project / "first", project / "second"
    one = box().executor
    both = Environment(
        executor=one, executors={"other": {**one, "max_workers": 1}}, tasks={"other": {"executor": "other"}}
    )
    run = jobs.noted_on_two(str(first), str(second), 3.0).start(both)
    until(lambda: first.exists() and second.exists(), 20)
    os.kill(driver_of(run), signal.SIGKILL)
    until(lambda: run.get_status() == "interrupted")
    assert run.resume().get_results() == "donedone"
    assert first.read_text() == second.read_text() == "begun\ndone\n"
    assert [len(task.attempts) for task in run.get_tasks()] == [1, 1, 1]


def test_a_container_that_somebody_removes_is_started_again(jobs, box, project, engine):
    note = project / "note"
    run = jobs.noted(str(note), 1.5).start(box())
    until(note.exists)
    engine.discard(*engine.names())
    assert run.get_results(wait=True, timeout=60) == "donedone"
    assert note.read_text() == "begun\nbegun\ndone\n"


def test_an_engine_that_is_restarted_meanwhile_is_waited_for(jobs, box, project, engine):
    note = project / "note"
    run = jobs.noted(str(note), 2.0).start(box())
    until(note.exists)
    engine.stop()
    time.sleep(2.0)
    engine.start()
    assert run.get_results(wait=True, timeout=60) == "donedone"


def test_what_a_dead_driver_has_left_is_removed_by_the_next_one_of_any_run(jobs, box, project, engine):
    note = project / "note"
    run = jobs.noted(str(note), 0.5).start(box())
    until(note.exists)
    os.kill(driver_of(run), signal.SIGKILL)
    until(lambda: "Exited" in engine("ps", "--all", "--format", "{{.Status}}"))
    assert jobs.study(1).run(box()).get_results() == 0


def test_what_is_wrong_is_told_before_anything_runs(jobs, box, image):
    for said, told in (
        ({"image": "localhost/none:1"}, "there is no image 'localhost/none:1' on this machine, and 'pull' is 'never'"),
        ({"image": None}, "no image says what it runs in"),
        ({"python": "python9"}, "has no Python to run tasks with ('python9' could not be started"),
        ({"env": {"PYTHONPATH": ""}}, "has no Fairlead (ModuleNotFoundError: No module named 'fairlead')"),
        ({"url": "unix:///nowhere/engine.sock"}, "there is no such socket"),
    ):
        (problem, *_) = jobs.study(1).check(box(**said))
        assert told in problem, problem


def test_an_image_that_cannot_be_pulled_is_told(jobs, box):
    environment = box(image="127.0.0.1:1/team/none:1", pull="missing")
    assert jobs.study(1).check(environment) == []
    with pytest.raises(DefinitionError, match="cannot be pulled"):
        jobs.study(1).run(environment, id="never")
    with pytest.raises(NotFound):
        WorkflowRun.by_id("never")


def test_the_command_line_runs_in_containers(project, box, engine, image):
    (project / "boxes.yaml").write_text(
        f"executor: {{type: container, image: '{image}', url: '{engine.url}', pull: never, network: none}}\n"
    )
    words = [sys.executable, "-m", "fairlead", "run", "boxed_jobs.py:study", "--env", "boxes", "-p", "n=2"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("2")


@pytest.mark.usefixtures("sockets_left_behind")
def test_an_engine_that_has_gone_away_is_told_with_its_place(engine):
    from fairlead.executors.container.engine import Engine, EngineGone
    from fairlead.executors.container.sockets import find_engine

    gone = find_engine(engine.url)._replace(url="unix:///nowhere/engine.sock")
    with pytest.raises(EngineGone, match="the container engine at unix:///nowhere/engine"):
        Engine(gone).image("x")
