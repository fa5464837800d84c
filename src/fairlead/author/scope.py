"""The graph while it grows: nodes, edges, constants, and the order of calls made for effect.

A scope is a workflow or the body of a block. What is wrong with single calls is collected and told
at the end, all at once. Nothing here decorates, and nothing runs a task.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextvars import ContextVar
from types import FrameType
from typing import Any, Literal, TypeAlias, final

import msgspec

from fairlead.author.constants import ATOMS, CONTAINERS, holds_handle, misplaced, snapshot
from fairlead.author.edges import Edges
from fairlead.author.frames import Frame
from fairlead.author.handles import OUTER, Given, Handle, What, is_outer, new_handle
from fairlead.author.options import Core
from fairlead.author.problems import Problem, absolute, place_of, user_frame
from fairlead.errors import DefinitionError
from fairlead.model.task import Place, TaskDefinition
from fairlead.model.types import describe, fits, length_of
from fairlead.model.values import Key
from fairlead.model.workflow import (
    After,
    Binding,
    Const,
    Container,
    GroupNode,
    MapNode,
    Node,
    ParamRef,
    Ref,
    RepeatNode,
    SwitchNode,
    TaskNode,
    Workflow,
    references,
)

__all__ = ["Building", "Scope", "current"]


class Building:
    """What all scopes of one workflow share while it is built."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.definitions: list[TaskDefinition] = []
        self.functions: list[Callable[..., Any] | None] = []
        self.table: dict[Core, int] = {}
        self.constants: list[Any] = []
        self.edges = Edges()
        self.problems: list[Problem] = []
        self.active: list[Any] = []
        """Workflow functions that are being called, for those that call themselves."""
        self.apart: list[Workflow] = []
        """Bodies whose nodes do not wait for each other."""
        self._keys: dict[Any, int] = {}
        self._slots: dict[Any, Const] = {}
        self._places: dict[tuple[str, int], Place] = {}

    def add(self, core: Core) -> int:
        """Give the index of a task definition; equal options of one function are one definition."""
        index = self._keys.setdefault(core.key, len(self.definitions))
        if index == len(self.definitions):
            self.definitions.append(core.definition)
            self.functions.append(core.function)
        self.table[core] = index
        return index

    def constant(self, value: Any) -> Const:
        """Give the slot of a value; what cannot change and is the same has one slot."""
        kind = type(value)
        if kind in CONTAINERS or kind is set or kind is bytearray:
            self.constants.append(snapshot(value))
            return Const(len(self.constants) - 1)
        # Floats and others go by identity, because 0.0 == -0.0; the list keeps the object alive.
        key = (kind, value) if kind in (int, str, bool) else id(value)
        slot = self._slots.get(key)
        if slot is None:
            slot = self._slots[key] = Const(len(self.constants))
            self.constants.append(value)
        return slot

    def place(self, frame: FrameType) -> Place:
        """Give the user's line that made a call."""
        user = user_frame(frame)
        if user is None:
            return Place("", 0)
        spot = (user.f_code.co_filename, user.f_lineno)
        known = self._places.get(spot)
        if known is None:
            known = self._places[spot] = Place(absolute(spot[0]), spot[1])
        return known


Block: TypeAlias = MapNode | SwitchNode | RepeatNode | GroupNode

_Draft: TypeAlias = tuple[str, Place, tuple[After, ...], bool, int, Any]
"""Name, place, edges without data, free of the order in the source, task, bindings or the node of a block."""


@final
class Scope:
    """One scope while it is built."""

    def __init__(self, building: Building, name: str, parent: Scope | None = None) -> None:
        self.building = building
        self.name = name
        self.parent = parent
        self.closed = False
        self.drafts: list[_Draft] = []
        self.used: set[int] = set()
        """Nodes whose result somebody takes."""
        self.rows: dict[int, set[int]] = {}
        self.lifted: dict[str, Binding] = {}
        """Parameters that stand for handles of outer scopes, with what they are there."""
        self.outer_after: list[Handle] = []
        """Handles of outer scopes that something in here is ordered after."""
        self.prefix = ""
        self.waits: tuple[After, ...] = ()
        self._counts: dict[str, int] = {}
        self._lifted: dict[Binding, Handle] = {}

    # --- placing ---------------------------------------------------------------------------------

    def call(self, core: Core, after: tuple[Handle, ...], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Handle:
        """Place a node for a call of a task and give its handle."""
        building, layout = self.building, core.layout
        index = building.table.get(core)
        if index is None:
            index = building.add(core)
        place = building.place(sys._getframe(2))
        name = self.unique(core.name)
        if kwargs or not layout.minimum <= len(args) <= layout.maximum:
            bound = self._bind(core, args, kwargs, name, place)
        else:
            bound, typed, edges = {}, layout.annotated, building.edges
            for argument, value in zip(layout.positional, args, strict=False):
                if type(value) is Handle and value._scope is self:
                    self.used.update(value._nodes)
                    bound[argument] = value._binding
                    if typed and (value._origin, value._what, layout, argument) not in edges.seen:
                        edges.add(value, layout, argument, name, place)
                else:
                    bound[argument] = self.argument(value, layout, argument, name, place)
        node = len(self.drafts)
        waits = self.orders(after) if after else self.waits
        self.drafts.append((name, place, waits, core.free, index, bound))
        names = layout.returns
        if names is None or len(names) == 1:
            return new_handle(self, Ref(node), name, (node,), layout)
        parts = tuple(new_handle(self, Ref(node, k), name, (node,), layout, (k, ())) for k in range(len(names)))
        whole = Container("tuple", tuple(part._binding for part in parts))
        return new_handle(self, whole, name, (node,), layout, (-1, ()), parts)

    def place_block(self, node: Block, after: tuple[Handle, ...], *, free: bool = False) -> int:
        """Place a block and give its index; its edges without data are worked out when the scope is closed."""
        self.drafts.append((node.name, node.place or Place("", 0), self.orders(after), free, -1, node))
        return len(self.drafts) - 1

    def unique(self, name: str) -> str:
        """Give the name of a node: the second call of `load` is `load#2`."""
        if self.prefix:
            name = self.prefix + name
        count = self._counts[name] = self._counts.get(name, 0) + 1
        return name if count == 1 else f"{name}#{count}"

    def orders(self, after: tuple[Handle, ...]) -> tuple[After, ...]:
        """Turn handles into edges without data."""
        nodes: set[int] = set()
        for handle in after:
            if handle._scope is self:
                nodes.update(handle._nodes)
            else:
                self._check_origin(handle)
                self.outer_after.append(handle)
        self.used |= nodes
        return (*self.waits, *(After(node) for node in sorted(nodes)))

    def _bind(
        self, core: Core, args: tuple[Any, ...], kwargs: dict[str, Any], name: str, place: Place
    ) -> dict[str, Binding]:
        layout = core.layout
        given, problems = layout.bind(args, kwargs)
        self.building.problems += [Problem(name, f"{problem.what} ({place})") for problem in problems]
        bound: dict[str, Binding] = {}
        for argument, value in given.items():
            if argument == layout.varargs and argument not in kwargs:
                items = tuple(self.argument(item, layout, argument, name, place) for item in value)
                bound[argument] = Container("tuple", items)
            else:
                bound[argument] = self.argument(value, layout, argument, name, place)
        return bound

    # --- values ----------------------------------------------------------------------------------

    def argument(self, value: Any, layout: Any, argument: str, name: str, place: Place) -> Binding:
        """Bind one argument of a call, and note what must fit its annotation."""
        edges = self.building.edges
        if type(value) is Handle:
            value = self.own(value)
            if layout.annotated:
                edges.add(value, layout, argument, name, place)
        elif layout.annotated and type(value) in CONTAINERS and holds_handle(value):
            wanted = layout.wanted(argument)
            if not fits(type(value)(), wanted) and length_of(wanted) is None:
                what = f"a {type(value).__name__} given for '{argument}: {describe(wanted)}'"
                self.building.problems.append(Problem(name, f"{what} ({place})"))
            elif type(value) is list:
                for item in value:
                    if type(item) is Handle:
                        edges.add(self.own(item), layout, argument, name, place, kind="member")
        elif layout.annotated:
            wrong = edges.misfit(value, layout, argument)
            if wrong:
                self.building.problems.append(Problem(name, f"{wrong} ({place})"))
        where = misplaced(value)
        if where:
            instead = "a task sees results only as arguments, or inside lists, tuples and dicts"
            self.building.problems.append(Problem(name, f"is given a result inside {where} ({place}); {instead}"))
            return self.building.constant(None)
        return self.binding(value)

    def binding(self, value: Any) -> Binding:
        """Turn a value into a binding; the nodes that it comes from count as used."""
        kind = type(value)
        if kind is Handle:
            value = self.own(value)
            self.used.update(value._nodes)
            found: Binding = value._binding
            return found
        if kind in CONTAINERS and holds_handle(value):
            if kind is dict:
                return Container("dict", tuple(map(self.binding, value.values())), tuple(map(self.binding, value)))
            sort: Literal["list", "tuple"] = "list" if kind is list else "tuple"
            return Container(sort, tuple(map(self.binding, value)))
        return self.building.constant(value)

    def wrap(self, value: Any, name: str, annotation: Any = Any, binding: Binding | None = None) -> Handle:
        """Make a handle of a value that was given where a handle would stand."""
        if type(value) is Handle:
            return self.own(value)
        binding = binding or self.binding(value)
        if isinstance(binding, Const):
            known = type(value) if annotation is Any and type(value) in ATOMS else annotation
            return new_handle(self, binding, name, (), Given(known))
        nodes = tuple(sorted({ref.node for ref in references(binding)}))
        return new_handle(self, binding, name, nodes, Given(annotation), (0, ()), value)

    def part(self, handle: Handle, key: Key) -> Handle:
        """Give the handle for `handle[key]`."""
        binding, (output, select) = handle._binding, handle._what
        index = slice(*key) if isinstance(key, tuple) else key
        if isinstance(binding, (Ref, ParamRef)):
            # The binding may stand for a part already; its type goes by what was selected in all.
            reached = (
                Ref(binding.node, binding.output, (*binding.select, key))
                if isinstance(binding, Ref)
                else ParamRef(binding.name, (*binding.select, key))
            )
            what: What = (output, (*select, key))
            return new_handle(self, reached, handle._name, handle._nodes, handle._origin, what)
        whole = self.building.constants[binding.slot] if isinstance(binding, Const) else handle._parts
        try:
            found = whole[index]
        except (LookupError, TypeError) as error:
            raise DefinitionError(
                f"{self.describe(handle)} has no {index!r} ({place_of(sys._getframe(1))}): {error}"
            ) from error
        return self.wrap(found, handle._name)

    def own(self, handle: Handle) -> Handle:
        """Give the handle as this scope sees it: one of an outer scope becomes a parameter here."""
        if handle._scope is self:
            return handle
        self._check_origin(handle)
        assert self.parent is not None
        outer = self.parent.own(handle)
        if isinstance(outer._binding, Const):
            return new_handle(self, outer._binding, outer._name, (), outer._origin, outer._what)
        if outer._parts is not None:
            return self._own_parts(outer)
        known = self._lifted.get(outer._binding)
        if known is None:
            name = f"{OUTER}{len(self.lifted) + 1}:{outer._name}"
            self.lifted[name] = outer._binding
            self.parent.used.update(outer._nodes)
            known = new_handle(self, ParamRef(name), outer._name, (), outer._origin, outer._what)
            self._lifted[outer._binding] = known
        return known

    def _own_parts(self, outer: Handle) -> Handle:
        parts = outer._parts
        if isinstance(parts, tuple) and all(type(part) is Handle for part in parts):
            parts = tuple(map(self.own, parts))
        return new_handle(self, self.binding(parts), outer._name, (), outer._origin, outer._what, parts)

    def _check_origin(self, handle: Handle) -> None:
        scope: Scope | None = self
        while scope is not None and scope is not handle._scope:
            scope = scope.parent
        if scope is None:
            theirs = handle._scope
            assert isinstance(theirs, Scope)
            state = "was built before" if theirs.closed else "is another one"
            raise DefinitionError(
                f"{self.building.name}: {theirs.describe(handle)} is used here ({place_of(sys._getframe(1))}), but "
                f"workflow {theirs.building.name!r} {state}; pass the value as an argument, or call the task here"
            )

    def describe(self, handle: Handle) -> str:
        """Say what a handle stands for."""
        if isinstance(handle._binding, Ref) or handle._nodes:
            place = self.drafts[handle._nodes[0]][1]
            return f"the result of {handle._name!r} ({place})"
        if is_outer(handle._binding):
            return f"the value of {handle._name!r}, from around this block,"
        return f"the parameter {handle._name!r}"

    # --- the end ---------------------------------------------------------------------------------

    def result(self, value: Any) -> Binding:
        """Bind what the function returned."""
        where = misplaced(value)
        if where:
            raise DefinitionError(
                f"{self.name}: returns a result inside {where}; return it as it is, or in lists, tuples and dicts"
            )
        return self.binding(value)

    def nodes(self) -> tuple[Node, ...]:
        """Close the scope and give its nodes; calls made for effect become barriers."""
        self.closed = True
        nodes: list[Node] = []
        barrier: tuple[After, ...] = ()
        for node, (name, place, waits, free, task, args) in enumerate(self.drafts):
            after = barrier if not waits else tuple(dict.fromkeys((*waits, *barrier)))
            if type(args) is dict:
                rows = tuple(sorted(self.rows[node])) if node in self.rows else ()
                nodes.append(TaskNode(name, task, args, after, rows, place))
            else:
                nodes.append(msgspec.structs.replace(args, after=after))
            if node not in self.used and not free:
                barrier = (After(node),)
        return tuple(nodes)


current: ContextVar[Scope | Frame | Literal[False] | None] = ContextVar("fairlead_scope", default=None)
"""The scope that is being built, or the place in a dynamic workflow that runs (which is false, too).

False while a workflow function runs as plain Python."""
