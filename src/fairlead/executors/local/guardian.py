"""The process above the fork server, which sees to it that what tasks have started does not outlive *it*.

The fork server ends everything when the driver is gone. Should it be killed together with the driver,
whatever its workers have started falls to this process, which ends it. It does nothing else. Each of the
two sees the other's end, so that only who kills all three at once leaves anything.
"""

from __future__ import annotations

import os
from time import monotonic, sleep
from typing import NoReturn

from fairlead.executors.processes import adopt_orphans, children, descendants, kill

__all__ = ["guard"]


def guard() -> int:
    """Fork: comes back in the child, with the pid of the parent, which ends what the child leaves behind."""
    adopt_orphans()
    guardian = os.getpid()
    server = os.fork()
    if server:
        _watch_over(server)
    return guardian


def _watch_over(server: int) -> NoReturn:
    try:
        # The fork server alone holds its end of the driver's socket: its end is what the driver looks at.
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        _wait_for(server)
        patience = monotonic() + 5
        while (below := children(os.getpid())) and monotonic() < patience:
            for pid in below:
                kill([*descendants(pid), pid])
            _reap()
            sleep(0.001)
    finally:
        os._exit(0)


def _wait_for(server: int) -> None:
    while os.wait()[0] != server:
        continue  # a stray of the fork server's, which has ended by itself


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue
    except ChildProcessError:
        return
