"""Ending a program with all that it has started, by the session that it leads."""

from __future__ import annotations

import contextlib
import os
import sys

__all__ = ["session_lives", "signal_session"]

_PROC = sys.platform == "linux"


def signal_session(leader: int, number: int) -> None:
    """Send a signal to a process, its group and, where the system tells, all of its session."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)
    for pid in _members(leader):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def session_lives(leader: int) -> bool:
    """Whether anything of its group still runs, once the process itself has ended and was waited for."""
    try:
        os.killpg(leader, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return bool(_members(leader)) if _PROC else True


def _members(leader: int) -> list[int]:
    """List what runs in a session, also in groups of its own; nothing where the system does not tell."""
    found = []
    for name in os.listdir("/proc") if _PROC else ():  # noqa: PTH208  # called with a deadline near
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError):
                with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123 - pathlib is a slow import
                    state, _, _, session = file.read().rpartition(b")")[2].split()[:4]
                if int(session) == leader and state != b"Z":
                    found.append(int(name))
    return found
