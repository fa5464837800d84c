"""Processes of this host as the kernel shows them: who descends from whom, and ending them all.

Shared by the executors of one host. On Linux, by `/proc` and `prctl`; elsewhere nothing is known of
descendants, and only process groups can be ended.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterable

__all__ = [
    "MARK",
    "adopt_orphans",
    "children",
    "children_from_now_on",
    "descendants",
    "die_with_parent",
    "environ_of",
    "kill",
    "marked",
    "oom_kills",
]

MARK = "FAIRLEAD_POOL"
"""Environment variable by which whatever a pool has started can be found, wherever it went."""

_SET_PDEATHSIG, _SET_CHILD_SUBREAPER = 1, 36


def adopt_orphans() -> None:
    """From now on, descendants whose parents have ended become children of this process."""
    _prctl(_SET_CHILD_SUBREAPER, 1)


def die_with_parent(parent: int) -> None:
    """Have this process killed at the moment its parent ends."""
    _prctl(_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # it has ended before we could ask


def children(pid: int) -> list[int]:
    """List the children of a process; empty when it has ended, too."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208  # called with a deadline near
            found += map(int, _read(f"/proc/{pid}/task/{thread}/children").split())
    except OSError:
        return found
    return found


def children_from_now_on() -> Callable[[], None]:
    """Become the parent of whatever is started from here; gives what ends all of it."""
    adopt_orphans()
    before = set(children(os.getpid()))

    def end() -> None:
        kill(pid for pid in descendants(os.getpid()) if pid not in before)

    return end


def descendants(pid: int) -> list[int]:
    """List everything below a process, parents first."""
    found: list[int] = []
    below = children(pid)
    while below:
        found += below
        below = [child for parent in below for child in children(parent)]
    return found


def marked(mark: str) -> list[int]:
    """List the processes that have `FAIRLEAD_POOL=<mark>` in their environment."""
    wanted = f"{MARK}={mark}".encode()
    if sys.platform != "linux":
        return []
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - pathlib is a slow import
    return [pid for pid in pids if wanted in environ_of(pid).split(b"\0")]


def environ_of(pid: int) -> bytes:
    """Give the environment that a process was started with; empty when it has ended or is not ours."""
    try:
        return _read(f"/proc/{pid}/environ")
    except OSError:
        return b""


def kill(pids: Iterable[int], number: int = signal.SIGKILL) -> None:
    """Send a signal to processes, of which some may have ended."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def oom_kills() -> int:
    """How many processes the kernel has ended for want of memory, on this host, since it started."""
    try:
        for line in _read("/proc/vmstat").splitlines():
            if line.startswith(b"oom_kill "):
                return int(line.split()[1])
    except OSError:
        return 0
    return 0


def _read(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123  # pathlib costs 10 ms of a worker's start
        return file.read()


def _prctl(option: int, argument: int) -> None:
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None).prctl(option, argument, 0, 0, 0)
