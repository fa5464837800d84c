"""Secrets of a run, where its tasks run: their source is opened, and values that hold one are refused.

Only for runs in which a task declares secrets.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from fairlead.config.registry import open_written
from fairlead.errors import ConfigurationError, FairleadError
from fairlead.model.run import Run
from fairlead.model.task import TaskDefinition
from fairlead.model.values import Inline, Value
from fairlead.node.secrecy import Guard
from fairlead.ports import ArtifactStore, Brief, Reach, Secrets, Site
from fairlead.stores.coded import Codecs
from fairlead.stores.values import StoredValues

if TYPE_CHECKING:
    from fairlead.config.environment import Environment

__all__ = [
    "GuardedArtifacts",
    "GuardedValues",
    "declared",
    "guard_here",
    "guard_of",
    "open_secrets",
    "secret_problems",
    "secret_settings",
    "source_problems",
]


def declared(brief: Brief) -> list[str]:
    """Name the secrets that the tasks of a run declare."""
    return list(dict.fromkeys(name for task in brief.tasks for name in task.secrets))


def secret_settings(written: dict[str, Any], folder: Path) -> dict[str, Any]:
    """How a task's process opens the secrets: as written, so that no `${…}` is expanded on the way."""
    section = {key: value for key, value in written.items() if key != "object"}
    living = {"living": True} if "object" in written else {}
    return {"folder": str(folder), "section": {"type": "env", **section}, **living}


def secret_problems(run: Run, environment: Environment, settings: dict[str, Any], reach: Reach) -> list[str]:
    """Say which secrets there are none of, who cannot be asked for any, and which stand in what the run is given.

    Only where tasks run on this machine: elsewhere they are fetched there.
    """
    if reach == "network":
        return []
    living = environment.secrets.get("object")
    if living is not None and reach != "process":
        return ["secrets: an object of this process gives them, and tasks run in other processes; name a source"]
    guard = Guard(lambda: living or open_secrets(settings))
    problems = []
    for task in run.workflow.tasks:
        for name in task.secrets:
            try:
                guard.get(name)
            except ConfigurationError as error:
                return list(error.problems)
            except FairleadError as error:
                problems.append(f"{task.name}: {error}")
    given: list[tuple[str, Value]] = [(f"parameter {name!r}", value) for name, value in run.parameters.items()]
    given += [("a value in the workflow", value) for value in run.constants]
    codes = zip(run.workflow.tasks, run.code.tasks, strict=False)
    given += [(f"the function of {task.name!r}", code.payload) for task, code in codes if code.payload is not None]
    for what, value in given:
        found = guard.name_in(value.data) if isinstance(value, Inline) else ""
        if found:
            problems.append(f"{what} holds the secret {found!r}, and would be recorded; let the task ask for it")
    # Names are longer than words, and what is written here is looked at like a file.
    written: list[tuple[str, Any]] = [(f"task {task.name!r}", task) for task in run.workflow.tasks]
    written += [("the environment", run.environment), ("a tag", run.tags), ("a component", run.components)]
    for what, record in written:
        found, _ = guard.place_in(msgspec.json.encode(record))
        if found:
            problems.append(f"{what} holds the secret {found!r}, and would be recorded; let the task ask for it")
    return problems


def guard_here(services: Any, tasks: Sequence[TaskDefinition]) -> Guard | None:
    """Give what knows the secrets that tasks declare, as far as this process can have them; None where none does.

    For whoever writes a run down, which is before its tasks have a process. What is not there is told later.
    """
    names = list(dict.fromkeys(name for task in tasks for name in task.secrets))
    if not names:
        return None
    living = services.environment.secrets.get("object")
    guard = Guard(lambda: living or open_secrets(services.secret_settings()))
    guard.learn(names)
    return guard


def source_problems(files: Iterable[str], guard: Guard) -> list[str]:
    """Say which of the files that are kept with a run hold a secret, and where."""
    problems = []
    for file in files:
        name, line = guard.place_in(Path(file).read_bytes())
        if name:
            problems.append(
                f"{file}:{line} holds the secret {name!r}, and the run would keep the file; let the task ask for it"
            )
    return problems


def open_secrets(settings: dict[str, Any]) -> Secrets:
    """Open a source of secrets by what `secret_settings` gave, in any process."""
    secrets: Secrets = open_written("secrets", settings["section"], Site(folder=Path(settings["folder"])))
    return secrets


def guard_of(brief: Brief, living: Secrets | None = None) -> Guard | None:
    """Give what watches over a run's secrets in this process; None where no task declares any.

    Those that stand in the process environment are known at once: any task might print that.
    """
    names = declared(brief)
    if not names:
        return None
    settings = brief.secrets or secret_settings({}, Path.cwd())
    if living is None and settings.get("living"):
        raise ConfigurationError("secrets: an object of another process cannot give secrets here")
    guard = Guard(lambda: living or open_secrets(settings))
    if living is None and settings["section"]["type"] == "env":
        guard.learn(names)
    return guard


class GuardedValues(StoredValues):
    """Values of a run with secrets: what holds one is refused before any of it is kept."""

    def __init__(
        self,
        artifacts: ArtifactStore,
        guard: Guard,
        *,
        files_dir: Path | None = None,
        codecs: Codecs | None = None,
    ) -> None:
        super().__init__(GuardedArtifacts(artifacts, guard), files_dir=files_dir, codecs=codecs)
        self._guard = guard

    def encode(self, value: Any, **options: Any) -> Value:
        """Encode a value; UnstorableValue names the secret that it holds."""
        encoded = super().encode(value, **options)
        if type(encoded) is Inline:
            self._guard.refuse(encoded.data)
        return encoded


class GuardedArtifacts:
    """An artifact store that takes no bytes with a known secret in them; UnstorableValue."""

    def __init__(self, artifacts: ArtifactStore, guard: Guard) -> None:
        self._artifacts = artifacts
        self._guard = guard
        self.reach = artifacts.reach

    def put(self, key: str, chunks: Sequence[bytes | memoryview]) -> int:
        self._guard.refuse_across(chunks)
        return self._artifacts.put(key, chunks)

    def put_file(self, key: str, path: Path) -> int:
        if path.stat().st_size:
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                self._guard.refuse(data)
        return self._artifacts.put_file(key, path)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._artifacts, name)
