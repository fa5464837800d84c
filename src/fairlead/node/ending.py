"""How a process that runs tasks ends before its time: asked by SIGTERM, and not waited for in vain.

Only when and in what order is decided here. What is written down then, and who else must end, is
handed in.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress

from fairlead.node.execute import Ended

__all__ = ["GRACE", "Ending"]

GRACE = 3.0
"""Seconds that a task gets to end by itself; who stops containers gives a process about ten."""


class Ending:
    """Ends what this process does when it is asked to; made in the main thread, once per process."""

    def __init__(self, give_up: Callable[[], None], *, grace: float = GRACE) -> None:
        """`give_up` is called from another thread when a task goes on all the same; it ends the process."""
        self.asked = False
        self._in_task = False
        self._give_up = give_up
        self._grace = grace
        self._over = threading.Event()
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._write_end, False)

    def watch(self) -> None:
        """From here on SIGTERM ends the task that runs."""
        signal.signal(signal.SIGTERM, self._asked)
        # Told by the kernel's side of Python: the main thread may be in C code that does not come back.
        signal.set_wakeup_fd(self._write_end, warn_on_full_buffer=False)
        threading.Thread(target=self._wait, name="fairlead-ending", daemon=True).start()

    def begin(self) -> None:
        """A task is about to run; raises Ended when the process was asked to end meanwhile."""
        self._in_task = True
        if self.asked:
            raise Ended

    def over(self) -> None:
        """The task has ended, and its record is about to be written: that is finished first."""
        self._in_task = False

    def close(self) -> None:
        """Nothing is left to end."""
        self._in_task = False
        self._over.set()
        with suppress(ValueError):  # not in the main thread: somebody else's process, and its own affair
            signal.set_wakeup_fd(-1)

    def _asked(self, *_: object) -> None:
        self.asked = True
        if self._in_task:
            raise Ended

    def _wait(self) -> None:
        while True:
            numbers = os.read(self._read_end, 64)
            if signal.SIGTERM in numbers:
                break
        self.asked = True
        if not self._over.wait(self._grace):
            self._give_up()
