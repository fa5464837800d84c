"""From an environment to the objects that do the work: the one place that builds them.

Stores are opened once per process and place, and shared by all runs and threads.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from fairlead.config.clocks import stand_in
from fairlead.config.coding import codec_settings, codecs_of
from fairlead.config.environment import Environment
from fairlead.config.registry import open_plugin
from fairlead.errors import ConfigurationError
from fairlead.leftovers import OwnFolder, sweep
from fairlead.model.components import task_component
from fairlead.model.run import Run, TaskCode
from fairlead.model.task import TaskDefinition
from fairlead.node.execute import Bench
from fairlead.ports import ArtifactStore, Brief, Executor, RunStore, Site, TaskKind, Values
from fairlead.stores import folder as folders
from fairlead.stores.coded import Codecs
from fairlead.stores.folder import Folder
from fairlead.stores.values import StoredValues

__all__ = [
    "Services",
    "bench_for",
    "close_all",
    "close_alone",
    "close_folder",
    "executor_for",
    "look_services",
    "members_of",
    "open_alone",
    "open_services",
]


_FILES = ("files", "work")
"""Folders in a run's scratch folder: with copies of files among inputs, and for tasks to run in."""


class Services:
    """What an environment's runs are kept in."""

    def __init__(self, environment: Environment, folder: Folder, store: RunStore, artifacts: ArtifactStore) -> None:
        self.environment = environment
        self.folder = folder
        self.store = store
        self.artifacts = artifacts
        self._codecs: Codecs | None = None

    def values(self, files: Path | None = None) -> StoredValues:
        """Codecs over the artifact store; files among values are materialised under `files`."""
        return StoredValues(self.artifacts, files_dir=files or self.folder.tmp, codecs=self.codecs())

    def codecs(self) -> Codecs:
        """What keeps values that JSON would change, as the environment says."""
        if self._codecs is None:
            self._codecs = codecs_of(self.environment.codecs, self.folder.path.parent)
        return self._codecs

    def scratch(self, run_id: str) -> Path:
        """The folder of a run's logs and of what its processes tell each other."""
        return self.folder.logs(run_id)

    def log_key(self, run_id: str, file: str) -> str:
        """Where in the artifact store a log file is for hosts that do not have it."""
        return f"runs/{run_id}/logs/{file}"

    def keep_log(self, run_id: str, path: Path) -> None:
        """Put a log file where other hosts find it, where values are for other hosts, too."""
        key = self.log_key(run_id, path.name)
        size = path.stat().st_size
        if size and self.artifacts.reach == "network" and not self.artifacts.exists(key, size):
            self.artifacts.remove(key)  # it was kept before, and has grown
            self.artifacts.put_file(key, path)

    def keep_logs(self, run_id: str) -> None:
        """Do so with all that is in the run's folder."""
        if self.artifacts.reach == "network":
            for path in self.scratch(run_id).glob("*.log"):
                self.keep_log(run_id, path)

    def has_files(self, run_id: str) -> bool:
        """Whether copies of files that a run's tasks were given, or folders that they ran in, are there."""
        return any((self.scratch(run_id) / name).is_dir() for name in _FILES)

    def forget_files(self, run_id: str) -> None:
        """Remove these copies and folders: what the tasks gave back is kept elsewhere."""
        if self.has_files(run_id):
            import shutil

            for name in _FILES:
                shutil.rmtree(self.scratch(run_id) / name, ignore_errors=True)

    def artifact_settings(self) -> dict[str, Any]:
        """How a task's process opens the same artifact store."""
        settings = {**_artifact_section(self.environment, self.folder)}
        if "object" in settings:
            return {"url": "memory://"}  # a living object: no other process can have it
        url = str(settings["url"]).removeprefix("file://")
        if "://" in url and url != "memory://":
            # As written: what `${…}` stands for is in no file that another process reads.
            written = self.environment.written
            section = written["artifacts"] if self.environment.artifacts else _beside_runs(written["store"])
            return {"section": section, "folder": str(self.folder.path.parent)}
        if "://" not in url:
            settings["url"] = str(self.folder.path.parent / url)
        if self.environment.durability == "each":
            settings["fsync"] = True
        return settings

    def codec_settings(self) -> dict[str, Any]:
        """How a task's process opens the codecs."""
        return codec_settings(self.environment.written.get("codecs", ()), self.folder.path.parent)

    def brief(self, run: Run) -> Brief:
        """What the processes of a run's tasks must know."""
        scratch = self.scratch(run.id)
        scratch.mkdir(parents=True, exist_ok=True)
        return Brief(
            run=run.id,
            tasks=run.workflow.tasks,
            code=run.code,
            scratch=str(scratch),
            artifacts=self.artifact_settings(),
            secrets=self.secret_settings() if any(task.secrets for task in run.workflow.tasks) else {},
            codecs=self.codec_settings() if self.environment.codecs else {},
        )

    def secret_settings(self) -> dict[str, Any]:
        """How a task's process opens the secrets."""
        from fairlead.config.guarding import secret_settings

        return secret_settings(self.environment.written.get("secrets", {}), self.folder.path.parent)


_OPEN: dict[bytes, Services] = {}
_ALONE: list[OwnFolder] = []
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
    if folder is not None:
        return _open(environment, folders.make(folder.path.parent))
    # Runs that are kept elsewhere can be seen from everywhere.
    here = environment.store.get("type") in ("sqlite", "memory")
    return None if here else _open(environment, folders.here())


def open_alone(environment: Environment) -> Services:
    """The same for a process that is there for one thing, where no folder is and none should be made."""
    _ALONE.append(OwnFolder("node"))
    return open_services(environment, start=_ALONE[-1].path, alone=True)


def close_alone() -> None:
    """Remove the folders that were made for `open_alone`; this process is at its end."""
    while _ALONE:
        _ALONE.pop().remove()


def _open(environment: Environment, folder: Folder) -> Services:
    key = _key(environment, folder)
    with _LOCK:
        services = _OPEN.get(key)
        if services is None:
            sweep()
            site = Site(folder=folder.path.parent, durability=environment.durability)
            store = open_plugin("stores", environment.store, site)
            artifacts = open_plugin("artifacts", _artifact_section(environment, folder), site)
            services = _OPEN[key] = Services(environment, folder, store, artifacts)
    if services.environment == environment:
        return services
    return Services(environment, services.folder, services.store, services.artifacts)


def _key(environment: Environment, folder: Folder) -> bytes:
    """Equal for what is kept in one place, in one way."""
    sections = [environment.store, environment.artifacts, environment.durability]
    return msgspec.json.encode([str(folder.path), *sections], enc_hook=id)


def close_all() -> None:
    """Close every store that this process has opened; the next use opens it again."""
    with _LOCK:
        for services in _OPEN.values():
            services.store.close()
        _OPEN.clear()
    close_alone()


def close_folder(folder: Path) -> None:
    """Close the stores that this process has opened for one `.fairlead` folder; the folder is about to go."""
    with _LOCK:
        for place, services in list(_OPEN.items()):
            if services.folder.path == folder:
                services.store.close()
                del _OPEN[place]


def bench_for(
    services: Services,
    brief: Brief,
    functions: Sequence[Callable[..., Any] | None] = (),
    *,
    late: Mapping[int, Callable[..., Any]] | None = None,
    watch: Callable[[Mapping[str, TaskKind]], Mapping[str, TaskKind]] | None = None,
) -> Bench:
    """What this process needs to run a run's jobs itself; `functions` are live, by task.

    `late` has functions of tasks that come up while the run is carried, by their index. `watch` is given the
    kinds of task, and gives what is to be used in their place.
    """
    from fairlead.config.kinds import kinds
    from fairlead.node.capture import TeeLog
    from fairlead.node.code import function_of, method_of

    live = {id(task): function for task, function in zip(brief.tasks, functions, strict=False) if function is not None}

    def find(task: TaskDefinition, code: TaskCode, values: Values) -> Callable[..., Any]:
        function = live.get(id(task))
        if function is None and late:
            function = next((late[place] for place in late if brief.tasks[place] is task), None)
        recipe = task_component(task)
        if recipe is not None and function is not None:
            return method_of(task, recipe, function, values)
        return function or function_of(task, code, values)

    files = Path(brief.scratch) / "files"
    log = TeeLog(brief.scratch)
    guard = None
    values: Values | None = None
    if any(task.secrets for task in brief.tasks):
        from fairlead.config.guarding import GuardedValues, guard_of

        guard = guard_of(brief, services.environment.secrets.get("object"))
        assert guard is not None
        values = GuardedValues(services.artifacts, guard, files_dir=files, codecs=services.codecs())
        if guard.knows_any:
            log.keep_from(guard)
    values = values or services.values(files)
    return Bench(
        brief,
        values=values,
        kinds=kinds() if watch is None else watch(kinds()),
        function_of=find,
        guard=guard,
        log=log,
        sets_env=True,
    )


def executor_for(
    environment: Environment,
    bench: Callable[[Brief], Bench],
    *,
    max_workers: int | None = None,
    folder: Path | None = None,
) -> Executor:
    """Build the environment's executor; `bench` makes what jobs need in this process.

    `folder` is what relative paths among its settings are relative to.
    """
    site = Site(
        folder=folder or Path.cwd(),
        durability=environment.durability,
        bench=bench,
        max_workers=max_workers,
        clock=stand_in(),
    )
    executor = _member(environment, environment.executor, site)
    others = {name: one for name, one in environment.executors.items() if one != environment.executor}
    if not others or environment.executor["type"] == "mock":
        return executor
    from fairlead.executors.several import Several

    site = msgspec.structs.replace(site, max_workers=None)
    members = {
        name: _member(environment, settings, msgspec.structs.replace(site, name=name))
        for name, settings in others.items()
    }
    clock = stand_in()
    return Several(
        {"": executor, **dict.fromkeys(environment.executors, executor), **members},
        rest=None if clock is None else clock.sleep,
    )


def members_of(executor: Executor) -> Mapping[str, Executor] | None:
    """Give the executors that one is made of, by name; None for one that stands for itself."""
    if "fairlead.executors.several" not in sys.modules:
        return None  # nobody can have made one
    from fairlead.executors.several import Several

    return executor.members if isinstance(executor, Several) else None


def _member(environment: Environment, settings: dict[str, Any], site: Site) -> Executor:
    executor: Executor = open_plugin("executors", settings, site)
    if site.clock is not None and executor.offers.reach != "process":
        raise ConfigurationError(
            f"environment {environment.name!r} runs tasks in other processes (executor {settings['type']!r}), where"
            " a virtual clock does not reach; use 'in_process'"
        )
    return executor


def _artifact_section(environment: Environment, folder: Folder) -> dict[str, Any]:
    if environment.artifacts:
        return environment.artifacts
    kind = environment.store["type"]
    if kind == "object":
        return _beside_runs(environment.store)
    return {"url": "memory://" if kind == "memory" else str(folder.artifacts)}


def _beside_runs(store: dict[str, Any]) -> dict[str, Any]:
    """Where runs are kept in a bucket, their artifacts are beside them unless something else is said."""
    from fairlead.stores.bucket_plugins import BucketOptions

    url = f"{str(store['url']).rstrip('/')}/artifacts"
    if "://" not in url or url.startswith("file://"):
        return {"url": url}
    return {**{key: store[key] for key in BucketOptions.__struct_fields__ if key in store}, "url": url}
