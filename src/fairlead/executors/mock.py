"""The executor `mock`: walks a run's graph without running or importing the code of its tasks.

Works as `in_process` does, with nothing in place of every task that nobody said a stand-in for. What
such tasks seem to give is worked out when the run is made; here it is None.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from fairlead.executors.in_process import Bench, Clock, InProcess
from fairlead.model.events import Attempt
from fairlead.model.run import TaskCode
from fairlead.model.task import TaskDefinition
from fairlead.ports import Brief, Job, Offers, Report

__all__ = ["Mock"]

_PLENTY = 1_000_000


class Mock(InProcess):
    """Lets every task succeed; only stand-ins that somebody asked for are run."""

    def __init__(self, open_bench: Callable[[Brief], Bench], *, clock: Clock | None = None) -> None:
        super().__init__(open_bench, clock=clock)
        self._idle: list[bool] = []
        """Whether nothing is run, by task."""
        # What a task needs, nothing in its place does not need: there is plenty of everything.
        self.offers = Offers(reach="process", cpu=_PLENTY, gpu=_PLENTY, image=True, echo=True)

    def open(self, brief: Brief) -> None:
        """Get ready to take jobs of this run."""
        tasks = tuple(map(_harmless, brief.tasks))
        self._idle = [task.kind == "mock" for task in tasks]
        codes = tuple(
            code if task.mock else TaskCode("") for task, code in zip(brief.tasks, brief.code.tasks, strict=False)
        )
        code = msgspec.structs.replace(brief.code, tasks=codes)
        super().open(msgspec.structs.replace(brief, tasks=tasks, code=code))

    def submit(self, jobs: Sequence[Job]) -> list[Report]:
        """Take jobs over, without the inputs of those that do nothing: to load them may need the user's code."""
        return super().submit([self._light(job) for job in jobs])

    def run_at_once(self, job: Job) -> Attempt:
        """Run a job of a quick task now, and give its record."""
        return super().run_at_once(self._light(job))

    def _light(self, job: Job) -> Job:
        return Job(job.run, job.path, job.attempt, job.task, {}, job.rows) if self._idle[job.task] else job


def _harmless(task: TaskDefinition) -> TaskDefinition:
    """Give a stand-in as it is, and nothing in place of a task."""
    if task.mock:
        return task
    return TaskDefinition(name=task.name, kind="mock", outputs=task.outputs, mock="stub")
