"""How the executor contract asks: an executor that is open for a run, and what it has said."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from fairlead.model.events import Attempt, Failure
from fairlead.model.run import Code, TaskCode
from fairlead.model.task import Param, ParamKind, TaskDefinition
from fairlead.model.values import Inline, Stored, Tree, Value
from fairlead.ports import Brief, Executor, Job, Report

__all__ = ["Harness", "MakeExecutor", "failure", "is_alive", "record_of", "result", "until"]

MakeExecutor = Callable[[], Executor]

PATIENCE = 20.0
"""Seconds after which a test gives up."""

JOBS = "fairlead.testing.contracts.executor_jobs"


def until(happened: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Wait for something to become true; gives what it is."""
    end = time.monotonic() + seconds
    while not (found := happened()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)
    return found


def is_alive(pid: int) -> bool:
    """Whether a process exists and is more than an entry that nobody has asked for yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # gone before, or while it was read
        return False


class Harness:
    """An executor that is open for a run, and what it has said."""

    def __init__(self, executor: Executor, scratch: Path, *, patience: float = PATIENCE) -> None:
        """`patience`: seconds that jobs get to end; more for an executor that starts something large for each."""
        self.executor = executor
        self.patience = patience
        self.scratch = scratch
        self.tasks: list[TaskDefinition] = []
        self.reports: list[Report] = []
        self.ended: dict[tuple[str, int], Report] = {}

    def task(self, function: str, *params: tuple[str, ParamKind] | str, **options: Any) -> int:
        """Have a task for a function of the jobs module; all of them before `open`."""
        given = [Param(param) if isinstance(param, str) else Param(*param) for param in params]
        definition = TaskDefinition(name=function, target=f"{JOBS}:{function}", params=tuple(given), **options)
        self.tasks.append(definition)
        return len(self.tasks) - 1

    def open(self, run: str = "run") -> Harness:
        """Open the executor for a run of these tasks."""
        code = Code(tasks=tuple(TaskCode("") for _ in self.tasks))
        (self.scratch / "artifacts").mkdir(parents=True, exist_ok=True)
        artifacts = {"url": str(self.scratch / "artifacts")}
        self.executor.open(Brief(run, tuple(self.tasks), code, str(self.scratch / run), artifacts))
        self.run_id = run
        return self

    def job(self, path: str, task: int = 0, attempt: int = 1, /, **args: Any) -> Job:
        """Make a job with plain arguments, or values."""
        values = {name: _value(arg) for name, arg in args.items()}
        return Job(self.run_id, path, attempt, task, values)

    def submit(self, *jobs: Job) -> None:
        """Hand jobs over; refusals count as reports."""
        self._note(self.executor.submit(jobs))

    def poll(self, timeout: float = 0.05) -> list[Report]:
        """Ask once."""
        reports = self.executor.poll(timeout)
        self._note(reports)
        return reports

    def finish(self, *paths: str, seconds: float | None = None) -> list[Report]:
        """Ask until the first attempts of these paths have ended; gives their reports."""
        wanted = [(path, 1) for path in paths]
        end = time.monotonic() + (self.patience if seconds is None else seconds)
        while not all(name in self.ended for name in wanted):
            assert time.monotonic() < end, f"not ended in time: {[n for n in wanted if n not in self.ended][:5]}"
            self.poll()
        return [self.ended[name] for name in wanted]

    def run(self, function: str, /, *params: tuple[str, ParamKind] | str, options: Any = None, **args: Any) -> Report:
        """Run one job of one task, from nothing."""
        task = self.task(function, *(params or args), **(options or {}))
        return self.open().go(task, **args)

    def go(self, task: int, path: str = "", /, **args: Any) -> Report:
        """Run one more job of a task."""
        name = path or f"t[{len(self.ended)}]"
        self.submit(self.job(name, task, **args))
        return self.finish(name)[0]

    def until_running(self, path: str) -> Report:
        """Ask until a job is reported as running."""
        end = time.monotonic() + self.patience
        while True:
            for report in self.reports:
                if report.path == path and report.status == "running":
                    return report
            assert time.monotonic() < end, f"{path} was never reported as running"
            self.poll(0.01)

    def log(self, report: Report) -> bytes:
        """What an attempt wrote."""
        log = record_of(report).log
        if log is None:
            return b""
        return (self.scratch / self.run_id / log.file).read_bytes()[log.start : log.end]

    def _note(self, reports: Sequence[Report]) -> None:
        for report in reports:
            name = report.path, report.attempt
            assert name not in self.ended, f"{name} was told about after its end"
            self.reports.append(report)
            if report.status == "ended":
                self.ended[name] = report


def _value(arg: Any) -> Value:
    if isinstance(arg, (Inline, Stored, Tree)):
        return arg
    return Inline("json", msgspec.json.encode(arg))


def record_of(report: Report) -> Attempt:
    """Give the record of an ended job."""
    assert report.status == "ended"
    assert report.record is not None, report.failure
    return report.record


def result(report: Report) -> Any:
    """Give the one result of a job that succeeded."""
    record = record_of(report)
    assert record.outcome == "succeeded", record.failure
    assert record.outputs is not None
    (value,) = record.outputs
    assert isinstance(value, Inline)
    assert value.codec == "json"
    return msgspec.json.decode(value.data)


def failure(report: Report) -> Failure:
    """Give why a job failed."""
    found = report.record.failure if report.record is not None else report.failure
    assert found is not None
    assert report.record is None or report.record.outcome != "succeeded"
    return found
