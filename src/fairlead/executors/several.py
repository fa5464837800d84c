"""Some tasks on one executor, some on another: jobs are passed to the executor that their task names.

Knows nothing of how any of them runs a job. It holds back what an executor has no room for, so
that one that is full keeps no other from its work.
"""

from __future__ import annotations

import select
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from time import sleep, time
from typing import Protocol, runtime_checkable

from fairlead.model.events import Failure
from fairlead.ports import Brief, Executor, Holds, Job, Offers, Reach, Report

__all__ = ["Several", "Waits"]

SLICE = 0.02
"""Seconds given to each of several executors that can only be asked one after the other."""

LONGEST = 0.1
"""Seconds that one wait takes at most: executors may have clocks of their own to look at."""

_WIDTH: dict[Reach, int] = {"process": 0, "host": 1, "network": 2}


@runtime_checkable
class Waits(Protocol):
    """An executor that says what to wait for, so that one wait does for several of them."""

    def waits_on(self) -> Sequence[int]:
        """Descriptors that can be read from as soon as `poll` has something to tell."""


class Several:
    """Runs each job on the executor that its task names."""

    def __init__(self, members: Mapping[str, Executor], *, rest: Callable[[float], None] | None = None) -> None:
        """`members` by name; that of tasks that name none is under the empty name.

        `rest`: how it waits where nothing runs, by a clock that a test moves.
        """
        self.members = dict(members)
        self._rest = rest
        self.offers = _together([member.offers for member in members.values()])
        self._of: list[str] = []
        """The executor's name, by task."""
        self._open: dict[str, Executor] = {}
        self._waiting: dict[str, deque[Job]] = {}
        self._out: dict[tuple[str, int], str] = {}
        """Where each job is that an executor has."""
        self._known: set[tuple[str, int]] = set()
        self._busy: dict[str, int] = {}
        self._reports: list[Report] = []

    def open(self, brief: Brief) -> None:
        """Get those ready that this run's tasks name; the others are left alone."""
        self._of = [task.executor if task.executor in self.members else "" for task in brief.tasks]
        for name in dict.fromkeys(self._of):
            self._begin(name, brief)

    def _begin(self, name: str, brief: Brief) -> None:
        self.members[name].open(brief)
        self._waiting[name] = deque()
        self._busy[name] = 0
        self._open[name] = self.members[name]

    def held(self) -> Sequence[tuple[str, int]]:
        """Jobs of an earlier driver that one of them still has."""
        for name, member in self._open.items():
            for job in member.held() if isinstance(member, Holds) else ():
                self._known.add(job)
                self._out[job] = name
                self._busy[name] += 1
        return list(self._out)

    def extend(self, brief: Brief) -> None:
        """The run has further task definitions; an executor that none has named before is made ready."""
        for member in self._open.values():
            member.extend(brief)
        new = [task.executor if task.executor in self.members else "" for task in brief.tasks[len(self._of) :]]
        for name in dict.fromkeys(new):
            if name not in self._open:
                self._begin(name, brief)
        self._of += new

    def room(self) -> int:
        """How many more jobs they would like to hold together.

        While one of them has room, jobs for the others are taken as well: what it needs may stand
        behind them.
        """
        return sum(max(0, member.room() - len(self._waiting[name])) for name, member in self._open.items())

    def submit(self, jobs: Sequence[Job]) -> list[Report]:
        """Take jobs over, and pass on what there is room for."""
        for job in jobs:
            name = job.path, job.attempt
            if name not in self._known:
                self._known.add(name)
                self._waiting[self._of[job.task]].append(job)
        self._pass_on()
        reports, self._reports = self._reports, []
        return reports

    def _pass_on(self) -> None:
        for name, waiting in self._waiting.items():
            room = self._open[name].room() if waiting else 0
            if room <= 0:
                continue
            jobs = [waiting.popleft() for _ in range(min(room, len(waiting)))]
            for job in jobs:
                self._out[job.path, job.attempt] = name
            self._busy[name] += len(jobs)
            self._take(self._open[name].submit(jobs))

    def _take(self, reports: Iterable[Report]) -> None:
        for report in reports:
            if report.status != "running":
                name = self._out.pop((report.path, report.attempt), None)
                if name is not None:
                    self._busy[name] -= 1
                if report.status == "returned":
                    self._known.discard((report.path, report.attempt))
            self._reports.append(report)

    def poll(self, timeout: float) -> list[Report]:
        """Wait until something changed in one of them, or the time is over."""
        busy = [self._open[name] for name, count in self._busy.items() if count]
        wait = 0.0 if self._reports else min(timeout, LONGEST)
        if len(busy) == 1:
            self._take(busy[0].poll(wait))
        elif busy:
            self._ask(busy, 0.0)
            if not self._reports and wait > 0:
                self._wait(busy, wait)
        elif wait > 0 and self._rest is not None:
            self._rest(timeout)
        elif wait > 0:
            sleep(wait)
        self._pass_on()
        reports, self._reports = self._reports, []
        return reports

    def _ask(self, busy: Iterable[Executor], wait: float) -> None:
        for member in busy:
            self._take(member.poll(0.0 if self._reports else wait))

    def _wait(self, busy: Sequence[Executor], wait: float) -> None:
        deaf = [member for member in busy if not isinstance(member, Waits)]
        if deaf:
            # Nothing says when these have something to tell: each is asked in turn, and sleeps meanwhile.
            self._ask(deaf, min(wait, SLICE) / len(deaf))
            self._ask([member for member in busy if isinstance(member, Waits)], 0.0)
            return
        poll = select.poll()
        for member in busy:
            for descriptor in member.waits_on() if isinstance(member, Waits) else ():
                poll.register(descriptor, select.POLLIN)
        poll.poll(wait * 1000)
        self._ask(busy, 0.0)

    def cancel(self, jobs: Iterable[tuple[str, int]], grace: float) -> None:
        """Ask jobs to end, wherever they are."""
        wanted = set(jobs)
        for name, waiting in self._waiting.items():
            kept: deque[Job] = deque()
            for job in waiting:
                if (job.path, job.attempt) in wanted:
                    failure = Failure("cancelled", "stopped before it started")
                    self._reports.append(Report(job.path, job.attempt, "ended", failure=failure, at=time()))
                else:
                    kept.append(job)
            self._waiting[name] = kept
        for name, member in self._open.items():
            here = [job for job in wanted if self._out.get(job) == name]
            if here:
                member.cancel(here, grace)

    def close(self) -> None:
        """Let everything go."""
        opened, self._open = self._open, {}
        self._waiting.clear()
        self._out.clear()
        self._known.clear()
        self._busy.clear()
        self._reports.clear()
        for member in {id(member): member for member in (*opened.values(), *self.members.values())}.values():
            member.close()


def _together(offers: Sequence[Offers]) -> Offers:
    """What they offer as one; what a single task may need is asked of its own executor."""
    memory = [one.memory for one in offers]
    return Offers(
        reach=max((one.reach for one in offers), key=_WIDTH.__getitem__),
        timeout=all(one.timeout for one in offers),
        env_vars=all(one.env_vars for one in offers),
        cpu=max(one.cpu for one in offers),
        memory=None if None in memory else max(size for size in memory if size is not None),
        gpu=max(one.gpu for one in offers),
        image=any(one.image for one in offers),
        parallel=sum(one.parallel for one in offers),
        echo=all(one.echo for one in offers),
        dynamic=all(one.dynamic for one in offers),
    )
