"""Time that a test moves: retries after hours and time limits, at once and the same every time."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fairlead.config import clocks
from fairlead.testing.fakes import VirtualClock

__all__ = ["START", "virtual_clock"]

START = 1577836800.0
"""2020-01-01 00:00 UTC: before any file that a test may write, so that none looks unchanged since."""


@contextmanager
def virtual_clock(start: float = START) -> Iterator[VirtualClock]:
    """Have runs of this process go by a clock that stands still until something waits.

    Delays before retries pass at once, and are recorded as if they had passed. In tasks (and in the
    test itself), `time.sleep` lets the clock go on, `time.time` and `time.monotonic` say what it
    shows; a task that sleeps past its time limit is ended there. Computing takes no time. What was
    taken by `from time import sleep` before, `asyncio.sleep`, other threads and other processes have
    real time; environments whose tasks run in other processes are refused.
    """
    clock = VirtualClock(start)
    thread = threading.get_ident()

    def sleep(seconds: float, /) -> None:
        if threading.get_ident() == thread and _is_for_users():
            clock.sleep(seconds)
        else:
            _REAL["sleep"](seconds)

    virtual: dict[str, Callable[..., Any]] = {
        "sleep": sleep,
        "time": lambda: clock.now() if _is_for_users() else _REAL["time"](),
        "monotonic": lambda: clock.ticks() if _is_for_users() else _REAL["monotonic"](),
    }
    before = {name: getattr(time, name) for name in virtual}
    with clocks.instead(clock):
        vars(time).update(virtual)
        try:
            yield clock
        finally:
            vars(time).update(before)


_REAL: dict[str, Callable[..., Any]] = {"sleep": time.sleep, "time": time.time, "monotonic": time.monotonic}


def _is_for_users() -> bool:
    """Whether the caller's caller is not a part of ours that needs the machine's time: locks, file times."""
    name = str(sys._getframe(2).f_globals.get("__name__", ""))
    return not name.startswith("fairlead.") or name.startswith("fairlead.api.")
