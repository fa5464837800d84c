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

_REST, _LONGEST_REST = 0.5, 60.0
"""Seconds that an observer which failed is left alone, and at most, when it fails again and again."""

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
        """It was cut off, or may be told nothing."""
        self._failures = self._in_a_row = 0
        self._why = ""
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
        if self._failures > 1:
            self._say(f"failed {self._failures} times in all, at last with {self._why}")
        if self._lost:
            self._say(f"was too slow, and was not told of {self._lost} task runs")

    def _work(self) -> None:
        try:
            if self._screen is not None:
                self._run = self._screen(self._run, None)[0]
        except Exception as error:  # noqa: BLE001  # without its mask it may be told nothing
            with self._wake:
                self._deaf = True
                self._waiting.clear()
            self._say(f"is told nothing, since secrets cannot be taken out of it: {_in_short(error)}")
            return
        together = hasattr(self._observer, "notify_all")
        while notices := self._next():
            if together:
                self._attempt(self._tell_together, notices)
                continue
            for notice in notices:
                if self._deaf:
                    return
                # One that fails to the end is not waited for once for each thing that it did not hear.
                if not (self._ending and self._in_a_row) or isinstance(notice, Closed):
                    self._attempt(self._tell_one, [notice])

    def _tell_one(self, notices: list[Notice]) -> None:
        for one in self._screened(notices):
            self._observer.notify(self._run, one)

    def _tell_together(self, notices: list[Notice]) -> None:
        self._observer.notify_all(self._run, self._screened(notices))  # type: ignore[attr-defined]  # it has one

    def _next(self) -> list[Notice]:
        """Wait for something to tell; gives all that there is, and nothing when no more comes."""
        with self._wake:
            self._wake.wait_for(lambda: self._waiting or self._ending)
            if self._pause and not self._ending:
                self._wake.wait_for(lambda: self._ending or self._deaf, self._pause)
            found = list(self._waiting)
            self._waiting.clear()
        return found

    def _screened(self, notices: list[Notice]) -> list[Notice]:
        if self._screen is None:
            return notices
        screened = [self._screen(self._run, notice)[1] for notice in notices]
        return [notice for notice in screened if notice is not None]

    def _attempt(self, tell: Callable[[list[Notice]], None], notices: list[Notice]) -> None:
        """Tell it something; when it raises, that is counted, and it is left alone for a while."""
        try:
            tell(notices)
            self._in_a_row = 0
            return
        except BaseException as error:  # noqa: BLE001  # whatever an observer raises is told, and the run goes on
            self._why = _in_short(error)
        self._failures += 1
        self._in_a_row += 1
        if self._failures == 1 and not self._deaf:
            self._say(f"failed, and is told again of what comes later: {self._why}")
        pause = min(_LONGEST_REST, _REST * 2 ** (self._in_a_row - 1))
        with self._wake:
            self._wake.wait_for(lambda: self._ending or self._deaf, pause)

    def _say(self, text: str) -> None:
        self._warn(f"observer {self._name!r} {text} (run {self._run.id})")


_KEPT = (Opened, Closed)
"""Told in any case."""


def _in_short(error: BaseException) -> str:
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[0]}" if said else type(error).__name__


def _log(text: str) -> None:
    import logging

    logging.getLogger("fairlead").warning(text)
