"""The containers that were started: watched, ended where they take too long, and removed when they were heard.

The driver's thread looks at the files that containers write, many times a second; the engine is asked by
threads of their own, once to make a container, once to start it and once to remove it, and now and then
for a list of all that there are, by which is noticed which one has ended without a word.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from math import inf
from time import monotonic
from typing import Any

from fairlead.executors.container.cells import Cell
from fairlead.executors.container.engine import Engine, EngineGone, Found, Refused, State
from fairlead.executors.container.hands import LAST, Hands
from fairlead.executors.container.specs import RUN
from fairlead.executors.container.verdicts import End, of_end, of_refusal
from fairlead.executors.processes import oom_kills
from fairlead.model.events import Failure
from fairlead.ports import Report

__all__ = ["Fleet"]

MOST_HANDS = 8
"""Threads that talk to the engine at most: it does not start more at once any faster."""

_BIT = 1e-9
"""What sums of fractions may be off."""

GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL for a task that took too long."""

TELL_AFTER = 0.1
"""Seconds after which a job that still runs is reported as running: each such report is a fact to be recorded."""

COMING, SOON, LATE = 0.02, 0.01, 0.1
"""Seconds between two looks at a container's files: before Fairlead is up in it, at a young one, and at an old one."""

LIST_EVERY, LIST_SOON = 1.0, 0.1
"""Seconds between two lists of all containers: usually, and while one was told to end."""

LIST_SHARE, LIST_LATEST = 10, 10.0
"""Of its time, an engine that is busy spends one part in so many on lists; after these seconds it is asked anyway."""

LINGER = 0.3
"""Seconds that a container gets to end by itself when it has given back its last record."""

SILENCE = 30.0
"""Seconds for which the engine may be away."""

DOUBT = 5.0
"""Seconds for which an engine is not believed that a container has ended well in which nothing had begun."""

PATIENCE, AWAY = 60.0, 5.0
"""Seconds at the end for an engine that has a lot to remove, and for one that was not heard of for a while."""


_ENDED = ("exited", "dead", "stopped")


class Fleet:
    """The containers of one run that were started and not heard to their end."""

    def __init__(
        self, engine: Engine, labels: Mapping[str, str], config: Callable[[Cell], dict[str, Any]], capacity: int
    ) -> None:
        """`labels` are those that all of them have; `config` says what the engine is to make.

        `capacity`: the processors of those that run at once.
        """
        self._engine = engine
        self._labels = labels
        self._config = config
        self._capacity = capacity
        self._hands = Hands(min(MOST_HANDS, capacity + 2), farewell=engine.close)
        self.cells: dict[str, Cell] = {}
        """By the container's name."""
        self._ready: deque[Cell] = deque()
        """Those that were made, and wait for room."""
        self.reports: list[Report] = []
        self.rung = False
        """Somebody wants to be heard."""
        self._leaving: list[tuple[float, str, Cell | None]] = []
        """Containers to be removed: when, and what else is to be."""
        self._later: list[tuple[float, Cell]] = []
        """Containers to be tried to start again, and when: the engine was away."""
        self._list_at = inf
        self._listing = False
        self._gone_since = 0.0
        self._oom = oom_kills()
        self._closed = False

    @property
    def bell(self) -> int:
        """The descriptor that can be read when the engine has answered."""
        return self._hands.bell.fd

    def wake(self) -> None:
        """Wake whoever waits for it; from any thread."""
        self.rung = True
        self._hands.bell.ring()

    # --- starting ---------------------------------------------------------------------------------

    def takes(self, cost: float) -> bool:
        """Whether a container with this many processors can be launched: one more than there is room for is made."""
        taken = sum(cell.cost for cell in self.cells.values())
        return len(self.cells) < 4 * self._capacity and (
            taken + cost <= self._capacity + _BIT or taken <= self._capacity + _BIT < taken + cost
        )

    def launch(self, cell: Cell) -> None:
        """Have a container made, and started when there is room."""
        self.cells[cell.name] = cell
        self._hands.do(partial(self._make, cell, self._config(cell)), partial(self._made, cell))

    def adopt(self, cell: Cell, found: Found | None) -> None:
        """Take over a container that an earlier driver has made; None: only its files are left."""
        self.cells[cell.name] = cell
        cell.id = found.id if found is not None else ""
        if found is not None and found.status in ("created", "configured", "initialized"):
            self._made(cell, found.id, None)
            return
        cell.going = cell.started = True
        self._list_at = 0.0

    def _make(self, cell: Cell, config: dict[str, Any]) -> str:
        """In another thread: make a container."""
        if self._closed:
            return ""
        try:
            return self._engine.create(cell.name, config)
        except Refused as error:
            if error.status != 409:
                raise
        state = self._engine.state(cell.name)
        if state is not None and state.status == "running" and cell.order.begun():
            return state.id  # it was started, and the answer was lost
        # What is left of one that was given up, and whose job is to run again.
        self._engine.remove(cell.name)
        return self._engine.create(cell.name, config)

    def _made(self, cell: Cell, container: str | None, error: Exception | None) -> None:
        if error is not None:
            self._not_started(cell, error)
            return
        assert container is not None
        cell.id = container
        if cell.ending:
            self._drop(cell)
        else:
            self._ready.append(cell)
            self._start_ready()

    def _start_ready(self) -> None:
        """Start what was made, as far as there are processors."""
        taken = sum(cell.cost for cell in self.cells.values() if cell.going)
        while self._ready and taken + self._ready[0].cost <= self._capacity + _BIT:
            cell = self._ready.popleft()
            cell.going = True
            taken += cell.cost
            self._hands.do(partial(self._start, cell.id), partial(self._started, cell))

    def _start(self, container: str) -> None:
        """In another thread: start a container."""
        try:
            self._engine.start(container)
        except Refused:
            self._engine.remove(container)
            raise

    def _started(self, cell: Cell, _: None, error: Exception | None) -> None:
        if error is not None:
            cell.going = False
            self._not_started(cell, error)
            return
        cell.started, cell.started_at = True, monotonic()
        self._gone_since = 0.0
        self._list_at = min(self._list_at, cell.started_at + LIST_EVERY)
        if cell.ending:
            self.stop(cell, cell.grace)

    def _not_started(self, cell: Cell, error: Exception) -> None:
        if isinstance(error, Refused):
            self._over(cell, of_refusal(str(error), cell.image), container=False)
            return
        self._failed(error)
        self._later.append((monotonic() + LIST_EVERY, cell))

    def _drop(self, cell: Cell) -> None:
        """Do without a container that was made, and has nothing to do any more."""
        cell.order.remove()
        del self.cells[cell.name]
        self._dispose(cell.id)

    # --- looking ----------------------------------------------------------------------------------

    def look(self, now: float) -> float:
        """See what has changed; gives the time of the next look."""
        self._hands.answer()
        while self._later and now >= self._later[0][0]:
            self.launch(self._later.pop(0)[1])
        again = min(self._list_at, self._later[0][0] if self._later else inf)
        for cell in list(self.cells.values()):
            again = min(again, self._see(cell, now))
        if now >= self._list_at and not self._listing and self.cells:
            self._list(now)
        self._start_ready()
        while self._leaving and now >= self._leaving[0][0]:
            _, container, gone = self._leaving.pop(0)
            self._dispose(container, gone)
        return min(again, self._leaving[0][0]) if self._leaving else again

    def _see(self, cell: Cell, now: float) -> float:
        if now >= cell.kill_at:
            cell.kill_at = inf
            self._kill(cell, "SIGKILL")
        if not cell.see(now):
            return now + COMING if cell.started else inf
        self.reports.extend(cell.heard(now))
        if cell.done:
            self._let_go(cell, now)
            return inf
        assert cell.began is not None
        age = now - cell.began
        if not cell.told and age >= TELL_AFTER:
            self.reports.append(cell.running())
        if cell.limit is not None and age >= cell.limit and not cell.verdict:
            cell.verdict = "timeout"
            self.stop(cell, GRACE)
        soonest = min(SOON, cell.limit / 10) if cell.limit is not None else SOON
        return min(now + max(soonest, min(age / 50, LATE)), cell.kill_at)

    def stop(self, cell: Cell, grace: float) -> None:
        """Have a container end, and killed after `grace` seconds."""
        cell.ending, cell.grace = True, grace
        if not cell.started:
            return  # it may be about to start: it is stopped then
        cell.kill_at = monotonic() + grace
        self._kill(cell, "SIGTERM")

    def cancel(self, cell: Cell, wanted: set[tuple[str, int]], grace: float) -> None:
        """Take jobs out of a container's order; end it, where one of them is at it."""
        self.reports.extend(cell.cancel(wanted))
        if cell.empty:
            cell.verdict = "cancelled"
            self.stop(cell, 0.0)
            if cell in self._ready:
                self._ready.remove(cell)
                self._drop(cell)
        elif (cell.job.path, cell.job.attempt) in wanted and not cell.verdict:
            cell.verdict = "cancelled"
            self.stop(cell, grace)

    def _kill(self, cell: Cell, signal: str) -> None:
        self._hands.do(partial(self._engine.kill, cell.id, signal), self._answered)
        self._list_at = min(self._list_at, monotonic() + LIST_SOON)

    def _answered(self, _: None, error: Exception | None) -> None:
        """What cannot be removed stays in the engine's list: the next driver that finds it there tries again."""
        if error is not None and not isinstance(error, Refused):
            self._failed(error)

    # --- ends without a record ----------------------------------------------------------------------

    def _list(self, now: float) -> None:
        """Have the containers listed, unless none of them is old enough to have ended without a word."""
        known = [cell for cell in self.cells.values() if cell.started]
        oldest = min((cell.started_at for cell in known if not cell.ending), default=inf)
        if oldest + LIST_EVERY > now and not any(cell.ending for cell in known):
            self._list_at = oldest + LIST_EVERY
            return
        self._listing, self._list_at = True, inf
        self._hands.do(partial(self._engine.listed, self._labels), partial(self._listed, known, now))

    def _listed(
        self, known: Iterable[Cell], asked_at: float, found: list[Found] | None, error: Exception | None
    ) -> None:
        self._listing = False
        now = monotonic()
        pause = LIST_SOON if any(cell.ending for cell in self.cells.values()) else LIST_EVERY
        self._list_at = now + max(pause, min((now - asked_at) * LIST_SHARE, LIST_LATEST))
        if error is not None:
            self._failed(error)
            return
        self._gone_since = 0.0
        states = {one.id: one.status for one in found or ()}
        for cell in known:
            if cell.name not in self.cells or cell.asked or states.get(cell.id) in ("running", "paused", "restarting"):
                continue
            cell.asked = True
            self._hands.do(partial(self._last_of, cell), partial(self._ended, cell))

    def _last_of(self, cell: Cell) -> tuple[State | None, str]:
        """In another thread: how a container ended, and what it wrote, where its log does not have that."""
        state = self._engine.state(cell.id) if cell.id else None
        words = self._engine.said(cell.id) if state is not None and not cell.order.begun() else ""
        return state, words

    def _ended(self, cell: Cell, last: tuple[State | None, str] | None, error: Exception | None) -> None:
        if cell.name not in self.cells:
            return
        if last is None:
            cell.asked = False
            assert error is not None
            self._failed(error)
            return
        state, words = last
        if cell.see(monotonic()):
            # What it wrote before it ended counts, and is there by now.
            self.reports.extend(cell.heard(monotonic()))
        if state is not None and not _is_over(cell, state):
            cell.asked = False
            return
        self._over(cell, self._why(cell, state, words), container=True)

    def _why(self, cell: Cell, state: State | None, words: str) -> Failure:
        if state is None:
            return Failure("killed", "its container was removed from outside")
        oom, self._oom = self._oom, oom_kills()
        return of_end(
            End(
                state.code,
                begun=cell.began is not None,
                out_of_memory=state.out_of_memory or self._oom > oom,
                limit=cell.task.resources.memory or "",
                words=words or state.error or cell.last_words(),
            )
        )

    def _over(self, cell: Cell, failure: Failure, *, container: bool) -> None:
        """A container has ended, or was never started, and its job left no record."""
        self.reports.extend(cell.end(failure))
        # At once: what comes next under this name has the same folder.
        cell.order.remove()
        del self.cells[cell.name]
        if container:
            self._dispose(cell.id)

    def _failed(self, error: Exception) -> None:
        """The engine has not answered: it may be back in a moment."""
        if not isinstance(error, EngineGone):
            raise error
        now = monotonic()
        self._gone_since = self._gone_since or now
        if now - self._gone_since > SILENCE:
            raise EngineGone(
                f"{error}; what runs in containers goes on: start the engine, then 'fairlead resume"
                f" {self._labels[RUN]}' waits for it"
            ) from error
        self._list_at = min(self._list_at, now + LIST_EVERY)

    # --- tidying up -------------------------------------------------------------------------------

    def _let_go(self, cell: Cell, now: float) -> None:
        del self.cells[cell.name]
        self._leaving.append((now + LINGER, cell.id, cell))
        self._leaving.sort(key=lambda one: one[0])
        if not self.cells:
            self._list_at = inf

    def dismiss(self, found: Found) -> None:
        """Remove a container that nobody waits for."""
        self._dispose(found.id)

    def _dispose(self, container: str, cell: Cell | None = None) -> None:
        def done(_: None, error: Exception | None) -> None:
            if isinstance(error, EngineGone):
                self._leaving.append((monotonic() + LIST_EVERY, container, cell))
            self._answered(_, error)

        self._hands.do(partial(self._remove, container, cell), done, when=LAST)

    def _remove(self, container: str, cell: Cell | None) -> None:
        if container:
            self._engine.remove(container)
        if cell is not None:
            cell.order.remove()

    def close(self, patience: float = PATIENCE) -> bool:
        """End and remove what is left; False when the engine took too long."""
        self._closed = True
        starting = [cell for cell in self.cells.values() if not cell.started]
        for cell in self.cells.values():
            self._hands.do(partial(self._remove, cell.id, cell))
        for _, container, gone in self._leaving:
            self._hands.do(partial(self._remove, container, gone), when=LAST)
        self.cells.clear()
        self._leaving.clear()
        done = self._hands.close(AWAY if self._gone_since else patience)
        if starting and done:
            self._remove_late()
        return done

    def _remove_late(self) -> None:
        """Remove what came up while the threads did not know yet."""
        try:
            for found in self._engine.listed(self._labels):
                self._engine.remove(found.id)
        except EngineGone:
            return  # what the run has come to matters more; the next driver that has this engine removes the rest


def _is_over(cell: Cell, state: State) -> bool:
    """Whether a container has ended; a busy engine says for a while how it was, or not yet how it ended."""
    age = monotonic() - cell.started_at
    if state.status not in _ENDED:
        return state.status not in ("running", "stopping", "removing") and age > SILENCE
    return state.code != 0 or cell.began is not None or age > DOUBT
