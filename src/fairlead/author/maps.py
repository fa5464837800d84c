"""One call for every item of one or more lists: `f.map(xs, rate=r)`.

In a graph this is one node with a body; outside one, it is a list comprehension. Positional
arguments are mapped over, keywords are passed whole; `each` and `whole` mark the exceptions.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from fairlead.author.callables import Layout
from fairlead.author.constants import CONTAINERS, holds_handle, misplaced
from fairlead.author.edges import Edges
from fairlead.author.handles import Each, Given, Handle, ItemOf, ListOf, Origin, What, Whole, new_handle
from fairlead.author.options import Core
from fairlead.author.problems import Problem, complain, place_of
from fairlead.author.scope import Scope
from fairlead.model.scope import enough
from fairlead.model.task import Place
from fairlead.model.types import describe, fits
from fairlead.model.workflow import Binding, Const, Container, MapNode, Parameter, ParamRef, Ref, TaskNode, Workflow

__all__ = ["MapCall", "Sources", "arrange", "item_origin", "map_plainly", "map_task", "place_map", "submit_plainly"]

_ENOUGH = 50
"""Constant items whose type is looked at."""


_NOTHING = "is given no list to map over; each(…) marks a keyword that is one"


class Sources(msgspec.Struct, frozen=True):
    """What a map takes: lists, and values for every call."""

    over: dict[str, Any]
    whole: dict[str, Any]


def map_plainly(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], wanted: float | None = None
) -> list[Any]:
    """Do what the map means in plain Python; `wanted` is its `min_success`."""
    name = getattr(function, "__name__", repr(function))
    if not any(isinstance(mark, Each) for mark in (*map(_positional, args), *map(_named, kwargs.values()))):
        raise complain(f"{name}.map", [Problem("", _NOTHING)])
    marked: dict[int | str, Each | Whole] = {**{index: _positional(value) for index, value in enumerate(args)}}
    marked |= {key: _named(value) for key, value in kwargs.items()}
    lists: dict[int | str, list[Any]] = {}
    for key, mark in marked.items():
        if isinstance(mark, Each):
            wrong = _no_list(mark.value)
            if wrong:
                raise complain(f"{name}.map", [Problem("", wrong)])
            lists[key] = list(mark.value)
    problem = _unequal({_ordinal(key): len(items) for key, items in lists.items()})
    if problem:
        raise complain(f"{name}.map", [Problem("", problem)])
    results = []
    errors: list[Exception] = []
    for items in zip(*lists.values(), strict=True):
        now = {**{key: mark.value for key, mark in marked.items()}, **dict(zip(lists, items, strict=True))}
        try:
            results.append(function(*(now[index] for index in range(len(args))), **{key: now[key] for key in kwargs}))
        except Exception as error:
            if wanted is None:
                raise
            errors.append(error)
    if errors and wanted is not None and not enough(len(results), len(results) + len(errors), wanted):
        raise errors[0]
    return results


def submit_plainly(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Do what `submit` means in plain Python: call, and give a future that is done."""
    from concurrent.futures import Future

    future: Future[Any] = Future()
    try:
        future.set_result(function(*args, **kwargs))
    except Exception as error:  # noqa: BLE001 - it is raised again where somebody asks for the result
        future.set_exception(error)
    return future


def arrange(layout: Layout, args: tuple[Any, ...], kwargs: dict[str, Any], subject: str) -> Sources:
    """Sort arguments by name into lists and whole values."""
    marked, named = tuple(map(_positional, args)), {key: _named(value) for key, value in kwargs.items()}
    bound, problems = layout.bind(marked, named)
    if not any(isinstance(mark, Each) for mark in (*marked, *named.values())):
        problems.append(Problem("", _NOTHING))
    if problems:
        raise complain(f"{subject}.map ({place_of(sys._getframe(1))})", problems)
    if layout.varargs in bound and layout.varargs not in kwargs:
        for index, mark in enumerate(bound.pop(layout.varargs)):
            bound[f"{layout.varargs}:{index}"] = mark
    over = {name: mark.value for name, mark in bound.items() if isinstance(mark, Each)}
    return Sources(over, {name: mark.value for name, mark in bound.items() if isinstance(mark, Whole)})


def map_task(
    scope: Scope, core: Core, after: tuple[Handle, ...], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Handle:
    """Place a map whose body is a single task."""
    layout, building = core.layout, scope.building
    index = building.table.get(core)
    if index is None:
        index = building.add(core)
    sources = arrange(layout, args, kwargs, core.name)
    names = [*sources.over, *sources.whole]
    bound: dict[str, Binding] = {name: ParamRef(name) for name in names if ":" not in name}
    rest = tuple(ParamRef(name) for name in sorted(set(names) - set(bound), key=lambda name: int(name.split(":")[1])))
    if rest:
        assert layout.varargs is not None
        bound[layout.varargs] = Container("tuple", rest)
    outputs = core.definition.outputs
    one = len(outputs) == 1
    result: Binding = Ref(0) if one else Container("tuple", tuple(Ref(0, k) for k in range(len(outputs))))
    place = place_of(sys._getframe(1))
    body = Workflow(
        name=core.name,
        parameters=tuple(Parameter(name) for name in names),
        nodes=(TaskNode(core.name, index, bound, place=place),),
        results={"result": result},
    )
    origin = ListOf(layout, (0 if one else -1, ()))
    return place_map(scope, MapCall(body, sources, layout, place, origin, after, True, core.free, {}, core.options))


class MapCall(msgspec.Struct, frozen=True):
    """One use of `map`, ready to be placed."""

    body: Workflow
    sources: Sources
    layout: Layout
    """Of what is mapped, for the types of its arguments."""
    place: Place
    origin: Origin
    """Of the result."""
    after: tuple[Handle, ...] = ()
    flat: bool = False
    free: bool = False
    lifted: dict[str, Binding] = {}
    """Body parameters that stand for values from around the map."""
    limits: dict[str, Any] = {}
    """`min_success` and `max_parallel`, where they are set."""


def place_map(scope: Scope, call: MapCall) -> Handle:
    """Bind the lists and the whole values of a map and place it."""
    body, sources, layout, place = call.body, call.sources, call.layout, call.place
    name = scope.unique(body.name)
    over = {key: _source(scope, value, layout, key, name, place) for key, value in sources.over.items()}
    problem = _unequal({repr(key): count for key, count in _lengths(scope, over)})
    if problem:
        scope.building.problems.append(Problem(name, f"{problem} ({place})"))
    whole = {
        key: scope.argument(value, layout, key.partition(":")[0], name, place) for key, value in sources.whole.items()
    }
    limits = call.limits
    made = MapNode(
        name,
        body,
        over,
        {**whole, **call.lifted},
        call.flat,
        place=place,
        min_success=limits.get("min_success"),
        max_parallel=limits.get("max_parallel"),
    )
    node = scope.place_block(made, call.after, free=call.free)
    return new_handle(scope, Ref(node), name, (node,), call.origin)


def item_origin(scope: Scope, value: Any) -> ItemOf | Given:
    """Give the type of what one copy of the body gets of a list."""
    if type(value) is Handle:
        origin = scope.own(value)._origin
        if origin is not None:
            what: What = value._what
            return ItemOf(origin, what)
    return Given(Any)


def _source(scope: Scope, value: Any, layout: Layout, key: str, name: str, place: Place) -> Binding:
    argument, edges = key.partition(":")[0], scope.building.edges
    if type(value) is Handle:
        value = scope.own(value)
        edges.add(value, layout, argument, name, place, kind="item")
        binding = scope.binding(value)
        if isinstance(binding, Ref) and not binding.select and type(scope.drafts[binding.node][5]) is dict:
            scope.rows.setdefault(binding.node, set()).add(binding.output)
        return binding
    wrong = _no_list(value)
    if wrong:
        scope.building.problems.append(Problem(name, f"{key!r}: {wrong} ({place})"))
        return scope.building.constant([])
    items = list(value)
    where = misplaced(items)
    if where:
        scope.building.problems.append(Problem(name, f"is given a result inside {where} ({place})"))
        return scope.building.constant([])
    _judge(scope, items, layout, argument, name, place, edges)
    return scope.binding(items)


def _judge(
    scope: Scope, items: list[Any], layout: Layout, argument: str, name: str, place: Place, edges: Edges
) -> None:
    wanted = layout.wanted(argument) if layout.annotated else Any
    for item in items[:_ENOUGH]:
        if type(item) is Handle:
            edges.add(item, layout, argument, name, place)
        elif not (type(item) in CONTAINERS and holds_handle(item)) and not fits(item, wanted):
            what = f"{item!r} given for '{argument}: {describe(wanted)}'"
            scope.building.problems.append(Problem(name, f"{what} ({place})"))
            return


def _lengths(scope: Scope, over: dict[str, Binding]) -> Iterator[tuple[str, int]]:
    for key, binding in over.items():
        if isinstance(binding, Const):
            yield key, len(scope.building.constants[binding.slot])
        elif isinstance(binding, Container):
            yield key, len(binding.items)


def _positional(value: Any) -> Each | Whole:
    return value if isinstance(value, (Each, Whole)) else Each(value)


def _named(value: Any) -> Each | Whole:
    return value if isinstance(value, (Each, Whole)) else Whole(value)


def _ordinal(key: int | str) -> str:
    return repr(key) if isinstance(key, str) else f"argument {key + 1}"


def _unequal(lengths: dict[str, int]) -> str:
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"{count} in {name}" for name, count in lengths.items())
        return f"maps over lists of unequal length: {counts}"
    return ""


def _no_list(value: Any) -> str:
    if isinstance(value, (str, bytes)):
        return f"map goes over lists; for the single characters of {value!r}, give list(…)"
    if isinstance(value, (set, frozenset)):
        return "map goes over lists, and a set has no order; give sorted(…)"
    if not isinstance(value, Iterable):
        return f"map goes over lists; got {value!r} (whole(…) passes a value to every call)"
    return ""
