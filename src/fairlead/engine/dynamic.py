"""Carrying a dynamic run: its body is called here, and the calls that it makes are carried like any task run.

Where tasks run in this process, whoever waits for a call carries it, one call after the other, in the
thread that asked: a debugger and Ctrl-C find what they expect. Otherwise a thread of the driver's carries
them while the body goes on. What a call is, is not known here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from contextvars import copy_context
from typing import ClassVar, Protocol

from fairlead.engine.driver import GRACE, Driver, Gear
from fairlead.engine.interrupts import Interrupts
from fairlead.engine.writer import Ledger, Writer
from fairlead.errors import DefinitionError, RunDiverged
from fairlead.model.calls import CallLive, CallState, diverged, said_call
from fairlead.model.events import Attempt, Call, Failure
from fairlead.model.path import BODY
from fairlead.model.run import Run, RunStatus
from fairlead.ports import Report

__all__ = ["Body", "BodyDriver", "Made", "Stopped"]

DEAF = 0.005
"""Seconds between two looks for new calls where the executor cannot be woken."""


class Stopped(BaseException):
    """Raised in the body where it waits for a call when the run is stopped: it is to end now.

    Not an Exception, so that the body's `except Exception` lets it through.
    """


class Body(Protocol):
    """The body of a dynamic workflow."""

    def perform(self, driver: BodyDriver) -> Attempt:
        """Call it, and give its record, whatever came of it."""

    def finish(self, record: Attempt) -> None:
        """Everything that it called has ended: complete its record."""


Made = tuple[Call, int, Callable[[], str]]
"""A call, the number of its task, and what gives it a path if it is new."""


class _CallWriter(Writer):
    """Writes each fact with the call that it is about."""

    def add(self, attempt: Attempt) -> None:
        state = self._ledger.state
        assert isinstance(state, CallState)
        live = state.calls.get(attempt.path)
        if live is not None:
            attempt.call = live.call
        super().add(attempt)


class BodyDriver(Driver):
    """Carries one dynamic run; the body is called in this thread."""

    writer: ClassVar[type[Writer]] = _CallWriter
    state: CallState

    def __init__(
        self,
        run: Run,
        state: CallState,
        gear: Gear,
        *,
        epoch: int,
        ledger: Ledger,
        body: Body,
        accepted: bool = False,
    ) -> None:
        """`accepted`: the body may take another way than before."""
        super().__init__(run, state, gear, epoch=epoch, ledger=ledger)
        self.epoch = epoch
        self.accepted = accepted
        self.here = self._here
        self._at_once = None  # who waits for a call carries what it takes, and no more
        """Tasks run in this process, and in the thread that waits for them."""
        self._body = body
        self._outside = copy_context()
        """Where tasks run: they are none of the body's."""
        self._interrupts = Interrupts(lambda: gear.store.cancel_asked(run.id))
        self._carrying = threading.Lock()
        """Held by the thread that hands out, waits for and takes what came of calls."""
        self._hearing = threading.Lock()
        """Guards who waits for what."""
        self._waiting: dict[CallLive, list[Callable[[CallLive], None]]] = {}
        self._wake: Callable[[], None] | None = getattr(gear.executor, "wake", None)
        self._closing = False
        self._enough = False
        self._trouble: BaseException | None = None
        self._astray: RunDiverged | None = None

    # --- for the body -----------------------------------------------------------------------------

    def make(self, calls: Sequence[Made], *, late: bool = False) -> list[CallLive]:
        """Make calls; recorded ones are done at once. `late`: it was asked for before the body ended."""
        trouble = self._trouble or self._astray
        if trouble is not None:
            raise trouble
        with self._writer.lock:
            if self._closing and not late:
                raise DefinitionError(f"{self.run.workflow.name}: the workflow has ended, and nothing can be called")
            made = [self.state.make(*one) for one in calls]
        if self._wake is not None and not self.here:
            self._wake()
        return made

    def wait(self, lives: Iterable[CallLive]) -> None:
        """Wait until calls have ended; raises Stopped when the run is stopped."""
        waited = [live for live in lives if not live.done]
        if waited:
            own = threading.current_thread() is self._interrupts.thread
            before = self._interrupts.count
            if own:
                # From here on Ctrl-C is counted, and the calls are ended first.
                self._interrupts.in_task = False
            try:
                if self.here:
                    self._carry_until(waited)
                else:
                    self._listen(waited)
            finally:
                if own:
                    self._interrupts.in_task = True
            if own and self._interrupts.count > before and all(live.outputs is not None for live in waited):
                raise KeyboardInterrupt  # what was waited for ended in time: nothing else would tell the body
        if self._trouble is not None:
            raise self._trouble

    def when_done(self, live: CallLive, tell: Callable[[CallLive], None]) -> None:
        """Have `tell` called once, as soon as a call has ended; at once when it has."""
        with self._hearing:
            if not live.done:
                self._waiting.setdefault(live, []).append(tell)
                return
        tell(live)

    def now(self) -> float:
        """Seconds since the Unix epoch, by the clock of this run."""
        return self._clock.now()

    def grown(self) -> None:
        """The run has further task definitions."""
        with self._writer.lock:
            self.state.tasks = self.run.workflow.tasks

    def _carry_until(self, waited: list[CallLive]) -> None:
        with self._carrying:
            while not all(live.done for live in waited):
                self._turn()

    def _listen(self, waited: list[CallLive]) -> None:
        gate = threading.Event()
        left = [len(waited)]

        def heard(_: CallLive) -> None:
            left[0] -= 1
            if not left[0]:
                gate.set()

        for live in waited:
            self.when_done(live, heard)
        gate.wait()

    # --- carrying ---------------------------------------------------------------------------------

    def _until_closed(self) -> RunStatus:
        try:
            self._begin_body()
            record = self._call_body()
            while self.state.busy:
                self._turn()
            self._end_body(record)
            while (status := self._step()) is None:
                self._look_up()
            self._close(status)
        finally:
            self._writer.abandon()
            self._executor.close()
        return status

    def _begin_body(self) -> None:
        call = Call("", accepted=self.accepted)
        with self._writer.lock:
            self._writer.add(Attempt(BODY, self.epoch, self.epoch, started=self._clock.now(), call=call))

    def _call_body(self) -> Attempt:
        carrier = None
        if not self.here:
            carrier = threading.Thread(target=self._carry_calls, name=f"fairlead-calls-{self.run.id}", daemon=True)
            carrier.start()
        self._interrupts.begin()
        try:
            record = self._body.perform(self)
        finally:
            self._interrupts.end()
            self._closing = self._enough = True
            if carrier is not None:
                if self._wake is not None:
                    self._wake()
                carrier.join()
        if self._trouble is not None:
            raise self._trouble
        if record.outcome == "cancelled" and not self.state.cancelled:
            with self._carrying:
                self._stop(GRACE)
                self._deliver()
        return record

    def _carry_calls(self) -> None:
        """Be the thread that carries calls while the body goes on."""
        try:
            while not self._enough:
                with self._carrying:
                    self._turn()
        except BaseException as error:  # noqa: BLE001  # raised again in the body's thread
            self._trouble = error
            with self._hearing:
                waiting, self._waiting = self._waiting, {}
            for live, told in waiting.items():
                for tell in told:
                    tell(live)

    def _turn(self) -> None:
        self._step()
        self._look_up()
        self._deliver()

    def _poll(self, patience: float) -> list[Report]:
        if self._wake is None and not self.here:
            patience = min(patience, DEAF)
        return self._outside.run(super()._poll, patience)

    def _deliver(self) -> None:
        """Tell who waits what has ended."""
        with self._writer.lock:
            over, self.state.over = self.state.over, []
        if not over:
            return
        with self._hearing:
            for live in over:
                live.done = True
            told = [(live, self._waiting.pop(live, ())) for live in over]
        for live, tells in told:
            for tell in tells:
                tell(live)

    # --- its end ----------------------------------------------------------------------------------

    def _end_body(self, record: Attempt) -> None:
        """Record how the body ended; it has failed as well when it took another way than before."""
        self._body.finish(record)
        record.epoch = record.attempt = self.epoch
        error = ""
        astray = self._astray or (self._unmade() if record.outcome == "succeeded" else None)
        if astray is not None and record.outcome != "cancelled":
            record.outcome, record.outputs = "failed", None
            record.failure = Failure("definition", str(astray), type=RunDiverged.__name__)
            record.call = Call("", accepted=self.accepted)
        causes = record.call.causes if record.call is not None else ()
        if record.outcome == "failed":
            error = causes[0] if causes else BODY
        with self._writer.lock:
            self.state.trouble = record if error else None
            self.state.end(record, error)
            self._writer.add(record)

    def _unmade(self) -> RunDiverged | None:
        """Give the error for a body that has ended without calls that it made before."""
        left = self.state.left()
        return diverged(self.run, "it has ended", left) if left and not self.accepted else None

    def check_order(self, frame: str, place: int, call: Call, name: str) -> None:
        """Raise RunDiverged when the call at this place of a sequence was another one."""
        before = self.state.orders.get(frame, ())
        if place < len(before) and not self.accepted:
            was = before[place]
            if was.expected and was.call.key != call.key:
                self._astray = diverged(self.run, f"it calls {said_call(name, call)}", [was])
                raise self._astray
