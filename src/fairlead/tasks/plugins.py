"""The kinds of task that come with Fairlead, as plugins. Imports no kind before one is opened."""

from __future__ import annotations

from fairlead.ports import Plugin, Site, TaskKind

__all__ = ["mock", "notebook", "python", "shell", "stub"]


def _open_python(_: None, site: Site) -> TaskKind:  # noqa: ARG001 - as every kind is opened
    from fairlead.tasks.python import PythonKind

    return PythonKind()


def _open_shell(_: None, site: Site) -> TaskKind:  # noqa: ARG001 - as every kind is opened
    from fairlead.tasks.shell import ShellKind

    return ShellKind()


def _open_notebook(_: None, site: Site) -> TaskKind:  # noqa: ARG001 - as every kind is opened
    from fairlead.tasks.notebook import NotebookKind

    return NotebookKind()


def _open_stub(_: None, site: Site) -> TaskKind:  # noqa: ARG001 - as every kind is opened
    from fairlead.tasks.stub import StubKind

    return StubKind()


def _open_mock(_: None, site: Site) -> TaskKind:  # noqa: ARG001 - as every kind is opened
    from fairlead.tasks.mock import MockKind

    return MockKind()


python = Plugin(open=_open_python, doc="A Python function.")

shell = Plugin(open=_open_shell, doc="A command for bash.")

notebook = Plugin(
    open=_open_notebook, doc="A Jupyter notebook.", needs=("nbclient", "ipykernel"), install="fairlead[notebook]"
)

stub = Plugin(open=_open_stub, doc="Does nothing yet.")

mock = Plugin(open=_open_mock, doc="Gives a value in place of a task that is not to run.")
