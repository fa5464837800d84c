"""Stores that die, or run out of disk, at a chosen write: what a test of durability enumerates.

    faults = FaultPoints()                      # count first
    drive(faults.run_store(store), faults.artifact_store(artifacts))
    for n in range(1, faults.writes + 1):
        for when in ("before", "after"):
            faults = FaultPoints(at=n, when=when)
            ...

Nothing here knows what a driver does; it counts what comes through.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from typing import Any, Literal, NoReturn, cast

from fairlead.errors import StoreError
from fairlead.ports import ArtifactStore, Lease, RunStore

__all__ = ["Died", "FaultPoints"]


class Died(BaseException):
    """The process came to its end here, as if it had been killed. Not to be caught by the code under test."""


class FaultPoints:
    """Counts the writes of all stores that it wraps, and strikes at the `at`-th, the first being 1.

    `then="raise"`: Died is raised there, at every later call, and the leases taken are dropped, as
    when a process is killed. `"exit"`: the process really ends, with status 137. `"full"`: this write
    and all after it raise StoreError as on a full disk, with nothing written, until `free_disk`.
    """

    def __init__(
        self,
        *,
        at: int = 0,
        when: Literal["before", "after"] = "before",
        then: Literal["raise", "exit", "full"] = "raise",
    ) -> None:
        self._at = at
        self._when = when
        self._then = then
        self._lock = threading.Lock()
        self._leases: list[Lease] = []
        self.names: list[str] = []
        """The writes so far: `append`, `put`, …"""
        self.dead = False
        """Whether Died was raised."""

    @property
    def writes(self) -> int:
        """How many writes there were, the one that was struck included."""
        return len(self.names)

    def run_store(self, store: RunStore) -> RunStore:
        """Wrap a store of runs."""
        return cast(RunStore, _Struck(store, self, _RUN_WRITES))

    def artifact_store(self, store: ArtifactStore) -> ArtifactStore:
        """Wrap a store of artifacts."""
        return cast(ArtifactStore, _Struck(store, self, _ARTIFACT_WRITES))

    def free_disk(self) -> None:
        """Let writes succeed again."""
        self._at = 0

    def _write(self, name: str, action: Callable[[], Any]) -> Any:
        with self._lock:
            self._refuse_the_dead()
            self.names.append(name)
            count = len(self.names)
        if self._then == "full":
            if self._at and count >= self._at:
                _full_disk()
            return action()
        if count == self._at and self._when == "before":
            self._die()
        result = action()
        if count == self._at:
            self._die()
        self._refuse_the_dead()
        return result

    def _die(self) -> NoReturn:
        if self._then == "exit":
            os._exit(137)
        self.dead = True
        # A killed process holds nothing any longer.
        while self._leases:
            self._leases.pop().release()
        raise Died(f"died {self._when} write {self._at}: {self.names[self._at - 1]}")

    def _refuse_the_dead(self) -> None:
        if self.dead:
            raise Died(f"died {self._when} write {self._at} already")


_RUN_WRITES = frozenset({"create", "open", "append", "ask_cancel", "remove"})
_ARTIFACT_WRITES = frozenset({"put", "put_file", "remove"})


class _Struck:
    """Hands every call on to a store, writes by way of the fault points."""

    def __init__(self, store: Any, faults: FaultPoints, writes: frozenset[str]) -> None:
        self._store = store
        self._faults = faults
        self._writes = writes

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._store, name)
        if not callable(value) or name == "close":
            return value
        if name in self._writes:
            return lambda *args, **kwargs: self._faults._write(name, lambda: value(*args, **kwargs))
        if name == "lease":
            return lambda run_id: self._lease(value, run_id)
        return lambda *args, **kwargs: self._read(value, *args, **kwargs)

    def _read(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self._faults._refuse_the_dead()
        return method(*args, **kwargs)

    def _lease(self, method: Callable[[str], Lease], run_id: str) -> Lease:
        lease: Lease = self._read(method, run_id)
        self._faults._leases.append(lease)
        if self._faults.dead:
            # Another thread met the end while this one was taking it.
            lease.release()
            self._faults._refuse_the_dead()
        return lease


def _full_disk() -> NoReturn:
    # As stores report it: the operating system's error stays behind it as the cause.
    cause = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    raise StoreError("cannot write: the disk is full; free some space") from cause
