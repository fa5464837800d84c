"""What a driver works with: the seams that it has beside the ports, put together by whoever starts it.

Nothing here does anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from fairlead.engine.writer import DELAY
from fairlead.model.events import Attempt, LogRange
from fairlead.model.notices import Notice
from fairlead.model.scope import Live
from fairlead.model.state import State
from fairlead.ports import Executor, Job, RunStore, Values

__all__ = ["AtOnce", "Clock", "Gear", "Reuse", "Tail"]


class Clock(Protocol):
    """Where the driver gets the time from."""

    def now(self) -> float:
        """Seconds since the Unix epoch."""

    def ticks(self) -> float:
        """Seconds on a clock that never goes back."""


class Reuse(Protocol):
    """Finds recorded results that are still valid."""

    wanted: bool
    """Whether `find` is to be asked at all."""

    def find(self, state: State, lives: list[Live]) -> list[Attempt | None]:
        """Give, for each task run, the attempt to record in place of running it, or None."""

    def grown(self) -> None:
        """The run has further task definitions."""

    def key(self, live: Live) -> str:
        """The reuse key that `find` worked out for a task run that has to run; empty: none."""


class AtOnce(Protocol):
    """What an executor may be, too, that runs jobs in the thread of its driver: asked without a detour."""

    quick: set[int]
    """Tasks that were over at once whenever they ran; changes as they run."""

    def run_at_once(self, job: Job) -> Attempt:
        """Run a job of a quick task now, and give its record; KeyboardInterrupt: it has none."""


class Tail(Protocol):
    """Follows what tasks write, for observers."""

    def started(self, path: str, log: LogRange) -> None:
        """A task that may write for a while has started."""

    def ended(self, path: str, log: LogRange | None) -> None:
        """A task has ended; None: it wrote nothing."""

    def read(self) -> list[tuple[str, bytes]]:
        """Give what was written since the last call, by task run."""


class Gear(msgspec.Struct):
    """What a driver works with, put together by whoever starts it."""

    store: RunStore
    values: Values
    executor: Executor
    reuse: Reuse
    clock: Clock
    tell: Callable[[Notice], None] | None = None
    """Takes what observers are told, at once and without failing."""
    tail: Tail | None = None
    delay: float = DELAY
    """Seconds that a fact may wait to be committed; 0: each is committed before anything follows from it."""
    held: dict[str, int] = msgspec.field(default_factory=dict)
    """Attempts by path that an earlier driver submitted and that go on; see `ports.Holds`."""
    jumps: bool = False
    """The clock is one that a test moves: waiting takes no time, and looking around must not wait for it."""
