"""Tasks as targets of their own: what a single task can do before and after its parameters are bound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fairlead.api.definitions import Bindable, Runnable
from fairlead.author.built import Built, Input
from fairlead.author.functions import Task
from fairlead.author.single import build_single, inputs_of, rest_of
from fairlead.author.takers import taking_all
from fairlead.config.environment import Environment
from fairlead.model.workflow import Workflow

__all__ = ["BoundTask", "SingleTask", "single"]


class SingleTask(Bindable):
    """A task that runs as a workflow of one, whatever its kind."""

    def __init__(self, task: Task[..., Any]) -> None:
        self.task = taking_all(task)
        self.name = task.name
        self.__doc__ = task._core.definition.doc or None

    @property
    def inputs(self) -> tuple[Input, ...]:
        """Its arguments."""
        return inputs_of(self.task)

    @property
    def rest(self) -> Input | None:
        """Its `**kwargs`, or its Namespace, where it has one."""
        return rest_of(self.task)

    def bound_to(self, values: dict[str, Any]) -> BoundTask:
        """Bind these parameters and no others; raises DefinitionError."""
        return BoundTask(self, values)

    def draft(self, values: dict[str, Any]) -> Workflow:
        """Build the graph although parameters may be missing."""
        return build_single(self.task, values, partial=True).workflow


class BoundTask(Runnable):
    """A task with its parameters; nothing has run."""

    def __init__(self, single: SingleTask, values: dict[str, Any]) -> None:
        self.single = single
        self._graph = build_single(single.task, values)

    def build(self) -> Built:
        """Give the graph."""
        return self._graph

    def _built(self, environment: Environment) -> Built:  # noqa: ARG002 - a target is bound with all sources
        return self._graph


def single(found: Task[..., Any] | Callable[..., Any]) -> SingleTask:
    """Make a target of a task, or of a plain function; raises DefinitionError for what cannot be a task."""
    return SingleTask(found if isinstance(found, Task) else Task(found))
