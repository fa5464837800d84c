"""Ctrl-C while a run is carried: counted, so that it cannot cut a fact in two.

The signal becomes an exception only inside a task that runs in this very process, where it is the
task that must stop. Everywhere else the driver looks at the count between two steps.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["Interrupts"]


class Interrupts:
    """How often the user asked to stop, since this was entered; nothing changes outside the main thread."""

    def __init__(self) -> None:
        self.count = 0
        self.in_task = False
        """A task is running in this thread now."""
        self._before: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            # A program that handles the signal in its own way goes on doing so.
            if before is signal.default_int_handler:
                self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - what a handler is given
        self.count += 1
        if self.in_task:
            raise KeyboardInterrupt
