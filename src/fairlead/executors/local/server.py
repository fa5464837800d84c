"""Starting the process that workers are forked from, if need be before anything else is imported.

Imports next to nothing, so that a command can start it first of all: it then gets ready on another
core while this process finds out what is to run. What it is told is the pool's business.
"""

from __future__ import annotations

import atexit
import os
import socket
import sys

from fairlead.executors.processes import MARK

__all__ = ["Server", "command_line", "spawn", "start_ahead"]

_ENTRY = """\
import gc, sys
gc.disable()
sys.path.append({!r})
sys.modules["typing_extensions"] = None
import msgspec
del sys.modules["typing_extensions"]
from fairlead.config.entry import main
main()
"""
"""What a fork server runs. msgspec asks for typing_extensions, which takes 15 ms and gives it nothing new.

Nothing that is imported becomes garbage: to look for some meanwhile would take a tenth of the start.
"""


class Server:
    """A fork server that was started, and what it knows of the driver's environment."""

    __slots__ = ("control", "environ", "line", "mark", "pid")

    def __init__(self, line: tuple[str, ...]) -> None:
        self.line = line
        self.mark = os.urandom(8).hex()
        self.environ = {**os.environ, MARK: self.mark}
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.pid = os.posix_spawn(
                line[0],
                [*line, str(os.getpid())],
                self.environ,
                file_actions=[(os.POSIX_SPAWN_DUP2, theirs.fileno(), 0)],
                setsid=True,
            )


_AHEAD: list[Server] = []
"""Started before there was a pool for it; at most one."""


def command_line() -> tuple[str, ...]:
    """The command line of a fork server."""
    options = ["-P", *("-O",) * sys.flags.optimize, *(f"-W{option}" for option in sys.warnoptions)]
    if sys.flags.dev_mode:
        options.append("-Xdev")
    # pathlib would cost a quarter of what this is to save.
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120
    return (sys.executable, *options, "-c", _ENTRY.format(os.path.dirname(package)))  # noqa: PTH120


def start_ahead() -> None:
    """Start a fork server for the first pool of this process; it is not waited for."""
    if not _AHEAD:
        _AHEAD.append(Server(command_line()))


def spawn(line: tuple[str, ...]) -> Server:
    """Give a fork server that nobody has used: the one that was started ahead, or a new one."""
    if _AHEAD and _AHEAD[0].line == line:
        return _AHEAD.pop()
    return Server(line)


def _forget() -> None:
    """Close the driver's end, at the end of the process and in forked children: it ends when nobody holds it."""
    while _AHEAD:
        _AHEAD.pop().control.close()


atexit.register(_forget)
os.register_at_fork(after_in_child=_forget)
