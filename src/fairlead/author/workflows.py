"""Workflow functions: a function whose body is called once, with handles, to build the graph.

Everything here gives data back: `Built` holds the graph and the values beside it. Whoever wants to
run it subclasses `WorkflowFunction` and `BoundWorkflow`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, ClassVar

from msgspec.structs import replace

from fairlead.author.built import Built, Input
from fairlead.author.callables import MISSING, Layout, clean_doc, layout_of, place_of_function
from fairlead.author.constants import misplaced
from fairlead.author.functions import dress, handles_in, is_method
from fairlead.author.handles import Given, Handle, new_handle
from fairlead.author.maps import map_plainly
from fairlead.author.options import check_name
from fairlead.author.placing import Body, call_body, inline, is_static, map_body
from fairlead.author.problems import Problem, complain, place_of
from fairlead.author.scope import Building, Scope, current
from fairlead.author.settings import max_parallel_problem, min_success_problem
from fairlead.errors import DefinitionError
from fairlead.model.workflow import Binding, Parameter, ParamRef, Workflow

__all__ = ["BoundWorkflow", "WorkflowFunction", "build", "workflow"]


class WorkflowFunction:
    """A function that builds a graph out of task calls."""

    bound: ClassVar[type[BoundWorkflow]]
    """What a call outside a graph gives; a subclass that can run puts its own class here."""

    def __init__(self, function: Callable[..., Any], *, name: str | None = None, dynamic: bool = False) -> None:
        self._function = function
        self.dynamic = dynamic
        """The body is run as ordinary Python, and not called once to build a graph."""
        self._layout: Layout | None = None
        self._after: tuple[Handle, ...] = ()
        self._limits: dict[str, Any] = {}
        self.handler: Callable[..., Any] | None = None
        """Runs in its place when something in it failed."""
        self.name: str = name if name is not None else getattr(function, "__name__", "")
        problem = check_name(self.name)
        if self.name == "<lambda>" or problem:
            raise DefinitionError(f"a workflow needs a name: name='…' {problem}".rstrip())
        self.awaits = bool(getattr(getattr(function, "__code__", None), "co_flags", 0) & 0x80)
        """The body is `async def`."""
        if self.awaits and not dynamic:
            raise DefinitionError(
                f"workflow {self.name!r} ({place_of_function(function)}) is async; write a plain 'def': "
                "async tasks are awaited when the workflow runs; or make it @workflow(dynamic=True), which may await"
            )
        dress(self, function, self.name)

    @property
    def layout(self) -> Layout:
        """What the function takes; DefinitionError when it takes what no workflow can."""
        if self._layout is None:
            layout = layout_of(self._function, what="workflow")
            for name in (layout.varargs, layout.varkw):
                if name is not None:
                    raise DefinitionError(
                        f"workflow {self.name!r}: its parameters need names, and '*{name}' has none; take a list"
                    )
            self._layout = layout
        return self._layout

    @property
    def body(self) -> Body:
        """What placing it needs."""
        return Body(self._function, self.layout, self.name, self._after, self._limits)

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The workflow's parameters."""
        layout = self.layout
        return tuple(
            Input(
                one.name,
                layout.wanted(one.name),
                one.annotation,
                one.default is MISSING,
                None if one.default is MISSING else one.default,
                is_static(layout, one.name),
            )
            for one in layout.arguments
        )

    def fn(self, *args: Any, **kwargs: Any) -> Any:
        """Call the plain function: plain Python, nothing built, nothing recorded."""
        token = current.set(False)
        try:
            return self._plainly(args, kwargs)
        finally:
            current.reset(token)

    def _plainly(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self.handler is None:
            return self._function(*args, **kwargs)
        from fairlead.author.blocks import guard_plainly

        return guard_plainly(self._function, self.name, self.layout, self.handler, args, kwargs)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Bind the parameters; inside another workflow, place this one's calls in that one."""
        scope = current.get()
        if scope is None:
            return self.bound(self, args, kwargs)
        if scope is False:
            return self._plainly(args, kwargs)
        plain: Any = self
        if self.handler is not None:
            plain = self._copy()
            plain.handler = None
        if not scope:
            if self.handler is not None:
                return scope.guard(plain, self.layout, self.handler, args, kwargs)
            return scope.enter(self, args, kwargs)
        self._refuse_graph(scope)
        if self.handler is not None:
            from fairlead.author.blocks import guard

            return guard(scope, plain, self.name, self.layout, self.handler, args, kwargs)
        return inline(scope, self.body, args, kwargs)

    def build(self, *args: Any, **kwargs: Any) -> Built:
        """Build the graph for these parameters."""
        return build(self, args, kwargs)

    def build_open(self, *args: Any, **kwargs: Any) -> Built:
        """Build the graph although required parameters are missing: to draw or check it."""
        return build(self, args, kwargs, partial=True)

    def options(
        self, *, name: str | None = None, min_success: float | None = None, max_parallel: int | None = None
    ) -> WorkflowFunction:
        """Give a copy under another name, or with other limits for its maps.

        `min_success`: how many items must succeed, a count or a share between 0.0 and 1.0. `max_parallel`:
        how many may be under way at once.
        """
        problems = [
            Problem(key, wrong)
            for key, wrong in (
                ("min_success", min_success_problem(min_success)),
                ("max_parallel", max_parallel_problem(max_parallel)),
            )
            if wrong
        ]
        if problems:
            raise complain(self.name, problems)
        copy = self._copy(name)
        given = {"min_success": min_success, "max_parallel": max_parallel}
        copy._limits = {**self._limits, **{key: value for key, value in given.items() if value is not None}}
        return copy

    def after(self, *handles: Any) -> WorkflowFunction:
        """Give a copy whose calls, placed in a workflow, wait for these results."""
        if not current.get():
            return self
        copy = self._copy()
        copy._after = (*self._after, *handles_in(handles, self.name))
        return copy

    def on_failure(self, handler: Callable[..., Any]) -> WorkflowFunction:
        """Give a copy that, placed in a workflow, has `handler` called in its place when something in it failed.

        The handler takes parameters of the call by name, and `failure`: a dict of `task`, `type` and `message`.
        """
        if not callable(handler):
            raise DefinitionError(f"{self.name}.on_failure takes a task or workflow; got {handler!r}")
        copy = self._copy()
        copy.handler = handler
        return copy

    def _copy(self, name: str | None = None) -> WorkflowFunction:
        copy = type(self)(self._function, name=name or self.name, dynamic=self.dynamic)
        copy._after, copy._limits, copy.handler = self._after, self._limits, self.handler
        return copy

    def map(self, *lists: Any, **values: Any) -> Any:
        """Run once for every item: positional arguments are lists, keywords are passed whole."""
        scope = current.get()
        if not scope:
            if scope is not None and scope is not False:
                return scope.enter_each(self, lists, values)
            return map_plainly(self.fn, lists, values, self._limits.get("min_success"))
        self._refuse_graph(scope)
        body = self.body if self.handler is None else replace(self.body, function=self)
        return map_body(scope, body, lists, values)

    def _refuse_graph(self, scope: Scope) -> None:
        if self.dynamic:
            raise DefinitionError(
                f"{scope.building.name}: workflow {self.name!r} ({place_of(sys._getframe(2))}) is dynamic, and a graph "
                "cannot hold what is not known yet; make the outer workflow dynamic, too"
            )

    def __get__(self, instance: object, owner: type) -> WorkflowFunction:
        bind = getattr(owner, "_bind_workflow", None) if instance is not None else None
        if bind is not None:  # a runner's method
            return bind(self, instance)  # type: ignore[no-any-return]
        if instance is not None and is_method(self._function, owner):
            raise DefinitionError(
                f"workflow {self.name!r} is a method of {owner.__name__} ({place_of(sys._getframe(1))}); "
                "derive the class from Runner, or write a function outside the class"
            )
        return self

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


class BoundWorkflow:
    """A workflow with its parameters bound; nothing has run."""

    def __init__(self, function: WorkflowFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.function = function
        self.parameters = _bound(function, args, kwargs)
        """Raw values by name, defaults included."""

    @property
    def name(self) -> str:
        """The workflow's name."""
        return self.function.name

    def build(self) -> Built:
        """Build the graph."""
        return _build(self.function, self.parameters)

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r:.40}" for name, value in self.parameters.items())
        return f"<{type(self).__name__} {self.name}({given})>"


WorkflowFunction.bound = BoundWorkflow


def workflow(function: Callable[..., Any] | None = None, /, *, name: str | None = None, dynamic: bool = False) -> Any:
    """Make a function a workflow: `@workflow`, or `@workflow(name="…")`."""
    if function is None:
        return lambda later: WorkflowFunction(later, name=name, dynamic=dynamic)
    return WorkflowFunction(function, name=name, dynamic=dynamic)


def build(
    function: WorkflowFunction | Callable[..., Any],
    args: tuple[Any, ...] = (),
    kwargs: dict[str, Any] | None = None,
    *,
    name: str | None = None,
    partial: bool = False,
) -> Built:
    """Call a workflow function with handles and give the graph that it builds.

    Raises DefinitionError with all that is wrong: parameters, calls, and types that cannot fit.
    With `partial`, required parameters may be missing.
    """
    if not isinstance(function, WorkflowFunction):
        function = WorkflowFunction(function, name=name)
    elif name is not None:
        function = function.options(name=name)
    return _build(function, _bound(function, args, kwargs or {}, partial=partial))


def _bound(
    function: WorkflowFunction, args: tuple[Any, ...], kwargs: dict[str, Any], *, partial: bool = False
) -> dict[str, Any]:
    layout = function.layout
    given, problems = layout.bind(args, kwargs, partial=partial)
    edges = Building(function.name).edges
    for name, value in given.items():
        wrong = edges.misfit(value, layout, name) if layout.annotated and type(value) is not Handle else ""
        if wrong:
            problems.append(Problem("", wrong))
        elif misplaced([value], "an argument"):
            problems.append(Problem("", f"{name!r} is given a result of another workflow"))
    for one in layout.arguments:
        if partial and one.default is MISSING and one.name not in given and is_static(layout, one.name):
            problems.append(Problem("", f"is not given {one.name!r}, which shapes the graph"))
    if problems:
        raise complain(function.name, problems)
    return {
        one.name: given.get(one.name, one.default)
        for one in layout.arguments
        if one.name in given or one.default is not MISSING
    }


def _build(function: WorkflowFunction, values: dict[str, Any]) -> Built:
    if function.dynamic:
        from fairlead.author.dynamic import build_dynamic

        return build_dynamic(function, values)
    building = Building(function.name)
    scope = Scope(building, function.name)
    layout = function.layout
    given: dict[str, Any] = {}
    parameters = []
    for one in layout.arguments:
        static = is_static(layout, one.name)
        slot = None
        if static or one.default is not MISSING:
            slot = building.constant(values[one.name] if static else one.default).slot
        parameters.append(Parameter(one.name, one.annotation, slot is None, slot, static))
        origin = Given(layout.wanted(one.name))
        given[one.name] = values[one.name] if static else new_handle(scope, ParamRef(one.name), one.name, (), origin)
    results, single = _results(scope, call_body(scope, function.body, given))
    nodes = scope.nodes()
    problems = [*building.problems, *building.edges.problems()]
    if problems:
        raise complain(function.name, problems)
    graph = Workflow(
        name=function.name,
        parameters=tuple(parameters),
        nodes=nodes,
        results=results,
        single=single,
        tasks=tuple(building.definitions),
        place=place_of_function(function._function),
        doc=clean_doc(function._function),
    )
    built = Built(graph, building.constants, building.functions, values, function.inputs)
    if all(task.catalog is None for task in building.definitions):
        return built
    from fairlead.author.catalogs import with_catalogs

    return with_catalogs(built)


def _results(scope: Scope, value: Any) -> tuple[dict[str, Binding], bool]:
    if type(value) is dict and value and all(type(key) is str for key in value):
        return {key: scope.result(item) for key, item in value.items()}, False
    return {"result": scope.result(value)}, True
