"""Stand-ins for time and for executors, for tests that must not wait and must not start processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

from fairlead.model.events import Attempt, Failure
from fairlead.ports import Brief, Job, Offers, Report

__all__ = ["ScriptedExecutor", "VirtualClock"]


class VirtualClock:
    """A clock that goes on only when it is told to, or waited for."""

    def __init__(self, start: float = 1_000_000.0) -> None:
        self._now = start
        self._ticks = 0.0
        self._alarms: dict[int, tuple[float, Callable[[], None]]] = {}
        self._serial = count()

    def now(self) -> float:
        """Seconds since the Unix epoch."""
        return self._now

    def ticks(self) -> float:
        """Seconds on a clock that never goes back."""
        return self._ticks

    def advance(self, seconds: float) -> None:
        """Let time go by, at once; what was to happen meanwhile happens at its time."""
        end = self._ticks + max(0.0, seconds)
        while due := [(at, name) for name, (at, _) in self._alarms.items() if at <= end]:
            at, name = min(due)
            self._move(at)
            self._alarms.pop(name)[1]()
        self._move(end)

    def sleep(self, seconds: float) -> None:
        """Let time go by as `time.sleep` would, at once."""
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        self.advance(seconds)

    @contextmanager
    def alarm(self, seconds: float, action: Callable[[], None]) -> Iterator[None]:
        """Have something done when so much time has gone by, unless the context is left before."""
        name = next(self._serial)
        self._alarms[name] = (self._ticks + seconds, action)
        try:
            yield
        finally:
            self._alarms.pop(name, None)

    def _move(self, ticks: float) -> None:
        self._now += ticks - self._ticks
        self._ticks = ticks

    def set_back(self, seconds: float) -> None:
        """Set the clock of the day back, as an administrator would."""
        self._now -= seconds


class ScriptedExecutor:
    """Answers jobs by a function, at once and in order; keeps what it was told.

    `answer(job)` gives an Attempt, a Report, outputs (a list of encoded values), or None for a job that
    goes on until it is cancelled. Waiting moves the clock.
    """

    def __init__(
        self, answer: Callable[[Job], Any], clock: VirtualClock, *, room: int = 4, offers: Offers | None = None
    ) -> None:
        self.offers = offers or Offers(reach="process", parallel=room)
        self.seen: list[tuple[str, int]] = []
        self.cancelled: list[tuple[str, int]] = []
        self.closed = False
        self.brief: Brief | None = None
        self._answer = answer
        self._clock = clock
        self._room = room
        self._reports: list[Report] = []
        self._held: dict[str, Job] = {}

    def open(self, brief: Brief) -> None:
        """Get ready to take jobs of this run."""
        self.brief = brief

    def room(self) -> int:
        """How many more jobs it would like to hold now."""
        return max(0, self._room - len(self._reports) - len(self._held))

    def submit(self, jobs: Sequence[Job]) -> list[Report]:
        """Answer them."""
        for job in jobs:
            self.seen.append((job.path, job.attempt))
            found = self._answer(job)
            if found is None:
                self._held[job.path] = job
                self._reports.append(Report(job.path, job.attempt, "running", at=self._clock.now()))
            elif isinstance(found, Report):
                self._reports.append(found)
            else:
                self._reports.append(Report(job.path, job.attempt, "ended", self._record(job, found)))
        return []

    def poll(self, timeout: float) -> list[Report]:
        """Give the answers; with none to give, the time goes by."""
        found, self._reports = self._reports, []
        if not found:
            self._clock.advance(timeout)
        return found

    def cancel(self, jobs: Iterable[tuple[str, int]], grace: float) -> None:
        """End what is held."""
        for path, attempt in jobs:
            self.cancelled.append((path, attempt))
            if self._held.pop(path, None) is not None:
                failure = Failure("cancelled", f"ended within {grace:g} s")
                self._reports.append(Report(path, attempt, "ended", failure=failure))

    def close(self) -> None:
        """Let go."""
        self.closed = True

    def _record(self, job: Job, found: Any) -> Attempt:
        if isinstance(found, Attempt):
            return found
        now = self._clock.now()
        return Attempt(job.path, job.attempt, started=now, ended=now, outcome="succeeded", outputs=found)
