"""The line of jobs, and what of it is out: when the next one goes, and to whom.

First come, first served. While all that is out is of one kind, more goes out than there are workers,
so that none ever waits for the driver; otherwise only as much as there are processors. What becomes
of a job that is out is not this file's business.
"""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Mapping
from pathlib import Path

from fairlead.executors.local.link import JOB, LARGEST, SPILLED, message, seq_of
from fairlead.executors.local.pool import Group, Pool
from fairlead.executors.verdicts import Verdict
from fairlead.model.task import TaskDefinition
from fairlead.ports import Job

__all__ = ["Held", "Lane", "Line"]

_FULL = frozenset({errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM})


class Lane:
    """Jobs that are alike: of one group, taking equally many processors."""

    __slots__ = ("cost", "group", "sent", "width")

    def __init__(self, group: Group, cost: float, capacity: int) -> None:
        self.group = group
        self.cost = cost
        self.width = max(1, int(capacity / cost + 1e-9)) if cost else 4 * capacity
        """How many of them may run at once."""
        self.sent = 0


class Held:
    """A job that was taken over and has not been reported as ended."""

    __slots__ = ("attempt", "grace", "lane", "limit", "message", "out", "path", "seq", "spill", "task", "told",
                 "verdict")  # fmt: skip

    def __init__(self, job: Job, seq: int, lane: Lane, limit: float | None) -> None:
        self.path = job.path
        self.attempt = job.attempt
        self.task = job.task
        self.seq = seq
        self.lane = lane
        self.limit = limit
        self.message = b""
        self.spill: Path | None = None
        self.out = False
        """It is in a queue or with a worker."""
        self.told = False
        """It was reported as running."""
        self.verdict: Verdict = ""
        self.grace: float | None = None
        """Seconds that it gets once it is found; None: its worker was told."""


class Line:
    """Jobs that wait, and the books of those that are out."""

    def __init__(self, pool: Pool, capacity: int) -> None:
        self.waiting: deque[Held] = deque()
        self._pool = pool
        self._capacity = capacity
        self._lanes: dict[tuple[Group, float], Lane] = {}
        self._cost = 0.0
        self._busy_lanes = 0

    def lane(self, task: TaskDefinition) -> Lane:
        """Give the lane of a task's jobs."""
        group, cost = self._pool.group(task.env_vars), task.resources.cpu
        lane = self._lanes.get((group, cost))
        if lane is None:
            lane = self._lanes[group, cost] = Lane(group, cost, self._capacity)
        return lane

    def join(self, held: Held, job: bytes, scratch: str) -> None:
        """Put a job at the end of the line; a large one goes through a file."""
        kind = JOB
        if len(job) > LARGEST:
            held.spill = Path(scratch, f"job-{os.getpid()}-{id(self):x}-{held.seq}")
            held.spill.write_bytes(job)
            job, kind = os.fsencode(held.spill), SPILLED
        held.message = message(held.seq, self._pool.stint, kind, job)
        self.waiting.append(held)

    def pump(self) -> None:
        """Send out as much as may be out."""
        waiting = self.waiting
        while waiting:
            held = waiting[0]
            lane = held.lane
            group = lane.group
            if self._busy_lanes and not self._may_go(lane):
                return
            try:
                group.queue.send(held.message)
            except OSError as error:
                if error.errno in _FULL:
                    return  # enough is out
                raise
            waiting.popleft()
            held.out = True
            if not lane.sent:
                self._busy_lanes += 1
            lane.sent += 1
            group.sent += 1
            self._cost += lane.cost
            if len(group.workers) < group.sent:
                self.staff(lane)

    def staff(self, lane: Lane) -> None:
        """Have one more worker started, if what is out keeps it busy."""
        pool, group = self._pool, lane.group
        if len(group.workers) >= min(group.sent, lane.width):
            return
        if len(pool.workers) >= 2 * self._capacity:
            for other in pool.groups.values():
                if other is not group and not other.sent and other.workers and other.is_empty():
                    pool.dismiss(other)
        pool.grow(group)

    def settle(self, held: Held) -> None:
        """Take a job that is out no longer out of the books."""
        if not held.out:
            return
        held.out = False
        lane = held.lane
        lane.sent -= 1
        lane.group.sent -= 1
        self._cost -= lane.cost
        if not lane.sent:
            self._busy_lanes -= 1

    def take_back(self, known: Mapping[int, Held]) -> None:
        """Empty the queues, back to the head of the line."""
        back = []
        for group in self._pool.groups.values():
            for received in group.take_back():
                held = known.get(seq_of(received))
                if held is not None:
                    self.settle(held)
                    back.append(held)
        back.sort(key=lambda held: held.seq, reverse=True)
        self.waiting.extendleft(back)

    def _may_go(self, lane: Lane) -> bool:
        alone = self._busy_lanes == 1 and lane.sent > 0
        if alone and len(lane.group.workers) <= lane.width:
            return True  # its workers take no more at once than there are processors
        return self._cost + lane.cost <= self._capacity + 1e-9
