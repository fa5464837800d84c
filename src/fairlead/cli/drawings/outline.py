"""What every drawing of a workflow shows: boxes, arrows, boxes within boxes. No format is known here.

Parameters and results are boxes of their own at the outermost scope; inside a block's body they are
not drawn, for they are the block's own arrows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from fairlead.model.path import group_of
from fairlead.model.run import Group
from fairlead.model.task import TaskDefinition
from fairlead.model.words import done, duration, leading, number, said_counts
from fairlead.model.workflow import (
    Binding,
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
    bindings_of,
    bodies_of,
)

__all__ = ["Arrow", "Box", "Kind", "Scope", "outline"]

Kind: TypeAlias = Literal["parameter", "task", "map", "block", "result"]


class Box(msgspec.Struct):
    """One thing that is drawn."""

    id: str
    """Letters, digits and underscores; unique over all scopes."""
    label: str
    kind: Kind
    path: str = ""
    """The group that a run counts it under; empty for parameters and results."""
    detail: str = ""
    """A second line: a type, a default, the task behind another name."""
    about: str = ""
    """What a hover says: the task's own words, its place."""
    many: bool = False
    """It is done once for every item of a list."""
    inner: Scope | None = None
    status: str = ""
    """The status of its task runs together, where a run is drawn."""
    progress: str = ""
    """`7/8 · 1 failed`, where a run is drawn."""
    share: tuple[float, float] | None = None
    """Which share of several task runs is done, and which failed."""

    @property
    def heading(self) -> str:
        """What stands behind the label of a box with boxes inside."""
        return "for each item" if self.kind == "map" else self.detail


class Arrow(msgspec.Struct, frozen=True):
    """What goes from one box to another of the same scope."""

    source: str
    target: str
    label: str = ""
    """The source's output that it is about, where there are several."""
    takes: str = ""
    """The target's arguments that it feeds."""
    order: bool = False
    """It carries no data: the target only waits."""
    when: str = "ok"
    each: bool = False
    """A list goes in, and its items are handed out."""


class Scope(msgspec.Struct):
    """Boxes and the arrows between them, in an order in which every arrow points forward."""

    name: str
    boxes: list[Box]
    arrows: list[Arrow]


def outline(workflow: Workflow, groups: Sequence[Group] = (), defaults: Mapping[str, str] | None = None) -> Scope:
    """Work out what to draw; `groups` are those of a run, whose statuses are shown.

    `defaults` are the texts that stand for the parameters' defaults or values.
    """
    counted = {group.name: group for group in groups}
    texts = defaults or {}
    parameters = []
    for place, parameter in enumerate(workflow.parameters):
        value = f" = {texts[parameter.name]}" if parameter.name in texts else ""
        detail = f"{parameter.annotation}{value}" if parameter.annotation else value.removeprefix(" ")
        parameters.append(Box(f"p{place}", parameter.name, "parameter", detail=detail))
    names = {parameter.name: f"p{place}" for place, parameter in enumerate(workflow.parameters)}
    if workflow.dynamic:
        return _dynamic(workflow, groups, parameters)
    scope = _scope(workflow, workflow.tasks, counted, prefix="", mark="n")
    incoming = []
    for place, node in enumerate(workflow.nodes):
        incoming += _from_parameters(node, f"n{place}", names)
    results, outgoing = _results(workflow, names)
    return Scope(workflow.name, [*parameters, *scope.boxes, *results], _unique([*incoming, *scope.arrows, *outgoing]))


def _dynamic(workflow: Workflow, groups: Sequence[Group], parameters: list[Box]) -> Scope:
    """Draw a dynamic workflow: its body as one block, with what it called, or may call as far as can be seen."""
    if groups:
        inside = [Box(f"n0_{place}", one.name, "task", path=one.name) for place, one in enumerate(groups)]
        for box, one in zip(inside, groups, strict=True):
            _tell(box, one)
    else:
        known = workflow.tasks[1:]
        inside = [Box(f"n0_{place}", one.name, "task", about=_about(one)) for place, one in enumerate(known)]
    said = "dynamic: plain Python calls these" if inside else "dynamic: plain Python"
    inner = Scope(workflow.name, inside, []) if inside else None
    body = Box("n0", workflow.name, "block", detail=said, about=_about(workflow.tasks[0]), inner=inner)
    if groups:
        body.status = _together([box.status for box in inside])
    arrows = [Arrow(box.id, "n0", takes=box.label) for box in parameters]
    result = Box("r0", "result", "result")
    return Scope(workflow.name, [*parameters, body, result], [*arrows, Arrow("n0", "r0")])


def _scope(
    workflow: Workflow, tasks: Sequence[TaskDefinition], counted: Mapping[str, Group], *, prefix: str, mark: str
) -> Scope:
    boxes, arrows = [], []
    for place, node in enumerate(workflow.nodes):
        box = f"{mark}{place}"
        path = group_of(prefix + node.name)
        inner = None
        if isinstance(node, TaskNode):
            boxes.append(_task(node, tasks[node.task], box, path))
        else:
            inner = _inside(node, tasks, counted, path, box)
            boxes.append(_block(node, tasks, box, path, inner))
        if counted and inner is None:
            _tell(boxes[-1], counted.get(path))
        elif counted and inner is not None:
            boxes[-1].status = _together([inside.status for inside in inner.boxes])
        arrows += _between(node, box, mark, workflow, tasks)
    outputs = {f"{mark}{place}": _outputs(node, tasks) for place, node in enumerate(workflow.nodes)}
    return Scope(workflow.name, boxes, [_brief(arrow, outputs[arrow.source]) for arrow in _unique(arrows)])


def _task(node: TaskNode, task: TaskDefinition, box: str, path: str) -> Box:
    alias = task.name if task.name != group_of(node.name) else ""
    return Box(box, node.name, "task", path=path, detail=alias, about=_about(task))


def _inside(
    node: Node, tasks: Sequence[TaskDefinition], counted: Mapping[str, Group], path: str, box: str
) -> Scope | None:
    """Draw what is inside a block: its body, or a box for each of several; None where the block is one task."""
    bodies = bodies_of(node)
    if _flat(node) and len(bodies) == 1:
        return None
    if len(bodies) == 1:
        return _scope(bodies[0][1], tasks, counted, prefix=f"{path}.", mark=f"{box}_")
    boxes = []
    for place, (label, body) in enumerate(bodies):
        prefix = f"{path}.{label}." if label else f"{path}."
        if not label and _flat(node):
            prefix = path.removesuffix(group_of(node.name))
        inner = _scope(body, tasks, counted, prefix=prefix, mark=f"{box}_{place}_")
        if not label and _flat(node):
            boxes.append(msgspec.structs.replace(inner.boxes[0], id=f"{box}_{place}"))
            continue
        boxes.append(Box(f"{box}_{place}", label or body.name, "block", path=prefix[:-1], inner=inner))
        if counted:
            boxes[-1].status = _together([inside.status for inside in inner.boxes])
    arrows = [Arrow(f"{box}_0", f"{box}_1", order=True, when="failed")] if isinstance(node, GroupNode) else []
    return Scope(node.name, boxes, arrows)


def _block(node: Node, tasks: Sequence[TaskDefinition], box: str, path: str, inner: Scope | None) -> Box:
    about, detail = "", ""
    first = None if isinstance(node, (TaskNode, SwitchNode)) or inner is not None else node.body.nodes[0]
    if isinstance(first, TaskNode):
        task = tasks[first.task]
        about = _about(task)
        detail = task.name if task.name != group_of(node.name) else ""
    if isinstance(node, RepeatNode):
        detail = f"{detail} up to {number(node.max_iterations)} times".strip()
    if isinstance(node, SwitchNode):
        detail = "one of"
    many = isinstance(node, (MapNode, RepeatNode))
    kind: Kind = "map" if isinstance(node, MapNode) else "block"
    return Box(box, node.name, kind, path=path, detail=detail, about=about, many=many, inner=inner)


def _flat(node: Node) -> bool:
    return isinstance(node, (MapNode, RepeatNode, GroupNode)) and node.flat


def _about(task: TaskDefinition) -> str:
    words = task.doc.strip().splitlines()[:1]
    return " · ".join([*words, *([str(task.place)] if task.place else [])])


def _tell(box: Box, group: Group | None) -> None:
    """Write how far a box is in the run."""
    if group is None:
        box.status = "waiting"
        return
    box.status = leading(group.counts)
    said = (
        []
        if group.total == 1
        else [f"{number(done(group.counts))}/{'?' if group.total is None else number(group.total)}"]
    )
    failed = said_counts({name: group.counts.get(name, 0) for name in ("failed", "lost")}) if group.total != 1 else ""
    said += [text for text in (failed, duration(group.seconds) if group.seconds else "") if text]
    box.progress = " · ".join(said)
    if group.total is not None and group.total > 1:
        box.share = (done(group.counts) / group.total, group.counts.get("failed", 0) / group.total)


def _together(statuses: Sequence[str]) -> str:
    """Give the one status that stands for the boxes of a scope."""
    for status in ("failed", "running", "cancelled", "waiting", "succeeded", "reused", "skipped"):
        if status in statuses:
            if status == "waiting" and any(other in statuses for other in ("succeeded", "reused")):
                return "running"
            return status
    return "waiting"


def _inputs(node: Node) -> list[tuple[str, Binding, bool]]:
    """Give what a node takes: name, where from, whether item by item."""
    over = node.over if isinstance(node, MapNode) else ()
    return [(name, binding, name in over) for name, binding in bindings_of(node)]


def _between(node: Node, box: str, mark: str, workflow: Workflow, tasks: Sequence[TaskDefinition]) -> list[Arrow]:
    arrows = []
    for name, binding, each in _inputs(node):
        for ref in _leaves(binding):
            if isinstance(ref, Ref):
                output = _output_name(workflow.nodes[ref.node], ref.output, tasks)
                arrows.append(Arrow(f"{mark}{ref.node}", box, output, name, each=each))
    with_data = {arrow.source for arrow in arrows}
    arrows.extend(
        Arrow(f"{mark}{after.node}", box, order=True, when=after.when)
        for after in node.after
        if f"{mark}{after.node}" not in with_data or after.when != "ok"
    )
    return arrows


def _output_name(node: Node, output: int, tasks: Sequence[TaskDefinition]) -> str:
    """Name an output where the node has several; with one, the argument's name says more."""
    names = _outputs(node, tasks)
    name = names[output] if len(names) > 1 and output < len(names) else ""
    return "files" if name.startswith("@") else name


def _outputs(node: Node, tasks: Sequence[TaskDefinition]) -> tuple[str, ...]:
    if isinstance(node, TaskNode):
        return tasks[node.task].outputs
    return node.outputs if isinstance(node, (SwitchNode, GroupNode)) else tuple(node.body.results)


def _brief(arrow: Arrow, outputs: Sequence[str]) -> Arrow:
    """Take the label off where it names everything that there is."""
    if len(outputs) > 1 and len(arrow.label.split(", ")) == len(outputs):
        return msgspec.structs.replace(arrow, label="")
    return arrow


def _from_parameters(node: Node, box: str, names: Mapping[str, str]) -> list[Arrow]:
    return [
        Arrow(names[ref.name], box, takes=name, each=each)
        for name, binding, each in _inputs(node)
        for ref in _leaves(binding)
        if isinstance(ref, ParamRef)
    ]


def _results(workflow: Workflow, names: Mapping[str, str]) -> tuple[list[Box], list[Arrow]]:
    boxes, arrows = [], []
    for place, (name, binding) in enumerate(workflow.results.items()):
        leaves = _leaves(binding)
        if not leaves:
            continue
        label = "result" if workflow.single else name
        boxes.append(Box(f"r{place}", label, "result"))
        for ref in leaves:
            source = f"n{ref.node}" if isinstance(ref, Ref) else names[ref.name]
            arrows.append(Arrow(source, f"r{place}"))
    return boxes, arrows


def _leaves(binding: Binding) -> list[Ref | ParamRef]:
    """List what a binding takes from nodes and parameters; constants are not drawn."""
    if isinstance(binding, Ref | ParamRef):
        return [binding]
    if isinstance(binding, Container):
        return [leaf for part in (*binding.keys, *binding.items) for leaf in _leaves(part)]
    return []


def _unique(arrows: Sequence[Arrow]) -> list[Arrow]:
    """Draw one arrow between two boxes, with all its labels, not one for each argument."""
    merged: dict[tuple[str, str], Arrow] = {}
    for arrow in arrows:
        pair = (arrow.source, arrow.target)
        known = merged.get(pair)
        merged[pair] = (
            arrow
            if known is None
            else msgspec.structs.replace(
                known,
                label=_listed(known.label, arrow.label),
                takes=_listed(known.takes, arrow.takes),
                order=known.order and arrow.order,
                each=known.each or arrow.each,
            )
        )
    return _without_detours(list(merged.values()))


def _listed(names: str, name: str) -> str:
    return ", ".join(dict.fromkeys(part for part in (*names.split(", "), name) if part))


def _without_detours(arrows: Sequence[Arrow]) -> list[Arrow]:
    """Leave out what only says an order that other arrows say already.

    Arrows are sorted by target, and point forward: what is before a source is known by then.
    """
    before: dict[str, set[str]] = {}
    into: dict[str, list[Arrow]] = {}
    for arrow in arrows:
        into.setdefault(arrow.target, []).append(arrow)
    for target, incoming in into.items():
        before[target] = {arrow.source for arrow in incoming}.union(*(before.get(a.source, ()) for a in incoming))
    return [
        arrow
        for arrow in arrows
        if not arrow.order
        or arrow.when != "ok"
        or not any(arrow.source in before.get(other.source, ()) for other in into[arrow.target])
    ]
