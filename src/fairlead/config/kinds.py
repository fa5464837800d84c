"""The kinds of task that can be run here: built-ins by name, others when a task of them comes up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fairlead.ports import TaskKind
from fairlead.tasks.python import PythonKind
from fairlead.tasks.stub import StubKind

__all__ = ["OWN", "Kinds", "kind_packages", "kind_problems", "kinds"]

OWN = frozenset({"python", "shell", "notebook", "stub", "mock", "body"})
"""Kinds that come with Fairlead; `body` is the body of a dynamic workflow, which its driver runs itself."""


class Kinds(dict[str, TaskKind]):
    """Kinds by name, each opened when the first task of it is met: a worker meets one or two of all that there are."""

    def __missing__(self, name: str) -> TaskKind:
        """Open a kind; ConfigurationError where there is none, or where what it needs is not installed."""
        from pathlib import Path

        from fairlead.config.registry import SEAMS, missing, plugin
        from fairlead.errors import ConfigurationError
        from fairlead.ports import Site

        found = plugin("kinds", name)
        absent = missing("kinds", name, found) if name not in OWN else ""
        if absent:
            raise ConfigurationError(absent)
        kind: TaskKind = found.open(None, Site(folder=Path.cwd()))
        if not callable(getattr(kind, "run", None)):
            raise ConfigurationError(f"the {SEAMS['kinds']} {name!r} cannot run tasks: it is {kind!r}")
        self[name] = kind
        return kind


def kinds() -> Kinds:
    """Every kind of task that can be run here."""
    return Kinds(python=PythonKind(), stub=StubKind())


def kind_problems(tasks: Iterable[Any]) -> list[str]:
    """Say which tasks are of kinds that are not here or lack something, or have settings that cannot be right."""
    problems: list[str] = []
    for task in tasks:
        if task.kind not in OWN:
            problems += [f"{task.name} ({task.place}): {text}" for text in _of_task(task.kind, task.settings)]
    return problems


def _of_task(name: str, settings: dict[str, Any]) -> list[str]:
    from fairlead.config.documents import Document, Problems
    from fairlead.config.registry import missing, plugin
    from fairlead.config.understanding import check_options
    from fairlead.errors import ConfigurationError

    try:
        found = plugin("kinds", name)
    except ConfigurationError as error:
        return [str(error)]
    absent = missing("kinds", name, found)
    problems = Problems(Document({"settings": settings}))
    check_options("kinds", name, found, {**settings}, ("settings",), problems)
    return [absent, *problems.told] if absent else problems.told


def kind_packages(name: str) -> dict[str, str]:
    """Give the distribution that brings a kind, with its version; nothing for what comes with Fairlead."""
    if name in OWN:
        return {}
    from fairlead.config.registry import brought_by

    package, version = brought_by("kinds", name)
    return {package: version} if package else {}
