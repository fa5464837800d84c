"""Where a worker's process is put together: the fork server, and what its workers run with.

Started with the driver's pid as its argument, and the control socket in place of
standard input. Imports what every worker needs and no more: a worker's start is paid by every run.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import socket
import sys
from importlib import import_module

import fairlead
from fairlead.config.benches import open_bench
from fairlead.executors.local.forkserver import ForkServer, watch
from fairlead.executors.local.guardian import guard
from fairlead.executors.local.link import WorkerLink
from fairlead.node.worker import Worker
from fairlead.ports import Brief, Job
from fairlead.wire import decoder

__all__ = ["main"]


def _preload() -> None:
    """Make what almost every worker would make for itself: the names that a user's file begins with, decoders."""
    import_module("fairlead.node.failure")
    _ = fairlead.task, fairlead.workflow
    for kind in (Job, Brief):
        decoder(kind)


def main() -> None:
    """Be a fork server, for as long as the driver lives."""
    control = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    _preload()
    # So that forks share what is there: a collection would touch, and so copy, every page.
    gc.freeze()
    gc.enable()
    driver = watch(int(sys.argv[1]))
    guardian = watch(guard())
    ForkServer(control, [driver, guardian], _work).serve()


def _work(queue: socket.socket, records: socket.socket, slot_fd: int) -> None:
    faulthandler.enable(file=2)
    Worker(WorkerLink(queue, records, slot_fd), open_bench).work()
