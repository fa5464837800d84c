"""What a workflow is: tasks and blocks in a graph, with parameters and results. All names are resolved.

A body of a block is a workflow of its own whose parameters the block binds, so that every scope is
closed. Nothing here knows whether functions, steps or YAML built the graph. Constants are not in
the graph: a run keeps them beside it, and the graph names their slots.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

import msgspec

from fairlead.model.task import Place, TaskDefinition
from fairlead.model.values import Key

__all__ = [
    "HANDLER",
    "After",
    "Binding",
    "Case",
    "Const",
    "Container",
    "Ends",
    "GroupNode",
    "MapNode",
    "Node",
    "OnError",
    "ParamRef",
    "Parameter",
    "Ref",
    "RepeatNode",
    "SwitchNode",
    "TaskNode",
    "When",
    "Workflow",
    "bindings_of",
    "bodies_of",
    "passed_on",
    "references",
]

HANDLER = "on_failure"
"""Where the task runs of a block's handler stand in its path: `train.on_failure.tell`."""

When: TypeAlias = Literal["ok", "failed", "done"]
"""What must have become of a node before the one after it may start."""


Ends: TypeAlias = Literal["", "succeeded", "failed"]
"""What becomes of a node's scope once the node has succeeded; empty: it goes on."""

OnError: TypeAlias = Literal["finish", "stop"]
"""Whether what is independent of a failure goes on, or is ended."""


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
    counts: int | None = None
    """The node that counts for reuse in place of this one; -1: none does."""


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
    ends: Ends = ""


class MapNode(msgspec.Struct, frozen=True, tag="map", omit_defaults=True):
    """One copy of `body` for every item of the lists in `over`.

    Output k is the list of the copies' k-th results, in the order of the items. Where `min_success`
    lets items fail, theirs are left out.
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
    min_success: int | float | None = None
    """How many items must succeed: a count, or a share between 0.0 and 1.0; None: all."""
    max_parallel: int | None = None
    """How many items may be under way at once; None: as many as there is room for."""
    on_error: OnError = "finish"
    ends: Ends = ""


class Case(msgspec.Struct, frozen=True, array_like=True):
    """What a switch may choose."""

    label: str
    """Its part of the path: `toss.heads.flip`."""
    key: int
    """Slot of the constant that the selector must equal; -1: whatever no other case equals."""
    body: Workflow
    given: dict[str, Binding] = {}


class SwitchNode(msgspec.Struct, frozen=True, tag="switch", omit_defaults=True):
    """The one of its cases that a value chooses.

    Output k is the result of the chosen body that is called `outputs[k]`. A body that has none of that
    name passes on what there was before: `fallback[k]`.
    """

    name: str
    on: Binding
    cases: tuple[Case, ...]
    outputs: tuple[str, ...] = ()
    fallback: dict[str, Binding] = {}
    after: tuple[After, ...] = ()
    place: Place | None = None
    ends: Ends = ""


class RepeatNode(msgspec.Struct, frozen=True, tag="repeat", omit_defaults=True):
    """The body again and again, until one of its results is true or often enough.

    The outputs are the results of the last time round.
    """

    name: str
    body: Workflow
    max_iterations: int
    """1 or more."""
    until: Binding | None = None
    """Of the body's own scope; None: nothing ends it early."""
    carried: dict[str, Binding] = {}
    """Body parameter to its first value; from then on it is the body's result of that name."""
    given: dict[str, Binding] = {}
    """Body parameter to the value that it has every time."""
    index_as: str = ""
    """Body parameter that is told how often it was done before: 0, 1, 2, …"""
    flat: bool = False
    """The body is a single task of the node's name: its runs are `name[3]`."""
    after: tuple[After, ...] = ()
    place: Place | None = None
    ends: Ends = ""


class GroupNode(msgspec.Struct, frozen=True, tag="group", omit_defaults=True):
    """A body that is looked at as a whole: it succeeds or fails as one.

    If it fails and there is a handler, that runs in its place, and the failure is dealt with. Output
    k is the result called `outputs[k]` of the body, or of the handler; where that has none, `fallback[k]`.
    """

    name: str
    body: Workflow
    given: dict[str, Binding] = {}
    handler: Workflow | None = None
    handled: dict[str, Binding] = {}
    """Handler parameter to its value."""
    failure_as: str = ""
    """Handler parameter that is told what failed: a dict of `task`, `type` and `message`."""
    outputs: tuple[str, ...] = ()
    fallback: dict[str, Binding] = {}
    on_error: OnError = "finish"
    flat: bool = False
    """The body is a single task of the node's name: its run is `name`."""
    after: tuple[After, ...] = ()
    place: Place | None = None
    ends: Ends = ""


Node: TypeAlias = TaskNode | MapNode | SwitchNode | RepeatNode | GroupNode


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
    dynamic: bool = False
    """The body, the first of `tasks`, is run as ordinary Python; there are no nodes."""


def bodies_of(node: Node) -> tuple[tuple[str, Workflow], ...]:
    """List the workflows inside a node, each with its part of the path (may be empty)."""
    if isinstance(node, TaskNode):
        return ()
    if isinstance(node, SwitchNode):
        return tuple((case.label, case.body) for case in node.cases)
    if isinstance(node, GroupNode) and node.handler is not None:
        return (("", node.body), (HANDLER, node.handler))
    return (("", node.body),)


def bindings_of(node: Node) -> Iterator[tuple[str, Binding]]:
    """List what a node takes from its scope, each with what it is taken as."""
    if isinstance(node, TaskNode):
        yield from node.args.items()
    elif isinstance(node, MapNode):
        yield from node.over.items()
        yield from node.whole.items()
    elif isinstance(node, SwitchNode):
        yield "on", node.on
        for case in node.cases:
            yield from case.given.items()
        yield from node.fallback.items()
    elif isinstance(node, RepeatNode):
        yield from node.carried.items()
        yield from node.given.items()
    else:
        yield from node.given.items()
        yield from node.handled.items()
        yield from node.fallback.items()


def passed_on(workflow: Workflow) -> frozenset[str]:
    """Name the results that tasks of the workflow take as well, such as what the steps of a pipeline hand on."""
    taken = {
        (ref.node, ref.output)
        for node in workflow.nodes
        for _, binding in bindings_of(node)
        for ref in references(binding)
    }
    found = ((name, references(binding)) for name, binding in workflow.results.items())
    return frozenset(name for name, refs in found if refs and all((ref.node, ref.output) in taken for ref in refs))


def references(binding: Binding) -> list[Ref]:
    """List the nodes that a binding takes its value from."""
    if isinstance(binding, Ref):
        return [binding]
    if isinstance(binding, Container):
        return [ref for part in (*binding.keys, *binding.items) for ref in references(part)]
    return []
