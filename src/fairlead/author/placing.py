"""How a workflow function's body becomes part of a graph: called with handles, inlined, or mapped.

The decorators that people use, and what a call outside a graph means, are in `workflows`.
"""

from __future__ import annotations

import sys
import typing
from collections.abc import Callable
from typing import Annotated, Any, TypeAlias, TypeVar

import msgspec

from fairlead.author.callables import Layout, place_of_function
from fairlead.author.constants import CONTAINERS, holds_handle
from fairlead.author.handles import Given, Handle, ListOf, Origin, new_handle
from fairlead.author.maps import MapCall, Sources, arrange, item_origin, place_map
from fairlead.author.problems import complain, place_of
from fairlead.author.scope import Scope, current
from fairlead.errors import DefinitionError
from fairlead.model.task import Place
from fairlead.model.workflow import Const, Parameter, ParamRef, Workflow

__all__ = ["Body", "Static", "call_body", "inline", "is_static", "map_body"]

T = TypeVar("T")


class _StaticMark:
    """Marks an annotation whose value is real while the graph is built."""


Static: TypeAlias = Annotated[T, _StaticMark]
"""`n: Static[int]`: a parameter that has its real value while the workflow is built."""


class Body(msgspec.Struct, frozen=True):
    """What placing needs of a workflow function."""

    function: Callable[..., Any]
    layout: Layout
    name: str
    after: tuple[Handle, ...]
    limits: dict[str, Any] = {}
    """`min_success` and `max_parallel` of its maps."""


def is_static(layout: Layout, name: str) -> bool:
    """Whether a parameter is annotated as `Static[…]`."""
    hint = layout.hints.get(name)
    if hint is None:  # it may hold names that cannot be resolved; the word itself says enough
        text = next((one.annotation for one in layout.arguments if one.name == name), "")
        return text.startswith("Static[") or ".Static[" in text
    options = typing.get_args(hint) if typing.get_origin(hint) is typing.Union else (hint,)
    return any(typing.get_origin(one) is Annotated and _StaticMark in typing.get_args(one)[1:] for one in options)


def call_body(scope: Scope, body: Body, given: dict[str, Any]) -> Any:
    """Call the function in a scope, with a value or a handle for every parameter."""
    building = scope.building
    if body.function in building.active:
        raise DefinitionError(
            f"{building.name}: workflow {body.name!r} calls itself ({place_of(sys._getframe(1))}), and the graph "
            "would have no end; repeat it inside a task"
        )
    positional = [one.name for one in body.layout.arguments if one.kind == "positional_only"]
    args = [given[name] for name in positional]
    rest = {name: value for name, value in given.items() if name not in positional}
    building.active.append(body.function)
    token = current.set(scope)
    try:
        return body.function(*args, **rest)
    finally:
        current.reset(token)
        building.active.pop()


def inline(scope: Scope, body: Body, args: tuple[Any, ...], kwargs: dict[str, Any], *, prefixed: bool = True) -> Any:
    """Place a workflow's calls in a scope, under the workflow's name if `prefixed`: `prep:load`."""
    layout = body.layout
    place = place_of(sys._getframe(1))
    bound, problems = layout.bind(args, kwargs)
    if problems:
        raise complain(f"{scope.building.name}: {body.name} ({place})", problems)
    name = scope.unique(body.name) if prefixed else body.name
    given = {}
    for one in layout.arguments:
        value = bound.get(one.name, one.default)
        if is_static(layout, one.name):
            given[one.name] = _real(scope, value, one.name, name, place)
        else:
            binding = scope.argument(value, layout, one.name, name, place)
            given[one.name] = scope.wrap(value, one.name, layout.wanted(one.name), binding)
    prefix, waits = scope.prefix, scope.waits
    scope.prefix, scope.waits = f"{name}:" if prefixed else prefix, scope.orders(body.after)
    try:
        return call_body(scope, body, given)
    finally:
        scope.prefix, scope.waits = prefix, waits


def map_body(scope: Scope, body: Body, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Handle:
    """Place a map whose body is a workflow."""
    layout = body.layout
    place = place_of(sys._getframe(1))
    sources = arrange(layout, args, kwargs, body.name)
    static = {one.name for one in layout.arguments if is_static(layout, one.name)}
    inner = Scope(scope.building, body.name, scope)
    given = _item_arguments(scope, inner, body, sources, static, place)
    value = call_body(inner, body, given)
    result = {"result": inner.result(value)}
    whole = {name: value for name, value in sources.whole.items() if name not in static}
    nodes = inner.nodes()
    graph = Workflow(
        name=body.name,
        parameters=tuple(Parameter(name) for name in (*sources.over, *whole, *inner.lifted)),
        nodes=nodes,
        results=result,
        place=place_of_function(body.function),
    )
    known = value._origin if type(value) is Handle else None
    origin: Origin = Given(list) if known is None else ListOf(known, value._what)
    after = (*body.after, *inner.outer_after)
    sources = Sources(sources.over, whole)
    return place_map(
        scope, MapCall(graph, sources, layout, place, origin, after, lifted=inner.lifted, limits=body.limits)
    )


def _item_arguments(
    scope: Scope, inner: Scope, body: Body, sources: Sources, static: set[str], place: Place
) -> dict[str, Any]:
    layout = body.layout
    given: dict[str, Any] = {}
    for one in layout.arguments:
        name = one.name
        if name in static and name in sources.over:
            raise DefinitionError(
                f"{scope.building.name}: {body.name}.map ({place}): {name!r} is Static and shapes the graph, so it "
                "cannot differ from item to item; take Static off the parameter"
            )
        if name in static:
            given[name] = _real(scope, sources.whole.get(name, one.default), name, body.name, place)
        elif name in sources.over or name in sources.whole:
            known = name in layout.hints or name in sources.whole
            origin = Given(layout.wanted(name)) if known else item_origin(scope, sources.over[name])
            given[name] = new_handle(inner, ParamRef(name), name, (), origin)
        else:
            given[name] = inner.wrap(one.default, name, layout.wanted(name))
    return given


def _real(scope: Scope, value: Any, argument: str, name: str, place: Place) -> Any:
    if type(value) is Handle and isinstance(value._binding, Const):
        return scope.building.constants[value._binding.slot]
    if type(value) is Handle or (type(value) in CONTAINERS and holds_handle(value)):
        raise DefinitionError(
            f"{scope.building.name}: {name} ({place}): {argument!r} is Static and needs a real value while the "
            "workflow is built; give one, or take Static off the parameter"
        )
    return value
