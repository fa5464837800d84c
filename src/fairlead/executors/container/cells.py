"""One container, as the driver sees it: the jobs that it was given, and what was heard of them.

Reads records and works out reports; talks to no engine, and decides nothing about when.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from math import inf
from pathlib import Path
from time import time

import msgspec

from fairlead.executors.container.orders import Order
from fairlead.executors.verdicts import Verdict, ended_by_us, rewrite
from fairlead.model.events import Attempt, Failure
from fairlead.model.task import TaskDefinition
from fairlead.ports import Job, Report

__all__ = ["Cell", "stopped"]

_OUTSIDE = "its container was ended from outside (SIGTERM)"


class Cell:
    """A container and its jobs."""

    __slots__ = (
        "_log_path",
        "asked",
        "began",
        "began_at",
        "cost",
        "ending",
        "going",
        "grace",
        "id",
        "image",
        "jobs",
        "kill_at",
        "limit",
        "log",
        "log_at",
        "order",
        "place",
        "started",
        "started_at",
        "task",
        "told",
        "unwanted",
        "verdict",
        "worker",
    )

    def __init__(self, order: Order, task: TaskDefinition, *, scratch: str, image: str) -> None:
        self.order = order
        self.task = task
        self.image = image
        self.jobs = order.jobs
        self.cost = task.resources.cpu
        self.limit = task.timeout
        self.log = f"{order.name}.log"
        self._log_path = f"{scratch}/{self.log}"
        self.worker = f"{os.uname().nodename}:{order.name}"
        self.place = 0
        """The job that is at it, or the next one."""
        self.log_at = 0
        """Where its output begins."""
        self.id = ""
        self.going = False
        """The engine was asked to start it, or somebody else has done so."""
        self.started = False
        """The engine has started it."""
        self.started_at = -inf
        """When that was heard, by a clock that never goes back; of another driver's, long ago."""
        self.began: float | None = None
        """When the job that is at it began, by a clock that never goes back."""
        self.began_at = 0.0
        self.told = False
        """That job was reported as running."""
        self.verdict: Verdict = ""
        """Why that job is to end."""
        self.unwanted: set[int] = set()
        """Jobs that were cancelled before they began, and told so."""
        self.ending = False
        """It was told to end."""
        self.grace = 0.0
        self.kill_at = inf
        self.asked = False
        """The engine was asked how it ended."""

    def share_log(self) -> None:
        """Let another user write to its log, in a folder that is not that user's."""
        log = Path(self._log_path)
        log.touch()
        log.chmod(0o666)

    @property
    def name(self) -> str:
        """The container's name."""
        return self.order.name

    @property
    def done(self) -> bool:
        """Everything was heard of it."""
        return self.place >= len(self.jobs)

    @property
    def job(self) -> Job:
        """The job that is at it, or the next one."""
        return self.jobs[self.place]

    def see(self, now: float) -> bool:
        """Notice that Fairlead has come up in it; says whether it has."""
        if self.began is None:
            begun = self.order.begun()
            if begun is None:
                return False
            # Another driver may have started it long ago: its time counts all the same.
            self.began_at = min(begun, time())
            self.began = now - max(0.0, time() - begun)
            for place in self.unwanted:
                self.order.withdraw(place, self.jobs[place])
        return True

    def heard(self, now: float) -> Iterator[Report]:
        """Give the reports of jobs whose records have come in."""
        while not self.done:
            record = self.order.record(self.place)
            if record is None:
                return
            if self.place in self.unwanted:
                self._next(self.log_at, now)
            else:
                yield self._ended(record, now)

    def _ended(self, record: Attempt, now: float) -> Report:
        job = self.job
        failure = record.failure
        if failure is not None and record.outcome == "cancelled" and failure.type != "KeyboardInterrupt":
            # Its process knows only that it was asked to end; whether that was us, we know.
            record.failure, record.outcome = msgspec.structs.replace(failure, reason="killed", message=_OUTSIDE), "lost"
        rewrite(record, self.verdict, self.limit)
        record.worker = self.worker
        report = Report(job.path, job.attempt, "ended", record)
        self._next(record.log.end if record.log is not None else self.log_at, now)
        return report

    def _next(self, log_at: int, now: float) -> None:
        self.place += 1
        self.log_at = log_at
        self.began, self.began_at, self.told = now, time(), False

    def running(self) -> Report:
        """Say that the job is at it."""
        self.told = True
        return self.about(Report(self.job.path, self.job.attempt, "running", at=self.began_at))

    def about(self, report: Report) -> Report:
        """Say in a report where the job runs, and where it writes."""
        report.log_file, report.log_start, report.worker = self.log, self.log_at, self.worker
        return report

    def end(self, failure: Failure) -> Iterator[Report]:
        """Its container is gone: the job that was at it has failed so, and those behind it have not begun."""
        if not self.done:
            if self.verdict:
                failure = ended_by_us(self.verdict, self.limit)
            if self.place not in self.unwanted:
                if not self.told and self.began is not None:
                    yield self.running()
                yield self.about(Report(self.job.path, self.job.attempt, "ended", None, failure, time()))
            self.place += 1
        yield from self.put_back()

    def put_back(self) -> Iterator[Report]:
        """Give back the jobs that have not begun."""
        for place in range(self.place, len(self.jobs)):
            if place not in self.unwanted:
                yield Report(self.jobs[place].path, self.jobs[place].attempt, "returned", at=time())
        self.place = len(self.jobs)

    def cancel(self, wanted: set[tuple[str, int]]) -> Iterator[Report]:
        """Take out the jobs that have not begun; says of each that it was stopped."""
        for place in range(self.place + (self.began is not None), len(self.jobs)):
            job = self.jobs[place]
            if (job.path, job.attempt) in wanted and place not in self.unwanted:
                self.unwanted.add(place)
                if self.began is not None:
                    self.order.withdraw(place, job)
                yield stopped(job)

    @property
    def empty(self) -> bool:
        """Nothing of what it has to do is wanted any more."""
        return all(place in self.unwanted for place in range(self.place, len(self.jobs)))

    def last_words(self) -> str:
        """The end of what it wrote since its job began."""
        try:
            with open(self._log_path, "rb") as file:  # noqa: PTH123 - beside the look above
                file.seek(max(self.log_at, self._size() - 2000))
                return file.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def _size(self) -> int:
        try:
            return os.stat(self._log_path).st_size  # noqa: PTH116 - a Path per look costs more than the look
        except FileNotFoundError:
            return 0


def stopped(job: Job) -> Report:
    """Say of a job that it was stopped before it started."""
    return Report(job.path, job.attempt, "ended", failure=Failure("cancelled", "stopped before it started"), at=time())
