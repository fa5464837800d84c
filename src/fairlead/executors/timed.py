"""Running the jobs of `in_process` by a clock that a test moves: recorded times and time limits are its.

Used only where such a clock was put in place; a task reaches its time limit by letting that clock go on.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from fairlead.executors.in_process import Bench, Clock, TimeLimit, too_long
from fairlead.model.events import Attempt
from fairlead.ports import Brief, Job

__all__ = ["TimedBench"]


class TimedBench:
    """A bench whose jobs take the time that the clock says."""

    def __init__(self, bench: Bench, clock: Clock, brief: Brief) -> None:
        self._bench = bench
        self._clock = clock
        self._brief = brief

    def begin(self) -> None:
        """Jobs are about to run in this context."""
        self._bench.begin()

    def put_back(self) -> None:
        """Undo what the last task has changed in this process."""
        self._bench.put_back()

    def close(self) -> None:
        """Let everything go."""
        self._bench.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bench, name)

    def execute(self, job: Job) -> Attempt:
        """Run a job; it fails when the clock passes its time limit meanwhile."""
        clock, limit = self._clock, self._brief.tasks[job.task].timeout
        started, begun = clock.now(), clock.ticks()
        fired = False

        def fire() -> None:
            nonlocal fired
            fired = True
            raise TimeLimit

        with nullcontext() if limit is None else clock.alarm(limit, fire):
            record = self._bench.execute(job)
        if fired and limit is not None and record.outcome != "succeeded":
            too_long(record, limit)
        record.started, record.ended, record.seconds = started, clock.now(), clock.ticks() - begun
        return record
