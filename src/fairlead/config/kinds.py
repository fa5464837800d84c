"""The kinds of task that can be run here: built-ins by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fairlead.model.task import TaskDefinition
from fairlead.ports import Current, TaskKind
from fairlead.tasks.python import PythonKind
from fairlead.tasks.stub import StubKind

__all__ = ["kinds"]


def kinds() -> dict[str, TaskKind]:
    """Every kind of task that can be run here, by name."""
    return {
        "python": PythonKind(),
        "shell": _Later("fairlead.tasks.shell", "ShellKind"),
        "notebook": _Later("fairlead.tasks.notebook", "NotebookKind"),
        "stub": StubKind(),
        "mock": _Later("fairlead.tasks.mock", "MockKind"),
    }


class _Later:
    """A kind that is imported when a task of it runs: every worker makes all kinds, and most need one."""

    def __init__(self, module: str, name: str) -> None:
        self._home = module, name
        self._kind: TaskKind | None = None

    def run(
        self, task: TaskDefinition, function: Callable[..., Any] | None, inputs: Mapping[str, Any], current: Current
    ) -> Any:
        """Run it as its kind does."""
        if self._kind is None:
            from importlib import import_module

            module, name = self._home
            self._kind = getattr(import_module(module), name)()
        return self._kind.run(task, function, inputs, current)
