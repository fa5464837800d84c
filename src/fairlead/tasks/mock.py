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
        if "value" in task.settings:
            return deepcopy(task.settings["value"])
        values = task.settings.get("outputs", {}).get(group_of(current.path)) or [None] * len(task.outputs)
        return deepcopy(values[0]) if len(values) == 1 else tuple(deepcopy(values))
