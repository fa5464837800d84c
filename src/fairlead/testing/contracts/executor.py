"""What every executor must do: the sentences of `fairlead.ports.Executor`, one test each.

A plugin's test file says:

    class TestMyExecutor(ExecutorContract):
        @pytest.fixture
        def make_executor(self):
            ...  # gives a function that makes an executor, and closes what it has made

and, where each task has a process that may be killed, mixes in `ProcessExecutorContract` as well.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairlead.model.task import Resources
from fairlead.model.values import Inline, Stored
from fairlead.testing.contracts.executor_harness import (
    Harness,
    MakeExecutor,
    failure,
    is_alive,
    record_of,
    result,
    until,
)

__all__ = ["ExecutorContract"]


class ExecutorContract:
    """Tests for any executor."""

    many = 1000
    """Jobs that count as many; fewer for an executor that starts something for each."""
    patience = 20.0
    """Seconds that jobs get to end; more for such an executor."""

    def lives(self, pid: int) -> bool:
        """Whether a process, by the number that it has for itself, is there."""
        return is_alive(pid)

    @pytest.fixture
    def make_executor(self) -> Iterator[MakeExecutor]:
        """Give a function that makes an executor; override this, and close what was made."""
        raise NotImplementedError("override the 'make_executor' fixture")

    @pytest.fixture
    def on(self, make_executor: MakeExecutor, tmp_path: Path) -> Iterator[Harness]:
        """An executor, and what a test asks of it."""
        harness = Harness(make_executor(), tmp_path, patience=self.patience)
        yield harness
        harness.executor.close()

    # --- results ---

    def test_a_result_comes_back_in_a_record(self, on: Harness) -> None:
        before = time.time()
        report = on.run("add_one", x=41)
        record = record_of(report)
        assert result(report) == 42
        assert (record.path, record.attempt, record.failure) == ("t[0]", 1, None)
        assert record.started is not None
        assert record.ended is not None
        assert before - 1 <= record.started <= record.ended <= time.time() + 1
        assert 0 <= record.seconds < 5
        assert record.worker

    def test_many_jobs_are_each_run_once(self, on: Harness) -> None:
        on.task("add_one", "x")
        on.open()
        left = [on.job(f"t[{number}]", x=number) for number in range(self.many)]
        while left:
            count = on.executor.room()
            on.submit(*left[:count])
            del left[:count]
            on.poll()
        reports = on.finish(*(f"t[{number}]" for number in range(self.many)), seconds=3 * self.patience)
        assert [result(report) for report in reports] == list(range(1, self.many + 1))

    def test_a_job_that_is_submitted_twice_is_run_once(self, on: Harness, tmp_path: Path) -> None:
        on.task("append", "path", "word")
        on.open()
        path = str(tmp_path / "words")
        on.submit(*(on.job("a", path=path, word="a") for _ in range(3)))
        on.submit(on.job("a", path=path, word="a"), on.job("b", path=path, word="b"))
        on.finish("a", "b")
        assert sorted(Path(path).read_text().split()) == ["a", "b"]

    def test_attempts_of_one_path_are_told_apart(self, on: Harness) -> None:
        on.task("add_one", "x")
        on.open()
        on.submit(on.job("a", 0, 1, x=1), on.job("a", 0, 2, x=2))
        on.finish("a")
        while ("a", 2) not in on.ended:
            on.poll()
        assert result(on.ended["a", 2]) == 3

    def test_every_kind_of_parameter_gets_its_arguments(self, on: Harness) -> None:
        on.task(
            "spread",
            ("first", "positional_only"),
            "second",
            ("rest", "varargs"),
            ("flag", "keyword_only"),
            ("more", "varkw"),
        )
        on.open()
        assert result(on.go(0, first=1, second=2, rest=[3, 4], flag=True, other=5)) == [
            1,
            2,
            [3, 4],
            True,
            {"other": 5},
        ]
        assert result(on.go(0, first=1, second=2)) == [1, 2, [], False, {}]

    def test_several_outputs_become_several_values(self, on: Harness) -> None:
        record = record_of(on.run("pair", options={"outputs": ("a", "b")}))
        assert record.outputs == [Inline("json", b"1"), Inline("json", b'"two"')]

    def test_a_coroutine_function_is_awaited(self, on: Harness) -> None:
        on.task("add_slowly", "x")
        on.task("loop_id")
        on.open()
        assert result(on.go(0, x=1)) == 2
        assert result(on.go(1)) is not None

    def test_large_values_travel(self, on: Harness) -> None:
        on.task("huge", "size")
        on.task("length", "data")
        on.open()
        outputs = record_of(on.go(0, size=20_000_000)).outputs
        assert outputs
        stored = outputs[0]
        assert isinstance(stored, Stored)
        assert result(on.go(1, data=stored)) == 20_000_000

    def test_a_job_with_a_large_message_travels(self, on: Harness) -> None:
        assert result(on.run("length", data="x" * 300_000)) == 300_000

    @pytest.mark.parametrize("name", ["täsk [3]", "a\nb", "'\"", "\N{SNOWMAN}" * 50, "-rf", "%s{}"])
    def test_any_name_will_do(self, on: Harness, name: str) -> None:
        on.task("add_one", "x")
        on.open()
        assert result(on.go(0, name, x=1)) == 2

    # --- failures ---

    def test_an_exception_is_told_as_data(self, on: Harness) -> None:
        report = on.run("raise_it", x=7)
        told = failure(report)
        assert (told.reason, told.type, told.message) == ("exception", "LookupError", "no 7 here")
        assert told.arguments == {"x": "7"}
        assert record_of(report).outcome == "failed"
        assert record_of(report).retryable

    def test_a_task_that_fails_does_not_harm_the_next(self, on: Harness) -> None:
        on.task("raise_it", "x")
        on.task("add_one", "x")
        on.open()
        failure(on.go(0, x=1))
        assert result(on.go(1, x=1)) == 2

    def test_sys_exit_is_a_failure(self, on: Harness) -> None:
        told = failure(on.run("exit_nicely"))
        assert told.reason == "exit"
        assert "sys.exit(0)" in told.message

    def test_a_value_that_cannot_be_stored_fails_the_task(self, on: Harness) -> None:
        report = on.run("unstorable")
        assert failure(report).reason == "unstorable"
        assert not record_of(report).retryable

    def test_outputs_that_do_not_match_fail_the_task(self, on: Harness) -> None:
        told = failure(on.run("three", options={"outputs": ("a", "b")}))
        assert told.reason == "unstorable"
        assert "returned 3 values where it declares 2 outputs (a, b)" in told.message

    def test_an_input_that_is_not_there_fails_the_task(self, on: Harness) -> None:
        told = failure(on.run("length", data=Stored("sha256/00/none", "json", 5)))
        assert told.reason == "inputs"

    def test_a_function_that_is_not_there_fails_the_task(self, on: Harness) -> None:
        report = on.run("no_such_function")
        assert failure(report).reason == "definition"
        assert "no_such_function" in failure(report).message
        assert not record_of(report).retryable

    # --- output ---

    def test_output_is_kept_with_its_attempt(self, on: Harness) -> None:
        on.task("say", "text")
        on.task("quiet")
        on.open()
        first, second, nothing = on.go(0, text="one"), on.go(0, text="two \N{SNOWMAN}"), on.go(1)
        assert on.log(first) == b"one\none, and with an error\nno line end"
        assert on.log(second) == "two \N{SNOWMAN}\ntwo \N{SNOWMAN}, and with an error\nno line end".encode()
        assert record_of(nothing).log is None

    def test_output_of_a_failed_attempt_is_kept(self, on: Harness) -> None:
        on.task("say", "text", outputs=("a", "b"))
        on.open()
        report = on.go(0, text="before it failed")
        assert failure(report)
        assert on.log(report).startswith(b"before it failed\n")

    def test_output_of_threads_is_kept(self, on: Harness) -> None:
        assert on.log(on.run("print_in_thread")) == b"from a thread\n"

    # --- what a task may ask ---

    def test_a_task_knows_its_run_and_records_metrics_and_artifacts(self, on: Harness) -> None:
        on.task("ask")
        on.open("calm-otter")
        report = on.go(0, "ask[3]")
        assert result(report) == ["calm-otter", "ask[3]", 1]
        assert record_of(report).metrics == {"score": 0.5}
        assert record_of(report).artifacts == {"note": Inline("json", b'{"a":1}')}

    def test_a_thread_of_a_task_knows_its_run(self, on: Harness) -> None:
        assert result(on.run("ask_in_thread")) == "t[0]"

    def test_tracked_outputs_are_metrics(self, on: Harness) -> None:
        report = on.run("add_one", x=1, options={"outputs": ("n",), "tracked": ("n",)})
        assert record_of(report).metrics == {"n": 2.0}

    def test_a_secret_that_is_not_declared_is_not_given(self, on: Harness) -> None:
        told = failure(on.run("secret", name="API_KEY"))
        assert "does not declare the secret 'API_KEY'" in told.message

    # --- environment variables ---

    def test_environment_variables_are_those_of_the_task(self, on: Harness) -> None:
        on.task("environment", "name")
        on.task("environment", "name", env_vars={"FAIRLEAD_TEST": "one"})
        on.task("environment", "name", env_vars={"FAIRLEAD_TEST": "two"})
        on.open()
        name = "FAIRLEAD_TEST"
        assert [result(on.go(task, name=name)) for task in (1, 0, 2, 1)] == ["one", None, "two", "one"]

    # --- time ---

    @pytest.mark.parametrize("function", ["nap", "busy"])
    def test_a_task_that_takes_too_long_is_ended(self, on: Harness, function: str) -> None:
        begun = time.monotonic()
        report = on.run(function, seconds=30.0, options={"timeout": 0.2})
        told = failure(report)
        assert (told.reason, told.message) == ("timeout", "took longer than its 0.2 s")
        assert time.monotonic() - begun < 10

    def test_a_task_within_its_time_limit_is_left_alone(self, on: Harness) -> None:
        on.task("nap", "seconds", timeout=20.0)
        on.open()
        assert [result(on.go(0, seconds=0.0)) for _ in range(3)]

    def test_child_processes_end_with_a_task_that_takes_too_long(self, on: Harness, tmp_path: Path) -> None:
        pids = tmp_path / "pids"
        assert failure(on.run("nap_with_child", seconds=30.0, pids=str(pids), options={"timeout": 1.5}))
        until(lambda: not self.lives(int(pids.read_text())), 5)

    def test_a_task_that_takes_long_is_reported_as_running(self, on: Harness) -> None:
        on.task("nap", "seconds")
        on.open()
        on.submit(on.job("a", seconds=0.3))
        running = on.until_running("a")
        assert running.worker
        assert abs(running.at - time.time()) < 5
        assert result(on.finish("a")[0])

    def test_poll_comes_back_when_nothing_happens(self, on: Harness) -> None:
        on.task("quiet")
        on.open()
        begun = time.monotonic()
        assert on.poll(0.05) == []
        assert 0.04 <= time.monotonic() - begun < 5

    # --- stopping ---

    def test_jobs_that_wait_can_be_cancelled(self, on: Harness, tmp_path: Path) -> None:
        on.task("append", "path", "word")
        on.open()
        path = str(tmp_path / "words")
        room = min(on.executor.room(), 2 * self.many)
        jobs = [on.job(f"t[{number}]", path=path, word=str(number)) for number in range(room)]
        on.submit(*jobs)
        on.executor.cancel([(job.path, 1) for job in jobs[1::2]], 1.0)
        reports = on.finish(*(job.path for job in jobs))
        written = set(Path(path).read_text().split())
        for number, report in enumerate(reports):
            succeeded = report.record is not None and report.record.outcome == "succeeded"
            assert succeeded == (str(number) in written)
            assert succeeded or failure(report).reason == "cancelled"
        assert all(report.record for report in reports[::2])

    def test_cancelling_what_is_not_there_does_nothing(self, on: Harness) -> None:
        on.task("quiet")
        on.open()
        on.executor.cancel([("nobody", 1)], 0.0)
        assert on.poll(0) == []

    def test_close_may_be_called_again_and_before_open(self, make_executor: MakeExecutor) -> None:
        executor = make_executor()
        executor.close()
        executor.close()

    def test_one_executor_serves_one_run_after_the_other(self, make_executor: MakeExecutor, tmp_path: Path) -> None:
        for run in ("first", "second", "third"):
            harness = Harness(make_executor(), tmp_path)
            harness.task("say", "text")
            harness.open(run)
            assert harness.log(harness.go(0, text=run)).startswith(run.encode())
            harness.executor.close()

    def test_it_says_what_it_offers(self, on: Harness) -> None:
        assert on.executor.offers.reach in {"process", "host", "network"}
        assert on.executor.offers.cpu >= 1
        on.task("quiet", resources=Resources(cpu=1))
        on.open()
        assert on.executor.room() > 0
