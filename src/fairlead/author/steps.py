"""Pipelines of steps: values flow by name, and every name is resolved when the graph is built.

Steps are descriptions and check nothing; `Pipeline.build` checks everything, and says all that is
wrong at once. Nothing here runs a graph.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from fairlead.author import assembled
from fairlead.author.assembled import Block, Fill
from fairlead.author.assembly import Assembly, Return
from fairlead.author.built import Built, Input
from fairlead.author.problems import Problem, complain, place_of
from fairlead.author.settings import iterations_problem, max_parallel_problem, min_success_problem, name_problem
from fairlead.model.task import Place
from fairlead.model.workflow import Ends, OnError

__all__ = [
    "Branch",
    "Conditional",
    "Loop",
    "Map",
    "Parallel",
    "Pipeline",
    "PythonTask",
    "Step",
    "Stub",
    "metric",
    "pickled",
]


class Step:
    """What all steps have: a name, a place, and what happens when they fail or have succeeded."""

    name: str | None

    def __init__(
        self,
        name: str | None,
        *,
        on_failure: Branch | None = None,
        on_error: OnError = "finish",
        terminate_with_success: bool = False,
        terminate_with_failure: bool = False,
        place: Place | None = None,
    ) -> None:
        self.name = name
        self.on_failure = on_failure
        """Runs in its place when it fails; then the failure is dealt with."""
        self.on_error: OnError = on_error
        """`stop`: when something in it fails, the rest of it is ended."""
        self.terminate_with_success = terminate_with_success
        """Once it has succeeded, the pipeline that it stands in has, too."""
        self.terminate_with_failure = terminate_with_failure
        """Once it has succeeded, the pipeline that it stands in has failed."""
        self.place: Place = place or place_of(sys._getframe(1))

    @property
    def ends(self) -> Ends:
        """What becomes of the pipeline that it stands in, once it has succeeded."""
        return "failed" if self.terminate_with_failure else "succeeded" if self.terminate_with_success else ""

    def label(self) -> str:
        """Give its name in the graph."""
        return str(self.name)

    def add_to(self, assembly: Assembly) -> None:
        """Place it behind the steps that are there."""
        problem = self._problem()
        if problem:
            assembly.complain(self.label(), f"{problem} ({self.place})")
            return
        handler = None if self.on_failure is None else _fill(self.on_failure)
        block = Block(self.label(), self.place, self.ends, handler, self.on_error)
        self._place(assembly, block)

    def _problem(self) -> str:
        """Say what is wrong with its settings; empty when nothing is."""
        if self.terminate_with_success and self.terminate_with_failure:
            return "terminates with success and with failure; choose one"
        if self.on_error not in ("finish", "stop"):
            return f"on_error must be 'finish' or 'stop'; got {self.on_error!r}"
        return "" if self.on_failure is None else _wrong(self.on_failure, "on_failure")

    def _place(self, assembly: Assembly, block: Block) -> None:
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.label()}>"


Branch: TypeAlias = "Pipeline | Step | Callable[..., Any] | Sequence[Step | Callable[..., Any]]"
"""What may stand where a pipeline is wanted: one, a single step or function, or a list of them."""


class PythonTask(Step):
    """A step that calls a function."""

    def __init__(
        self,
        function: Callable[..., Any],
        name: str | None = None,
        returns: Sequence[str | Return] | None = None,
        *,
        on_failure: Branch | None = None,
        terminate_with_success: bool = False,
        terminate_with_failure: bool = False,
        place: Place | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            name,
            on_failure=on_failure,
            terminate_with_success=terminate_with_success,
            terminate_with_failure=terminate_with_failure,
            place=place,
        )
        self.function = function
        """A function, or a task made of one."""
        self.returns = returns
        """Names of what it returns; None: those in its return statements, where they have any."""
        self.options = options
        """The options of `task`."""

    def label(self) -> str:
        """Give its name in the graph: the function's own, where it has none."""
        return str(self.name or getattr(self.function, "__name__", "") or repr(self.function))

    def _place(self, assembly: Assembly, block: Block) -> None:
        if block.on_failure is None:
            assembly.python(self.function, self.name, self.returns, self.options, self.place, block.ends)
            return

        def single(inner: Assembly) -> None:
            inner.python(self.function, self.name, self.returns, self.options, self.place)

        assembled.guarded(assembly, block, single)


class Stub(Step):
    """A step that does nothing and accepts anything; what it returns is None."""

    def __init__(self, name: str, returns: Sequence[str | Return] = (), **settings: Any) -> None:
        super().__init__(name, **settings)
        self.returns = returns

    def _place(self, assembly: Assembly, block: Block) -> None:
        assembly.stub(self.name, self.returns, self.place, block.ends)  # type: ignore[arg-type]  # checked there


class Parallel(Step):
    """Pipelines that do not wait for each other; it succeeds when all of them do."""

    def __init__(self, name: str, branches: Mapping[str, Branch], **settings: Any) -> None:
        super().__init__(name, **settings)
        self.branches = branches

    def _problem(self) -> str:
        return super()._problem() or _wrong_branches(self.branches, "branches")

    def _place(self, assembly: Assembly, block: Block) -> None:
        assembled.add_parallel(assembly, block, {str(label): _fill(one) for label, one in self.branches.items()})


class Map(Step):
    """A copy of a pipeline for every item of a list."""

    def __init__(
        self,
        name: str,
        iterate_on: str,
        iterate_as: str,
        branch: Branch,
        reducer: Callable[..., Any] | None = None,
        *,
        min_success: float | None = None,
        max_parallel: int | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(name, **settings)
        self.iterate_on = iterate_on
        """Name of the list."""
        self.iterate_as = iterate_as
        """Name of the item, inside."""
        self.branch = branch
        self.reducer = reducer
        """Makes one value of each list of results; None: the next step does."""
        self.min_success = min_success
        """How many items must succeed: a count, or a share between 0.0 and 1.0; None: all."""
        self.max_parallel = max_parallel
        """How many items may be under way at once."""

    def _problem(self) -> str:
        checks = (
            super()._problem(),
            name_problem(self.iterate_on, "iterate_on"),
            name_problem(self.iterate_as, "iterate_as"),
            _wrong(self.branch, "branch"),
            _about("min_success", min_success_problem(self.min_success)),
            _about("max_parallel", max_parallel_problem(self.max_parallel)),
            "" if self.reducer is None or callable(self.reducer) else f"reducer must be callable; got {self.reducer!r}",
        )
        return next(filter(None, checks), "")

    def _place(self, assembly: Assembly, block: Block) -> None:
        assembled.add_map(
            assembly,
            block,
            over=self.iterate_on,
            item=self.iterate_as,
            fill=_fill(self.branch),
            reducer=self.reducer,
            min_success=self.min_success,
            max_parallel=self.max_parallel,
        )


class Conditional(Step):
    """The one of several pipelines that a value chooses."""

    def __init__(
        self, name: str, parameter: str, branches: Mapping[Any, Branch], default: Branch | None = None, **settings: Any
    ) -> None:
        super().__init__(name, **settings)
        self.parameter = parameter
        """Name of the value that chooses."""
        self.branches = branches
        self.default = default
        """Taken when the value is none of the branches' keys; without one, that fails."""

    def _problem(self) -> str:
        checks = (
            super()._problem(),
            name_problem(self.parameter, "parameter"),
            _wrong_branches(self.branches, "branches"),
            "" if self.default is None else _wrong(self.default, "default"),
        )
        return next(filter(None, checks), "")

    def _place(self, assembly: Assembly, block: Block) -> None:
        cases = {key: _fill(one) for key, one in self.branches.items()}
        default = None if self.default is None else _fill(self.default)
        assembled.add_switch(assembly, block, on=self.parameter, cases=cases, default=default)


class Loop(Step):
    """A pipeline that is done again until one of its values is true, or often enough."""

    def __init__(
        self,
        name: str,
        branch: Branch,
        max_iterations: int,
        break_on: str | None = None,
        index_as: str | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(name, **settings)
        self.branch = branch
        self.max_iterations = max_iterations
        self.break_on = break_on
        """Name of a value of the branch; once it is true, it was the last time round."""
        self.index_as = index_as
        """Name, inside, of how often it was done before: 0, 1, 2, …"""

    def _problem(self) -> str:
        checks = (
            super()._problem(),
            _wrong(self.branch, "branch"),
            iterations_problem(self.max_iterations),
            "" if self.break_on is None else name_problem(self.break_on, "break_on"),
            "" if self.index_as is None else name_problem(self.index_as, "index_as"),
        )
        return next(filter(None, checks), "")

    def _place(self, assembly: Assembly, block: Block) -> None:
        assembled.add_loop(
            assembly,
            block,
            fill=_fill(self.branch),
            max_iterations=self.max_iterations,
            until=self.break_on,
            index_as=self.index_as,
        )


class Pipeline(Step):
    """Steps that run in the order written; a pipeline may be a step of another."""

    name: str

    def __init__(
        self,
        steps: Sequence[Step],
        name: str = "pipeline",
        *,
        parameters: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(name, **settings)
        self.steps: list[Any] = list(steps)
        self.parameters: dict[str, Any] = dict(parameters or {})
        """Values of parameters that are given nowhere else."""

    def build(self, parameters: Mapping[str, Any] | None = None, *, partial: bool = False) -> Built:
        """Resolve every name and give the graph.

        Raises DefinitionError with all that is wrong. With `partial`, required parameters may be
        missing.
        """
        assembly = Assembly(self.name, self.place, dict(parameters or {}), self.parameters, partial=partial)
        if not self.steps:
            raise complain(self.name, [Problem("", "has no steps")])
        self.fill(assembly)
        return assembly.finish()

    def fill(self, assembly: Assembly) -> None:
        """Add the steps to a pipeline that is being put together."""
        if not self.steps:
            assembly.complain(self.label(), f"has no steps ({self.place})")
        for position, step in enumerate(self.steps):
            if isinstance(step, Step):
                step.add_to(assembly)
            else:
                known = "wrap a function in PythonTask(function=…)" if callable(step) else "give PythonTask or Stub"
                assembly.complain(f"step {position + 1}", f"{step!r} is no step; {known}")

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The parameters: names that no step before provides."""
        return self.build(partial=True).inputs

    def _place(self, assembly: Assembly, block: Block) -> None:
        assembled.add_group(assembly, block, self.fill)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}: {len(self.steps)} steps>"


def metric(name: str) -> Return:
    """Name a returned value that is recorded as a metric, too."""
    return Return(name, True)


def pickled(name: str) -> Return:
    """Name a returned value; how it is kept is worked out from the value itself."""
    return Return(name, False)


def _fill(branch: Branch) -> Fill:
    """Give what adds a branch's steps to a pipeline that is being put together."""
    if isinstance(branch, Pipeline):
        return branch.fill
    steps: list[Any] = list(branch) if isinstance(branch, (list, tuple)) else [branch]
    place = place_of(sys._getframe(1))
    ready = [step if isinstance(step, Step) else PythonTask(step, place=place) for step in steps]

    def fill(assembly: Assembly) -> None:
        for step in ready:
            step.add_to(assembly)

    return fill


def _wrong(branch: object, setting: str) -> str:
    if isinstance(branch, (Step, Pipeline)) or callable(branch):
        return ""
    if isinstance(branch, (list, tuple)) and branch and all(isinstance(one, Step) or callable(one) for one in branch):
        return ""
    return f"{setting} must be a pipeline, a step, a function, or a list of them; got {branch!r}"


def _wrong_branches(branches: object, setting: str) -> str:
    if not isinstance(branches, Mapping) or not branches:
        return f"{setting} must map names to pipelines; got {branches!r}"
    return next(filter(None, (_wrong(one, f"{setting}[{key!r}]") for key, one in branches.items())), "")


def _about(setting: str, problem: str) -> str:
    return f"{setting} {problem}" if problem else ""
