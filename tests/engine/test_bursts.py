"""Chains of tasks that are over at once, which are carried without a detour: nothing else may be different."""

import os
import signal
import threading
import time

import pytest

from fairlead import WorkflowRun, current_run, task, workflow
from fairlead.executors.in_process import InProcess


@pytest.fixture(autouse=True)
def at_once(tmp_path, monkeypatch):
    """Work in a project of its own; gives the paths of the jobs that were run at once."""
    (tmp_path / ".fairlead").mkdir()
    monkeypatch.chdir(tmp_path)
    seen = []
    run_at_once = InProcess.run_at_once

    def spy(self, job):
        seen.append(job.path)
        return run_at_once(self, job)

    monkeypatch.setattr(InProcess, "run_at_once", spy)
    return seen


said = []


@task
def note(value: int) -> int:
    said.append(value)
    return value + 1


@task(retries=2)
def flaky(value: int) -> int:
    if current_run().attempt < 3:
        raise ValueError("not yet")
    return value


@task
def goes_elsewhere(value: int) -> int:
    os.chdir("/")
    os.environ["LEFT_BEHIND"] = "1"
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return value


@task
def here(value: int) -> tuple:
    return os.getcwd(), os.environ.get("LEFT_BEHIND"), signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_tasks_of_a_chain_that_were_over_at_once_follow_each_other(at_once):
    @workflow
    def chain():
        value = 0
        for _ in range(20):
            value = note(value)
        return value

    run = chain().run("in_process")
    assert run.get_results() == 20
    assert len(at_once) == 19
    assert run.summary().counts == {"succeeded": 20}
    assert len(WorkflowRun.by_id(run.id).get_tasks()) == 20


def test_items_of_a_map_run_in_their_order(at_once):
    @workflow
    def both(numbers: list[int]):
        first = note(-1)
        return note.map(note.after(first).map(numbers))

    said.clear()
    both(list(range(1500))).run("in_process")
    assert said[0] == -1
    assert said[1:1001] == list(range(1000))
    assert at_once


def test_a_quick_task_that_fails_is_tried_again(at_once):
    @workflow
    def chain():
        return flaky(flaky(1))

    run = chain().run("in_process")
    assert run.get_results() == 1
    assert "flaky#2" in at_once
    assert [len(one.attempts) for one in run.get_tasks()] == [3, 3]


def test_what_a_quick_task_changed_in_the_process_is_put_back_before_the_next(at_once, tmp_path):
    @workflow
    def chain():
        return here(goes_elsewhere(goes_elsewhere(1)))

    assert chain().run("in_process").get_results() == (str(tmp_path), None, True)
    assert at_once == ["goes_elsewhere#2"]


def test_a_task_that_has_become_slow_is_told_to_be_running_the_next_time(at_once):
    @task
    def sleep(seconds: float) -> float:
        time.sleep(seconds)
        return 0.05

    @workflow
    def chain():
        return sleep(sleep(sleep(sleep(0.0))))

    chain().run("in_process")
    assert at_once == ["sleep#2"]


def test_a_task_with_a_time_limit_is_never_run_at_once(at_once):
    @workflow
    def chain():
        limited = note.options(timeout=30)
        return limited(limited(limited(1)))

    chain().run("in_process")
    assert at_once == []


def test_each_record_is_on_the_disk_before_the_next_task_where_durability_is_each(tmp_path, at_once):
    (tmp_path / "each.yaml").write_text("executor: in_process\ndurability: each\n", encoding="utf-8")

    @task
    def recorded(before: int) -> int:
        run = WorkflowRun.by_id(current_run().run_id)
        return before + len(run.get_tasks(status="succeeded"))

    @workflow
    def chain():
        return recorded(recorded(recorded(recorded(0))))

    assert chain().run("each.yaml").get_results() == 0 + 1 + 2 + 3


def test_ctrl_c_in_a_chain_of_quick_tasks_cancels_the_run(at_once):
    @task
    def count_up(value: int) -> int:
        if value == 5:
            os.kill(os.getpid(), signal.SIGINT)
        return value + 1

    @workflow
    def chain():
        value = 0
        for _ in range(10):
            value = count_up(value)
        return value

    with pytest.raises(KeyboardInterrupt):
        chain().run("in_process", id="cut")
    run = WorkflowRun.by_id("cut")
    assert run.get_status() == "cancelled"
    assert run.summary().counts["succeeded"] in (5, 6)
    assert "count_up#6" in at_once


def test_a_stop_from_outside_reaches_a_chain_of_quick_tasks(at_once):
    @workflow
    def chain():
        value = 0
        for _ in range(20_000):
            value = note(value)
        return value

    def stop():
        deadline = time.monotonic() + 20
        while not at_once and time.monotonic() < deadline:
            time.sleep(0.001)
        WorkflowRun.by_id("long").stop()

    stopping = threading.Thread(target=stop)
    stopping.start()
    run = chain().run("in_process", id="long", check=False)
    stopping.join()
    assert run.get_status() == "cancelled"
    assert run.summary().counts["cancelled"] > 0
