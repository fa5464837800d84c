"""Which clock runs of this process go by: the machine's, unless a test has put another in its place.

Holds one clock; what a clock can do is its own business.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

__all__ = ["StandInClock", "SystemClock", "instead", "stand_in"]


class SystemClock:
    """The time of this machine."""

    now = staticmethod(time.time)
    ticks = staticmethod(time.monotonic)


class StandInClock(Protocol):
    """A clock that a test moves; `fairlead.testing.VirtualClock`."""

    def now(self) -> float:
        """Seconds since the Unix epoch."""

    def ticks(self) -> float:
        """Seconds on a clock that never goes back."""

    def sleep(self, seconds: float) -> None:
        """Let so much time go by, at once."""

    def alarm(self, seconds: float, action: Callable[[], None]) -> AbstractContextManager[None]:
        """Have something done when so much time has gone by, unless the context is left before."""


_in_place: list[StandInClock] = []


def stand_in() -> StandInClock | None:
    """Give the clock that stands in for the machine's; None: runs go by the machine's."""
    return _in_place[-1] if _in_place else None


@contextmanager
def instead(clock: StandInClock) -> Iterator[None]:
    """Have the runs of this process go by this clock."""
    _in_place.append(clock)
    try:
        yield
    finally:
        _in_place.remove(clock)
