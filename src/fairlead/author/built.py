"""What every front end gives back: the graph, and the values and functions that stand beside it.

Nothing here builds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from fairlead.model.workflow import Workflow

__all__ = ["Built", "Input"]


class Input(NamedTuple):
    """A parameter of a workflow, for whoever asks a person or a command line for it."""

    name: str
    annotation: Any
    """The type; Any where nobody says."""
    text: str
    """The annotation as written; may be empty."""
    required: bool
    default: Any
    """None when required; MISSING where it may be left out and has none."""
    static: bool = False
    """It shapes the graph."""


class Built(msgspec.Struct, frozen=True):
    """A graph, and what stands beside it."""

    workflow: Workflow
    constants: list[Any]
    """Raw values, by slot."""
    functions: list[Callable[..., Any] | None]
    """Aligned with `workflow.tasks`; None where a task has no function (a stub)."""
    parameters: dict[str, Any]
    """Raw values of the parameters that were given or have a default."""
    inputs: tuple[Input, ...] = ()
    """What the parameters are."""
    warnings: tuple[str, ...] = ()
    """What may not be meant, though it can be run; `check` tells."""
    components: dict[str, Any] = {}
    """Recipes of the components that code gave to a runner, by role."""
    rest: Input | None = None
    """What takes any further parameter, where something does."""
