"""A task as a workflow of one: its arguments are the parameters, and what it gives is the result.

The task is called in a scope as a workflow function would call it, so that every kind of task, with
its options and its handler, means here what it means there.
"""

from __future__ import annotations

from typing import Any

import msgspec

from fairlead.author.built import Built, Input
from fairlead.author.callables import LOOSE, MISSING, Argument
from fairlead.author.catalogs import with_catalogs
from fairlead.author.constants import ATOMS
from fairlead.author.functions import Task
from fairlead.author.handles import Given, Handle, new_handle
from fairlead.author.problems import Problem, complain, nearest
from fairlead.author.scope import Building, Scope, current
from fairlead.model.task import LEFT_OUT
from fairlead.model.workflow import Binding, Node, Parameter, ParamRef, TaskNode, Workflow

__all__ = ["build_single", "inputs_of", "rest_of"]


def inputs_of(task: Task[..., Any]) -> tuple[Input, ...]:
    """Give what a task takes, as the parameters of a workflow; `*args` is one that is a list."""
    layout = task._core.layout
    return tuple(
        Input(one.name, list[layout.wanted(one.name)], f"list[{one.annotation or 'Any'}]", False, ())  # type: ignore[misc]
        if one.kind == "varargs"
        else Input(
            one.name,
            layout.wanted(one.name),
            one.annotation,
            one.default is MISSING,
            None if one.default is MISSING else MISSING if one.default is LEFT_OUT else one.default,
        )
        for one in layout.arguments
        if one.kind not in ("varkw", "namespace")
    )


def rest_of(task: Task[..., Any]) -> Input | None:
    """Give what takes any further name: the `**kwargs` of a task, or its one Namespace."""
    layout = task._core.layout
    if layout.varkw is None:
        return None
    text = next(one.annotation for one in layout.arguments if one.name == layout.varkw)
    return Input(layout.varkw, layout.wanted(""), text, False, MISSING)


def build_single(task: Task[..., Any], values: dict[str, Any], *, partial: bool = False) -> Built:
    """Build the graph of one call; DefinitionError with all that is missing, unknown or of another type.

    With `partial`, required parameters may be missing.
    """
    core = task._core
    given = _given(task, values, partial=partial)
    building = Building(core.name)
    scope = Scope(building, core.name)
    parameters: list[Parameter] = []
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    by_position = core.layout.varargs in values
    for one in core.layout.arguments:
        if one.kind == "varargs" and one.name in given:
            parameters.append(Parameter(one.name, f"list[{one.annotation or 'Any'}]", False))
            args += [_handle(scope, one.name, core.layout.wanted(one.name), k) for k in range(len(given[one.name]))]
        elif one.kind in LOOSE:
            continue
        elif one.name in given or one.default is MISSING:
            slot = building.constant(one.default).slot if type(one.default) in ATOMS else None
            parameters.append(Parameter(one.name, one.annotation, one.default is MISSING, slot))
            handle = _handle(scope, one.name, core.layout.wanted(one.name))
            if one.kind == "positional_only" or (one.kind == "normal" and by_position):
                args.append(handle)
            else:
                kwargs[one.name] = handle
    taken = {one.name for one in parameters}
    for name in given:
        if name not in taken:
            parameters.append(Parameter(name))
            kwargs[name] = _handle(scope, name, core.layout.wanted(name))
    results, single = _called(scope, task, args, kwargs)
    nodes = tuple(_placed(node, task) for node in scope.nodes())
    problems = [*building.problems, *building.edges.problems()]
    if problems:
        raise complain(core.name, problems)
    definition = core.definition
    graph = Workflow(
        name=core.name,
        parameters=tuple(parameters),
        nodes=nodes,
        results=results,
        single=single,
        tasks=tuple(building.definitions),
        place=definition.place,
        doc=definition.doc,
    )
    return with_catalogs(Built(graph, building.constants, building.functions, given, inputs_of(task)))


def _given(task: Task[..., Any], values: dict[str, Any], *, partial: bool) -> dict[str, Any]:
    """Check the values, and add the defaults that a record can show."""
    layout = task._core.layout
    edges = Building(task.name).edges
    problems: list[Problem] = []
    found: dict[str, Any] = {}
    known = [one.name for one in layout.arguments if one.kind not in ("varkw", "namespace")]
    for one in layout.arguments:
        if one.name in values and one.name in known:
            wrong = "" if one.kind == "varargs" else edges.misfit(values[one.name], layout, one.name)
            problems += [Problem("", wrong)] if wrong else []
            found[one.name] = values[one.name]
        elif one.kind in LOOSE:
            continue
        elif one.default is MISSING:
            problems += [] if partial else [Problem("", f"is not given {one.name!r}")]
        elif type(one.default) in ATOMS or _is_before_list(one, layout.varargs, values):
            found[one.name] = one.default
    for name, value in values.items():
        if name not in known and layout.varkw is None:
            problems.append(Problem("", f"takes no {name!r}{nearest(name, known)}"))
        elif name not in known:
            found[name] = value
    if problems:
        raise complain(task.name, problems)
    return found


def _is_before_list(one: Argument, varargs: str | None, values: dict[str, Any]) -> bool:
    """Whether an argument must be there, because what follows it goes by position."""
    return varargs in values and one.kind in ("positional_only", "normal")


def _handle(scope: Scope, name: str, annotation: Any, *select: int) -> Handle:
    return new_handle(scope, ParamRef(name, select), name, (), Given(annotation))


def _called(
    scope: Scope, task: Task[..., Any], args: list[Any], kwargs: dict[str, Any]
) -> tuple[dict[str, Binding], bool]:
    """Call it, and give its results by their names."""
    token = current.set(scope)
    try:
        value: Any = task(*args, **kwargs)
    finally:
        current.reset(token)
    names = task._core.definition.outputs
    if len(names) > 1:
        return {name: scope.result(value[place]) for place, name in enumerate(names)}, False
    return {names[0] if names else "result": scope.result(value)}, True


def _placed(node: Node, task: Task[..., Any]) -> Node:
    """Say where the task was written: nobody wrote the call."""
    place = task._core.definition.place
    return msgspec.structs.replace(node, place=place) if isinstance(node, TaskNode) else node
