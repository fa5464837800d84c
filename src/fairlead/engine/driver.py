"""Carrying a run: what was decided is done, what came of it is recorded.

One driver carries one run, from taking up its lease to closing it. It does not decide what starts
(`decide.py`) and does not know what a fact means (`model/state.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import ClassVar, cast

from msgspec.structs import replace

from fairlead.engine.decide import Decision, decide
from fairlead.engine.gear import AtOnce, Clock, Gear, Reuse, Tail
from fairlead.engine.interrupts import Interrupts
from fairlead.engine.opening import answers
from fairlead.engine.writer import Ledger, Writer
from fairlead.errors import FairleadError
from fairlead.model.events import Attempt, Failure, LogRange
from fairlead.model.notices import Opened, Output, Progress, TaskEnded
from fairlead.model.notices import Plan as ResumePlan
from fairlead.model.run import Run, RunStatus
from fairlead.model.scope import QUEUED, Live
from fairlead.model.state import State
from fairlead.ports import Commit, Job, Report

__all__ = ["GRACE", "Clock", "Driver", "Gear", "Reuse", "Tail"]

GRACE = 5.0
"""Seconds that a task gets to end by itself when its run is stopped."""

ASK = 0.1
"""Seconds between two looks at whether somebody asked the run to stop."""

BURST = 0.005
"""Seconds that task runs which are over at once are carried one after the other, with nothing in between."""


class Driver:
    """Carries one run in this thread."""

    writer: ClassVar[type[Writer]] = Writer

    def __init__(self, run: Run, state: State, gear: Gear, *, epoch: int, ledger: Ledger) -> None:
        self.run = run
        self.state = state
        self._gear = gear
        self._executor = gear.executor
        self._clock = gear.clock
        self._offset = gear.clock.now() - gear.clock.ticks()
        self._epoch = epoch
        self._ledger = ledger
        self._live: dict[str, Live] = {}
        self._held = dict(gear.held)
        self._early: dict[str, list[Report]] = {}
        """What was said of held jobs before it was their turn."""
        self._passing: set[tuple[str, int]] = set()
        self._asked = 0.0
        at_once = hasattr(gear.executor, "run_at_once") and not gear.jumps
        self._at_once = cast(AtOnce, gear.executor) if at_once else None
        self._here = gear.executor.offers.reach == "process"
        self._interrupts = Interrupts((lambda: gear.store.cancel_asked(run.id)) if self._here else None)
        self._heard = 0
        self._stopped = 0
        self._patient_until = inf
        committed = self._committed if gear.tell is not None else None
        self._writer = self.writer(gear.store, run.id, epoch, ledger, delay=gear.delay, committed=committed)

    def carry(self, plan: ResumePlan | None = None) -> RunStatus:
        """Carry the run until it ends; gives its final status.

        Raises StoreError when facts can no longer be recorded: the run is then interrupted, and
        nothing that was recorded is lost. KeyboardInterrupt is raised again after the run was
        recorded as cancelled.
        """
        if self._gear.tell is not None:
            self._gear.tell(Opened(self._gear.store.summary(self.run.id), self._ledger.all(), plan))
        with self._interrupts:
            status = self._until_closed()
        if self._interrupts.count and status == "cancelled":
            raise KeyboardInterrupt
        return status

    def _until_closed(self) -> RunStatus:
        try:
            while (status := self._step()) is None:
                self._look_up()
            self._close(status)
        finally:
            self._writer.abandon()
            self._executor.close()
        return status

    def _steady(self) -> float:
        """The time by which retries are due: it goes on evenly, also when the clock of the day is set."""
        return self._offset + self._clock.ticks()

    def _step(self) -> RunStatus | None:
        now = self._steady()
        at_once = self._at_once
        with self._writer.lock:
            # Those that are held take room already, and have to be handed out to be heard.
            room = self._executor.room() + len(self._held)
            if at_once is not None and at_once.quick and not self._live and not self._gear.reuse.wanted:
                room = 1
            decision = decide(self.state, now, room)
        if at_once is not None and room == 1:
            decision = self._burst(at_once, decision, now)
        if decision.close is not None:
            return decision.close
        self._carry_out(decision)
        for report in self._poll(self._patience(decision, now)):
            self._take(report)
        if self.state.stops > self._stopped:
            self._end_stopped()
        self._writer.check()
        if not self._gear.delay:
            self._writer.flush()
        return None

    def _burst(self, at_once: AtOnce, decision: Decision, now: float) -> Decision:
        """Carry task runs that are over at once for a while; gives what is to be done next."""
        state, lock, quick, nothing = self.state, self._writer.lock, at_once.quick, Decision([], [], wake=now)
        until = now + BURST if self._gear.delay else now
        while decision.start and decision.start[0].task in quick and not decision.open:
            (live,) = decision.start
            job = self._job(live)
            self._interrupts.in_task = True
            try:
                record = at_once.run_at_once(job)
                self._interrupts.in_task = False
            except KeyboardInterrupt:
                self._interrupts.end()
                with lock:
                    state.put_back(live)
                return nothing
            if record.outcome == "cancelled":
                self._interrupts.end()
                self._weigh(live, record)
            ended = self._steady()
            with lock:
                self._note(live, record, ended)
                over = ended >= until or record.outcome != "succeeded"
                decision = nothing if over else decide(state, now, 1)
            if self._gear.tail is not None:
                self._gear.tail.ended(record.path, record.log)
        return decision

    def _poll(self, patience: float) -> list[Report]:
        if not self._here:
            return self._executor.poll(patience)
        self._interrupts.in_task = True
        try:
            reports = self._executor.poll(patience)
            self._interrupts.in_task = False
        except KeyboardInterrupt:
            self._interrupts.end()
            return []
        return reports

    # --- doing what was decided -------------------------------------------------------------------

    def _carry_out(self, decision: Decision) -> None:
        for live in decision.open:
            self._open(live)
        if not decision.start:
            return
        jobs = []
        for live, found in zip(decision.start, self._gear.reuse.find(self.state, decision.start), strict=True):
            if found is not None:
                self._reused(live, found)
                if live.path in self._held:
                    self._executor.cancel([(live.path, self._held.pop(live.path))], 0.0)
                continue
            self._live[live.path] = live
            if self._held and live.path in self._held:
                live.attempt = self._held.pop(live.path)
                continue
            jobs.append(self._job(live))
        if jobs:
            for refusal in self._executor.submit(jobs):
                self._take(refusal)
        if self._early:
            self._hear_early()

    def _job(self, live: Live) -> Job:
        rows = live.placed_by().rows if live.item < 0 else ()
        return Job(self.run.id, live.path, live.attempt, live.task, self.state.args(live), rows)

    def _hear_early(self) -> None:
        for path in [path for path in self._early if path not in self._held]:
            for report in self._early.pop(path):
                self._take(report)

    def _reused(self, live: Live, found: Attempt) -> None:
        found.path = live.path
        found.attempt = live.attempt
        found.epoch = self._epoch
        found.ended = self._clock.now()
        with self._writer.lock:
            self.state.ended(live, found)
            self._writer.add(found)

    def _open(self, live: Live) -> None:
        """Read what decides how a block goes on, and record it: a fold must not need the user's classes."""
        attempt = Attempt(live.path, live.attempt, self._epoch, started=self._clock.now())
        try:
            attempt.outputs = answers(self.state, live, self._gear.values, f"runs/{self.run.id}")
            attempt.outcome = "succeeded"
        except FairleadError as error:
            attempt.outcome = "failed"
            attempt.failure = Failure("definition", str(error))
            attempt.retryable = False
        attempt.ended = self._clock.now()
        with self._writer.lock:
            if attempt.outputs is not None:
                self.state.opened(live, attempt.outputs)
            else:
                self.state.ended(live, attempt)
            self._writer.add(attempt)

    # --- taking what came of it -------------------------------------------------------------------

    def _take(self, report: Report) -> None:
        live = self._live.get(report.path)
        if live is None and self._held.get(report.path) == report.attempt:
            self._early.setdefault(report.path, []).append(report)
            return
        if live is None or live.attempt != report.attempt:
            return  # told about twice, or an attempt that was already given up
        if report.status == "running":
            self._started(live, report)
            return
        del self._live[report.path]
        if report.status == "returned":
            with self._writer.lock:
                self.state.put_back(live)
            return
        attempt = report.record or self._without_record(report)
        attempt.key = self._gear.reuse.key(live)
        if attempt.outcome == "cancelled":
            self._weigh(live, attempt)
        now = self._steady()
        with self._writer.lock:
            self._note(live, attempt, now)
        if self._gear.tail is not None:
            self._gear.tail.ended(attempt.path, attempt.log)

    def _weigh(self, live: Live, attempt: Attempt) -> None:
        """An attempt that is said to be cancelled, which nobody asked for, has lost its worker to somebody else."""
        stopped = self.state.stopped
        if self.state.cancelled or self._interrupts.count or (stopped and live.beneath(stopped)):
            return
        if self._gear.store.cancel_asked(self.run.id):
            self._stop(GRACE)  # another process did, and the attempt's own has seen it first
            return
        failure = attempt.failure or Failure("killed", "")
        attempt.outcome, attempt.retryable = "lost", True
        attempt.failure = replace(failure, reason="killed", message="it was ended, and nobody had asked for that")

    def _note(self, live: Live, attempt: Attempt, now: float) -> None:
        """An attempt has ended; the caller holds the writer's lock."""
        attempt.epoch = self._epoch
        if not self.state.ended(live, attempt, now) and self._gear.tell is not None:
            self._passing.add((attempt.path, attempt.attempt))
        self._ledger.note(live.group, attempt)
        self._writer.add(attempt)

    def _started(self, live: Live, report: Report) -> None:
        if live.status != QUEUED:
            return
        log = LogRange(report.log_file, report.log_start, report.log_start) if report.log_file else None
        started = Attempt(
            live.path, live.attempt, self._epoch, started=report.at or self._clock.now(), log=log, worker=report.worker
        )
        with self._writer.lock:
            self.state.started(live)
            self._writer.add(started)
        if self._gear.tail is not None and log is not None:
            self._gear.tail.started(live.path, log)

    def _without_record(self, report: Report) -> Attempt:
        """What is recorded of an attempt whose process left no record: the executor's word."""
        failure = report.failure or Failure("lost", "the executor says that it ended, and nothing else")
        outcome = "lost" if failure.reason in {"killed", "lost"} else "failed"
        if failure.reason == "cancelled":
            outcome = "cancelled"
        attempt = Attempt(report.path, report.attempt, failure=failure, worker=report.worker)
        attempt.outcome = outcome  # type: ignore[assignment]  # one of the three above
        attempt.ended = report.at or self._clock.now()
        if report.log_file:
            attempt.log = LogRange(report.log_file, report.log_start, -1)
        return attempt

    # --- between times ----------------------------------------------------------------------------

    def _patience(self, decision: Decision, now: float) -> float:
        if decision.open or (decision.start and not self._live):
            return 0.0
        if decision.wake is None:
            return 0.0 if self._gear.jumps else ASK
        due = max(0.0, decision.wake - now)
        return due if self._gear.jumps else min(ASK, due)

    def _look_up(self) -> None:
        """See now and then whether somebody asked the run to stop, and tell observers what happened."""
        if self._interrupts.count > self._heard:
            self._heard = self._interrupts.count
            self._stop(GRACE if self._heard == 1 else 0.0)
        ticks = self._clock.ticks()
        if ticks - self._asked < ASK and not self._gear.jumps:
            return
        self._asked = ticks
        if not self.state.cancelled and self._gear.store.cancel_asked(self.run.id):
            self._stop(GRACE)
        if ticks > self._patient_until:
            self._give_up()
        self._tell_output()

    def _tell_output(self) -> None:
        if self._gear.tell is not None and self._gear.tail is not None:
            for path, data in self._gear.tail.read():
                self._gear.tell(Output(path, data))

    def _stop(self, grace: float) -> None:
        with self._writer.lock:
            self.state.cancel()
        self._executor.cancel([*self._jobs(), *self._held.items()], grace)
        self._patient_until = self._clock.ticks() + grace + GRACE

    def _end_stopped(self) -> None:
        """Blocks were stopped because something in them failed: what runs in them is ended."""
        self._stopped = self.state.stops
        inside = [(path, live.attempt) for path, live in self._live.items() if live.beneath(self.state.stopped)]
        self._executor.cancel(inside, GRACE)

    def _give_up(self) -> None:
        """The executor does not answer for jobs that it was asked to end: the run ends without them."""
        for path, attempt in list(self._jobs()):
            self._take(Report(path, attempt, "ended", failure=Failure("cancelled", "the executor did not answer")))

    def _jobs(self) -> Iterator[tuple[str, int]]:
        for live in self._live.values():
            yield live.path, live.attempt

    def _committed(self, commit: Commit) -> None:
        """Runs in the writer's thread: observers see committed facts only."""
        assert self._gear.tell is not None
        for attempt in commit.attempts:
            if attempt.outcome is not None:
                self._gear.tell(TaskEnded(attempt, (attempt.path, attempt.attempt) not in self._passing))
        self._gear.tell(Progress(commit.groups, commit.counts or {}))

    def _close(self, status: RunStatus) -> None:
        self._tell_output()
        error = self.state.failed[0] if status == "failed" and self.state.failed else ""
        self._writer.close(Commit([], status=status, error=error, at=self._clock.now()))
