"""What executors must do beyond `ExecutorContract` when each task has a process that may be killed."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from fairlead.model.task import Resources
from fairlead.ports import Report
from fairlead.testing.contracts.executor_harness import (
    Harness,
    MakeExecutor,
    failure,
    is_alive,
    record_of,
    result,
    until,
)

__all__ = ["ProcessExecutorContract"]


class ProcessExecutorContract:
    """Tests that kill; mixed in beside `ExecutorContract`, whose fixtures they use."""

    many = 1000

    def lives(self, pid: int) -> bool:
        """Whether a process, by the number that it has for itself, is there."""
        return is_alive(pid)

    def process_of(self, running: Report) -> int:
        """Give the process of a running job, by its number on this machine."""
        return int(running.worker.rpartition(":")[2])

    # --- a process that ends in the middle of its task ---

    def test_os_exit_fails_the_task(self, on: Harness) -> None:
        told = failure(on.run("exit_hard"))
        assert told.reason == "exit"
        assert "exit code 3" in told.message

    def test_a_crash_fails_the_task(self, on: Harness) -> None:
        told = failure(on.run("crash"))
        assert told.reason == "exit"
        assert "SIGSEGV" in told.message

    def test_a_process_that_is_killed_has_its_job_reported_as_killed(self, on: Harness) -> None:
        on.task("nap", "seconds")
        on.open()
        on.submit(on.job("a", seconds=30.0))
        running = on.until_running("a")
        os.kill(self.process_of(running), signal.SIGKILL)
        told = failure(on.finish("a")[0])
        assert told.reason == "killed"
        assert "SIGKILL" in told.message

    def test_a_process_that_is_asked_to_end_lets_its_task_tidy_up(self, on: Harness, tmp_path: Path) -> None:
        note = tmp_path / "note"
        on.task("tidy_up", "seconds", "note")
        on.open()
        on.submit(on.job("a", seconds=30.0, note=str(note)))
        running = on.until_running("a")
        until(lambda: note.exists() and note.read_text())
        os.kill(self.process_of(running), signal.SIGTERM)
        assert failure(on.finish("a")[0]).reason == "killed"
        assert note.read_text() == "tidied"

    def test_jobs_that_wait_survive_the_death_of_every_worker(self, on: Harness) -> None:
        on.task("kill_myself")
        on.task("add_one", "x")
        on.open()
        killers = [on.job(f"k[{number}]", 0) for number in range(5)]
        others = [on.job(f"t[{number}]", 1, x=number) for number in range(self.many // 10)]
        half = len(others) // 2
        on.submit(*killers, *others[:half])
        on.submit(*others[half:])
        assert all(failure(report).reason == "killed" for report in on.finish(*(job.path for job in killers)))
        assert [result(report) for report in on.finish(*(job.path for job in others))] == [
            number + 1 for number in range(len(others))
        ]

    def test_what_a_killed_task_wrote_is_told(self, on: Harness) -> None:
        on.task("exit_hard")
        on.open()
        report = on.go(0)
        assert report.log_file
        assert report.worker
        assert [said.status for said in on.reports] == ["running", "ended"]

    # --- ending tasks ---

    def test_cancelling_a_running_job_ends_all_below_it(self, on: Harness, tmp_path: Path) -> None:
        pids = tmp_path / "pids"
        on.task("nap_with_children", "seconds", "pids")
        on.open()
        on.submit(on.job("a", seconds=30.0, pids=str(pids)))
        until(lambda: on.poll(0.01) is not None and pids.exists() and len(pids.read_text().split()) == 2)
        on.executor.cancel([("a", 1)], 5.0)
        assert failure(on.finish("a", seconds=4)[0]).reason == "cancelled"
        until(lambda: not any(self.lives(int(pid)) for pid in pids.read_text().split()), 2)

    def test_a_job_that_does_not_want_to_end_is_killed(self, on: Harness, tmp_path: Path) -> None:
        on.task("stubborn", "seconds", "begun")
        on.open()
        on.submit(on.job("a", seconds=30.0, begun=str(tmp_path / "begun")))
        on.until_running("a")
        until((tmp_path / "begun").exists)
        begun = time.monotonic()
        on.executor.cancel([("a", 1)], 0.3)
        assert failure(on.finish("a", seconds=5)[0]).reason == "cancelled"
        assert time.monotonic() - begun >= 0.25

    def test_a_cancelled_task_may_tidy_up(self, on: Harness, tmp_path: Path) -> None:
        note = tmp_path / "note"
        on.task("tidy_up", "seconds", "note")
        on.open()
        on.submit(on.job("a", seconds=30.0, note=str(note)))
        on.until_running("a")
        until(lambda: note.exists() and note.read_text())
        on.executor.cancel([("a", 1)], 5.0)
        report = on.finish("a", seconds=4)[0]
        assert failure(report).reason == "cancelled"
        assert record_of(report).outcome == "cancelled"
        assert note.read_text() == "tidied"

    def test_children_that_left_their_session_end_with_a_task_that_takes_too_long(
        self, on: Harness, tmp_path: Path
    ) -> None:
        pids = tmp_path / "pids"
        report = on.run("nap_with_children", seconds=30.0, pids=str(pids), options={"timeout": 1.5})
        assert failure(report).reason == "timeout"
        until(lambda: not any(self.lives(int(pid)) for pid in pids.read_text().split()), 2)

    def test_cancelling_one_job_leaves_the_others_running(self, on: Harness) -> None:
        on.task("nap", "seconds")
        on.open()
        others = [f"t[{number}]" for number in range(min(20, self.many // 2))]
        on.submit(on.job("a", seconds=30.0), *(on.job(path, seconds=0.01) for path in others))
        on.until_running("a")
        on.executor.cancel([("a", 1)], 1.0)
        assert failure(on.finish("a")[0]).reason == "cancelled"
        assert all(result(report) for report in on.finish(*others, seconds=60))

    def test_close_ends_what_runs(self, on: Harness, tmp_path: Path) -> None:
        pids = tmp_path / "pids"
        on.task("nap_with_children", "seconds", "pids")
        on.open()
        on.submit(on.job("a", seconds=30.0, pids=str(pids)))
        process = self.process_of(on.until_running("a"))
        until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
        on.executor.close()
        until(lambda: not any(self.lives(int(pid)) for pid in pids.read_text().split()), 2)
        until(lambda: not is_alive(process), 2)

    def test_children_that_a_finished_task_left_end_with_the_run(self, on: Harness, tmp_path: Path) -> None:
        pids = tmp_path / "pids"
        on.task("leave_child", "pids")
        on.open()
        assert record_of(on.go(0, pids=str(pids))).outcome == "succeeded"
        assert self.lives(int(pids.read_text()))
        on.executor.close()
        until(lambda: not self.lives(int(pids.read_text())), 2)

    # --- between tasks ---

    def test_output_of_c_code_and_child_processes_is_kept(self, on: Harness) -> None:
        wrote = on.log(on.run("say_everywhere", text="x"))
        assert sorted(wrote.splitlines()) == sorted(
            [b"python x", b"descriptor x", b"child x", b"child error x", b"c x", b"bytes \xff"]
        )

    def test_output_can_be_followed_while_the_task_runs(self, on: Harness) -> None:
        on.task("append_and_nap", "path", "word", "seconds")
        on.open()
        on.submit(on.job("a", path="/dev/stdout", word="here I am", seconds=30.0))
        running = on.until_running("a")
        path = on.scratch / on.run_id / running.log_file
        until(lambda: path.read_bytes()[running.log_start :] == b"here I am\n", 5)

    def test_what_a_task_changes_in_its_process_is_put_back(
        self, make_executor: MakeExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.chdir(tmp_path)
        on = Harness(make_executor(), tmp_path)
        on.task("make_a_mess")
        on.task("state")
        on.task("say", "text")
        on.task("nap", "seconds", timeout=0.2)
        on.open()
        for _ in range(4):
            assert record_of(on.go(0)).outcome == "succeeded"
            assert result(on.go(1)) == [str(tmp_path), None, True, False]
            assert on.log(on.go(2, text="hello")) == b"hello\nhello, and with an error\nno line end"
        assert failure(on.go(3, seconds=30.0)).reason == "timeout"
        on.executor.close()

    def test_a_task_that_forks_and_returns_twice_has_one_result(self, on: Harness) -> None:
        on.task("fork_and_return")
        on.task("add_one", "x")
        on.open()
        for _ in range(5):
            assert result(on.go(0))
        names = [f"u[{number}]" for number in range(self.many // 20)]
        on.submit(*(on.job(name, 1, x=number) for number, name in enumerate(names)))
        assert [result(report) for report in on.finish(*names)] == [number + 1 for number in range(len(names))]

    def test_an_interrupt_of_one_worker_cancels_its_task_only(self, on: Harness) -> None:
        on.task("interrupt")
        on.task("add_one", "x")
        on.open()
        report = on.go(0)
        assert record_of(report).outcome == "cancelled"
        assert result(on.go(1, x=1)) == 2

    # --- processors ---

    def test_a_task_that_wants_more_processors_than_there_are_is_refused(self, on: Harness) -> None:
        on.task("quiet", resources=Resources(cpu=1000))
        on.open()
        on.submit(on.job("a"))
        told = failure(on.finish("a")[0])
        assert told.reason == "refused"
        assert "1000 processors" in told.message

    def test_tasks_share_the_processors_that_there_are(self, on: Harness) -> None:
        most = int(on.executor.offers.cpu)
        on.task("nap", "seconds")
        on.task("nap", "seconds", resources=Resources(cpu=most))
        on.task("nap", "seconds", env_vars={"A": "1"})
        on.task("nap", "seconds", resources=Resources(cpu=0.5))
        on.open()
        jobs = [on.job(f"t[{number}]", number % 4, seconds=0.03) for number in range(min(24, self.many))]
        on.submit(*jobs)
        spans = []
        for number, report in enumerate(on.finish(*(job.path for job in jobs), seconds=60)):
            record = record_of(report)
            assert record.started is not None
            assert record.ended is not None
            spans.append((record.started, record.ended, (1, most, 1, 0.5)[number % 4]))
        for started, _, _ in spans:
            at_work = sum(cost for begin, end, cost in spans if begin <= started < end)
            assert at_work <= most + 1e-9
