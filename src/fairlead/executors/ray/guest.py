"""Running bundles of jobs in a Ray worker's process, which is not ours: limits, ends, and word while it lasts.

A second thread watches what runs: it tells the owner what takes longer, and ends what takes too long or is
to end, first by a signal to the task and all below it, then by ending this process. What a job is, is the
bench's business.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from time import monotonic, sleep, time
from typing import Any, Protocol

from fairlead.executors.processes import adopt_orphans, descendants, kill
from fairlead.executors.ray.messages import Beat, Order, Result
from fairlead.executors.verdicts import Verdict, ended_by_us, rewrite
from fairlead.model.events import Attempt
from fairlead.ports import Brief, Job

__all__ = ["Guest", "Runs", "Writes"]

TELL_AFTER = 0.1
"""Seconds after which a job that still runs is told about."""

LOOK_OFTEN = 0.02
"""Seconds between two looks where time limits are short."""

IDLE = 2.0
"""Seconds without a job after which nobody looks any more."""

MOST = 1 << 20
"""Bytes of output that one message carries."""


class Runs(Protocol):
    """What runs jobs: `node.execute.Bench`."""

    brief: Brief
    worker: str

    def execute(self, job: Job) -> Attempt: ...
    def begin(self) -> None: ...
    def put_back(self) -> None: ...
    def grown(self) -> None: ...
    def close(self) -> None: ...


class Writes(Protocol):
    """Where jobs write: `node.capture.FileLog`."""

    name: str
    end: int

    def mark(self) -> Any: ...
    def replaced(self) -> bool: ...
    def restore(self) -> None: ...


class _Now:
    """The job that runs."""

    __slots__ = ("begun", "deadline", "job", "limit", "log_start", "next", "started", "token", "told", "verdict")

    def __init__(self, token: int, job: Job, limit: float | None, log_start: int) -> None:
        self.token = token
        self.job = job
        self.limit = limit
        self.log_start = log_start
        self.started = time()
        self.begun = monotonic()
        self.told = False
        self.next = self.begun + TELL_AFTER
        self.verdict: Verdict = ""
        self.deadline = 0.0
        """When the process is ended; 0: it is not."""


class Guest:
    """A Ray worker's process, as long as it works for one run."""

    def __init__(
        self,
        bench: Runs,
        log: Writes,
        path: str,
        *,
        tell: Callable[[Beat], Order],
        ended: type[BaseException],
        sends_output: bool,
        grace: float = 2.0,
        notes: tuple[str, ...] = (),
    ) -> None:
        """`path`: of the log. `ended`: what is raised in a task that is to end.

        `notes`: what is to be said of this process with each job, in its record and before what it writes.
        """
        self.edition = 0
        self._bench = bench
        self._log = log
        self._path = path
        self._tell = tell
        self._ended = ended
        self._sends_output = sends_output
        self._grace = grace
        self._notes = notes
        self._sent = log.end
        self._now: _Now | None = None
        self._records: list[Attempt] = []
        """Of this bundle, not told yet."""
        self._unwanted: set[tuple[str, int]] = set()
        self._unwanted_grace = 0.0
        self._lock = threading.Lock()
        """Held while the owner is told something."""
        self._busy = threading.Event()
        self._open = True
        self._struck = False
        limits = [task.timeout for task in bench.brief.tasks if task.timeout is not None]
        self._pace = LOOK_OFTEN if limits and min(limits) < 10 * TELL_AFTER else TELL_AFTER
        adopt_orphans()
        threading.Thread(target=self._watch, daemon=True).start()

    def grow(self, brief: Brief, edition: int) -> None:
        """The run has further tasks."""
        self._bench.brief = brief
        self._bench.grown()
        self.edition = edition

    def run(self, token: int, jobs: Sequence[Job]) -> Result:
        """Run a bundle; gives what nobody was told before."""
        before = signal.signal(signal.SIGTERM, self._asked)
        bench, log, tasks = self._bench, self._log, self._bench.brief.tasks
        bench.begin()
        # Ray writes down the name of each of its tasks: that is nobody's output.
        log.mark()
        self._records = []
        self._unwanted = set()
        try:
            for job in jobs:
                if (job.path, job.attempt) in self._unwanted:
                    record = Attempt(job.path, job.attempt, outcome="cancelled", worker=bench.worker)
                    record.failure = ended_by_us("cancelled", None)
                    record.ended = time()
                else:
                    record = self._one(_Now(token, job, tasks[job.task].timeout, log.end), bench)
                with self._lock:
                    self._records.append(record)
                if log.replaced():
                    log.restore()
                bench.put_back()
        finally:
            signal.signal(signal.SIGTERM, before)
        with self._lock:
            records, self._records = self._records, []
            outputs = []
            if self._sends_output:
                output, at = self._new_output(log.end)
                outputs = [(log.name, at, output)] if output else []
        return Result(records, outputs)

    def _one(self, now: _Now, bench: Runs) -> Attempt:
        self._struck = False
        self._now = now
        if not self._busy.is_set():
            self._busy.set()
        for text in self._notes:
            print(f"fairlead: {text}", file=sys.stderr, flush=True)
        record = bench.execute(now.job)
        record.notes = self._notes
        self._now = None
        if now.verdict:
            kill(reversed(descendants(os.getpid())))
            rewrite(record, now.verdict, now.limit)
        elif record.failure is not None and record.failure.reason == "killed":
            record.outcome = "lost"
        return record

    def _asked(self, *_: object) -> None:
        """A task is to end (SIGTERM): it is told, once, while it is at it."""
        if self._now is not None and not self._struck:
            self._struck = True
            raise self._ended

    def close(self) -> None:
        """Work for this run no more."""
        self._open = False
        self._busy.set()
        self._bench.close()

    # --- the thread that watches ------------------------------------------------------------------

    def _watch(self) -> None:
        quiet = 0.0
        while self._open:
            self._busy.wait()
            sleep(self._pace)
            now = self._now
            if now is not None:
                quiet = 0.0
                self._look(now, monotonic())
                continue
            quiet += self._pace
            if quiet > IDLE:
                self._busy.clear()
                if self._now is not None:
                    self._busy.set()

    def _look(self, now: _Now, at: float) -> None:
        if now.limit is not None and not now.verdict and at - now.begun >= now.limit:
            self._strike(now, "timeout", self._grace)
        if at >= now.next or (now.deadline and at >= now.deadline):
            self._beat(now)
        if now.deadline and at >= now.deadline and self._now is now:
            self._end_process(now)

    def _beat(self, now: _Now, verdict: str = "") -> None:
        with self._lock:
            if self._now is not now:
                return  # it has just ended, and the bundle may have
            said = Beat(
                now.token, now.job.path, now.job.attempt, now.started, self._bench.worker, self._log.name, now.log_start
            )
            said.ended, self._records = self._records, []
            said.verdict = verdict
            if self._sends_output:
                said.output, said.at = self._new_output(None)
            try:
                order = self._tell(said)
            except Exception as error:  # noqa: BLE001  # the owner is gone: Ray ends this process soon
                print(f"fairlead: the owner of this task does not answer: {error}", file=sys.__stderr__)
                order = Order(again=5.0)
        now.told = True
        now.next = monotonic() + order.again
        for path, attempt in order.cancel:
            self._unwanted.add((path, attempt))
        if (now.job.path, now.job.attempt) in self._unwanted and not now.verdict:
            self._strike(now, "cancelled", order.grace)

    def _new_output(self, end: int | None) -> tuple[bytes, int]:
        """Give what was written since the last time, and where it stands."""
        with open(self._path, "rb") as file:  # noqa: PTH123  # called for every bundle
            file.seek(self._sent)
            data = file.read(MOST if end is None else max(0, end - self._sent))
        at, self._sent = self._sent, self._sent + len(data)
        return data, at

    def _strike(self, now: _Now, verdict: Verdict, grace: float) -> None:
        """Ask the task, and all below it, to end; this process follows when they do not."""
        now.verdict = verdict
        now.deadline = monotonic() + grace
        if grace > 0 and self._now is now:
            kill(descendants(os.getpid()), signal.SIGTERM)
            signal.pthread_kill(_main_thread(), signal.SIGTERM)

    def _end_process(self, now: _Now) -> None:
        """The task did not end in time: end everything below this process, and it."""
        self._beat(now, now.verdict)
        if self._now is now:
            kill(reversed(descendants(os.getpid())))
            os.kill(os.getpid(), signal.SIGKILL)


def _main_thread() -> int:
    ident = threading.main_thread().ident
    assert ident is not None
    return ident


def unusable(job: Job, words: str, reason: Any = "refused") -> Attempt:
    """The record of a job that this process cannot run."""
    from fairlead.model.events import Failure

    record = Attempt(job.path, job.attempt, outcome="failed", failure=Failure(reason, words), retryable=False)
    record.started = record.ended = time()
    return record
