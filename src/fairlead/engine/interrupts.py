"""Asking a run to stop while it is carried: Ctrl-C, and requests from other processes.

Ctrl-C is counted, so that it cannot cut a fact in two. It becomes an exception only inside a task
that runs in this very process, where it is the task that must stop; everywhere else the driver looks
at the count between two steps. Such a task also keeps the driver from looking whether another
process asked the run to stop: a thread looks in its place.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

from fairlead.errors import StoreError

__all__ = ["Interrupts"]

LOOK = 0.2
"""Seconds between two looks while a task runs in this process."""


class Interrupts:
    """How often the user asked to stop, since this was entered.

    `asked` says whether another process did; it is called by a thread of its own while tasks run in
    this process, and not at all if it is None.
    """

    def __init__(self, asked: Callable[[], bool] | None = None) -> None:
        self.count = 0
        self.in_task = False
        """A task is running in this thread now."""
        self._asked = asked
        self._before: Any = None
        self.thread = threading.current_thread()
        self._over = threading.Event()
        self._watch: threading.Thread | None = None
        self._lock = threading.Lock()
        self._from_outside = False

    def __enter__(self) -> Self:
        if self.thread is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            # A program that handles the signal in its own way goes on doing so.
            if before is signal.default_int_handler:
                self._before = signal.signal(signal.SIGINT, self._note)
        if self._asked is not None:
            self._watch = threading.Thread(target=self._look, name="fairlead-stop", daemon=True)
            self._watch.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._watch is not None:
            self._watch.join()
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def begin(self) -> None:
        """A task may run in this thread from here on."""
        self.in_task = True

    def end(self) -> None:
        """No task runs in this thread any more; comes back when no interruption is on its way."""
        with self._lock:
            self.in_task = False

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._from_outside:
            self._from_outside = False
        else:
            self.count += 1
        if self.in_task and not _left_to_loop(frame):
            _raise(number)

    def _look(self) -> None:
        while not self._over.wait(LOOK):
            if self.in_task and self._stop_asked():
                self._interrupt()
                return

    def _stop_asked(self) -> bool:
        assert self._asked is not None
        try:
            return self._asked()
        except StoreError:
            # The store is away: the driver meets the same at its next write, and tells it.
            return False

    def _interrupt(self) -> None:
        """Raise KeyboardInterrupt in the task; system calls that it is in come back at once in the main thread."""
        ident = self.thread.ident
        with self._lock:
            if not self.in_task or ident is None:
                return
            if self._before is not None:
                self._from_outside = True
                signal.pthread_kill(ident, signal.SIGINT)
            else:
                import ctypes

                raised = ctypes.py_object(KeyboardInterrupt)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), raised)


def _left_to_loop(frame: FrameType | None) -> bool:
    """Have an event loop that is at work itself raise it, at once, but in between two of its callbacks.

    Raised here, it could fall between taking a callback off the loop's list and calling it. The coroutine that
    was to go on by it then never ends, and the loop waits for that before it closes.
    """
    module = frame.f_globals.get("__name__", "") if frame is not None else ""
    if not module.startswith(("asyncio.", "selectors")):
        return False
    loop = sys.modules["asyncio"]._get_running_loop() if "asyncio" in sys.modules else None
    if loop is None:
        return False
    loop.call_soon_threadsafe(_raise, signal.SIGINT)
    return True


def _raise(_: int) -> None:
    raise KeyboardInterrupt
