"""A worker process: one job after the other, and everything put back in between.

Single-threaded. Where jobs come from and records go to is the link's business; what a task is, is
`execute`'s.
"""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable
from typing import Any, NoReturn, Protocol

from fairlead.model.events import Attempt
from fairlead.node.capture import FileLog
from fairlead.node.execute import Bench, Ended, Log, execute
from fairlead.node.heap import BRIEF, Heap
from fairlead.node.surroundings import Surroundings
from fairlead.ports import Brief, Job
from fairlead.wire import decoder

__all__ = ["Link", "OpenBench", "Worker"]

ASKED = 128 + signal.SIGTERM
"""Exit code of a worker that was asked to end, and did."""


class Link(Protocol):
    """A worker's end of what ties it to its driver."""

    stint: int
    """Number of the run that the last job belongs to, counted by the driver."""
    scratch: str
    """That run's scratch folder, which holds its brief."""

    def receive(self, log_end: int) -> Job | None:
        """Wait for a job; None: no more will come. `log_end`: where the job's output will begin."""

    def begins(self, log_end: int) -> None:
        """Correct where the job's output begins."""

    def send(self, record: Attempt) -> None:
        """Hand a record over, whole; the job is done after that."""


class OpenBench(Protocol):
    """Makes the bench of a run."""

    def __call__(self, brief: Brief, log: Log) -> Bench: ...


class Worker:
    """The loop of a worker process."""

    def __init__(self, link: Link, open_bench: OpenBench, *, leave: Callable[[int], NoReturn] = os._exit) -> None:
        self._link = link
        self._open_bench = open_bench
        self._leave = leave
        self._bench: Bench | None = None
        self._log: FileLog | None = None
        self._stint = -1
        self._state = "idle"
        self._asked = False
        self._pid = os.getpid()
        self._is_copy = False
        self._before = Surroundings()
        self._held: list[Any] = []
        """What the task that just ended was given, and gave."""
        self._heap: Heap | None = None

    def work(self) -> None:
        """Run jobs until no more come."""
        self.prepare()
        while True:
            try:
                if not self.turn():
                    return
            except (Ended, KeyboardInterrupt):
                self._leave(ASKED)

    def prepare(self) -> None:
        """Take note of how the process is before any task has run."""
        signal.signal(signal.SIGTERM, self._end)
        self._before = Surroundings()
        os.register_at_fork(after_in_child=self._copied)
        self._heap = Heap()
        # What is there now is there for good: collections need not look at it again.
        gc.freeze()

    def turn(self) -> bool:
        """Run the next job; False when no more will come."""
        job = self._link.receive(self._log.end if self._log is not None else 0)
        if job is None:
            return False
        self._state = "task"
        bench = self._bench
        if bench is None or self._link.stint != self._stint:
            try:
                bench = self._open()
            except Exception as error:  # noqa: BLE001  # the run's own failure, not the worker's
                self._link.send(_cannot_open(job, error))
                self._state = "idle"
                return True
        held = self._held
        notes = bench.brief.notes
        if notes:
            from fairlead.node.order import note

            note(notes)
        record = execute(job, bench, held)
        if notes:
            record.notes = notes
        self._state = "sending"
        if self._is_copy:
            # The task has forked, and this is the child, which came back out of the task's function.
            os._exit(0)
        self._link.send(record)
        # Only now: the next task may start elsewhere while large values are freed here.
        held.clear()
        if record.seconds > BRIEF and self._heap is not None:
            self._heap.tidy()
        if self._asked:
            self._leave(ASKED)
        self._tidy()
        self._state = "idle"
        return True

    def _end(self, *_: object) -> None:
        """Asked to end (SIGTERM): the task is told; a record that is on its way is finished first."""
        self._asked = True
        if self._state == "task":
            raise Ended
        if self._state == "idle":
            self._leave(ASKED)

    def _open(self) -> Bench:
        """Take up another run."""
        scratch = self._link.scratch
        with open(f"{scratch}/brief", "rb") as file:  # noqa: PTH123  # pathlib costs 10 ms
            brief: Brief = decoder(Brief).decode(file.read())
        if self._bench is not None:
            self._bench.close()
        name = f"w{self._pid}.log"
        log = self._log = FileLog(f"{scratch}/{name}", name)
        self._bench = self._open_bench(brief, log)
        self._bench.begin()
        self._stint = self._link.stint
        self._link.begins(log.end)
        return self._bench

    def _tidy(self) -> None:
        """Put back what a task may have changed in the process."""
        assert self._log is not None
        if self._log.replaced():
            self._log.restore()
        self._before.put_back()

    def _copied(self) -> None:
        """In a child that a task has forked."""
        self._is_copy = True


def _cannot_open(job: Job, error: Exception) -> Attempt:
    from fairlead.node.failure import Teller

    told = Teller().failure(error, "exception", None, f"the run's code and data cannot be opened here: {error}")
    return Attempt(job.path, job.attempt, outcome="failed", failure=told, retryable=False)
