"""What other tools get wrong about runs. Each test is one line of the list."""

import json
import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fairlead import DefinitionError, Resources, RunBusy, RunFailed, WorkflowRun, list_workflow_runs, task, workflow
from tests.lessons.project import alive, kill

SLOW = """
    import os, time
    from pathlib import Path
    from fairlead import task, workflow

    @task
    def work(item, seconds):
        with open("started", "a") as file:
            file.write(f"{item} {os.getpid()}\\n")
        time.sleep(seconds)
        with open("ended", "a") as file:
            file.write(f"{item}\\n")
        return item * item

    @task
    def total(squares):
        return sum(squares)

    @workflow
    def squares(seconds: float = 0.05):
        return total(work.map(list(range(40)), seconds=seconds))
"""


# kill -9, and half an hour later the run still says "running".


def test_a_run_whose_driver_was_killed_is_interrupted_for_the_next_reader(project):
    project.write("jobs.py", SLOW)
    driver = project.begin("run", "jobs.py", "--id", "calm-otter")
    project.wait_for("started", 4)
    assert project.run("calm-otter").get_status() == "running"
    kill(driver)
    assert project.run("calm-otter").get_status() == "interrupted"
    assert "interrupted" in project.fairlead("runs", code=0).stdout


# A kill in the middle of a write leaves a log that can neither be read nor resumed.


def test_a_run_that_is_killed_again_and_again_is_readable_and_ends_right(project):
    project.write("jobs.py", SLOW)
    chance = random.Random(7)
    words = ("run", "jobs.py", "--id", "calm-otter")
    for _ in range(4):
        driver = project.begin(*words)
        time.sleep(0.25 + chance.random() * 0.5)
        kill(driver)
        listed = json.loads(project.fairlead("runs", "-o", "json", code=0).stdout)
        if listed:
            words = ("resume", "calm-otter")
    project.fairlead(*words, code=0)
    run = project.run("calm-otter")
    assert run.get_status() == "succeeded"
    assert run.get_results() == sum(i * i for i in range(40))


def test_what_was_recorded_as_succeeded_does_not_run_again(project):
    project.write("jobs.py", SLOW)
    driver = project.begin("run", "jobs.py", "--id", "calm-otter")
    project.wait_for("ended", 10)
    kill(driver)
    kept = {t.id for t in project.run("calm-otter").get_tasks(status="succeeded")}
    before = len(project.lines("started"))
    project.fairlead("resume", "calm-otter", code=0)
    again = {line.split()[0] for line in project.lines("started")[before:]}
    assert kept
    assert not again & {path.rpartition("[")[2].rstrip("]") for path in kept}


# Killed drivers leave workers that go on; a live run can be "retried" by a second process.


def test_workers_end_with_their_driver(project):
    project.write("jobs.py", SLOW)
    driver = project.begin("run", "jobs.py", "-p", "seconds=30")
    project.wait_for("started", 2)
    kill(driver)
    workers = {int(line.split()[1]) for line in project.lines("started")}
    until = time.monotonic() + 5
    while any(map(alive, workers)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not [pid for pid in workers if alive(pid)]


def test_a_live_run_cannot_be_taken_over(project):
    project.write(
        "jobs.py",
        """
        import time
        from pathlib import Path
        from fairlead import task, workflow

        @task
        def hold():
            Path("started").write_text("1\\n")
            until = time.monotonic() + 60
            while not Path("go").exists() and time.monotonic() < until:
                time.sleep(0.01)

        @workflow
        def job():
            return hold()
        """,
    )
    driver = project.begin("run", "jobs.py", "--id", "calm-otter")
    project.wait_for("started", 1)
    refused = project.fairlead("resume", "calm-otter", code=4)
    assert "calm-otter" in refused.stderr
    with pytest.raises(RunBusy):
        project.run("calm-otter").resume()
    project.write("go", "")
    driver.communicate(timeout=30)
    assert driver.returncode == 0


# A cache returns stale results after a helper function changes.


def test_a_changed_helper_in_another_module_is_noticed(project):
    project.write(
        "jobs.py",
        """
        from fairlead import task, workflow
        from features import scale

        @task(cache=True)
        def prepare(value):
            return scale(value)

        @workflow
        def study(value: int = 4):
            return prepare(value)
        """,
    )
    project.write("features.py", "FACTOR = 2\n\ndef scale(value):\n    return value * FACTOR\n")

    def result(run_id):
        project.fairlead("run", "jobs.py", "--id", run_id, code=0)
        run = project.run(run_id)
        return run.get_results(), run.get_tasks()[0].status

    assert result("first") == (8, "succeeded")
    assert result("second") == (8, "reused")
    project.write("features.py", "# a remark\nFACTOR = 2\n\n\ndef scale(value):\n    return (value * FACTOR)\n")
    assert result("third") == (8, "reused")
    project.write("features.py", "FACTOR = 3\n\ndef scale(value):\n    return value * FACTOR\n")
    assert result("fourth") == (12, "succeeded")
    assert "FACTOR" in project.fairlead("explain", "fourth/prepare", code=0).stdout


# Resume silently keeps results of changed code, or refuses changed parameters.


BROKEN = """
    from fairlead import task, workflow

    OFFSET = 0

    @task
    def load(n):
        return [OFFSET + i for i in range(n)]

    @task
    def check(n):
        return n > 0

    @task
    def train(numbers, rate):
        raise ValueError("not yet")

    @workflow
    def training(n: int = 3, rate: float = 0.5):
        check(n)
        return train(load(n), rate)
"""


def test_resume_shows_what_it_will_do_and_reuses_what_is_still_valid(project):
    project.write("jobs.py", BROKEN)
    project.fairlead("run", "jobs.py", "--id", "calm-otter", code=1)
    mended = BROKEN.replace('raise ValueError("not yet")', "return sum(numbers) * rate")
    project.write("jobs.py", mended.replace("OFFSET = 0", "OFFSET = 1"))
    resumed = project.fairlead("resume", "calm-otter", code=0)
    plan = next(line for line in resumed.stderr.splitlines() if "reuse 1" in line)
    assert "load (jobs.py: OFFSET changed)" in plan
    assert project.run("calm-otter").get_status() == "failed"
    new = list_workflow_runs(status="succeeded")[0]
    assert new.get_results() == 3.0
    assert {t.id: t.status for t in new.get_tasks()} == {"check": "reused", "load": "succeeded", "train": "succeeded"}


def test_resume_takes_changed_parameters(project):
    project.write("jobs.py", BROKEN.replace('raise ValueError("not yet")', "return sum(numbers) * rate"))
    project.fairlead("run", "jobs.py", "--id", "calm-otter", code=0)
    project.fairlead("resume", "calm-otter", "-p", "rate=2", code=0)
    newest = list_workflow_runs(limit=1)[0]
    assert newest.id != "calm-otter"
    assert newest.get_results() == 6
    assert project.run("calm-otter").get_results() == 1.5


# A second run in one process silently does nothing; threads crash; six at once fail.


@task
def double(value):
    return value * 2


@workflow
def doubled(values):
    return double.map(values)


def test_one_process_runs_as_often_as_it_likes(project):
    wanted = doubled([1, 2])
    assert [wanted.run("in_process").get_results() for _ in range(3)] == [[2, 4]] * 3
    assert len(list_workflow_runs()) == 3


@pytest.mark.parametrize("env", ["in_process", "local"])
def test_eight_threads_run_at_once(project, env):
    def one(number):
        return doubled([number, number + 1]).run(env).get_results()

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(one, range(8))) == [[2 * number, 2 * number + 2] for number in range(8)]


def test_six_processes_run_at_once_on_one_store(project):
    project.write("jobs.py", SLOW)
    drivers = [project.begin("run", "jobs.py", "--id", f"run-{i}", "-p", "seconds=0.001") for i in range(6)]
    said = [driver.communicate(timeout=60) for driver in drivers]
    assert [driver.returncode for driver in drivers] == [0] * 6, said
    assert {project.run(f"run-{i}").get_results() for i in range(6)} == {sum(i * i for i in range(40))}


# A failed job exits 0; every kind of failure exits 1.


def test_exit_codes_tell_what_kind_of_failure_it_was(project):
    project.write("jobs.py", BROKEN)
    assert project.fairlead("run", "jobs.py").returncode == 1
    assert project.fairlead("run", "jobs.py", "-p", "nn=3").returncode == 2
    assert project.fairlead("run", "jobs.py", "--nonsense").returncode == 2
    assert project.fairlead("run", "jobs.py:nothing").returncode in (2, 3)
    assert project.fairlead("show", "no-such-run").returncode == 3
    assert project.fairlead("runs").returncode == 0


# `stop()` on a finished run makes its results unreachable.


def test_stopping_a_finished_run_changes_nothing(project):
    run = doubled([3]).run("in_process")
    run.stop()
    assert run.get_status() == "succeeded"
    assert run.get_results() == [6]
    project.fairlead("stop", run.id, code=0)
    assert WorkflowRun.by_id(run.id).get_results() == [6]


# A task that is killed, exits, or returns something that cannot be pickled stays "running" for ever.


ENDINGS = {
    "killed": ("os.kill(os.getpid(), signal.SIGKILL)", "kill"),
    "exits": ("sys.exit(3)", "exit"),
    "leaves": ("os._exit(0)", "exit"),
    "unstorable": ("return threading.Lock()", "lock"),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_a_task_that_ends_badly_fails_with_the_reason(project, name):
    body, reason = ENDINGS[name]
    project.write(
        "jobs.py",
        f"""
        import os, signal, sys, threading
        from fairlead import task, workflow

        @task
        def bad():
            {body}

        @workflow
        def job():
            return bad()
        """,
    )
    said = project.fairlead("run", "jobs.py", "--id", "calm-otter", code=1).stderr
    run = project.run("calm-otter")
    assert run.get_status() == "failed"
    assert [t.status for t in run.get_tasks()] == ["failed"]
    assert "bad" in said
    assert reason in said.lower()


# A task whose resources no machine has waits for ever.


def test_a_task_that_needs_more_than_there_is_is_refused_before_the_run(project):
    ran = project.folder / "ran"

    @task
    def first():
        ran.touch()

    @workflow
    def job():
        first()
        return double.options(resources=Resources(cpu=4096))(1)

    with pytest.raises(DefinitionError, match="4096"):
        job().run("local")
    assert not ran.exists()


# What the tasks downstream of a failure are is anyone's guess.


def test_a_task_behind_a_failed_task_is_skipped_with_the_reason(project):
    @task
    def breaks():
        raise ValueError("no such column: 'age'")

    @workflow
    def job():
        return double(double(breaks())), double(1)

    run = job().run("in_process", check=False)
    tasks = {t.id: t for t in run.get_tasks()}
    assert {path: t.status for path, t in tasks.items()} == {
        "breaks": "failed",
        "double": "skipped",
        "double#2": "skipped",
        "double#3": "succeeded",
    }
    assert "breaks" in str(tasks["double"].explain())


# Ctrl-C: a traceback, or 40 s of nothing, and the run is "running" for ever.


def test_one_interrupt_stops_nicely(project):
    project.write("jobs.py", SLOW)
    driver = project.begin("run", "jobs.py", "--id", "calm-otter", "-p", "seconds=0.3")
    project.wait_for("ended", 2)
    pressed = time.monotonic()
    os.killpg(driver.pid, signal.SIGINT)  # a terminal sends it to the whole group
    _, said = driver.communicate(timeout=20)
    assert time.monotonic() - pressed < 10
    assert driver.returncode == 130
    assert "Traceback" not in said
    run = project.run("calm-otter")
    assert run.get_status() == "cancelled"
    assert len(run.get_tasks(status="succeeded")) >= 2


def test_two_interrupts_stop_now(project):
    project.write(
        "jobs.py",
        """
        import time, signal
        from pathlib import Path
        from fairlead import task, workflow

        @task
        def stubborn():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            Path("started").write_text("yes\\n")
            time.sleep(60)

        @workflow
        def job():
            return stubborn()
        """,
    )
    driver = project.begin("run", "jobs.py", "--id", "calm-otter")
    project.wait_for("started")
    os.killpg(driver.pid, signal.SIGINT)
    time.sleep(0.4)
    pressed = time.monotonic()
    os.killpg(driver.pid, signal.SIGINT)
    driver.communicate(timeout=20)
    assert time.monotonic() - pressed < 3
    assert driver.returncode == 130
    assert project.run("calm-otter").get_status() in ("cancelled", "interrupted")


def test_a_stop_from_another_process_reaches_running_tasks(project):
    project.write("jobs.py", SLOW)
    driver = project.begin("run", "jobs.py", "--id", "calm-otter", "-p", "seconds=30")
    project.wait_for("started", 2)
    project.fairlead("stop", "calm-otter", code=0)
    driver.communicate(timeout=20)
    assert driver.returncode == 130
    assert project.run("calm-otter").get_status() == "cancelled"
    assert not project.lines("ended")
    assert not [line for line in project.lines("started") if alive(int(line.split()[1]))]


def test_a_failed_run_raises_with_the_root_cause(project):
    @task
    def breaks(path):
        raise FileNotFoundError(f"no file {path!r}")

    @workflow
    def job(path):
        return double(breaks(path))

    with pytest.raises(RunFailed) as failed:
        job("here.csv").run("in_process")
    first = str(failed.value).splitlines()[0]
    assert "breaks" in first
    assert "here.csv" in str(failed.value)
    assert Path(__file__).name in str(failed.value)


# A power cut took the bytes of a result whose success was recorded (docs/reliability.md).


def test_a_result_whose_bytes_are_gone_counts_as_not_done(project):
    project.write(
        "jobs.py",
        """
        from pathlib import Path
        from fairlead import task, workflow

        @task
        def load():
            return "x" * 500_000

        @task
        def count(text):
            if not Path("ready").exists():
                raise OSError("not ready")
            return len(text)

        @workflow
        def job():
            return count(load())
        """,
    )
    project.fairlead("run", "jobs.py", "--id", "calm-otter", code=1)
    for path in (project.folder / ".fairlead" / "artifacts").rglob("*"):
        if path.is_file() and path.stat().st_size >= 500_000:
            path.unlink()
    project.write("ready", "")
    project.fairlead("resume", "calm-otter", code=0)
    assert list_workflow_runs(status="succeeded")[0].get_results() == 500_000
