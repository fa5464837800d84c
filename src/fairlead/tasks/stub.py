"""Tasks that do nothing yet: they hold a place in the graph and give None."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fairlead.model.task import TaskDefinition
from fairlead.ports import Current

__all__ = ["StubKind"]


class StubKind:
    """Gives None for each output."""

    def run(
        self,
        task: TaskDefinition,
        function: Callable[..., Any] | None,  # noqa: ARG002  # there is none
        inputs: Mapping[str, Any],  # noqa: ARG002  # nothing is done with them
        current: Current,  # noqa: ARG002
    ) -> Any:
        """Give what a task of that many outputs would, with nothing in it."""
        return None if len(task.outputs) == 1 else (None,) * len(task.outputs)
