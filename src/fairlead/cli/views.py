"""What is shown of a run and of a task run, gathered: what pages and documents are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from fairlead.model.events import Attempt
from fairlead.model.run import Group, Run, RunSummary

__all__ = ["RunView", "TaskView"]


class RunView(msgspec.Struct):
    """Everything that `show RUN` shows."""

    summary: RunSummary
    groups: Sequence[Group]
    record: Run
    failed: Sequence[Attempt] = ()
    """Some failed attempts, final ones, the earliest first."""
    reused: Sequence[Attempt] = ()
    """Some attempts that were reused, one of each task name at least."""


class TaskView(msgspec.Struct):
    """Everything that `show RUN/TASK` shows."""

    run: str
    path: str
    status: str
    attempts: Sequence[Attempt]
    inputs: Mapping[str, str] = {}
    outputs: Mapping[str, str] = {}
    doc: str = ""
    mock: str = ""
    """What stood in for the task; empty: nothing did."""
