"""Tells on stderr how a run goes on: a live table on a terminal, plain lines everywhere else.

Nothing that is told here is needed by anybody: whoever reads may leave, and the run goes on. Words
and lines only; the table that repaints itself is in `live.py`, and imported when a run takes long
enough to watch.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol, TextIO

from fairlead.model.notices import Closed, Opened, Output, Progress, TaskEnded
from fairlead.model.run import Run, RunSummary
from fairlead.model.words import duration, said_counts, tone
from fairlead.observers.output import OutputLines
from fairlead.observers.sentences import (
    closing_line,
    failure_line,
    is_over,
    plan_line,
    span,
    success_line,
    summary_line,
)
from fairlead.observers.standing import Standing

__all__ = ["Painter", "Terminal"]

_FAILURES = 20
"""Failures that are told one by one; `show` has them all."""
_EVERY = 5.0
"""Seconds between two lines about how far a run is, off a terminal."""
_PATIENCE = 0.25
"""Seconds before the live table appears: what is over by then needs none."""


class Painter(Protocol):
    """The live table."""

    def above(self, lines: list[tuple[str, str]]) -> None:
        """Write lines, each a style (a Tone or nothing) and a text, above the table."""

    def stop(self) -> None:
        """Leave the table as it is now, and paint no more."""


class Terminal:
    """Observes runs for a person at a terminal, or for a log file.

    `loudness` below zero says nothing, above zero tells every task run. `live` is worked out from
    the stream where it is not given.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        loudness: int = 0,
        live: bool | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stream = sys.stderr if stream is None else stream
        self.loudness = loudness
        self.live = _is_terminal(self.stream) if live is None else live
        self.colour = self.live and not os.environ.get("NO_COLOR")
        self.standing = Standing()
        self.closed: RunSummary | None = None
        """How the run ended, once it has."""
        self._clock = clock
        self._lock = threading.RLock()
        self._painter: Painter | None = None
        self._timer: threading.Timer | None = None
        self._output = OutputLines(keep_colour=self.colour, clean=self.live)
        self._told = 0
        self._finished: set[str] = set()
        self._last = 0.0
        self._last_counts: dict[str, int] = {}
        self._gone = False
        self._open = False

    def notify(self, run: Run, event: Any) -> None:
        """Tell of one event."""
        if self.loudness < 0:
            return
        with self._lock:
            if isinstance(event, Progress):
                self._progress(event)
            elif isinstance(event, Output):
                self._say_all(self._output.take(event.path, event.data))
            elif isinstance(event, TaskEnded):
                self._task_ended(run, event)
            elif isinstance(event, Opened):
                self._opened(run, event)
            elif isinstance(event, Closed):
                self._closed(event.summary)

    def warn(self, text: str) -> None:
        """Tell of something beside the run, such as an observer that cannot be reached."""
        if self.loudness >= 0:
            with self._lock:
                self._say("odd", f"warning: {text}")

    def close(self) -> None:
        """Paint no more; safe at any time, and more than once."""
        with self._lock:
            timer, self._timer = self._timer, None
            painter, self._painter = self._painter, None
        if timer is not None:
            timer.cancel()
        if painter is not None:
            painter.stop()

    def _opened(self, run: Run, event: Opened) -> None:
        self._open = True
        self._last = self._clock()
        groups = {group.name: group for group in event.groups}
        self.standing = Standing(groups, dict(event.summary.counts), self._last)
        self._told = 0
        self._finished = {group.name for group in event.groups if is_over(group)}
        summary = event.summary
        again = f", taken up again ({summary.epoch - 1} before)" if summary.epoch > 1 else ""
        self._say("", f"{summary.id}: {summary.workflow}{again}")
        if event.plan is not None:
            self._say("kept", plan_line(event.plan))
        if self.live and not _shares_terminal(run):
            self._timer = threading.Timer(_PATIENCE, self._begin)
            self._timer.daemon = True
            self._timer.start()

    def _begin(self) -> None:
        """Start the live table; on a thread of its own, so that the run does not wait for imports."""
        from fairlead.observers.live import LiveTable

        with self._lock:
            if self._timer is None or self._gone:
                return
            self._timer = None
            self._painter = LiveTable(self.stream, self.standing, colour=self.colour, clock=self._clock)

    def _progress(self, event: Progress) -> None:
        self.standing.counts = counts = event.counts
        for group in event.groups:
            self.standing.groups[group.name] = group
            if not self.live and is_over(group) and group.name not in self._finished:
                self._finished.add(group.name)
                took = f" in {duration(span(group))}" if span(group) > 0 else ""
                self._say("", f"{group.name}: {said_counts(group.counts)}{took}")
        now = self._clock()
        if not self.live and now - self._last >= _EVERY and counts != self._last_counts:
            self._last, self._last_counts = now, dict(counts)
            self._say("", f"{summary_line(counts)} after {duration(now - self.standing.started)}")

    def _task_ended(self, run: Run, event: TaskEnded) -> None:
        attempt = event.attempt
        self._say_all(self._output.rest(attempt.path))
        if attempt.outcome in ("failed", "lost"):
            self._told += 1
            if self._told <= _FAILURES or self.loudness > 0:
                self._say(tone(attempt.outcome), failure_line(attempt, final=event.final))
            elif self._told == _FAILURES + 1:
                self._say("bad", f"further failures are not told here; 'fairlead show {run.id}' has them")
        elif self.loudness > 0:
            self._say(tone(attempt.outcome or ""), success_line(attempt))

    def _closed(self, summary: RunSummary) -> None:
        self._say_all(self._output.rest())
        self.closed = summary
        if not self._open:
            return  # the run was never taken up, and whoever wanted it is told why
        self.standing.counts = dict(summary.counts) or self.standing.counts
        self.close()
        self._say(tone(summary.status), closing_line(summary, self._clock() - self.standing.started))

    def _say(self, style: str, text: str) -> None:
        self._say_all([(style, text)])

    def _say_all(self, lines: list[tuple[str, str]]) -> None:
        if not lines or self._gone:
            return
        try:
            if self._painter is not None:
                self._painter.above(lines)
                return
            self.stream.write("".join(self._painted(style, text) for style, text in lines))
            self.stream.flush()
        except (OSError, ValueError):
            # Nobody reads any more (a closed pipe or terminal); the run is not theirs to end.
            self._gone = True

    def _painted(self, style: str, text: str) -> str:
        code = _CODES.get(style) if self.colour else None
        return f"\x1b[{code}m{text}\x1b[0m\n" if code else f"{text}\n"


_CODES = {"good": "32", "bad": "31", "kept": "36", "odd": "33", "dim": "2"}


def _is_terminal(stream: TextIO) -> bool:
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def _shares_terminal(run: Run) -> bool:
    """Whether tasks run in this process: they print for themselves, and a debugger needs the terminal."""
    executor = run.environment.get("executor")
    return isinstance(executor, dict) and executor.get("type") == "in_process"
