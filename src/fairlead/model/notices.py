"""What observers are told while a run goes on. Committed facts only, except a task's live output."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from fairlead.model.events import Attempt
from fairlead.model.run import Group, RunSummary

__all__ = ["Closed", "Notice", "Opened", "Output", "Plan", "Progress", "TaskEnded"]


class Plan(msgspec.Struct, frozen=True):
    """What a resumed run is going to do."""

    reused: int
    """Task runs whose result stands."""
    again: dict[str, str]
    """Task names that run again, with the reason: `features.py: scale changed`."""
    parent: str = ""
    """The run that is resumed, when a new run was made for it."""
    run: int = 0
    """Task runs that will run, as far as is known before maps are opened."""


class Opened(msgspec.Struct, frozen=True):
    """A driver has taken the run up."""

    summary: RunSummary
    groups: list[Group]
    plan: Plan | None = None


class Progress(msgspec.Struct, frozen=True):
    """Counts have changed; told at most about ten times a second."""

    groups: list[Group]
    """Those that changed since the last time."""
    counts: dict[str, int]


class TaskEnded(msgspec.Struct, frozen=True):
    """An attempt of a task run has ended, or its result was reused."""

    attempt: Attempt
    final: bool = True
    """No further attempt will be made."""


class Output(msgspec.Struct, frozen=True):
    """A task has written something; whole lines where it wrote whole lines."""

    path: str
    data: bytes


class Closed(msgspec.Struct, frozen=True):
    """The run has ended, or its driver has let it go."""

    summary: RunSummary


Notice: TypeAlias = Opened | Progress | TaskEnded | Output | Closed
