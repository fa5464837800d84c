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
from pathlib import Path
from typing import Any

import fairlead
from fairlead.config.kinds import kinds
from fairlead.errors import ConfigurationError
from fairlead.executors.local.forkserver import ForkServer, watch
from fairlead.executors.local.guardian import guard
from fairlead.executors.local.link import WorkerLink
from fairlead.node.code import function_of, install
from fairlead.node.execute import Bench, Log
from fairlead.node.worker import Worker
from fairlead.ports import ArtifactStore, Brief, Values
from fairlead.stores.artifacts import FolderArtifacts
from fairlead.stores.values import StoredValues

__all__ = ["main", "open_artifacts", "open_bench"]


def open_artifacts(settings: dict[str, Any]) -> ArtifactStore:
    """Open the artifact store of a run, in a process of its tasks."""
    if "section" in settings:
        from fairlead.config.registry import open_written
        from fairlead.ports import Site

        opened: ArtifactStore = open_written("artifacts", settings["section"], Site(folder=Path(settings["folder"])))
        return opened
    url = str(settings.get("url", ""))
    if not url or ("://" in url and not url.startswith("file://")):
        raise ConfigurationError(f"artifacts.url: {url!r} is not a folder, and worker processes need one")
    return FolderArtifacts(Path(url.removeprefix("file://")), fsync=bool(settings.get("fsync")))


def open_bench(brief: Brief, log: Log | None = None, *, sets_env: bool = False) -> Bench:
    """Put together what a process needs to run jobs of a run."""
    artifacts = open_artifacts(brief.artifacts)
    install(brief.code, artifacts)
    files = Path(brief.scratch, "files")
    guard = None
    values: Values | None = None
    if any(task.secrets for task in brief.tasks):
        from fairlead.config.guarding import GuardedValues, guard_of

        guard = guard_of(brief)
        assert guard is not None
        values = GuardedValues(artifacts, guard, files_dir=files)
        if guard.knows_any and log is not None:
            log.keep_from(guard)
    values = values or StoredValues(artifacts, files_dir=files)
    return Bench(brief, values=values, kinds=kinds(), function_of=function_of, guard=guard, log=log, sets_env=sets_env)


def _preload() -> None:
    """Import what almost every worker would import for itself: the names that a user's file begins with."""
    import_module("fairlead.node.failure")
    _ = fairlead.task, fairlead.workflow


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
