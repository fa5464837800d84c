"""What users call: workflows that run, runs that can be asked.

The command line imports from here. Names are imported when they are first used, so that a command
pays for what it needs and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = [
    "Artifact",
    "Collected",
    "Finding",
    "RoleListing",
    "Target",
    "TaskRun",
    "WorkflowRun",
    "collect",
    "compile_for",
    "diagnose",
    "import_run",
    "list_components",
    "list_summaries",
    "list_workflow_runs",
    "load_target",
    "resume_run",
]

_HOMES = {
    "Artifact": "artifacts",
    "Collected": "care",
    "Finding": "care",
    "RoleListing": "components",
    "Target": "targets",
    "TaskRun": "runs",
    "WorkflowRun": "runs",
    "collect": "care",
    "compile_for": "compiling",
    "diagnose": "care",
    "import_run": "moving",
    "list_components": "components",
    "list_summaries": "runs",
    "list_workflow_runs": "runs",
    "load_target": "targets",
    "resume_run": "again",
}

if TYPE_CHECKING:
    from fairlead.api.again import resume_run
    from fairlead.api.artifacts import Artifact
    from fairlead.api.care import Collected, Finding, collect, diagnose
    from fairlead.api.compiling import compile_for
    from fairlead.api.components import RoleListing, list_components
    from fairlead.api.moving import import_run
    from fairlead.api.runs import TaskRun, WorkflowRun, list_summaries, list_workflow_runs
    from fairlead.api.targets import Target, load_target


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'fairlead.api' has no attribute {name!r}")
    from importlib import import_module

    found = globals()[name] = getattr(import_module(f"fairlead.api.{home}"), name)
    return found
