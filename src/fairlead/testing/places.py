"""An environment for one test: its runs are kept in memory, and nothing of them stays."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fairlead.config.environment import Environment, EnvironmentLike, default, load
from fairlead.config.services import close_folder
from fairlead.stores import folder as folders

__all__ = ["memory_env"]

_HERE = frozenset({"in_process", "mock"})
"""Executors whose tasks run in this process."""


@contextmanager
def memory_env(env: EnvironmentLike = "in_process", **settings: Any) -> Iterator[Environment]:
    """Give an environment for a test; inside, it is also what runs that name none are made in.

    `env` is the environment whose executor, parameters and so on are to be tested; where its runs are
    kept is replaced: in memory, or, where its tasks run in other processes, in a temporary folder.
    `settings` are replaced as well: `parameters={...}`, `tasks={...}`. Output of tasks is kept in the
    temporary folder; it and every run are gone when the context is left.
    """
    chosen = load(env)
    place = Path(tempfile.mkdtemp(prefix="fairlead-test-")).resolve()
    (place / folders.NAME).mkdir()
    chosen = chosen.replace(**settings)
    here = {one["type"] for one in (chosen.executor, *chosen.executors.values())} <= _HERE
    kept: dict[str, Any] = {
        "store": {"type": "memory" if here else "sqlite"},
        "artifacts": {"url": "memory://"} if here else {},
    }
    environment = chosen.replace(**{**kept, **{key: settings[key] for key in kept if key in settings}})
    try:
        with folders.instead(place), default(environment):
            yield environment
    finally:
        close_folder(place / folders.NAME)
        shutil.rmtree(place, ignore_errors=True)
