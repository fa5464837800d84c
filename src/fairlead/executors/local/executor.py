"""The executor `local`: what is held, what runs, what takes too long, and what came of it.

Which job goes out when is the line's business, processes are the pool's, and words the verdicts'.

Linux; see `forkserver` for what is less elsewhere.
"""

from __future__ import annotations

import os
import select
from collections.abc import Iterable, Sequence
from math import inf
from pathlib import Path
from time import monotonic, time

import msgspec

from fairlead.errors import FairleadError
from fairlead.executors.bell import Bell
from fairlead.executors.local.briefs import write_brief
from fairlead.executors.local.forkserver import Exited
from fairlead.executors.local.line import Held, Lane, Line
from fairlead.executors.local.pace import pace
from fairlead.executors.local.pool import Pool, Worker
from fairlead.executors.local.server import command_line
from fairlead.executors.local.warm import park, take, warm
from fairlead.executors.processes import oom_kills
from fairlead.executors.verdicts import ended_by_us, is_quiet, of_death, rewrite
from fairlead.model.events import Attempt, Failure
from fairlead.ports import Brief, Job, Offers, Report
from fairlead.wire import decoder

__all__ = ["Local", "processors"]

GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL for a task that took too long."""

VANISHED = 1.0
"""Seconds after which a job that is nowhere is given back."""

WINDOW = 256
"""Jobs held beyond twice the workers: more than they finish while the driver is busy."""

MOST_BYTES = 16 << 20
"""Bytes of jobs held at most, beyond one job per worker."""


class Local:
    """Runs jobs on all cores of this machine."""

    def __init__(
        self, *, max_workers: int | None = None, command: Sequence[str] | None = None, grace: float = GRACE
    ) -> None:
        """`command`: how the fork server is started. `grace`: seconds a task gets past its limit."""
        self._capacity = max_workers or processors()
        self._command = tuple(command or command_line())
        self._grace = grace
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        self.offers = Offers(reach="host", cpu=self._capacity, memory=memory, parallel=self._capacity, dynamic=True)
        self._pool: Pool | None = None
        self._line: Line | None = None
        self._brief: Brief | None = None
        self._bell: Bell | None = None
        self._rung = False
        self._lanes: dict[int, Lane] = {}
        """By task."""
        self._held: dict[int, Held] = {}
        self._names: dict[tuple[str, int], Held] = {}
        self._reports: list[Report] = []
        self._serial = 0
        self._bytes = 0
        self._look_at = self._pace = inf
        self._nowhere_since = 0.0
        self._oom = 0
        self._useless = 0
        """Workers that have ended without ever answering, one after the other."""
        self._room = bytearray(1 << 18)
        self._encode = msgspec.msgpack.Encoder().encode

    def warm_up(self) -> None:
        """Start a pool, unless one is warm, that `open` of an executor like this one will find."""
        warm((self._command, self._capacity), self._command)

    def open(self, brief: Brief) -> None:
        """Get ready for jobs of this run: a warm pool is taken, or one is started and not waited for."""
        write_brief(brief)
        if self._pool is None:
            self._pool = take((self._command, self._capacity), self._command)
        self._pool.begin(brief.scratch, brief.code)
        self._bell = Bell()
        self._pool.poll.register(self._bell.fd, select.POLLIN)
        self._line = Line(self._pool, self._capacity)
        self._lanes.clear()
        self._brief = brief
        self._pace = pace(brief)
        self._oom = oom_kills()

    def extend(self, brief: Brief) -> None:
        """The run has further task definitions: a worker that is given a job of one reads the brief again."""
        write_brief(brief)
        self._brief = brief
        self._pace = pace(brief)

    def room(self) -> int:
        """How many more jobs it would like to hold now."""
        window = self._capacity if self._bytes > MOST_BYTES else 2 * self._capacity + WINDOW
        return max(0, window - len(self._held))

    def submit(self, jobs: Sequence[Job]) -> list[Report]:
        """Take jobs over; gives back a report for each one that needs more than there is."""
        brief, line = self._brief, self._line
        assert brief is not None, "open() comes first"
        assert line is not None
        refused = []
        names = self._names
        for job in jobs:
            name = job.path, job.attempt
            if name in names:
                continue
            lane = self._lanes.get(job.task)
            if lane is None:
                lane = self._lanes[job.task] = line.lane(brief.tasks[job.task])
            if lane.cost > self._capacity:
                refused.append(self._refusal(job, lane.cost))
                continue
            self._serial += 1
            held = Held(job, self._serial, lane, brief.tasks[job.task].timeout)
            line.join(held, self._encode(job), brief.scratch)
            self._bytes += len(held.message)
            self._held[self._serial] = names[name] = held
        line.pump()
        self._look_soon()
        decoder(Attempt)  # made the first time, at 3 ms, while workers begin, not when their first record is there
        return refused

    def poll(self, timeout: float) -> list[Report]:
        """Wait until something changed or `timeout` seconds are over."""
        pool, line = self._pool, self._line
        assert pool is not None, "open() comes first"
        assert line is not None
        until = (now := monotonic()) + timeout
        while True:
            self._hear(pool, 0.0 if self._reports else max(0.0, min(until, self._look_at) - now))
            now = monotonic()
            if line.waiting:
                line.pump()
            if now >= self._look_at:
                self._look(now)
            if self._reports or self._rung or now >= until:
                self._rung = False
                reports, self._reports = self._reports, []
                return reports

    def waits_on(self) -> list[int]:
        """Descriptors that can be read from as soon as `poll` has something to tell."""
        assert self._pool is not None, "open() comes first"
        return [self._pool.control.fileno(), *self._pool.workers, *([self._bell.fd] if self._bell else [])]

    def wake(self) -> None:
        """Have `poll` come back at once: there is something to submit. From any thread."""
        if self._bell is not None:
            self._bell.ring()

    def cancel(self, jobs: Iterable[tuple[str, int]], grace: float) -> None:
        """Take back jobs that have not started, and have the others ended with all below them."""
        line = self._line
        wanted = {held.seq for name in jobs if (held := self._names.get(name)) is not None}
        if not wanted or line is None:
            return
        line.take_back(self._held)
        waiting = list(line.waiting)
        line.waiting.clear()
        for held in waiting:
            if held.seq not in wanted:
                line.waiting.append(held)
            elif held.seq in self._held:
                self._drop(held)
                failure = Failure("cancelled", "stopped before it started")
                self._reports.append(Report(held.path, held.attempt, "ended", failure=failure, at=time()))
        for seq in wanted & self._held.keys():
            self._held[seq].verdict = "cancelled"
            self._held[seq].grace = grace
        self._look(monotonic())
        line.pump()

    def close(self) -> None:
        """End what still runs, and leave the pool to the next run."""
        pool, self._pool, self._line = self._pool, None, None
        if pool is None:
            return
        if self._bell is not None:
            pool.poll.unregister(self._bell.fd)
            self._bell.close()
        unfinished = set(self._held)
        for held in list(self._held.values()):
            self._drop(held)
        self._reports.clear()
        self._look_at = inf
        if pool.finish(unfinished):
            park((self._command, self._capacity), pool)
        else:
            pool.close()

    def _refusal(self, job: Job, cost: float) -> Report:
        text = f"it wants {cost:g} processors, and there are {self._capacity}; ask for less in its resources"
        return Report(job.path, job.attempt, "ended", failure=Failure("refused", text), at=time())

    def _drop(self, held: Held) -> None:
        """Forget a job that has been, or will be, reported as ended."""
        del self._held[held.seq]
        del self._names[held.path, held.attempt]
        self._bytes -= len(held.message)
        if held.spill is not None:
            held.spill.unlink(missing_ok=True)

    # --- what comes back --------------------------------------------------------------------------

    def _hear(self, pool: Pool, wait: float) -> None:
        # Rounded up: to wake a moment too early would only mean to wait again.
        for fd, _ in pool.poll.poll(int(wait * 1000) + (wait > 0)):
            worker = pool.workers.get(fd)
            if worker is None:
                if self._bell is not None and fd == self._bell.fd:
                    self._bell.hush()
                    self._rung = True
                    continue
                self._hear_server(pool)
                return  # the descriptors may have changed
            found = worker.records.read(self._room)
            if found is None:
                pool.silence(worker)
            else:
                for seq, record in found:
                    self._ended(seq, record)

    def _hear_server(self, pool: Pool) -> None:
        said = pool.hear()
        if said is None:
            self._server_ended(pool)
            return
        for word in said:
            if isinstance(word, Exited):
                worker = pool.gone(word.pid)
                if worker is not None:
                    self._worker_ended(pool, worker, word.code)

    def _ended(self, seq: int, record: Attempt) -> None:
        held = self._held.get(seq)
        if held is None:
            return  # given back before, because it was nowhere to be found
        assert self._line is not None
        self._useless = 0
        self._drop(held)
        self._line.settle(held)
        if record.failure is not None:
            rewrite(record, held.verdict, held.limit)
        self._reports.append(Report(held.path, held.attempt, "ended", record))
        if self._look_at == inf:
            self._look_soon()

    def _worker_ended(self, pool: Pool, worker: Worker, code: int) -> None:
        """A worker is gone, with everything below it: its last records count, then its slot."""
        self._hear_last(worker)
        seq = worker.slot.seq
        held = self._held.get(seq) if seq else None
        if held is not None:
            oom, self._oom = self._oom, oom_kills()
            failure = of_death(code, out_of_memory=self._oom > oom)
            self._died(held, worker, ended_by_us(held.verdict, held.limit) if held.verdict else failure)
        elif not is_quiet(code):
            self._useless += 1
        pool.bury(worker)
        if self._useless > 2 * self._capacity + 2:
            raise FairleadError(f"worker processes end at once (exit code {code}); what they wrote says why")
        for lane in set(self._lanes.values()):
            if lane.group is worker.group and self._line is not None:
                self._line.staff(lane)

    def _hear_last(self, worker: Worker) -> None:
        while (found := worker.records.read(self._room)) is not None:
            for seq, record in found:
                self._ended(seq, record)

    def _died(self, held: Held, worker: Worker, failure: Failure) -> None:
        assert self._line is not None
        if not held.told:
            self._tell(held, worker)
        self._drop(held)
        self._line.settle(held)
        self._reports.append(self._about(held, worker, Report(held.path, held.attempt, "ended", None, failure, time())))

    def _server_ended(self, pool: Pool) -> None:
        """The fork server is gone, and its workers with it; another is started."""
        assert self._line is not None
        assert self._brief is not None
        pool.sweep()
        lost = Failure("lost", "its worker ended together with the process that had started it")
        for worker in pool.workers.values():
            self._hear_last(worker)
            held = self._held.get(worker.slot.seq)
            if held is not None:
                self._died(held, worker, lost)
        self._line.take_back(self._held)
        pool.let_go()
        pool.start()
        assert self._bell is not None
        pool.poll.register(self._bell.fd, select.POLLIN)
        before, self._line = self._line, Line(pool, self._capacity)
        self._lanes = {task: self._line.lane(self._brief.tasks[task]) for task in self._lanes}
        for held in before.waiting:
            held.lane = self._lanes[held.task]
            self._line.waiting.append(held)
        for held in [held for held in self._held.values() if held.out]:
            self._drop(held)
            self._reports.append(Report(held.path, held.attempt, "ended", None, lost, time()))

    # --- looking around ---------------------------------------------------------------------------

    def _look_soon(self) -> None:
        if self._held:
            self._look_at = min(self._look_at, monotonic() + self._pace)

    def _look(self, now: float) -> None:
        """See what runs: tell what is new, end what takes too long or is to end."""
        assert self._pool is not None
        assert self._line is not None
        busy = 0
        look_at = inf
        for worker in self._pool.workers.values():
            seq = worker.slot.seq
            held = self._held.get(seq) if seq else None
            if held is not None:
                busy += 1
                look_at = min(look_at, self._see(worker, held, now))
        if busy:
            self._nowhere_since = 0.0
            if busy < len(self._pool.workers) and busy < sum(group.sent for group in self._pool.groups.values()):
                # A worker that has just been started is about to take a job, and will not say so.
                look_at = min(look_at, now + self._pace)
        elif self._held and not self._line.waiting:
            self._seek(self._pool, now)
            look_at = now + VANISHED / 4
        self._look_at = look_at

    def _see(self, worker: Worker, held: Held, now: float) -> float:
        """Look at one running job; gives when to look again."""
        assert self._pool is not None
        started = worker.slot.started(held.seq)
        if started is None or not worker.pid:
            return now + self._pace  # it begins at this very moment
        since = now - started[1]
        if not held.told and since >= self._pace:
            self._tell(held, worker)
        if not held.verdict and held.limit is not None and since >= held.limit:
            held.verdict, held.grace = "timeout", self._grace
        if held.grace is not None:
            self._pool.end(worker, held.seq, held.grace)
            held.grace = None
        if not held.told:
            return started[1] + self._pace
        return inf if held.limit is None or held.verdict else started[1] + held.limit

    def _tell(self, held: Held, worker: Worker) -> None:
        started = worker.slot.started(held.seq)
        held.told = True
        at = started[0] if started else time()
        self._reports.append(self._about(held, worker, Report(held.path, held.attempt, "running", at=at)))

    def _about(self, held: Held, worker: Worker, report: Report) -> Report:
        """Say where a job runs, and where it writes."""
        started = worker.slot.started(held.seq)
        report.log_file, report.log_start = f"w{worker.pid}.log", started[2] if started else 0
        report.worker = f"{os.uname().nodename}:{worker.pid}"
        return report

    def _seek(self, pool: Pool, now: float) -> None:
        """Jobs are out and nobody has them: records on their way, or lost by a dying kernel call."""
        starting = any(not worker.pid for worker in pool.workers.values())
        if starting or not all(group.is_empty() for group in pool.groups.values()):
            self._nowhere_since = 0.0
        elif not self._nowhere_since:
            self._nowhere_since = now
        elif now - self._nowhere_since >= VANISHED:
            self._nowhere_since = 0.0
            for held in list(self._held.values()):
                assert self._line is not None
                self._drop(held)
                self._line.settle(held)
                self._reports.append(Report(held.path, held.attempt, "returned", at=time()))


def processors() -> int:
    """How many processors this process may use: by its affinity and its container's quota."""
    found = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return found if quota == "max" else max(1, min(found, -(-int(quota) // int(period))))
    except (OSError, ValueError):
        return found
