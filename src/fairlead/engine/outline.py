"""From a workflow to what an orchestrator is told of it.

Pure: the same workflow gives the same outline. What a target makes of it, and what it cannot do, is
not known here.
"""

from __future__ import annotations

import re

from fairlead.model.outline import (
    ANY,
    AnyStep,
    Branch,
    ChoiceStep,
    GroupStep,
    LoopStep,
    MapStep,
    Need,
    Outline,
    TaskClass,
    TaskStep,
)
from fairlead.model.path import join
from fairlead.model.plan import edges
from fairlead.model.task import TaskDefinition
from fairlead.model.workflow import HANDLER, MapNode, Node, RepeatNode, SwitchNode, TaskNode, Workflow

__all__ = ["NO_BRANCH", "outline_of", "tokens"]

_TOKEN = re.compile(r"[a-z][a-z0-9]{0,30}")


def outline_of(workflow: Workflow) -> Outline:
    """Describe a workflow; one that is dynamic has no steps."""
    classes: dict[TaskClass, int] = {}
    class_of = tuple(classes.setdefault(_class(task), len(classes)) for task in workflow.tasks)
    return Outline(workflow.name, _steps(workflow, "", workflow.tasks), tuple(classes), class_of)


def tokens(node: SwitchNode) -> tuple[str, ...]:
    """Name the cases of a switch so that any expression language takes it: the label, or its number."""
    labels = [case.label for case in node.cases]
    plain = [label if _TOKEN.fullmatch(label) and label not in _TAKEN else "" for label in labels]
    return tuple(label or f"case{number}" for number, label in enumerate(plain))


NO_BRANCH = "none"
"""The token for a choice that nobody had to make."""

_TAKEN = frozenset({NO_BRANCH, *(f"case{number}" for number in range(1000))})


def _class(task: TaskDefinition) -> TaskClass:
    return TaskClass(task.image, task.resources, task.retries, task.retry_delay if task.retries else 0.0, task.timeout)


def _steps(body: Workflow, prefix: str, tasks: tuple[TaskDefinition, ...], *, at: str = "") -> tuple[AnyStep, ...]:
    """Describe a scope; `at`: it is a single task, whose path is the block's own."""
    names = [node.name for node in body.nodes]
    found = []
    for node in body.nodes:
        needs = tuple(Need(names[source], when) for source, when in sorted(edges(node)))
        found.append(_step(node, at or join(prefix, node.name), needs, tasks))
    return tuple(found)


def _step(node: Node, path: str, needs: tuple[Need, ...], tasks: tuple[TaskDefinition, ...]) -> AnyStep:
    name, ends = node.name, node.ends
    if isinstance(node, TaskNode):
        return TaskStep(name=name, path=path, needs=needs, ends=ends, task=node.task)
    if isinstance(node, MapNode):
        return _map(node, path, needs, tasks)
    if isinstance(node, SwitchNode):
        branches = tuple(
            Branch(token, case.label, _steps(case.body, f"{path}.{case.label}", tasks))
            for token, case in zip(tokens(node), node.cases, strict=True)
        )
        return ChoiceStep(name=name, path=path, needs=needs, ends=ends, branches=branches)
    inside = path + ANY if isinstance(node, RepeatNode) else path
    body = _steps(node.body, inside, tasks, at=inside if node.flat else "")
    if isinstance(node, RepeatNode):
        return LoopStep(name=name, path=path, needs=needs, ends=ends, body=body, max_iterations=node.max_iterations)
    handler = None if node.handler is None else _steps(node.handler, f"{path}.{HANDLER}", tasks)
    stops = node.on_error == "stop"
    return GroupStep(name=name, path=path, needs=needs, ends=ends, body=body, handler=handler, stops=stops)


def _map(node: MapNode, path: str, needs: tuple[Need, ...], tasks: tuple[TaskDefinition, ...]) -> MapStep:
    inside = path + ANY
    inner = node.body.nodes[0] if node.flat else None
    return MapStep(
        name=node.name,
        path=path,
        needs=needs,
        ends=node.ends,
        body=_steps(node.body, inside, tasks, at=inside if node.flat else ""),
        chunk=tasks[inner.task].chunk if isinstance(inner, TaskNode) else 1,
        max_parallel=node.max_parallel,
        min_success=node.min_success,
        stops=node.on_error == "stop",
    )
