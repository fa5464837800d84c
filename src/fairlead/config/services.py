"""From an environment to the objects that do the work: the one place that builds them.

Stores are opened once per process and place, and shared by all runs and threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from fairlead.config.clocks import stand_in
from fairlead.config.environment import Environment
from fairlead.errors import ConfigurationError
from fairlead.model.run import TaskCode
from fairlead.model.task import TaskDefinition
from fairlead.node.execute import Bench
from fairlead.ports import ArtifactStore, Brief, Executor, RunStore, TaskKind, Values
from fairlead.stores import folder as folders
from fairlead.stores.artifacts import FolderArtifacts
from fairlead.stores.folder import Folder
from fairlead.stores.values import StoredValues

__all__ = [
    "Services",
    "bench_for",
    "close_all",
    "close_folder",
    "executor_for",
    "look_services",
    "open_artifacts",
    "open_services",
]


class Services:
    """What an environment's runs are kept in."""

    def __init__(self, environment: Environment, folder: Folder, store: RunStore, artifacts: ArtifactStore) -> None:
        self.environment = environment
        self.folder = folder
        self.store = store
        self.artifacts = artifacts

    def values(self, files: Path | None = None) -> StoredValues:
        """Codecs over the artifact store; files among values are materialised under `files`."""
        return StoredValues(self.artifacts, files_dir=files or self.folder.tmp)

    def scratch(self, run_id: str) -> Path:
        """The folder of a run's logs and of what its processes tell each other."""
        return self.folder.logs(run_id)

    def artifact_settings(self) -> dict[str, Any]:
        """How a task's process opens the same artifact store."""
        settings: dict[str, Any] = {"url": str(_artifact_folder(self.environment, self.folder))}
        if self.environment.durability == "each":
            settings["fsync"] = True
        return settings


_OPEN: dict[bytes, Services] = {}
_LOCK = threading.Lock()


def open_services(environment: Environment, *, start: Path | None = None, alone: bool = False) -> Services:
    """Open (or give again) what an environment's runs are kept in.

    The `.fairlead` folder is found upwards from `start`, the working directory if None, and made
    there if there is none; `alone`: it is made in `start`, whatever is above.
    """
    if alone and start is not None:
        (start / folders.NAME).mkdir(exist_ok=True)
    return _open(environment, folders.make(start))


def look_services(environment: Environment) -> Services | None:
    """The same for whoever only looks: nothing is made, and None means that there is nothing to see."""
    folder = folders.find()
    return None if folder is None else _open(environment, folders.make(folder.path.parent))


def _open(environment: Environment, folder: Folder) -> Services:
    place = msgspec.json.encode([str(folder.path), environment.store, environment.artifacts, environment.durability])
    with _LOCK:
        services = _OPEN.get(place)
        if services is None:
            artifacts = open_artifacts(
                {"url": str(_artifact_folder(environment, folder)), "fsync": environment.durability == "each"}
            )
            services = _OPEN[place] = Services(environment, folder, _open_store(environment, folder), artifacts)
    if services.environment == environment:
        return services
    return Services(environment, services.folder, services.store, services.artifacts)


def close_all() -> None:
    """Close every store that this process has opened; the next use opens it again."""
    with _LOCK:
        for services in _OPEN.values():
            services.store.close()
        _OPEN.clear()


def close_folder(folder: Path) -> None:
    """Close the stores that this process has opened for one `.fairlead` folder; the folder is about to go."""
    with _LOCK:
        for place, services in list(_OPEN.items()):
            if services.folder.path == folder:
                services.store.close()
                del _OPEN[place]


def open_artifacts(settings: dict[str, Any]) -> ArtifactStore:
    """Open an artifact store by its settings, in any process."""
    url = str(settings["url"])
    if url == "memory://":
        from fairlead.stores.artifacts import MemoryArtifacts

        return MemoryArtifacts()
    if "://" in url and not url.startswith("file://"):
        raise ConfigurationError(f"artifacts.url: {url!r} is not a folder; this version keeps artifacts in folders")
    return FolderArtifacts(Path(url.removeprefix("file://")), fsync=bool(settings.get("fsync")))


def bench_for(
    services: Services,
    brief: Brief,
    functions: Sequence[Callable[..., Any] | None] = (),
    *,
    watch: Callable[[Mapping[str, TaskKind]], Mapping[str, TaskKind]] = dict,
) -> Bench:
    """What this process needs to run a run's jobs itself; `functions` are live, by task.

    `watch` is given the kinds of task, and gives what is to be used in their place.
    """
    from fairlead.config.kinds import kinds
    from fairlead.node.capture import TeeLog
    from fairlead.node.code import function_of

    live = {id(task): function for task, function in zip(brief.tasks, functions, strict=False) if function is not None}

    def find(task: TaskDefinition, code: TaskCode, values: Values) -> Callable[..., Any]:
        return live.get(id(task)) or function_of(task, code, values)

    values = services.values(Path(brief.scratch) / "files")
    log = TeeLog(brief.scratch)
    return Bench(brief, values=values, kinds=watch(kinds()), function_of=find, log=log, sets_env=True)


def executor_for(
    environment: Environment,
    bench: Callable[[Brief], Bench],
    *,
    max_workers: int | None = None,
) -> Executor:
    """Build the environment's executor; `bench` makes what jobs need in this process."""
    kind = environment.executor.get("type", "local")
    if kind == "in_process":
        from fairlead.executors.in_process import InProcess

        return InProcess(bench, clock=stand_in())
    if stand_in() is not None:
        raise ConfigurationError(
            f"environment {environment.name!r} runs tasks in other processes (executor {kind!r}), "
            "where a virtual clock does not reach; use 'in_process'"
        )
    from fairlead.executors.local.executor import Local

    return Local(max_workers=max_workers or environment.executor.get("max_workers"))


def _artifact_folder(environment: Environment, folder: Folder) -> Path | str:
    url = environment.artifacts.get("url")
    if url is None:
        return "memory://" if environment.store.get("type") == "memory" else folder.artifacts
    if "://" in str(url):
        return str(url)
    return folder.path.parent / str(url)


def _open_store(environment: Environment, folder: Folder) -> RunStore:
    if environment.store.get("type") == "memory":
        from fairlead.stores.memory import MemoryStore

        return MemoryStore()
    from fairlead.stores.sqlite import SqliteStore

    path = environment.store.get("path")
    where = folder.runs if path is None else folder.path.parent / str(path)
    return SqliteStore(where, durability=environment.durability)
