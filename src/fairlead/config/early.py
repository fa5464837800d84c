"""What of an environment can be started before anything else is known: it imports little, and waits for nothing."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fairlead.config.environment import Environment

__all__ = ["import_quickly", "start_at_once", "start_early", "without_collections"]

_OTHERWISE = ("-h", "--help", "--detach", "--env")
"""Options with which a command needs no workers here, or may not."""


def start_at_once(words: Sequence[str]) -> None:
    """Start the process that workers are forked from, if these words of a command most likely need it.

    Before the words are understood: the two take about as long. Where it turns out not to be needed
    (a file may say that the environment `local` is another), it ends with this process.
    """
    if any(word.split("=", 1)[0] in _OTHERWISE for word in words) or os.environ.get("FAIRLEAD_ENV", "local") != "local":
        return
    from fairlead.executors.local.server import start_ahead

    start_ahead()


def import_quickly() -> None:
    """Import msgspec without typing_extensions, which it asks for, which takes 5 ms and gives it nothing new."""
    if "msgspec" in sys.modules or "typing_extensions" in sys.modules:
        return
    sys.modules["typing_extensions"] = None  # type: ignore[assignment]  # how Python is told that a module is not there
    try:
        import_module("msgspec")
    finally:
        del sys.modules["typing_extensions"]


@contextmanager
def without_collections() -> Iterator[None]:
    """Import in here: nothing of it becomes garbage, and to look for some takes a sixth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def start_early(environment: Environment, *, max_workers: int | None = None) -> None:
    """Start the process that workers are forked from, where this environment's runs need one."""
    if environment.executor["type"] != "local":
        return
    if "fairlead.executors.local.pool" not in sys.modules:
        from fairlead.executors.local.server import start_ahead

        # Even before this process has imported what it holds it with.
        start_ahead()
    from fairlead.executors.local.executor import Local

    Local(max_workers=max_workers or environment.executor.get("max_workers")).warm_up()
