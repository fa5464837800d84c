"""Which containers have nobody any more who waits for them.

By a label, each container says which driver has started it; a driver is a process of this machine.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from fairlead.executors.container.specs import DRIVER

__all__ = ["driver_label", "is_orphan"]


def driver_label(pid: int | None = None) -> str:
    """Name a process of this machine, this one if None, for as long as the machine is up."""
    pid = pid or os.getpid()
    return f"{_host()}:{pid}:{_start_of(pid)}"


def is_orphan(labels: Mapping[str, str]) -> bool:
    """Whether the driver that has started a container is gone."""
    host, _, rest = labels.get(DRIVER, "").rpartition(":")[0].rpartition(":")
    if host != _host() or not rest.isdigit():
        return False  # another machine's, or nothing of ours
    start = _start_of(int(rest))
    # What another user's process is, may be hidden; that it is there is not.
    return bool(start) and labels[DRIVER] != f"{host}:{rest}:{start}"


def _host() -> str:
    """Name this machine, and among whom on it the numbers of processes are counted: containers count their own."""
    try:
        counted = os.stat("/proc/self/ns/pid").st_ino  # noqa: PTH116 - asked for every container
    except OSError:
        return os.uname().nodename
    return f"{os.uname().nodename}/{counted}"


def _start_of(pid: int) -> str:
    """When a process was started, in the kernel's own count; by which a number that is used again is told apart."""
    try:
        said = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return "gone" if said[0] == "Z" else said[19]  # one that has ended, and whom nobody has asked for yet
    except OSError:
        return "" if _is_alive(pid) else "gone"


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
