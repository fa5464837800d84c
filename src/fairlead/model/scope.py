"""The parts that a run's standing is made of: scopes, open maps, and task runs on their way.

They only hold; what changes them, and when, is in `state.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Final, get_args

import msgspec
from msgspec.structs import replace

from fairlead.model.events import Failure
from fairlead.model.path import beneath, join
from fairlead.model.plan import Plan
from fairlead.model.run import TaskStatus
from fairlead.model.values import ABSENT, Rows, Tree, Value, pick
from fairlead.model.workflow import Binding, Const, Container, MapNode, ParamRef, Ref, TaskNode, When

__all__ = ["FIRST", "GOOD", "STATUSES", "Fan", "Live", "Scope", "Trouble", "enough", "meets", "resolve"]

STATUSES: Final[tuple[TaskStatus, ...]] = get_args(TaskStatus)
"""Statuses by number: numbers are what standings hold."""

WAITING, READY, QUEUED, RUNNING, SUCCEEDED, FAILED, SKIPPED, REUSED, CANCELLED, LOST = range(len(STATUSES))

GOOD: Final = frozenset({SUCCEEDED, REUSED})
"""What lets those go on who wait for a result."""


class Live:
    """A task run that was handed out by `next()`, or a question that must be answered first (`opens`)."""

    __slots__ = ("attempt", "failures", "group", "item", "losses", "node", "opens", "path", "scope", "status", "task")

    def __init__(self, scope: Scope, node: int, item: int, path: str, task: int, group: int) -> None:
        self.scope = scope
        self.node = node
        self.item = item
        self.path = path
        self.task = task
        self.group = group
        self.attempt = 1
        self.failures = 0
        """Failed attempts in this epoch."""
        self.losses = 0
        self.opens = task < 0
        """A value must be read before it is known how a block goes on: lists, a selector, an `until`."""
        self.status = READY

    def placed_by(self) -> TaskNode:
        """Give the node that places the task."""
        node = self.scope.plan.nodes[self.node]
        if isinstance(node, MapNode):
            node = node.body.nodes[0]
        assert isinstance(node, TaskNode)
        return node

    def beneath(self, stopped: set[str]) -> bool:
        """Whether it stands inside one of the nodes with these paths."""
        return beneath(self.path, stopped)

    def __repr__(self) -> str:
        return f"<Live {self.path}#{self.attempt} {STATUSES[self.status]}>"


class Trouble(msgspec.Struct, frozen=True):
    """A failure in a scope that nothing in there deals with."""

    place: tuple[int, int]
    """Node and item: of several failures, the first in the order of the graph counts, not in time."""
    path: str
    failure: Failure
    paths: list[str]
    """All that failed there, this one included."""

    @property
    def told(self) -> dict[str, str]:
        """What a handler gets of it."""
        return {"task": self.path, "type": self.failure.type, "message": self.failure.message}


FIRST: Final = (-1, -1)
"""The place of a failure that comes before all others: what a handler runs for."""


class Scope:
    """A living copy of a workflow or of a body."""

    __slots__ = (
        "bindings",
        "failed",
        "kept",
        "missing",
        "open",
        "outputs",
        "owner",
        "plan",
        "prefix",
        "status",
        "trouble",
    )

    def __init__(self, plan: Plan, prefix: str, bindings: dict[str, Value], owner: tuple[Scope, int, int] | None):
        size = len(plan.nodes)
        self.plan = plan
        self.prefix = prefix
        self.bindings = bindings
        self.owner = owner
        """The scope, the block and the item, case or iteration that this is the body of."""
        self.status = bytearray(size)
        self.missing = list(plan.needs)
        self.outputs: list[list[Value] | Fan | None] = [None] * size
        self.open = size
        """Nodes that have not ended."""
        self.failed = 0
        self.trouble: Trouble | None = None
        """The task run that failed first in the order of the graph, and why."""
        self.kept: dict[int, list[Scope]] | None = None
        """The insides of blocks by node, for whoever wants to walk through them."""

    def note(self, trouble: Trouble) -> None:
        """Something failed in here, and nothing dealt with it."""
        self.trouble = _first(self.trouble, trouble)

    def note_at(self, position: int, item: int, trouble: Trouble) -> None:
        """Something failed in a node of this scope; of a map it counts only once the map has failed."""
        fan = self.outputs[position] if 0 <= position < len(self.outputs) else None
        (fan if isinstance(fan, Fan) else self).note(replace(trouble, place=(position, item)))

    def path(self, position: int) -> str:
        """Give the path of a node in here."""
        return self.prefix if self.plan.flat else join(self.prefix, self.plan.nodes[position].name)


class Fan:
    """A map that is open: what became of each copy."""

    __slots__ = (
        "bindings",
        "failed",
        "next",
        "node",
        "open",
        "outputs",
        "parked",
        "results",
        "rows",
        "status",
        "trouble",
        "whole",
    )

    def __init__(
        self, node: MapNode, rows: dict[str, Sequence[Value]], whole: dict[str, Value], size: int, *, lacking: bool
    ) -> None:
        self.node = node
        self.rows = rows
        self.whole = whole
        self.bindings = None if lacking else _direct(node, rows, whole)
        self.status = bytearray([READY]) * size
        self.outputs: list[list[Value] | None] = [None] * size
        self.next = 0
        """The first copy that was not handed out."""
        self.open = size
        self.failed = 0
        self.trouble: Trouble | None = None
        self.parked = False
        """It is not asked for further copies before one of those under way has ended."""
        self.results: dict[int, Value] = {}

    def note(self, trouble: Trouble) -> None:
        """A copy failed."""
        self.trouble = _first(self.trouble, trouble)

    def inside(self, item: int) -> dict[str, Value]:
        """Bind the body's parameters for one copy."""
        return {**self.whole, **{name: rows[item] for name, rows in self.rows.items()}}

    @property
    def full(self) -> bool:
        """Whether as many copies are under way as may be."""
        limit = self.node.max_parallel
        return limit is not None and self.next - (len(self.status) - self.open) >= limit

    @property
    def enough(self) -> bool:
        """Whether as many copies have succeeded as must."""
        if not self.failed:
            return True
        wanted = self.node.min_success
        size = len(self.status)
        return wanted is not None and enough(size - self.failed, size, wanted)

    def result(self, output: int) -> Value:
        """Give the list of the copies' results."""
        value = self.results.get(output)
        if value is None:
            items: list[Value]
            if self.node.flat:
                binding = tuple(self.node.body.results.values())[output]
                items = [_of_task(binding, outputs) for outputs in self.outputs if outputs is not None]
            else:
                items = [outputs[output] for outputs in self.outputs if outputs is not None]
            value = self.results[output] = Rows(items)
        return value


def _first(known: Trouble | None, other: Trouble) -> Trouble:
    """Give the one that comes first in the graph, with the paths of both."""
    if known is None:
        return other
    known.paths.extend(other.paths)
    return known if known.place <= other.place else replace(other, paths=known.paths)


def _direct(
    node: MapNode, rows: Mapping[str, Sequence[Value]], whole: Mapping[str, Value]
) -> list[tuple[str, bool, Value | Sequence[Value]]] | None:
    """Prepare the common case: a single task whose arguments are the body's parameters as they are.

    Gives (argument, whether it is mapped over, the list or the value) for each argument.
    """
    if not node.flat:
        return None
    inner = node.body.nodes[0]
    assert isinstance(inner, TaskNode)
    found: list[tuple[str, bool, Value | Sequence[Value]]] = []
    for name, binding in inner.args.items():
        if not isinstance(binding, ParamRef) or binding.select:
            return None
        mapped = binding.name in rows
        found.append((name, mapped, rows[binding.name] if mapped else whole[binding.name]))
    return found


def _of_task(binding: Binding, outputs: list[Value]) -> Value:
    """Resolve the result of a body that is a single task."""
    if isinstance(binding, Ref):
        value = outputs[binding.output]
        return pick(value, binding.select) if binding.select else value
    assert isinstance(binding, Container)
    return Tree(binding.kind, tuple(_of_task(item, outputs) for item in binding.items))


def resolve(scope: Scope, binding: Binding, constants: Sequence[Value]) -> Value:
    """Give the value of a binding; what it refers to has succeeded."""
    if isinstance(binding, Ref):
        outputs = scope.outputs[binding.node]
        if outputs is None:
            assert scope.plan.lacking, f"{scope.prefix}: node {binding.node} has no outputs"
            return ABSENT
        value = outputs[binding.output] if isinstance(outputs, list) else outputs.result(binding.output)
        return pick(value, binding.select) if binding.select else value
    if isinstance(binding, Const):
        return constants[binding.slot]
    if isinstance(binding, ParamRef):
        value = scope.bindings.get(binding.name, ABSENT)
        return pick(value, binding.select) if binding.select else value
    items = tuple(resolve(scope, item, constants) for item in binding.items)
    return Tree(binding.kind, items, tuple(resolve(scope, key, constants) for key in binding.keys))


def enough(good: int, size: int, wanted: float) -> bool:
    """Whether so many of a map's items have succeeded as `min_success` wants."""
    return good >= (ceil(wanted * size) if isinstance(wanted, float) else wanted)


def meets(when: When, status: int) -> bool:
    """Whether a node that ended with this status fulfils an edge."""
    if when == "ok":
        return status in GOOD
    return when == "done" or status == FAILED
