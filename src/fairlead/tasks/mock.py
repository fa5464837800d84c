"""Tasks that a value stands in for: nothing is run, and what they give was written down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from fairlead.model.path import group_of
from fairlead.model.task import TaskDefinition
from fairlead.ports import Current

__all__ = ["MockKind"]


class MockKind:
    """Gives what the task's settings say.

    `value` is what it gives everywhere; `outputs` has a list of values for each place in the graph
    where something of a certain form is needed. With neither, each output is None.
    """

    def run(
        self,
        task: TaskDefinition,
        function: Callable[..., Any] | None,  # noqa: ARG002  # there is none
        inputs: Mapping[str, Any],  # noqa: ARG002  # nothing is done with them
        current: Current,
    ) -> Any:
        """Give the value that stands in."""
        size = len(task.returns)
        values = task.settings.get("outputs", {}).get(group_of(current.path)) or [None] * size
        if "value" in task.settings:
            values = [task.settings["value"]] if size == 1 else task.settings["value"]
        given = tuple(deepcopy(values[:size]))
        if size < len(task.outputs):
            return (*given, None)  # no files are put away
        return given[0] if size == 1 else given
