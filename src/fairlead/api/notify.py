"""Telling observers what happens, each from a thread of its own: one that fails or hangs harms no run.

What an observer does with what it is told is its own business, and so is whom it tells.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from fairlead.model.notices import Closed, Notice, Opened, TaskEnded
from fairlead.model.run import Run
from fairlead.ports import Observer

__all__ = ["LIMIT", "Bulletin"]

LIMIT = 10_000
"""Notices that may wait for one observer of an environment."""

_PATIENCE = 5.0
"""Seconds that an observer gets at the end of a run to hear the rest, where it asks for no other time."""


class Bulletin:
    """Hands notices to the observers of one run, in order."""

    def __init__(
        self,
        run: Run,
        observers: Sequence[Observer],
        outside: Sequence[tuple[str, Observer]] = (),
        screen: Callable[[Run, Notice | None], tuple[Run, Notice | None]] | None = None,
    ) -> None:
        """`outside`: those that the environment names. What they are told goes through `screen`, if there is one."""
        warn = next((found for one in observers if (found := getattr(one, "warn", None)) is not None), _log)
        names = [type(one).__name__ for one in observers]
        self._listeners = [
            _Listener(run, name, one, warn, limit=None) for name, one in zip(names, observers, strict=True)
        ]
        self._listeners += [_Listener(run, name, one, warn, limit=LIMIT, screen=screen) for name, one in outside]
        self.wants_output = any(getattr(one, "wants_output", True) for one in observers) or any(
            getattr(one, "wants_output", False) for _, one in outside
        )
        """Whether anybody listens to what tasks print."""

    def tell(self, notice: Notice) -> None:
        """Hand a notice on; comes back at once."""
        for listener in self._listeners:
            listener.tell(notice)

    def close(self) -> None:
        """Let the observers hear the rest, for a few seconds; whoever needs longer is cut off, with a warning."""
        begun = time.monotonic()
        # Those of the caller last: they are who tells the warnings about the others.
        for listener in reversed(self._listeners):
            listener.end()
        for listener in reversed(self._listeners):
            listener.wait(begun)


class _Listener:
    """One observer, what it still has to hear, and the thread that tells it."""

    def __init__(
        self,
        run: Run,
        name: str,
        observer: Observer,
        warn: Callable[[str], None],
        *,
        limit: int | None,
        screen: Callable[[Run, Notice | None], tuple[Run, Notice | None]] | None = None,
    ) -> None:
        self._run = run
        self._name = name
        self._observer = observer
        self._warn = warn
        self._limit = limit
        self._screen = screen
        self._grace = float(getattr(observer, "grace", _PATIENCE))
        self._pause = float(getattr(observer, "pause", 0.0))
        self._waiting: deque[Notice] = deque()
        self._lost = 0
        self._ending = False
        self._deaf = False
        """It has failed, or was cut off: it is told nothing more."""
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._work, name=f"fairlead-observer-{name}-{run.id}", daemon=True)
        self._thread.start()

    def tell(self, notice: Notice) -> None:
        with self._wake:
            if self._deaf:
                return
            if self._limit is not None and len(self._waiting) >= self._limit and not isinstance(notice, _KEPT):
                self._lost += isinstance(notice, TaskEnded)
                return
            self._waiting.append(notice)
            if len(self._waiting) == 1 or isinstance(notice, Closed):
                self._wake.notify()

    def end(self) -> None:
        with self._wake:
            self._ending = True
            self._wake.notify()

    def wait(self, begun: float) -> None:
        self._thread.join(max(0.0, begun + self._grace - time.monotonic()))
        with self._wake:
            late = self._thread.is_alive() and not self._deaf
            self._deaf = True
            self._waiting.clear()
        if late:
            self._say(f"did not hear the end within {self._grace:g} s and was cut off")
        if self._lost:
            self._say(f"was too slow, and was not told of {self._lost} task runs")

    def _work(self) -> None:
        try:
            if self._screen is not None:
                self._run = self._screen(self._run, None)[0]
            while notices := self._next():
                self._notify(notices)
        except Exception as error:  # noqa: BLE001  # whatever an observer raises is told, and the run goes on
            with self._wake:
                cut_off, self._deaf = self._deaf, True
                self._waiting.clear()
            if not cut_off:
                self._say(f"failed and is told nothing more: {_in_short(error)}")

    def _next(self) -> list[Notice]:
        """Wait for something to tell; gives all that there is, and nothing when no more comes."""
        with self._wake:
            self._wake.wait_for(lambda: self._waiting or self._ending)
            if self._pause and not self._ending:
                self._wake.wait_for(lambda: self._ending or self._deaf, self._pause)
            found = list(self._waiting)
            self._waiting.clear()
        if self._screen is None:
            return found
        screened = [self._screen(self._run, notice)[1] for notice in found]
        return [notice for notice in screened if notice is not None]

    def _notify(self, notices: list[Notice]) -> None:
        together = getattr(self._observer, "notify_all", None)
        if together is not None:
            together(self._run, notices)
            return
        for notice in notices:
            if self._deaf:
                return
            self._observer.notify(self._run, notice)

    def _say(self, text: str) -> None:
        self._warn(f"observer {self._name!r} {text} (run {self._run.id})")


_KEPT = (Opened, Closed)
"""Told in any case."""


def _in_short(error: Exception) -> str:
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[0]}" if said else type(error).__name__


def _log(text: str) -> None:
    import logging

    logging.getLogger("fairlead").warning(text)
