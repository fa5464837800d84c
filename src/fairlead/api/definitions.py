"""Workflows that run: what `@workflow` gives to users, and what all definitions can do.

The front ends build graphs; here a graph meets an environment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

from fairlead.author import workflows as author_workflows
from fairlead.author.built import Built, Input
from fairlead.model.workflow import Workflow
from fairlead.node.loading import stop_if_loading

if TYPE_CHECKING:
    # A worker imports the user's file, and so this one; what carries runs would be half of its start.
    from fairlead.api.runs import WorkflowRun
    from fairlead.config.environment import Environment, EnvironmentLike
    from fairlead.ports import Observer

__all__ = ["Bindable", "Definition", "Diverged", "Runnable", "WorkflowFunction", "file_of", "workflow"]


Diverged: TypeAlias = Literal["stop", "accept", "new"]
"""What to do when the body of a dynamic workflow takes another way than in the run that is resumed."""


class Runnable:
    """What a definition can do once its parameters are bound."""

    target: str = ""
    """Where it can be found again."""

    def build(self) -> Built:
        """Build the graph; raises DefinitionError with all that is wrong."""
        raise NotImplementedError

    @property
    def graph(self) -> Workflow:
        """The graph."""
        return self.build().workflow

    def run(  # noqa: PLR0913 - the contract's options, all keyword-only
        self,
        env: EnvironmentLike = None,
        *,
        id: str | None = None,  # noqa: A002 - the contract's own word
        tags: Sequence[str] = (),
        resume: str | WorkflowRun | None = None,
        check: bool = True,
        debug: bool = False,
        observers: Sequence[Observer] = (),
        max_workers: int | None = None,
        from_task: str | None = None,
        diverged: Diverged = "stop",
    ) -> WorkflowRun:
        """Run it here and now, wait, and give the run.

        `resume` is a run whose valid results are reused. `debug` runs everything in this process,
        without time limits, so that a debugger works, and raises the task's own exception with its
        frames in place of RunFailed. `diverged` says what happens where the body of a dynamic workflow takes
        another way than in the run that is resumed: it stops, it goes on, or a new run is made from the start.
        Raises RunFailed if the run fails, unless `check` is False.
        """
        stop_if_loading()
        from fairlead.config.early import start_early, without_collections

        with without_collections():
            environment = self._environment(env)
            if not debug:
                # The first process of the workers starts while this one imports what carries runs.
                start_early(environment, max_workers=max_workers)
            from fairlead.api import running

        options = running.Options(id, tags, resume, debug, observers, max_workers, from_task, diverged)
        return running.run(self, environment, options, check=check)

    def start(
        self,
        env: EnvironmentLike = None,
        *,
        id: str | None = None,  # noqa: A002 - the contract's own word
        tags: Sequence[str] = (),
        max_workers: int | None = None,
    ) -> WorkflowRun:
        """Start it in a driver process of its own, which outlives this one; gives a handle at once."""
        from fairlead.api.launch import start_process

        run = self.prepare(env, id=id, tags=tags)
        start_process(run._services, run.id, max_workers=max_workers)
        return run

    def prepare(
        self,
        env: EnvironmentLike = None,
        *,
        id: str | None = None,  # noqa: A002 - the contract's own word
        tags: Sequence[str] = (),
    ) -> WorkflowRun:
        """Record a run without starting it; `.start()` does that."""
        stop_if_loading()
        from fairlead.api import running

        return running.prepare(self, env, run_id=id, tags=tags)

    def check(self, env: EnvironmentLike = None) -> list[str]:
        """List everything that is wrong with the workflow in this environment; runs and records nothing."""
        from fairlead.api import running

        return running.check(self, env)

    def warnings(self, env: EnvironmentLike = None) -> list[str]:
        """List what may not be meant, though it can be run: a patch that matches no task, a name given twice."""
        from fairlead.api import running

        return running.warnings(self, env)

    def _environment(self, env: EnvironmentLike) -> Environment:
        from fairlead.config.environment import load

        file = file_of(self.target)
        return load(env, beside=file.parent if file.is_file() else None)

    def _built(self, environment: Environment) -> Built:
        """Build the graph, with the parameters that are given nowhere but in the environment."""
        raise NotImplementedError


class Bindable:
    """What a definition can do before its parameters are bound."""

    name: str

    @property
    def inputs(self) -> tuple[Input, ...]:
        """Its parameters."""
        raise NotImplementedError

    @property
    def rest(self) -> Input | None:
        """What takes names beyond `inputs`; None where nothing does."""
        return None

    def bound_to(self, values: dict[str, Any]) -> Runnable:
        """Bind these parameters and no others; raises DefinitionError."""
        raise NotImplementedError

    def draft(self, values: dict[str, Any]) -> Workflow:
        """Build the graph although parameters may be missing."""
        raise NotImplementedError

    def at(self, environment: Environment | None) -> Bindable:  # noqa: ARG002 - most are the same everywhere
        """Give it as it is in an environment: a runner's workflow has the components of that."""
        return self

    def with_given(self, recipes: dict[str, Any]) -> Bindable:  # noqa: ARG002 - only runners are given components
        """Give it with the components that code gave to its runner in an earlier run."""
        return self


class Definition(author_workflows.BoundWorkflow, Runnable):
    """A workflow with its parameters bound; nothing has run."""

    def __init__(
        self,
        function: author_workflows.WorkflowFunction,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        complete: bool = False,
    ) -> None:
        """Bind the parameters; unless `complete`, the environment may give what is missing."""
        given, problems = function.layout.bind(args, kwargs, partial=True)
        self._given = given
        self._call = (args, kwargs)
        self._graph: Built | None = None
        self.target = _target_of(function._function)
        if not complete and not problems and any(name not in given for name in function.layout.required()):
            self.function, self.parameters = function, given
            return
        super().__init__(function, args, kwargs)
        # Built at once, so that what is wrong with the graph is told where the parameters are bound.
        self._graph = super().build()

    def build(self) -> Built:
        """Give the graph; raises DefinitionError when parameters are missing."""
        return self._graph or self._built_with({})

    def _built(self, environment: Environment) -> Built:
        from fairlead.api.parameters import from_outside

        more = from_outside(
            self.function.name, lambda: self.function.inputs, given=self._given, environment=environment
        )
        return self._built_with(more) if more else self.build()

    def _built_with(self, more: dict[str, Any]) -> Built:
        args, kwargs = self._call
        return self.function.build(*args, **kwargs, **more)


class WorkflowFunction(author_workflows.WorkflowFunction, Bindable):
    """A workflow function: call it to bind its parameters, then run what comes back."""

    bound = Definition

    def bound_to(self, values: dict[str, Any]) -> Definition:
        """Bind these parameters and no others; raises DefinitionError."""
        return Definition(self, (), values, complete=True)

    def draft(self, values: dict[str, Any]) -> Workflow:
        """Build the graph although parameters may be missing."""
        return self.build_open(**values).workflow


@overload
def workflow(function: Callable[..., Any], /) -> WorkflowFunction: ...
@overload
def workflow(*, name: str | None = None, dynamic: bool = False) -> Callable[[Callable[..., Any]], WorkflowFunction]: ...
def workflow(function: Callable[..., Any] | None = None, /, *, name: str | None = None, dynamic: bool = False) -> Any:
    """Make a function a workflow: `@workflow`, or `@workflow(name="…")`.

    The function is called once, with handles, to build the graph; what it calls are tasks. With `dynamic`
    it is called when the workflow runs, with real values, and each task that it calls runs and gives one.
    """
    if function is None:
        return lambda later: WorkflowFunction(later, name=name, dynamic=dynamic)
    return WorkflowFunction(function, name=name, dynamic=dynamic)


def file_of(target: str) -> Path:
    """Give the file of a target; one that is no file where it has none."""
    return Path(target.rpartition(":")[0])


def _target_of(function: Callable[..., Any]) -> str:
    """Say where a definition can be found again: `/abs/jobs.py:training`, or `module:name`."""
    qualname = getattr(function, "__qualname__", "")
    code = getattr(function, "__code__", None)
    file = getattr(code, "co_filename", "")
    if not qualname or "<" in qualname:
        return ""
    if file and not file.startswith("<"):
        return f"{Path(file).absolute()}:{qualname}"
    module = getattr(function, "__module__", "")
    return f"{module}:{qualname}" if module and module != "__main__" else ""
