"""Getting facts into the store in groups, by a thread of its own.

A fact waits at most `delay` seconds; while one group is being written the next gathers. The thread
decides nothing: the driver hands in facts, and learns here when the store has refused one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from fairlead.model.events import Attempt
from fairlead.model.run import Group
from fairlead.model.state import State
from fairlead.ports import Commit, RunStore

__all__ = ["DELAY", "Ledger", "Writer"]

DELAY = 0.05
"""Seconds that a fact may wait for others before it is committed."""


PATIENCE = 5.0
"""Seconds that a driver which gives up waits for its last facts."""


class Ledger:
    """Times per group of task runs, beside the counts that the state keeps."""

    def __init__(self, state: State, known: dict[str, Group]) -> None:
        self.state = state
        self.groups: list[Group] = []
        self._known = known
        self._grow()

    def note(self, place: int, attempt: Attempt) -> None:
        """Add the time of an attempt that has ended."""
        if len(self.groups) < len(self.state.groups):
            self._grow()
        group = self.groups[place]
        group.seconds += attempt.seconds
        if attempt.started is not None and (group.started is None or attempt.started < group.started):
            group.started = attempt.started
        if attempt.ended is not None and (group.ended is None or attempt.ended > group.ended):
            group.ended = attempt.ended

    def _grow(self) -> None:
        """Take up groups that came up while the run is carried, as they do in dynamic workflows."""
        for name in self.state.groups[len(self.groups) :]:
            self.groups.append(self._known.get(name) or Group(name))

    def all(self) -> list[Group]:
        """Give every group, as copies."""
        self._grow()
        self.state.dirty.update(range(len(self.groups)))
        return self.changed()

    def changed(self) -> list[Group]:
        """Give the groups that changed since the last call, as copies."""
        found = []
        if len(self.groups) < len(self.state.groups):
            self._grow()
        for place in sorted(self.state.dirty):
            group = self.groups[place]
            group.counts = self.state.count(place)
            group.total = sum(group.counts.values())
            found.append(Group(group.name, group.total, group.counts, group.seconds, group.started, group.ended))
        self.state.dirty.clear()
        return found


class Writer:
    """Commits what a driver hands in. `lock` guards the state while a group is put together."""

    def __init__(
        self,
        store: RunStore,
        run_id: str,
        epoch: int,
        ledger: Ledger,
        *,
        delay: float = DELAY,
        committed: Callable[[Commit], None] | None = None,
    ) -> None:
        self.lock = threading.Lock()
        self.failure: BaseException | None = None
        self._store = store
        self._run_id = run_id
        self._epoch = epoch
        self._ledger = ledger
        self._delay = delay
        self._committed = committed
        self._facts: list[Attempt] = []
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name=f"fairlead-writer-{run_id}", daemon=True)
        self._thread.start()

    def add(self, attempt: Attempt) -> None:
        """Hand in a fact; the caller holds `lock`."""
        self._facts.append(attempt)
        if not self._wake.is_set():
            self._idle.clear()
            self._wake.set()

    def check(self) -> None:
        """Raise what the store raised, if it did."""
        if self.failure is not None:
            raise self.failure

    def flush(self) -> None:
        """Wait until all that was handed in is committed; raises what the store raised."""
        if not self._idle.is_set():
            self._hurry.set()
            self._idle.wait()
        self.check()

    def close(self, commit: Commit | None = None) -> None:
        """Commit what is left, together with `commit`, and end the thread; raises what the store raised."""
        if commit is not None:
            with self.lock:
                commit.attempts, self._facts = [*self._facts, *commit.attempts], []
        self._closing = True
        self._hurry.set()
        self._wake.set()
        self._thread.join()
        self.check()
        if commit is not None:
            with self.lock:
                commit.groups = self._ledger.changed()
                commit.counts = self._ledger.state.totals()
            self._store.append(self._run_id, self._epoch, commit)
            if commit.attempts and self._committed is not None:
                self._committed(commit)

    def abandon(self) -> None:
        """Have the thread write what it holds and end; closing again changes nothing.

        It is waited for, so that facts are not lost with the process or written after the lease is gone,
        but not for ever: another process may keep the store locked.
        """
        self._closing = True
        self._hurry.set()
        self._wake.set()
        self._thread.join(PATIENCE)

    def _work(self) -> None:
        try:
            while not (self._closing and not self._facts):
                self._wake.wait()
                if not self._closing:
                    self._hurry.wait(self._delay)
                self._write()
        except BaseException as error:  # noqa: BLE001  # the driver raises it from its own loop
            self.failure = error
            self._idle.set()

    def _write(self) -> None:
        with self.lock:
            facts, self._facts = self._facts, []
            self._wake.clear()
            self._hurry.clear()
            commit = Commit(facts, self._ledger.state.totals(), self._ledger.changed()) if facts else None
        if commit is not None:
            self._store.append(self._run_id, self._epoch, commit)
            if self._committed is not None:
                self._committed(commit)
        with self.lock:
            if not self._facts:
                self._idle.set()
