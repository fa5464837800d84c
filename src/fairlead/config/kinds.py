"""The kinds of task that can be run here: built-ins by name."""

from __future__ import annotations

from fairlead.ports import TaskKind
from fairlead.tasks.mock import MockKind
from fairlead.tasks.notebook import NotebookKind
from fairlead.tasks.python import PythonKind
from fairlead.tasks.shell import ShellKind
from fairlead.tasks.stub import StubKind

__all__ = ["kinds"]


def kinds() -> dict[str, TaskKind]:
    """Every kind of task that can be run here, by name."""
    return {
        "python": PythonKind(),
        "notebook": NotebookKind(),
        "shell": ShellKind(),
        "stub": StubKind(),
        "mock": MockKind(),
    }
