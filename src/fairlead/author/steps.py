"""Pipelines of steps: values flow by name, and every name is resolved when the graph is built.

Steps are descriptions and check nothing; `Pipeline.build` checks everything, and says all that is
wrong at once. Nothing here runs a graph.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from fairlead.author.assembly import Assembly, Return
from fairlead.author.built import Built, Input
from fairlead.author.problems import Problem, complain, place_of
from fairlead.model.task import Place

__all__ = ["Pipeline", "PythonTask", "Step", "Stub", "metric", "pickled"]


class PythonTask:
    """A step that calls a function."""

    def __init__(
        self,
        function: Callable[..., Any],
        name: str | None = None,
        returns: Sequence[str | Return] | None = None,
        **options: Any,
    ) -> None:
        self.function = function
        """A function, or a task made of one."""
        self.name = name
        """None: the function's own."""
        self.returns = returns
        """Names of what it returns; None: those in its return statements, where they have any."""
        self.options = options
        """The options of `task`."""
        self.place: Place = place_of(sys._getframe(1))

    def __repr__(self) -> str:
        return f"<PythonTask {self.name or getattr(self.function, '__name__', self.function)}>"


class Stub:
    """A step that does nothing and accepts anything; what it returns is None."""

    def __init__(self, name: str, returns: Sequence[str | Return] = ()) -> None:
        self.name = name
        self.returns = returns
        self.place: Place = place_of(sys._getframe(1))

    def __repr__(self) -> str:
        return f"<Stub {self.name}>"


Step: TypeAlias = PythonTask | Stub


def metric(name: str) -> Return:
    """Name a returned value that is recorded as a metric, too."""
    return Return(name, True)


def pickled(name: str) -> Return:
    """Name a returned value; how it is kept is worked out from the value itself."""
    return Return(name, False)


class Pipeline:
    """Steps that run in the order written."""

    def __init__(self, steps: Sequence[Step], name: str = "pipeline") -> None:
        self.steps: list[Any] = list(steps)
        self.name = name
        self.place: Place = place_of(sys._getframe(1))

    def build(self, parameters: Mapping[str, Any] | None = None, *, partial: bool = False) -> Built:
        """Resolve every name and give the graph.

        Raises DefinitionError with all that is wrong. With `partial`, required parameters may be
        missing.
        """
        assembly = Assembly(self.name, self.place, dict(parameters or {}), partial=partial)
        if not self.steps:
            raise complain(self.name, [Problem("", "has no steps")])
        for position, step in enumerate(self.steps):
            if isinstance(step, PythonTask):
                assembly.python(step.function, step.name, step.returns, step.options, step.place)
            elif isinstance(step, Stub):
                assembly.stub(step.name, step.returns, step.place)
            else:
                known = "wrap a function in PythonTask(function=…)" if callable(step) else "give PythonTask or Stub"
                assembly.problems.append(Problem(f"step {position + 1}", f"{step!r} is no step; {known}"))
        return assembly.finish()

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The parameters: names that no step before provides."""
        return self.build(partial=True).inputs

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}: {len(self.steps)} steps>"
