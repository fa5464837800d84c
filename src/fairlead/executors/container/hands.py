"""A few threads that talk to the engine: each of its answers takes a while, and the driver is not to wait for it.

They decide nothing and call nobody back: what came of it is fetched by the driver's own thread.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from itertools import count
from queue import PriorityQueue
from time import monotonic
from typing import Any

from fairlead.executors.bell import Bell

__all__ = ["FIRST", "LAST", "Hands"]

FIRST, LAST = 0, 1
"""What is waited for goes before what only tidies up."""

_END = 2

Then = Callable[[Any, "Exception | None"], None]


class Hands:
    """Threads that carry out calls."""

    def __init__(self, number: int, *, farewell: Callable[[], None]) -> None:
        """`farewell` is called by each thread before it ends."""
        self.bell = Bell()
        self._orders: PriorityQueue[tuple[int, int, Callable[[], Any] | None, Then | None]] = PriorityQueue()
        self._answers: deque[tuple[Then, Any, Exception | None]] = deque()
        self._serial = count()
        self._farewell = farewell
        self._threads = [
            threading.Thread(target=self._work, name="fairlead-engine", daemon=True) for _ in range(number)
        ]
        for thread in self._threads:
            thread.start()

    def do(self, what: Callable[[], Any], then: Then | None = None, *, when: int = FIRST) -> None:
        """Have something done; `then` is given its result, or what it raised, by `answer`."""
        self._orders.put((when, next(self._serial), what, then))

    def answer(self) -> None:
        """Pass on, in this thread, what came of it so far."""
        self.bell.hush()
        while self._answers:
            then, result, error = self._answers.popleft()
            then(result, error)

    def close(self, patience: float) -> bool:
        """Wait until everything is done, for `patience` seconds in all, and end; False when that took too long."""
        for _ in self._threads:
            self._orders.put((_END, next(self._serial), None, None))
        until = monotonic() + patience
        for thread in self._threads:
            thread.join(max(0.0, until - monotonic()))
        done = not any(thread.is_alive() for thread in self._threads)
        if done:
            self.bell.close()
        return done

    def _work(self) -> None:
        while True:
            _, _, what, then = self._orders.get()
            if what is None:
                self._farewell()
                return
            result, failed = None, None
            try:
                result = what()
            except Exception as error:  # noqa: BLE001 - it is the driver's thread that is to know
                failed = error
            if then is not None:
                self._answers.append((then, result, failed))
                self.bell.ring()
