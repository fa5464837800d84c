"""The way to a task run through the blocks that it stands in, from its path and the workflow alone."""

from __future__ import annotations

from difflib import get_close_matches
from typing import NamedTuple

from fairlead.errors import NotFound
from fairlead.model.path import join
from fairlead.model.workflow import (
    HANDLER,
    GroupNode,
    MapNode,
    Node,
    RepeatNode,
    SwitchNode,
    TaskNode,
    Workflow,
    bodies_of,
)

__all__ = ["Step", "locate"]


class Step(NamedTuple):
    """One node on the way to a task run: where it stands, and which of its bodies the way goes into."""

    workflow: Workflow
    prefix: str
    position: int
    item: int = -1
    """The item of a map, the time round of a repeat."""
    body: int = 0
    """Place among `bodies_of`."""
    flat: bool = False
    """The scope is a body that is a single task: its path is the block's own."""

    @property
    def node(self) -> Node:
        """The node itself."""
        return self.workflow.nodes[self.position]

    @property
    def is_task(self) -> bool:
        """Whether the way ends in a task run here, and not in a block."""
        node = self.node
        return isinstance(node, TaskNode) or (isinstance(node, MapNode) and node.flat and self.item >= 0)

    def path(self, position: int) -> str:
        """Give the path of a node of this scope."""
        return self.prefix if self.flat else join(self.prefix, self.workflow.nodes[position].name)

    @property
    def inside(self) -> str:
        """The path of the scope that the way goes into."""
        path = self.path(self.position)
        if isinstance(self.node, (MapNode, RepeatNode)):
            return f"{path}[{self.item}]"
        label = bodies_of(self.node)[self.body][0]
        return f"{path}.{label}" if label else path


def locate(workflow: Workflow, path: str) -> list[Step]:
    """Find the way to a task run, or to a block; NotFound, with the nearest name, where there is none."""
    steps: list[Step] = []
    scope, prefix, flat, rest = workflow, "", False, path
    while True:
        name, item, rest = _first(rest)
        position = next((place for place, node in enumerate(scope.nodes) if node.name == name), None)
        if position is None:
            raise NotFound(_no_name(scope, prefix, name))
        step = Step(scope, prefix, position, item)
        node = step.node
        if isinstance(node, TaskNode):
            _refuse(path, step, item >= 0, "is no map, and has no items")
            _refuse(path, step, bool(rest), "is a task, and nothing is inside it")
            return [*steps, step]
        if not rest and item < 0 and not (isinstance(node, GroupNode) and node.flat):
            return [*steps, step]  # the block itself
        step, rest = _into(path, step, rest)
        steps.append(step)
        if isinstance(node, MapNode) and node.flat:
            _refuse(path, step, bool(rest), "is a map of a single task, and nothing is inside its items")
            return steps
        _, scope = bodies_of(node)[step.body]
        prefix = step.inside
        flat = isinstance(node, (RepeatNode, GroupNode)) and node.flat and not step.body
        if flat:
            _refuse(path, step, bool(rest), "is a single task, and nothing is inside it")
            return [*steps, Step(scope, prefix, 0, flat=True)]
        if not rest:
            raise NotFound(f"{path!r} names a part of a block; name a task run in it: {_names(scope, prefix)}")


def _first(path: str) -> tuple[str, int, str]:
    """Split a path after its first name and index."""
    word, _, rest = path.partition(".")
    name, bracket, index = word.partition("[")
    if bracket and index.endswith("]") and index[:-1].isdecimal():
        return name, int(index[:-1]), rest
    return word, -1, rest


def _into(path: str, step: Step, rest: str) -> tuple[Step, str]:
    """Choose which body of a block a path goes on in."""
    node = step.node
    if isinstance(node, (MapNode, RepeatNode)):
        one = f"{step.path(step.position)}[0]"
        _refuse(path, step, step.item < 0, f"is a block; name one of its items: {one}{'' if node.flat else '.…'}")
        return step, rest
    _refuse(path, step, step.item >= 0, "is no map, and has no items")
    label, _, inner = rest.partition(".")
    labels = [label for label, _ in bodies_of(node)]
    if isinstance(node, SwitchNode):
        _refuse(path, step, label not in labels, f"is a choice between {', '.join(labels)}, and not {label!r}")
        return step._replace(body=labels.index(label)), inner
    if label == HANDLER and HANDLER in labels:
        return step._replace(body=1), inner
    return step, rest


def _refuse(path: str, step: Step, wrong: bool, why: str) -> None:
    if wrong:
        raise NotFound(f"there is no task run {path!r}: {step.path(step.position)!r} {why}")


def _no_name(scope: Workflow, prefix: str, name: str) -> str:
    near = get_close_matches(name, [node.name for node in scope.nodes], n=1)
    nearest = f" (nearest: {join(prefix, near[0])!r})" if near else ""
    where = f"in {prefix!r}" if prefix else f"in workflow {scope.name!r}"
    return f"there is no {name!r} {where}{nearest}; there is {_names(scope, prefix)}"


def _names(scope: Workflow, prefix: str) -> str:
    names = [join(prefix, node.name) for node in scope.nodes[:10]]
    return ", ".join(names) + (", …" if len(scope.nodes) > 10 else "")
