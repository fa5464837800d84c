"""The graph in which an environment's patches count: changed task definitions for the nodes that match.

What a patch may say is in `patches.py`. What stands in for a task under `mock` is made elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec

from fairlead.author.built import Built
from fairlead.config.documents import Spot, nearest
from fairlead.config.environment import Environment
from fairlead.config.patches import Patch, patches_of
from fairlead.model.path import group_of
from fairlead.model.task import TaskDefinition
from fairlead.model.workflow import GroupNode, MapNode, Node, RepeatNode, SwitchNode, TaskNode, Workflow, bodies_of

__all__ = ["MockAsked", "Patched", "patched"]


class MockAsked(NamedTuple):
    """What an environment wants to stand in for a task, as written."""

    raw: Any
    place: str
    """`file:line:column` and the key; only the key where no file says it."""


class Patched(NamedTuple):
    """A graph with its patches."""

    built: Built
    mocks: dict[int, MockAsked]
    """By index of the task definition."""
    warnings: list[str]
    """Patterns that match no task."""
    lost: list[str]
    """Those among them of stand-ins: the real thing would run in their place."""


class _Use(NamedTuple):
    """One place of the graph where a task definition is called."""

    task: int
    path: str


def patched(built: Built, environment: Environment) -> Patched:
    """Patch the tasks of a graph; a definition that only some nodes have patched is copied for these."""
    if not environment.tasks or built.workflow.dynamic:  # what a body calls is patched when it is called
        return Patched(built, {}, [], [])
    patches = list(patches_of(environment.tasks))
    uses = list(_uses(built.workflow, "", ()))
    said = [_said(patches, path) for _, path in uses]
    tasks, functions = [*built.workflow.tasks], [*built.functions]
    mocks: dict[int, MockAsked] = {}
    known: dict[tuple[int, str], int] = {}
    untouched = set(range(len(tasks)))
    numbers = []
    for use, (options, spots) in zip(uses, said, strict=True):
        key = (use.task, repr(sorted(options.items())))
        number = known.get(key)
        if number is None:
            number = use.task if use.task in untouched else len(tasks)
            if number == len(tasks):
                tasks.append(built.workflow.tasks[use.task])
                functions.append(built.functions[use.task])
            untouched.discard(number)
            known[key] = number
            tasks[number] = _changed(built.workflow.tasks[use.task], options)
            if options.get("mock") is not None:
                mocks[number] = MockAsked(options["mock"], _told(environment, spots["mock"]))
        numbers.append(number)
    count = iter(numbers)
    workflow = _renumbered(built.workflow, lambda: next(count))
    workflow = msgspec.structs.replace(workflow, tasks=tuple(tasks))
    changed = msgspec.structs.replace(built, workflow=workflow, functions=functions)
    idle = _idle(environment, patches, [path for _, path in uses])
    lost = [text for patch, text in idle if patch.options.get("mock") is not None]
    return Patched(changed, mocks, [text for _, text in idle], lost)


def _uses(workflow: Workflow, prefix: str, single: tuple[str, ...]) -> Iterator[_Use]:
    """Every call in the graph with its path; `single`: the path of the only task of a flat body."""
    for node in workflow.nodes:
        path = single[0] if single else prefix + node.name
        if isinstance(node, TaskNode):
            yield _Use(node.task, path)
        for label, body in bodies_of(node):
            flat = not label and isinstance(node, (MapNode, RepeatNode, GroupNode)) and node.flat
            inside = f"{path}.{label}." if label else f"{path}."
            yield from _uses(body, inside, (path,) if flat else ())


def _said(patches: list[Patch], path: str) -> tuple[dict[str, Any], dict[str, Patch]]:
    """Put together what the patches say of a path, key by key, and which patch says it."""
    options: dict[str, Any] = {}
    spots: dict[str, Patch] = {}
    name = group_of(path)
    for patch in patches:
        if patch.matches(name) or (name != path and patch.matches(path)):
            for key, value in patch.options.items():
                together = key in ("resources", "env_vars") and key in options
                options[key] = {**options[key], **value} if together else value
                spots[key] = patch
    return options, spots


def _changed(task: TaskDefinition, options: dict[str, Any]) -> TaskDefinition:
    changes = {key: value for key, value in options.items() if key != "mock"}
    if "resources" in changes:
        changes["resources"] = msgspec.structs.replace(task.resources, **changes["resources"])
    if "env_vars" in changes:
        changes["env_vars"] = {**task.env_vars, **changes["env_vars"]}
    if "executor" in changes:
        changes["executor"] = changes["executor"] or ""
    return msgspec.structs.replace(task, **changes) if changes else task


def _renumbered(workflow: Workflow, number: Callable[[], int]) -> Workflow:
    """Give every call the number of its definition, in the order of `_uses`."""
    nodes: list[Node] = []
    for node in workflow.nodes:
        if isinstance(node, TaskNode):
            nodes.append(msgspec.structs.replace(node, task=number()))
        else:
            nodes.append(_with_bodies(node, [_renumbered(body, number) for _, body in bodies_of(node)]))
    return msgspec.structs.replace(workflow, nodes=tuple(nodes))


def _with_bodies(node: MapNode | SwitchNode | RepeatNode | GroupNode, bodies: list[Workflow]) -> Node:
    """Give a block other bodies, in the order of `bodies_of`."""
    replace = msgspec.structs.replace
    if isinstance(node, SwitchNode):
        pairs = zip(node.cases, bodies, strict=True)
        return replace(node, cases=tuple(replace(case, body=body) for case, body in pairs))
    if isinstance(node, GroupNode) and node.handler is not None:
        return replace(node, body=bodies[0], handler=bodies[1])
    return replace(node, body=bodies[0])


def _told(environment: Environment, patch: Patch) -> str:
    spot: Spot | None = environment.place(*patch.keys, "mock")
    key = f"tasks.{patch.pattern}.mock"
    return f"{spot}: {key}" if spot is not None else key


def _idle(environment: Environment, patches: list[Patch], paths: list[str]) -> list[tuple[Patch, str]]:
    """Say of every pattern that matches nothing that it does."""
    names = sorted({group_of(path) for path in paths})
    found = []
    for patch in patches:
        if not any(patch.matches(path) for path in (*names, *paths)):
            spot = environment.place(*patch.keys)
            hint = nearest(patch.pattern, names)
            mark = f"{spot}: " if spot is not None else ""
            found.append((patch, f"{mark}tasks.{patch.pattern}: matches no task{hint}"))
    return found
