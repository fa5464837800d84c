"""What a workflow is: tasks in a graph, with parameters and results. All names are resolved.

A body of a block is a workflow of its own whose parameters the block binds, so that every scope is
closed. Nothing here knows whether functions, steps or YAML built the graph. Constants are not in
the graph: a run keeps them beside it, and the graph names their slots.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from fairlead.model.task import Place, TaskDefinition
from fairlead.model.values import Key

__all__ = [
    "After",
    "Binding",
    "Const",
    "Container",
    "MapNode",
    "Node",
    "ParamRef",
    "Parameter",
    "Ref",
    "TaskNode",
    "When",
    "Workflow",
]

When: TypeAlias = Literal["ok", "failed", "done"]
"""What must have become of a node before the one after it may start."""


class Ref(msgspec.Struct, frozen=True, array_like=True, tag="r", gc=False):
    """An output of an earlier node of the same scope."""

    node: int
    """Index into the scope's `nodes`."""
    output: int = 0
    """Index into that node's outputs."""
    select: tuple[Key, ...] = ()


class Const(msgspec.Struct, frozen=True, array_like=True, tag="c", gc=False):
    """A value that was written down; `slot` is its index in the run's constants."""

    slot: int


class ParamRef(msgspec.Struct, frozen=True, array_like=True, tag="p", gc=False):
    """A parameter of the scope."""

    name: str
    select: tuple[Key, ...] = ()


class Container(msgspec.Struct, frozen=True, array_like=True, tag="t"):
    """A list, tuple or dict with bindings inside."""

    kind: Literal["list", "tuple", "dict"]
    items: tuple[Binding, ...]
    keys: tuple[Binding, ...] = ()


Binding: TypeAlias = Ref | Const | ParamRef | Container


class After(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An order between nodes that carries no data."""

    node: int
    when: When = "ok"


class Parameter(msgspec.Struct, frozen=True, omit_defaults=True):
    """A named input of a workflow."""

    name: str
    annotation: str = ""
    required: bool = True
    default: int | None = None
    """Slot of the default among the constants."""
    static: bool = False
    """A real value while the graph is built; fixed in the definition."""


class TaskNode(msgspec.Struct, frozen=True, tag="task", omit_defaults=True):
    """One call of one task."""

    name: str
    """Unique in its scope."""
    task: int
    """Index into the whole workflow's `tasks`."""
    args: dict[str, Binding] = {}
    """By parameter name; `*args` is one Container under its name, `**kw` entries by their own."""
    after: tuple[After, ...] = ()
    rows: tuple[int, ...] = ()
    """Outputs that feed a map, to be stored item by item."""
    place: Place | None = None


class MapNode(msgspec.Struct, frozen=True, tag="map", omit_defaults=True):
    """One copy of `body` for every item of the lists in `over`.

    Output k is the list of the copies' k-th results, in the order of the items.
    """

    name: str
    body: Workflow
    over: dict[str, Binding] = {}
    """Body parameter to the list that it takes its items from; all lists are of one length."""
    whole: dict[str, Binding] = {}
    """Body parameter to the value that every copy gets."""
    flat: bool = False
    """The body is a single task: its runs are `name[3]`, not `name[3].task`."""
    after: tuple[After, ...] = ()
    place: Place | None = None


Node: TypeAlias = TaskNode | MapNode


class Workflow(msgspec.Struct, frozen=True, omit_defaults=True):
    """Task definitions placed in a graph, with parameters and results.

    Nodes stand in an order in which every reference points backwards.
    """

    name: str
    parameters: tuple[Parameter, ...] = ()
    nodes: tuple[Node, ...] = ()
    results: dict[str, Binding] = {}
    single: bool = True
    """`get_results()` gives the one result itself, not a dict of names."""
    tasks: tuple[TaskDefinition, ...] = ()
    """Every task definition of the workflow and its bodies; empty in bodies."""
    place: Place | None = None
    doc: str = ""
