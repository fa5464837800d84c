"""Write a workflow once, as plain Python, and run it anywhere; every run is recorded.

    from fairlead import task, workflow

    @task
    def load(path): ...

    @workflow
    def training(path):
        return train(load(path))

    run = training("data.csv").run()

Names are imported when they are first used, so that `import fairlead` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "ArtifactMissing": "fairlead.errors",
    "Catalog": "fairlead.model.task",
    "CommandFailed": "fairlead.errors",
    "Component": "fairlead.author.components",
    "Conditional": "fairlead.author.steps",
    "ConfigurationError": "fairlead.errors",
    "CustomTask": "fairlead.author.custom",
    "DefinitionError": "fairlead.errors",
    "Environment": "fairlead.config.environment",
    "FairleadError": "fairlead.errors",
    "File": "fairlead.model.files",
    "Loop": "fairlead.author.steps",
    "Map": "fairlead.author.steps",
    "NotFinished": "fairlead.errors",
    "NotFound": "fairlead.errors",
    "NotebookFailed": "fairlead.errors",
    "NotebookTask": "fairlead.author.command_steps",
    "OutsideFailure": "fairlead.errors",
    "Parallel": "fairlead.author.steps",
    "Pipeline": "fairlead.api.pipelines",
    "PythonTask": "fairlead.author.steps",
    "Resources": "fairlead.model.task",
    "RunBusy": "fairlead.errors",
    "RunCancelled": "fairlead.errors",
    "RunDiverged": "fairlead.errors",
    "RunExists": "fairlead.errors",
    "RunFailed": "fairlead.errors",
    "Runner": "fairlead.api.runners",
    "Secret": "fairlead.model.secret",
    "ShellTask": "fairlead.author.command_steps",
    "Static": "fairlead.author.placing",
    "StoreError": "fairlead.errors",
    "TaskFailed": "fairlead.errors",
    "Stub": "fairlead.author.steps",
    "TaskRun": "fairlead.api.runs",
    "UnstorableValue": "fairlead.errors",
    "WorkflowRun": "fairlead.api.runs",
    "custom": "fairlead.api.commands",
    "current_run": "fairlead.node.current",
    "each": "fairlead.author.handles",
    "list_workflow_runs": "fairlead.api.runs",
    "metric": "fairlead.author.steps",
    "notebook": "fairlead.api.commands",
    "pickled": "fairlead.author.steps",
    "repeat": "fairlead.author.blocks",
    "shell": "fairlead.api.commands",
    "switch": "fairlead.author.blocks",
    "task": "fairlead.author.functions",
    "whole": "fairlead.author.handles",
    "workflow": "fairlead.api.definitions",
}
"""Every public name and the module that defines it."""

__all__ = [
    "ArtifactMissing",
    "Catalog",
    "CommandFailed",
    "Component",
    "Conditional",
    "ConfigurationError",
    "CustomTask",
    "DefinitionError",
    "Environment",
    "FairleadError",
    "File",
    "Loop",
    "Map",
    "NotFinished",
    "NotFound",
    "NotebookFailed",
    "NotebookTask",
    "OutsideFailure",
    "Parallel",
    "Pipeline",
    "PythonTask",
    "Resources",
    "RunBusy",
    "RunCancelled",
    "RunDiverged",
    "RunExists",
    "RunFailed",
    "Runner",
    "Secret",
    "ShellTask",
    "Static",
    "StoreError",
    "Stub",
    "TaskFailed",
    "TaskRun",
    "UnstorableValue",
    "WorkflowRun",
    "__version__",
    "current_run",
    "custom",
    "each",
    "list_workflow_runs",
    "metric",
    "notebook",
    "pickled",
    "repeat",
    "shell",
    "switch",
    "task",
    "whole",
    "workflow",
]

if TYPE_CHECKING:
    from fairlead.api.commands import custom, notebook, shell
    from fairlead.api.definitions import workflow
    from fairlead.api.pipelines import Pipeline
    from fairlead.api.runners import Runner
    from fairlead.api.runs import TaskRun, WorkflowRun, list_workflow_runs
    from fairlead.author.blocks import repeat, switch
    from fairlead.author.command_steps import NotebookTask, ShellTask
    from fairlead.author.components import Component
    from fairlead.author.custom import CustomTask
    from fairlead.author.functions import task
    from fairlead.author.handles import each, whole
    from fairlead.author.placing import Static
    from fairlead.author.steps import Conditional, Loop, Map, Parallel, PythonTask, Stub, metric, pickled
    from fairlead.config.environment import Environment
    from fairlead.errors import (
        ArtifactMissing,
        CommandFailed,
        ConfigurationError,
        DefinitionError,
        FairleadError,
        NotebookFailed,
        NotFinished,
        NotFound,
        OutsideFailure,
        RunBusy,
        RunCancelled,
        RunDiverged,
        RunExists,
        RunFailed,
        StoreError,
        TaskFailed,
        UnstorableValue,
    )
    from fairlead.model.files import File
    from fairlead.model.secret import Secret
    from fairlead.model.task import Catalog, Resources
    from fairlead.node.current import current_run


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'fairlead' has no attribute {name!r}")
    from importlib import import_module

    found = globals()[name] = getattr(import_module(home), name)
    return found


def __dir__() -> list[str]:
    return __all__
