"""What an orchestrator needs to know of a workflow: what is started, in which order, and how often.

Plain data that names no target. Values are not in here: what a task is given it finds in the store. Of
what the store holds, four facts steer an orchestrator: how many copies, which copy, which branch,
whether to go on.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from fairlead.model.task import Resources
from fairlead.model.workflow import Ends, When

__all__ = [
    "ANY",
    "AnyStep",
    "Branch",
    "ChoiceStep",
    "GroupStep",
    "LoopStep",
    "MapStep",
    "Need",
    "Outline",
    "Step",
    "TaskClass",
    "TaskStep",
    "bodies",
]

ANY = "[*]"
"""Stands in a path for a number that is known when it runs: `outer[*].inner[*].fit`."""


class Need(msgspec.Struct, frozen=True, array_like=True):
    """What must have become of another step of the same scope."""

    step: str
    when: When


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A node of the workflow, as others see it."""

    name: str
    """Unique in its scope."""
    path: str
    """Where its task runs stand, with `[*]` for every number."""
    needs: tuple[Need, ...] = ()
    ends: Ends = ""
    """What becomes of its scope once it has succeeded; empty: it goes on."""


class TaskStep(Step, frozen=True, tag="task"):
    """One call of one task."""

    task: int
    """Index into the workflow's `tasks`."""


class MapStep(Step, frozen=True, tag="map", kw_only=True):
    """As many copies of the body as a list has items: the store says how many."""

    body: tuple[AnyStep, ...]
    chunk: int = 1
    """So many items are run by one process, where the body is a single task."""
    max_parallel: int | None = None
    min_success: int | float | None = None
    stops: bool = False
    """The first failure ends the others."""


class Branch(msgspec.Struct, frozen=True):
    """What a choice may lead to."""

    token: str
    """What the store says when this one is chosen: small letters and digits, beginning with a letter."""
    label: str
    body: tuple[AnyStep, ...]


class ChoiceStep(Step, frozen=True, tag="choice", kw_only=True):
    """One of several branches: the store says which."""

    branches: tuple[Branch, ...]


class LoopStep(Step, frozen=True, tag="loop", kw_only=True):
    """The body again and again: the store says after each time whether to go on."""

    body: tuple[AnyStep, ...]
    max_iterations: int


class GroupStep(Step, frozen=True, tag="group", kw_only=True):
    """A body that succeeds or fails as one; if it fails, the handler runs in its place."""

    body: tuple[AnyStep, ...]
    handler: tuple[AnyStep, ...] | None = None
    stops: bool = False


AnyStep: TypeAlias = TaskStep | MapStep | ChoiceStep | LoopStep | GroupStep


class TaskClass(msgspec.Struct, frozen=True, omit_defaults=True):
    """What tasks have in common that can be started in one way."""

    image: str | None = None
    resources: Resources = Resources()
    retries: int = 0
    retry_delay: float = 0.0
    timeout: float | None = None


class Outline(msgspec.Struct, frozen=True):
    """A whole workflow."""

    name: str
    steps: tuple[AnyStep, ...]
    classes: tuple[TaskClass, ...]
    class_of: tuple[int, ...]
    """For each task of the workflow, the index of its class."""


def bodies(step: AnyStep) -> tuple[tuple[AnyStep, ...], ...]:
    """List the insides of a step."""
    if isinstance(step, TaskStep):
        return ()
    if isinstance(step, ChoiceStep):
        return tuple(branch.body for branch in step.branches)
    if isinstance(step, GroupStep) and step.handler is not None:
        return step.body, step.handler
    return (step.body,)
