"""Pipelines that run: what `Pipeline` gives to users."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fairlead.api.definitions import Bindable, Runnable
from fairlead.api.parameters import from_outside
from fairlead.api.runs import WorkflowRun
from fairlead.author import steps as author_steps
from fairlead.author.built import Built, Input
from fairlead.config.environment import Environment, EnvironmentLike
from fairlead.model.workflow import Workflow

__all__ = ["BoundPipeline", "Pipeline"]


class Pipeline(author_steps.Pipeline, Bindable):
    """Steps that run in the order written, with values flowing by name."""

    def __init__(self, steps: Sequence[Any] = (), name: str = "pipeline", **settings: Any) -> None:
        super().__init__(steps, name, **settings)
        self._home = sys._getframe(1).f_globals
        self._found_at = ""

    @property
    def target(self) -> str:
        """Where it can be found again: the file and the name that it has there; empty when it has none."""
        if self._found_at:
            return self._found_at
        file = self._home.get("__file__")
        name = next((key for key, value in self._home.items() if value is self), "")
        return f"{Path(file).absolute()}:{name}" if file and name else ""

    @property
    def rest(self) -> Input | None:
        """What takes names beyond `inputs`: a step with `**kwargs`, or with a Namespace."""
        return self.build(partial=True).rest

    def found_at(self, target: str) -> None:
        """Say where it can be found again, where that is no name in a module."""
        self._found_at = target

    def bound_to(self, values: dict[str, Any]) -> BoundPipeline:
        """Bind these parameters and no others; raises DefinitionError."""
        bound = BoundPipeline(self, values)
        bound.build()
        return bound

    def draft(self, values: dict[str, Any]) -> Workflow:
        """Build the graph although parameters may be missing."""
        return self.build(values, partial=True).workflow

    def run(
        self, env: EnvironmentLike = None, *, parameters: dict[str, Any] | None = None, **options: Any
    ) -> WorkflowRun:
        """Run it here and now, wait, and give the run; options as for a workflow's `run`."""
        return BoundPipeline(self, parameters or {}).run(env, **options)

    execute = run

    def start(
        self, env: EnvironmentLike = None, *, parameters: dict[str, Any] | None = None, **options: Any
    ) -> WorkflowRun:
        """Start it in a driver process of its own; gives a handle at once."""
        return BoundPipeline(self, parameters or {}).start(env, **options)

    def prepare(
        self, env: EnvironmentLike = None, *, parameters: dict[str, Any] | None = None, **options: Any
    ) -> WorkflowRun:
        """Record a run without starting it."""
        return BoundPipeline(self, parameters or {}).prepare(env, **options)


class BoundPipeline(Runnable):
    """A pipeline with its parameters; nothing has run."""

    def __init__(self, pipeline: author_steps.Pipeline, parameters: dict[str, Any]) -> None:
        self.pipeline = pipeline
        self.parameters = parameters
        self.target = getattr(pipeline, "target", "")

    def build(self) -> Built:
        """Build the graph; raises DefinitionError with all that is wrong."""
        return self.pipeline.build(self.parameters)

    def _built(self, environment: Environment) -> Built:
        given = self.parameters
        more = from_outside(self.pipeline.name, lambda: self.pipeline.inputs, given=given, environment=environment)
        return self.pipeline.build({**more, **given})
