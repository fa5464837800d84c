"""Blocks in workflow functions: `switch`, `repeat`, and what runs in place of a call that failed.

A body is any callable that may be called in a workflow function: a task, a workflow, or a function that
calls some. It is called once, in a scope of its own. Outside a graph every block has its plain meaning.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from fairlead.author.callables import Layout, layout_of
from fairlead.author.constants import CONTAINERS, holds_handle
from fairlead.author.handles import Given, Handle, new_handle
from fairlead.author.placing import inline
from fairlead.author.problems import Problem, complain, nearest, place_of
from fairlead.author.scope import Scope, current
from fairlead.author.settings import iterations_problem
from fairlead.errors import DefinitionError, TaskFailed
from fairlead.model.path import RESERVED
from fairlead.model.task import Place
from fairlead.model.workflow import (
    Binding,
    Case,
    Container,
    GroupNode,
    Parameter,
    ParamRef,
    Ref,
    RepeatNode,
    SwitchNode,
    TaskNode,
    Workflow,
)

__all__ = ["Switch", "guard", "guard_plainly", "handle_plainly", "label_of", "repeat", "switch"]

_DEFAULT = object()
LONGEST = 80
"""Letters of a case that stand in a path; it may be a whole text."""

FAILURE = "failure"
"""The argument of a handler that is told what failed."""


class Switch:
    """One of several callables, chosen by a value; calling it calls the chosen one."""

    def __init__(self, selector: Any, cases: Mapping[Any, Callable[..., Any]], default: Any, name: str) -> None:
        self._selector = selector
        self._cases = cases
        self._default = default
        self._name = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call what the value chooses, with these arguments."""
        scope = current.get()
        if scope:
            return self._place(scope, args, kwargs)
        chosen = self._cases.get(self._selector, self._default)
        if chosen is None:
            known = ", ".join(map(repr, self._cases))
            raise DefinitionError(
                f"switch: {self._selector!r} is none of its cases: {known}; default= takes the rest"
                f" ({place_of(sys._getframe(1))})"
            )
        return chosen(*args, **kwargs)

    def _place(self, scope: Scope, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Handle:
        place = place_of(sys._getframe(2))
        name = scope.unique(self._name)
        selector = scope.binding(self._selector)
        bodies = {**self._cases, **({_DEFAULT: self._default} if self._default is not None else {})}
        labels: set[str] = set()
        cases, values, after = [], [], []
        for key, callee in bodies.items():
            label = label_of("default" if key is _DEFAULT else key, labels)
            inner, value = _call(scope, label, callee, args, kwargs)
            body = _workflow(inner, label, {"result": value}, place)
            slot = -1 if key is _DEFAULT else scope.building.constant(key).slot
            cases.append(Case(label, slot, body, inner.lifted))
            values.append(value)
            after += inner.outer_after
        node = scope.place_block(SwitchNode(name, selector, tuple(cases), ("result",), place=place), tuple(after))
        _use(scope, *(binding for case in cases for binding in case.given.values()))
        return _same_shape(scope, node, name, values)

    def __repr__(self) -> str:
        return f"<Switch {self._name}: {', '.join(map(str, self._cases))}>"


def switch(
    selector: Any,
    cases: Mapping[Any, Callable[..., Any]],
    default: Callable[..., Any] | None = None,
    *,
    name: str = "switch",
) -> Switch:
    """Choose by a value which of several tasks or workflows a call means: `switch(side, {"heads": f})(x)`.

    Raises DefinitionError for cases that cannot be called; a value that is none of the cases fails when
    the workflow runs, unless there is a `default`.
    """
    given: dict[Any, Any] = {**cases, **({"default": default} if default is not None else {})}
    wrong = [f"{key!r}: {one!r} cannot be called" for key, one in given.items() if not callable(one)]
    if not cases:
        wrong.append("has no cases")
    if wrong:
        raise complain(f"switch ({place_of(sys._getframe(1))})", [Problem("", one) for one in wrong])
    return Switch(selector, cases, default, name)


def repeat(
    body: Callable[..., Any],
    until: str | None = None,
    max_iterations: int = 0,
    index_as: str | None = None,
    **carried: Any,
) -> Any:
    """Call a task or workflow again and again, with what it gave the last time, and give its last result.

    What it gives under the name of one of `carried` is that argument the next time; the others stay as they
    are. It ends once what it gives as `until` is true, or after `max_iterations`. `index_as` names the
    argument that is told how often it was called before. Raises DefinitionError for what cannot be meant.
    """
    scope = current.get()
    name = getattr(body, "name", None) or getattr(body, "__name__", "repeat").strip("<>")
    called: Any = body
    wrong = iterations_problem(max_iterations) if callable(called) else f"{called!r} cannot be called"
    if wrong:
        raise complain(f"repeat {name} ({place_of(sys._getframe(1))})", [Problem("", wrong)])
    if not scope:
        return _repeat_plainly(body, name, until, max_iterations, index_as, carried)
    place = place_of(sys._getframe(1))
    unique = scope.unique(name)
    layout = _layout(body)
    names = dict.fromkeys((*carried, *([index_as] if index_as else ())))
    inner = Scope(scope.building, name, scope)
    given = {one: new_handle(inner, ParamRef(one), one, (), Given(layout.wanted(one))) for one in names}
    _, value = _call(scope, name, body, (), given, inner)
    named, results = _results(body, value, name, until, carried, place)
    end = inner.binding(named[until]) if until is not None else None
    workflow = _workflow(inner, name, results, place, tuple(names))
    bound = {one: scope.argument(carried[one], layout, one, unique, place) for one in carried}
    fed = {one: binding for one, binding in bound.items() if one in named}
    rest = {one: binding for one, binding in bound.items() if one not in named}
    made = RepeatNode(
        unique,
        workflow,
        max_iterations,
        end,
        fed,
        {**rest, **inner.lifted},
        index_as or "",
        _is_task(body, workflow),
        place=place,
    )
    node = scope.place_block(made, tuple(inner.outer_after))
    _use(scope, *inner.lifted.values())
    return _shaped(scope, node, unique, value, tuple(results))


def guard(
    scope: Scope,
    callee: Callable[..., Any],
    name: str,
    layout: Layout,
    handler: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Handle:
    """Place a call with the handler that runs in its place if it fails."""
    place = place_of(sys._getframe(2))
    unique = scope.unique(name)
    inner, value = _call(scope, name, callee, args, kwargs)
    handling = Scope(scope.building, name, scope)
    taken, tells = _for_handler(layout, handler, args, kwargs, name, place)
    if tells:
        taken[FAILURE] = new_handle(handling, ParamRef(FAILURE), FAILURE, (), Given(dict))
    _, instead = _call(scope, name, handler, (), taken, handling)
    body = _workflow(inner, name, {"result": value}, place)
    made = GroupNode(
        unique,
        body,
        inner.lifted,
        _workflow(handling, name, {"result": instead}, place, (FAILURE,) if tells else ()),
        handling.lifted,
        FAILURE if tells else "",
        ("result",),
        flat=_is_task(callee, body),
        place=place,
    )
    node = scope.place_block(made, (*inner.outer_after, *handling.outer_after))
    _use(scope, *inner.lifted.values(), *handling.lifted.values())
    return _same_shape(scope, node, unique, [value, instead])


def guard_plainly(
    callee: Callable[..., Any],
    name: str,
    layout: Layout,
    handler: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """Do what a call with a handler means in plain Python."""
    try:
        return callee(*args, **kwargs)
    except Exception as error:  # noqa: BLE001  # whatever it raises is what the handler is for
        return handle_plainly(error, name, layout, handler, args, kwargs)


def handle_plainly(
    error: Exception,
    name: str,
    layout: Layout,
    handler: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """Call the handler of a call that raised an error."""
    taken, tells = _for_handler(layout, handler, args, kwargs, name, place_of(sys._getframe(2)))
    if tells:
        kind = type(error)
        said = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
        taken[FAILURE] = {"task": name, "type": said, "message": str(error)}
        if isinstance(error, TaskFailed):
            taken[FAILURE] = {"task": error.path, "type": error.type, "message": error.message}
    return handler(**taken)


def label_of(key: Any, used: set[str]) -> str:
    """Give the part of a path that stands for a case."""
    text = str(getattr(key, "name", key))
    fit = (letter if letter.isprintable() and letter not in RESERVED else "_" for letter in text[:LONGEST])
    label = "".join(fit) or "empty"
    while label in used:
        label += "_"
    used.add(label)
    return label


class _Names(NamedTuple):
    named: dict[str, Any]
    results: dict[str, Any]


def _call(
    scope: Scope, name: str, callee: Callable[..., Any], args: Any, kwargs: dict[str, Any], inner: Scope | None = None
) -> tuple[Scope, Any]:
    """Call a body in a scope of its own."""
    inner = inner or Scope(scope.building, name, scope)
    token = current.set(inner)
    try:
        body = getattr(callee, "body", None)
        if body is not None and getattr(callee, "handler", None) is None:
            return inner, inline(inner, body, args, kwargs, prefixed=False)
        return inner, callee(*args, **kwargs)
    finally:
        current.reset(token)


def _workflow(
    inner: Scope, name: str, results: dict[str, Any], place: Place, parameters: tuple[str, ...] = ()
) -> Workflow:
    bound = {key: inner.result(value) for key, value in results.items()}
    nodes = inner.nodes()
    names = dict.fromkeys((*parameters, *inner.lifted))
    return Workflow(name, tuple(Parameter(one) for one in names), nodes, bound, place=place)


def _results(
    body: Any, value: Any, name: str, until: str | None, carried: dict[str, Any], place: Place | None
) -> _Names:
    """Give what one time round gave, by name, and as the results that the block keeps."""
    outputs = _outputs(body)
    if type(value) is dict and value and all(type(key) is str for key in value):
        named = dict(value)
        results = named
    elif outputs:
        parts = list(iter(value)) if len(outputs) > 1 else [value]
        named = results = dict(zip(outputs, parts, strict=True))
    elif len(carried) == 1 and until is None:
        named = {next(iter(carried)): value}
        results = {"result": value, **named}
    else:
        what = f"until={until!r}" if until is not None else "several arguments"
        raise complain(
            f"repeat {name}" + (f" ({place})" if place else ""),
            [Problem("", f"{what} needs to know its results by name; declare outputs=(…), or return a dict of names")],
        )
    if until is not None and until not in named:
        raise complain(
            f"repeat {name}" + (f" ({place})" if place else ""),
            [Problem("", f"until={until!r} is no result of it{nearest(until, named)}; it gives {', '.join(named)}")],
        )
    return _Names(named, results)


def _repeat_plainly(
    body: Any, name: str, until: str | None, max_iterations: int, index_as: str | None, carried: dict[str, Any]
) -> Any:
    value: Any = None
    for index in range(max_iterations):
        more = {index_as: index} if index_as else {}
        value = body(**carried, **more)
        named = _results(body, value, name, until, carried, None).named
        if until is not None and named[until]:
            break
        carried = {key: named.get(key, one) for key, one in carried.items()}
    return value


def _outputs(body: Any) -> tuple[str, ...]:
    definition = getattr(body, "definition", None)
    outputs: tuple[str, ...] = getattr(definition, "outputs", ())
    return () if outputs == ("result",) else outputs


def _layout(callee: Any) -> Layout:
    """What a body takes, whatever kind of callable it is."""
    core = getattr(callee, "_core", None)
    layout = getattr(core, "layout", None) or getattr(callee, "layout", None)
    return layout if isinstance(layout, Layout) else layout_of(callee)


def _for_handler(
    layout: Layout, handler: Any, args: tuple[Any, ...], kwargs: dict[str, Any], name: str, place: Place
) -> tuple[dict[str, Any], bool]:
    """Give the arguments of the failed call that its handler takes, and whether it wants to know what failed."""
    bound, _ = layout.bind(args, kwargs)
    wanted = _layout(handler)
    taken = {key: value for key, value in bound.items() if wanted.varkw is not None or key in wanted.by_name}
    tells = FAILURE not in taken and (FAILURE in wanted.by_name or wanted.varkw is not None)
    missing = [one for one in wanted.required() if one not in taken and not (tells and one == FAILURE)]
    if missing:
        said = ", ".join(map(repr, missing))
        known = ", ".join(map(repr, bound)) or "nothing"
        raise DefinitionError(
            f"{name} ({place}): its handler takes {said}, and the call that failed has {known}; a handler takes "
            f"arguments of the call by name, and {FAILURE!r}"
        )
    return taken, tells


def _is_task(callee: Any, body: Workflow) -> bool:
    """Whether a body is a task and nothing else, so that its path is the block's own."""
    return hasattr(callee, "_core") and len(body.nodes) == 1 and isinstance(body.nodes[0], TaskNode)


def _use(scope: Scope, *bindings: Binding) -> None:
    """Nodes whose results go into a body are used."""
    for binding in bindings:
        if isinstance(binding, Ref):
            scope.used.add(binding.node)
        elif isinstance(binding, Container):
            _use(scope, *binding.items, *binding.keys)


def _same_shape(scope: Scope, node: int, name: str, values: list[Any]) -> Handle:
    """Give the handle of a block that gives one of several values; it can be unpacked where all of them can."""
    counts = {_parts_of(value) for value in values}
    origins = {value._origin.produced(*value._what) for value in values if type(value) is Handle and value._origin}
    known = (
        Given(origins.pop()) if len(origins) == 1 and len(values) == sum(type(v) is Handle for v in values) else None
    )
    count = counts.pop() if len(counts) == 1 else 0
    if not count:
        return new_handle(scope, Ref(node), name, (node,), known)
    parts = tuple(new_handle(scope, Ref(node, 0, (k,)), name, (node,), None) for k in range(count))
    return new_handle(scope, Ref(node), name, (node,), known, (0, ()), parts)


def _parts_of(value: Any) -> int:
    """In how many parts a value can be unpacked; 0: nobody knows."""
    parts = value._parts if type(value) is Handle else value
    return len(parts) if type(parts) is tuple else 0


def _shaped(scope: Scope, node: int, name: str, value: Any, outputs: tuple[str, ...]) -> Handle:
    """Give the handle of a repeat: of the shape that its body's value has."""
    if type(value) is Handle and len(outputs) == 1:
        return new_handle(scope, Ref(node), name, (node,), value._origin, value._what)
    if type(value) in CONTAINERS and type(value) is dict and holds_handle(value):
        parts: Any = {key: new_handle(scope, Ref(node, k), name, (node,)) for k, key in enumerate(outputs)}
    elif type(value) is Handle and isinstance(value._parts, tuple) and len(value._parts) == len(outputs):
        parts = tuple(
            new_handle(scope, Ref(node, k), name, (node,), value._origin, (k, ())) for k in range(len(outputs))
        )
    else:
        return new_handle(scope, Ref(node), name, (node,))
    return scope.wrap(parts, name)
