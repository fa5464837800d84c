"""What tasks that do nothing must seem to give, so that a whole graph can be walked.

Worked out from the graph alone, from what is done with each output: a list that feeds a map has as
many items as the lists beside it, or one; a value that chooses a case is the key of the first; what
ends a loop is true; what is selected from has what is selected. Everything else is None.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fairlead.model.path import group_of
from fairlead.model.values import Key
from fairlead.model.workflow import (
    HANDLER,
    Binding,
    Const,
    GroupNode,
    MapNode,
    Node,
    ParamRef,
    Ref,
    RepeatNode,
    SwitchNode,
    TaskNode,
    Workflow,
    bindings_of,
)

__all__ = ["stand_ins"]

_DEEP = 50
"""Levels below which a stand-in is None: a loop may feed a list into itself."""


def stand_ins(
    workflow: Workflow, constants: Sequence[Any], parameters: Mapping[str, Any]
) -> dict[int, dict[str, list[Any]]]:
    """Give, for each task by number, a value for each of its outputs at each place: its path without indexes.

    `constants` and `parameters` are the real ones, as the workflow has them; values are made of what
    JSON holds. Places where all outputs are None are left out.
    """
    walk = _Walk(constants)
    given = {name: _known(value) for name, value in parameters.items()}
    for result in walk.scope(workflow, "", given).values():
        result.find()
    found: dict[int, dict[str, list[Any]]] = {}
    for (task, place), outputs in walk.outputs.items():
        values = [_example(outputs.get(number)) for number in range(len(workflow.tasks[task].outputs))]
        if any(value is not None for value in values):
            found.setdefault(task, {})[place] = values
    return found


class _Shape:
    """What is known of a value by what is done with it; several may turn out to be one."""

    __slots__ = ("_into", "choice", "items", "length", "members", "parts")

    def __init__(self, *, items: _Shape | None = None, length: int | None = None) -> None:
        self._into: _Shape | None = None
        self.items = items
        """The items, where it is a list."""
        self.length = length
        self.members: list[_Shape] = []
        """What a list was put together from; of one shape only where somebody goes through the list."""
        self.parts: dict[Key, _Shape] = {}
        """What is selected from it."""
        self.choice: list[Any] = []
        """The value that it should have, if any."""

    def find(self) -> _Shape:
        """Give the shape that this one has become a part of."""
        shape = self
        while shape._into is not None:
            shape = shape._into
        return shape

    def item(self) -> _Shape:
        """It is a list: give what its items are."""
        shape = self.find()
        if shape.items is None:
            shape.items = _Shape()
            for member in shape.members:
                _join(shape.items, member)
        return shape.items.find()

    def part(self, key: Key) -> _Shape:
        """It is selected from: give what is selected."""
        if isinstance(key, tuple):
            return _Shape(items=self.item())
        return self.find().parts.setdefault(key, _Shape()).find()

    def choose(self, value: Any) -> None:
        """It should have this value, unless it has one already."""
        shape = self.find()
        shape.choice = shape.choice or [value]


def _join(first: _Shape, second: _Shape) -> None:
    """Have two values be of one shape; a loop, since shapes may lead back to themselves."""
    work = [(first, second)]
    while work:
        one, other = (shape.find() for shape in work.pop())
        if one is other:
            continue
        other._into = one
        one.choice = one.choice or other.choice
        if other.length is not None:
            one.length = max(one.length or 0, other.length)
        if one.items is None and other.items is None:
            one.members += other.members
        else:
            work += [(one.item(), member) for member in (other.items, *other.members) if member is not None]
        for key, part in other.parts.items():
            if key in one.parts:
                work.append((one.parts[key], part))
            else:
                one.parts[key] = part


def _known(value: Any) -> _Shape:
    """Give the shape of a real value: how long its lists are."""
    shape = _Shape()
    if isinstance(value, (list, tuple)):
        shape.length = len(value)
        shape.items = _Shape()
        for item in value:
            if isinstance(item, (list, tuple)):
                _join(shape.items, _known(item))
    return shape


class _Walk:
    """Goes through a workflow and its bodies, and learns from every node."""

    def __init__(self, constants: Sequence[Any]) -> None:
        self.constants = constants
        self.outputs: dict[tuple[int, str], dict[int, _Shape]] = {}
        """By task and place: the shapes of the outputs that are used."""

    def scope(
        self, workflow: Workflow, prefix: str, given: Mapping[str, _Shape], single: str = ""
    ) -> dict[str, _Shape]:
        """Go through a scope; gives the shapes of its results. `single`: the place of the one task."""
        known: list[dict[int, _Shape]] = []
        scope = _Scope(known, dict(given), self.constants)
        for node in workflow.nodes:
            for _, binding in bindings_of(node):
                scope.shape(binding)  # what is selected must be there, whoever takes it
            known.append(self._node(node, single or f"{prefix}{node.name}", scope))
        return {name: scope.shape(binding) for name, binding in workflow.results.items()}

    def _node(self, node: Node, place: str, scope: _Scope) -> dict[int, _Shape]:
        if isinstance(node, TaskNode):
            return self.outputs.setdefault((node.task, group_of(place)), {})
        if isinstance(node, MapNode):
            return self._map(node, place, scope)
        if isinstance(node, SwitchNode):
            return self._switch(node, place, scope)
        if isinstance(node, RepeatNode):
            return self._repeat(node, place, scope)
        return self._group(node, place, scope)

    def _map(self, node: MapNode, place: str, scope: _Scope) -> dict[int, _Shape]:
        lists = {name: scope.shape(binding).find() for name, binding in node.over.items()}
        size = max((shape.length for shape in lists.values() if shape.length is not None), default=None)
        for shape in lists.values():
            shape.item()
            shape.length = size if shape.length is None else shape.length
        given = {name: scope.shape(binding) for name, binding in node.whole.items()}
        given.update((name, shape.item()) for name, shape in lists.items())
        results = self.scope(node.body, f"{place}.", given, place if node.flat else "")
        return _numbered(_Shape(items=result, length=size) for result in results.values())

    def _switch(self, node: SwitchNode, place: str, scope: _Scope) -> dict[int, _Shape]:
        keys = [self.constants[case.key] for case in node.cases if case.key >= 0]
        plain = [key for key in keys if isinstance(key, (str, int, float, bool))]
        if plain:
            scope.shape(node.on).choose(plain[0])
        results = [
            self.scope(
                case.body, f"{place}.{case.label}.", {name: scope.shape(one) for name, one in case.given.items()}
            )
            for case in node.cases
        ]
        return _merged(node, results, scope)

    def _repeat(self, node: RepeatNode, place: str, scope: _Scope) -> dict[int, _Shape]:
        given = {name: scope.shape(binding) for name, binding in {**node.given, **node.carried}.items()}
        body = node.body
        if node.until is not None:
            # As one more result, so that it is resolved where the body's own nodes are known.
            body = Workflow(body.name, body.parameters, body.nodes, {**body.results, _UNTIL: node.until})
        results = self.scope(body, f"{place}.", given, place if node.flat else "")
        if node.until is not None:
            results.pop(_UNTIL).choose(value=True)
        for name in node.carried:
            _join(results[name], given[name])
        return _numbered(results.values())

    def _group(self, node: GroupNode, place: str, scope: _Scope) -> dict[int, _Shape]:
        given = {name: scope.shape(binding) for name, binding in node.given.items()}
        results = [self.scope(node.body, f"{place}.", given, place if node.flat else "")]
        if node.handler is not None:
            handled = {name: scope.shape(binding) for name, binding in node.handled.items()}
            results.append(self.scope(node.handler, f"{place}.{HANDLER}.", handled))
        return _merged(node, results, scope)


_UNTIL = "until?"


class _Scope:
    """The shapes of a scope's values while its nodes are gone through."""

    def __init__(self, outputs: list[dict[int, _Shape]], given: dict[str, _Shape], constants: Sequence[Any]) -> None:
        self._outputs = outputs
        self._given = given
        self._constants = constants

    def shape(self, binding: Binding) -> _Shape:
        """Give the shape of what a binding stands for."""
        if isinstance(binding, Ref):
            return _select(self._outputs[binding.node].setdefault(binding.output, _Shape()), binding.select)
        if isinstance(binding, ParamRef):
            return _select(self._given.setdefault(binding.name, _Shape()), binding.select)
        if isinstance(binding, Const):
            return _known(self._constants[binding.slot])
        shape = _Shape()
        members = [self.shape(item) for item in binding.items]
        for key in binding.keys:
            self.shape(key)
        if binding.kind != "dict":
            shape.length = len(members)
            for number, member in enumerate(members):
                shape.parts[number] = member
            shape.members = members
        return shape


def _select(shape: _Shape, select: Iterable[Key]) -> _Shape:
    for key in select:
        shape = shape.part(key)
    return shape


def _numbered(shapes: Iterable[_Shape]) -> dict[int, _Shape]:
    return dict(enumerate(shapes))


def _merged(node: SwitchNode | GroupNode, results: list[dict[str, _Shape]], scope: _Scope) -> dict[int, _Shape]:
    """Have an output be of one shape, whichever body gives it."""
    found = {}
    for number, name in enumerate(node.outputs):
        shape = found[number] = _Shape()
        for result in results:
            if name in result:
                _join(shape, result[name])
        if name in node.fallback:
            _join(shape, scope.shape(node.fallback[name]))
    return found


def _example(shape: _Shape | None, depth: int = 0) -> Any:
    """Make a value of a shape."""
    if shape is None or depth > _DEEP:
        return None
    shape = shape.find()
    if shape.choice:
        return shape.choice[0]
    parts = {key: _example(part, depth + 1) for key, part in shape.parts.items()}
    texts = {key: value for key, value in parts.items() if isinstance(key, str)}
    if texts:
        return texts
    numbers = {key: value for key, value in parts.items() if isinstance(key, int)}
    if shape.items is None and not numbers:
        return None
    needed = max((key + 1 if key >= 0 else -key for key in numbers), default=0)
    size = max(needed, 1 if shape.length is None and not numbers else shape.length or 0)
    listed = [_example(shape.items, depth + 1) for _ in range(size)]
    for key, value in numbers.items():
        listed[key] = listed[key] if value is None else value
    return listed
