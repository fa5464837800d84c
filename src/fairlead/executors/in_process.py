"""The executor `in_process`: one job after the other in the thread that asks for reports.

A debugger works in the task, and Ctrl-C reaches it. How a job is run is handed in.

A time limit interrupts Python code and system calls by a signal in the main thread. In any other
thread it interrupts Python code only: a call that blocks in C returns first.
"""

from __future__ import annotations

import ctypes
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from time import monotonic, sleep, time
from types import FrameType, TracebackType
from typing import Any, Protocol, Self

from fairlead.executors.processes import MARK, children, descendants, environ_of, kill
from fairlead.model.events import Attempt, Failure
from fairlead.ports import Brief, Job, Offers, Report

__all__ = ["Bench", "Clock", "InProcess", "Log", "TimeLimit", "run_limited", "too_long"]

BATCH = 0.005
"""Seconds after which poll gives back what it has, even where more waits."""

SLOW = 0.02
"""Seconds above which a task is announced as running before the next one of its kind."""

AGAIN = 2.0
"""Seconds after which a task that went on past its limit is interrupted again."""


class TimeLimit(BaseException):
    """Raised inside a task that takes longer than it may."""


class Log(Protocol):
    """Where the tasks of a bench write."""

    @property
    def name(self) -> str:
        """The file, relative to the run's scratch folder."""

    @property
    def end(self) -> int:
        """Bytes in it by now."""


class Bench(Protocol):
    """Runs the jobs of one run; `node.execute.Bench`."""

    def execute(self, job: Job) -> Attempt:
        """Run a job, and give its record."""

    def begin(self) -> None:
        """Jobs are about to run in this context."""

    def put_back(self) -> None:
        """Undo what the last task has changed in this process."""

    def close(self) -> None:
        """Let everything go."""


class Clock(Protocol):
    """A clock that a test moves, in place of the machine's."""

    def now(self) -> float:
        """Seconds since the Unix epoch."""

    def ticks(self) -> float:
        """Seconds on a clock that never goes back."""

    def sleep(self, seconds: float) -> None:
        """Let so much time go by, at once."""

    def alarm(self, seconds: float, action: Callable[[], None]) -> AbstractContextManager[None]:
        """Have something done when so much time has gone by, unless the context is left before."""


class InProcess:
    """Runs jobs in this process."""

    def __init__(self, open_bench: Callable[[Brief], Bench], *, clock: Clock | None = None) -> None:
        self.offers = Offers(reach="process", cpu=os.cpu_count() or 1, echo=True, dynamic=True)
        self._open_bench = open_bench
        self._clock = clock
        self._bench: Bench | None = None
        self._limits: list[float | None] = []
        self._jobs: deque[Job] = deque()
        self._names: set[tuple[str, int]] = set()
        self._reports: list[Report] = []
        self._forks = _forks
        self._slow: set[int] = set()
        """Tasks that are announced before they run: those that took long, and those never seen."""
        self.quick: set[int] = set()
        """Tasks that were over at once whenever they ran, and have no time limit."""

    def open(self, brief: Brief) -> None:
        """Get ready to take jobs of this run."""
        if self._bench is not None:
            self._bench.close()
        os.makedirs(brief.scratch, exist_ok=True)  # noqa: PTH103  # pathlib costs 10 ms of a short run
        self._limits = [task.timeout for task in brief.tasks]
        self._bench = self._open_bench(brief)
        if self._clock is not None:
            from fairlead.executors.timed import TimedBench

            self._bench = TimedBench(self._bench, self._clock, brief)
            self._limits = [None] * len(brief.tasks)
        self._slow = set(range(len(brief.tasks)))
        self.quick = set()

    def extend(self, brief: Brief) -> None:
        """The run has further task definitions; the bench has the same brief."""
        new = range(len(self._limits), len(brief.tasks))
        self._limits += [brief.tasks[place].timeout for place in new]
        self._slow.update(new)
        grown = getattr(self._bench, "grown", None)
        if grown is not None:
            grown()

    def room(self) -> int:
        """How many more jobs it would like to hold now."""
        return max(0, 1000 - len(self._jobs))

    def submit(self, jobs: Sequence[Job]) -> list[Report]:
        """Take jobs over; none is refused."""
        for job in jobs:
            name = job.path, job.attempt
            if name not in self._names:
                self._names.add(name)
                self._jobs.append(job)
        return []

    def poll(self, timeout: float) -> list[Report]:
        """Run jobs for about 5 ms, or one that takes longer; with none, sleep.

        KeyboardInterrupt in a task is raised here, and the task's report is there for the next call.
        """
        reports, self._reports = self._reports, []
        if reports:
            return reports
        jobs = self._jobs
        if not jobs:
            self._wait(timeout)
            return reports
        bench = self._bench
        assert bench is not None, "open() comes first"
        limits, execute, until = self._limits, bench.execute, monotonic() + BATCH
        bench.begin()
        while jobs:
            job = jobs[0]
            task = job.task
            if task in self._slow:
                self._slow.discard(task)
                reports.append(self._announce(job))
                return reports
            limit = limits[task]
            try:
                record = execute(job) if limit is None else run_limited(job, bench, limit)
            finally:
                bench.put_back()
            if self._forks != _forks:
                # The task has forked, and this is the child, which came back out of the task's function.
                os._exit(0)
            jobs.popleft()
            self._names.discard((job.path, job.attempt))
            reports.append(Report(job.path, job.attempt, "ended", record))
            if record.seconds > SLOW:
                self._slow.add(task)
                self.quick.discard(task)
            elif limit is None:
                self.quick.add(task)
            if record.outcome == "cancelled":
                self._reports = reports
                raise KeyboardInterrupt
            if monotonic() >= until:
                return reports
        return reports

    def run_at_once(self, job: Job) -> Attempt:
        """Run a job of a quick task now, and give its record."""
        bench = self._bench
        assert bench is not None, "open() comes first"
        bench.begin()
        try:
            record = bench.execute(job)
        finally:
            bench.put_back()
        if self._forks != _forks:
            os._exit(0)  # as in poll
        if record.seconds > SLOW:
            self._slow.add(job.task)
            self.quick.discard(job.task)
        return record

    def cancel(self, jobs: Iterable[tuple[str, int]], grace: float) -> None:  # noqa: ARG002  # nothing that runs needs it
        """Take back jobs that have not started; between polls, none runs."""
        wanted = set(jobs) & self._names
        for path, attempt in sorted(wanted):
            failure = Failure("cancelled", "stopped before it started")
            self._reports.append(Report(path, attempt, "ended", failure=failure, at=time()))
        self._names -= wanted
        self._jobs = deque(job for job in self._jobs if (job.path, job.attempt) not in wanted)

    def close(self) -> None:
        """Let everything go."""
        self._jobs.clear()
        self._names.clear()
        self._reports.clear()
        bench, self._bench = self._bench, None
        if bench is not None:
            bench.close()

    def _wait(self, timeout: float) -> None:
        if self._clock is None:
            if timeout > 0:
                sleep(timeout)
        elif timeout > 0:
            self._clock.sleep(timeout)
        else:
            sleep(0.001)  # other threads of this process have something to do, and it takes real time

    def _announce(self, job: Job) -> Report:
        log: Log | None = getattr(self._bench, "log", None)
        report = Report(job.path, job.attempt, "running", at=time() if self._clock is None else self._clock.now())
        if log is not None and hasattr(log, "name"):
            report.log_file, report.log_start = log.name, log.end
        report.worker = f"{os.uname().nodename}:{os.getpid()}"
        return report


def run_limited(job: Job, bench: Bench, limit: float) -> Attempt:
    """Run a job with a time limit; child processes that it leaves behind when it is exceeded are ended."""
    before = frozenset(children(os.getpid()))
    started, begun = time(), monotonic()
    record = None
    in_main = threading.current_thread() is threading.main_thread()
    alarm: _Alarm | _Watchdog = _Alarm(limit, before) if in_main else _Watchdog(limit, before)
    try:
        with alarm:
            record = bench.execute(job)
    except TimeLimit:
        pass  # it came a moment after the task had ended; where there is no record, it came before
    if not alarm.fired or (record is not None and record.outcome == "succeeded"):
        assert record is not None
        return record
    kill({*alarm.left, *_begun_since(before)})
    if record is None:
        record = Attempt(job.path, job.attempt, started=started, ended=time(), seconds=monotonic() - begun)
    too_long(record, limit)
    return record


def too_long(record: Attempt, limit: float) -> None:
    """Record that an attempt was ended by its time limit; where it was then stays known."""
    was = record.failure or Failure("timeout", "")
    record.outcome = "failed"
    record.failure = Failure(
        "timeout",
        f"took longer than its {limit:g} s",
        traceback=was.traceback,
        arguments=was.arguments,
        place=was.place,
    )


def _begun_since(before: frozenset[int]) -> list[int]:
    """List the child processes that are not among `before`, and theirs; not those of other runs."""
    new = [pid for pid in children(os.getpid()) if pid not in before and MARK.encode() not in environ_of(pid)]
    return [pid for child in new for pid in (*descendants(child), child)]


class _Alarm:
    """Raises TimeLimit in the main thread, by the process's interval timer."""

    def __init__(self, limit: float, before: frozenset[int]) -> None:
        self.fired = False
        self.left: list[int] = []
        """Processes that the task had begun when it was interrupted."""
        self._limit = limit
        self._before = before

    def __enter__(self) -> Self:
        self._begun = monotonic()
        self._handler: Any = signal.signal(signal.SIGALRM, self._fire)
        self._timer = signal.setitimer(signal.ITIMER_REAL, self._limit, AGAIN)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._handler)
        delay, interval = self._timer
        if delay:
            # Somebody else's alarm goes off when it was due, or at once.
            signal.setitimer(signal.ITIMER_REAL, max(1e-3, delay - (monotonic() - self._begun)), interval)

    def _fire(self, _number: int, _frame: FrameType | None) -> None:
        self.fired = True
        # Now: `subprocess.run` kills its child on the way out, and its child's children lose their parent.
        self.left += _begun_since(self._before)
        raise TimeLimit


class _Watchdog:
    """Raises TimeLimit in this thread, from another one."""

    def __init__(self, limit: float, before: frozenset[int]) -> None:
        self.fired = False
        self.left: list[int] = []
        self._limit = limit
        self._before = before
        self._lock = threading.Lock()
        self._done = False
        self._thread = threading.get_ident()

    def __enter__(self) -> Self:
        self._timer = self._set(self._limit)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        # What was sent and has not arrived cannot be taken back (CPython 3.11 hangs under a tracer after
        # that), but it arrives at the next call, and nothing is sent any more once `_done` is set.
        try:
            with self._lock:
                self._done = True
            _arrive()
        except TimeLimit:
            self._done = True
        self._timer.cancel()

    def _set(self, seconds: float) -> threading.Timer:
        timer = threading.Timer(seconds, self._fire)
        timer.daemon = True
        timer.start()
        return timer

    def _fire(self) -> None:
        with self._lock:
            if not self._done:
                self.fired = True
                self.left += _begun_since(self._before)
                _raise_in(self._thread, TimeLimit)
                self._timer = self._set(AGAIN)


def _raise_in(thread: int, error: type[BaseException]) -> None:
    """Have an exception raised in a thread when it next runs Python code."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error))


def _arrive() -> None:
    """Be a call, at which an exception that was sent to this thread is raised."""


_forks = 0
"""How many forks lie between this process and the one that imported this."""


def _forked() -> None:
    global _forks
    _forks += 1


os.register_at_fork(after_in_child=_forked)
