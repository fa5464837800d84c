"""Where tasks write in a process that was started for them alone.

Whoever started it may keep its output (`StreamLog`): descriptors 1 and 2 stay what they are, unless
secrets must be taken out on the way. Or it is kept in a file, and shown all the same (`KeptLog`).
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from fairlead.model.events import LogRange
from fairlead.node.capture import FileLog, alone, c_streams, text_on

if TYPE_CHECKING:
    from fairlead.node.execute import Bench
    from fairlead.node.pump import Pump
    from fairlead.node.secrecy import Guard

__all__ = ["KeptLog", "StreamLog"]


class StreamLog:
    """The standard output and error of this process; ranges of them are not known here."""

    def __init__(self) -> None:
        self._libc = c_streams()
        self._pumps: dict[int, Pump] = {}
        self._open()

    def _open(self) -> None:
        sys.stdout, sys.stderr = text_on(1), text_on(2)
        self._out, self._err = sys.stdout, sys.stderr

    def begin(self, bench: Bench) -> None:
        """Everything that this process writes is its tasks', in whatever thread."""
        alone(bench)

    def mark(self) -> LogRange | None:
        """See to it that all of it is written; what a task has replaced or closed is put back."""
        try:
            self._out.flush()
            self._err.flush()
        except ValueError:  # a task has closed them
            self._open()
        sys.stdout, sys.stderr = self._out, self._err
        if self._libc is not None:
            self._libc.fflush(None)
        for pump in self._pumps.values():
            pump.drain()
        return None

    def keep_from(self, guard: Guard) -> None:
        """Write no secret that the guard knows, from now on: both go through a pump."""
        if self._pumps:
            return
        from fairlead.node.pump import Pump

        self._out.flush()
        self._err.flush()
        for fd in (1, 2):
            pump = self._pumps[fd] = Pump(fd)
            os.dup2(pump.write_end, fd)
            guard.listen(pump.learn)

    def close(self) -> None:
        """Nothing more will be written."""
        self.mark()
        alone(None)


class KeptLog(FileLog):
    """A log file whose content appears on the standard output of the process, too."""

    def __init__(self, path: str, name: str) -> None:
        screen = os.dup(1)
        super().__init__(path, name)
        self._pumped(screen)
        os.close(screen)
