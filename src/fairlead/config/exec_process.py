"""A process that is there for one task: what it begins with, how it ends, and where its output is kept.

Used by `exec-node` in both of its ways; what is run, and where its record goes, is not known here.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from fairlead.config.benches import open_bench
from fairlead.config.services import Services
from fairlead.engine.requirements import unlike
from fairlead.errors import StoreError
from fairlead.executors.in_process import run_limited
from fairlead.executors.processes import children_from_now_on
from fairlead.model.events import Attempt, Failure, LogRange
from fairlead.model.task import TaskDefinition
from fairlead.node.ending import GRACE, Ending
from fairlead.node.execute import Bench, Ended, execute
from fairlead.node.order import LOST, ended, note, stopped, unopened
from fairlead.node.streams import KeptLog
from fairlead.ports import ArtifactStore, Brief, Job, Values

__all__ = ["Alone", "complain"]

_ASK = 2.0
"""Seconds between two looks at whether the run was asked to stop."""


class Alone:
    """Runs jobs of one run in this process, for whoever records them elsewhere than in an order."""

    def __init__(
        self, brief: Brief, artifacts: ArtifactStore, variables: dict[str, str], cancel_asked: Callable[[], bool]
    ) -> None:
        """`variables` are set for good; `cancel_asked` is called now and then from another thread."""
        self._brief = brief
        self._cancel_asked = cancel_asked
        self._end_children = children_from_now_on()
        self._job: Job | None = None
        self._give_up: Callable[[Attempt], int] = _nobody
        self._limit = 0.0
        name = f"n{os.uname().nodename}-{os.getpid()}-{time.time_ns():x}.log"
        self._log_path = Path(brief.scratch, name)
        self._log = KeptLog(str(self._log_path), name)
        faulthandler.enable(file=2)
        self.worker = f"{os.uname().nodename}:{os.getpid()}"
        self._failure: Exception | None = None
        self._bench: Bench | None = None
        os.environ.update(variables)  # before anything is imported that may look at them
        try:
            self._bench = open_bench(brief, self._log, artifacts=artifacts)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is recorded with the attempt
            self._failure = error
        self._notes = unlike(brief.code)
        self._ending = Ending(self._end_hard)
        self._ending.watch()
        self._done = threading.Event()
        threading.Thread(target=self._ask, name="fairlead-asking", daemon=True).start()

    @property
    def values(self) -> Values:
        """Encodes and decodes values of the run."""
        if self._bench is None:
            assert self._failure is not None
            raise self._failure
        return self._bench.values

    @property
    def log_begins(self) -> LogRange:
        """Where the output of the next job will begin."""
        return LogRange(self._log.name, self._log.end, self._log.end)

    def carry(self, job: Job, task: TaskDefinition, give_up: Callable[[Attempt], int]) -> Attempt:
        """Run a job within its time limit, and give its record.

        `give_up` records an attempt whose task goes on although it was asked to end, and gives the exit code.
        """
        if self._bench is None:
            from fairlead.node.failure import Teller

            assert self._failure is not None
            return unopened(job, self._failure, Teller(self._brief.code.root))
        self._job, self._give_up = job, give_up
        note(self._notes)
        hard = self._deadline(task.timeout)
        process = os.getpid()
        self._bench.begin()
        try:
            self._ending.begin()
            record = _within(job, self._bench, task.timeout)
            self._ending.over()
        except Ended:
            self._ending.over()
            record = stopped(job)
        if os.getpid() != process:
            os._exit(0)  # the task has forked, and this is the child, which came back out of its function
        if hard is not None:
            hard.cancel()
        self._bench.put_back()
        record.notes = self._notes
        return ended(record, self._bench, asked=self._ending.asked)

    def keep_log(self, services: Services) -> None:
        """Put what was written so far where other hosts can read it, if this one's files are not for them."""
        services.keep_log(self._brief.run, self._log_path)

    def close(self) -> None:
        """End what the tasks have left behind."""
        self._done.set()
        if self._bench is not None:
            self._bench.close()
        else:
            self._log.close()
        self._ending.close()
        self._end_children()

    def _deadline(self, limit: float | None) -> threading.Timer | None:
        """See to it that a task ends which does not hear that its time is over, as in C code."""
        if limit is None:
            return None
        self._limit = limit
        timer = threading.Timer(limit + GRACE, self._end_hard)
        timer.daemon = True
        timer.start()
        return timer

    def _end_hard(self) -> None:
        """Record what does not end by itself, and end this process."""
        job = self._job
        code = 143
        if job is not None:
            record = stopped(job)
            if not self._ending.asked:
                record.outcome, record.failure = "failed", Failure("timeout", f"took longer than its {self._limit:g} s")
            try:
                code = self._give_up(record)
            except Exception as error:  # noqa: BLE001  # nobody else ends this process
                complain(f"error: {error}")
                code = LOST
        self._end_children()
        os._exit(code)

    def _ask(self) -> None:
        while not self._done.wait(_ASK):
            try:
                asked = self._cancel_asked()
            except StoreError:
                continue  # out of reach for a while: whoever records the attempt will tell of it
            if asked:
                os.kill(os.getpid(), signal.SIGTERM)
                return


def _within(job: Job, bench: Bench, limit: float | None) -> Attempt:
    return execute(job, bench) if limit is None else run_limited(job, bench, limit)


_SCREEN = os.dup(2)
"""Where this process complains: what tasks write goes elsewhere meanwhile."""


def complain(text: str) -> None:
    """Say something that is none of the tasks' output."""
    os.write(_SCREEN, f"{text}\n".encode("utf-8", "backslashreplace"))


def _nobody(_record: Attempt) -> int:
    return 143
