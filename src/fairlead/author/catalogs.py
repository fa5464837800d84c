"""Files that flow along the graph: what tasks put away reaches the tasks that get it after them.

Done once the graph is there, whatever front end has built it: a task that gets files takes what was put
away before it in the order of the source, and a block hands on what was put away in it. Branches that do
not wait for each other do not see each other's files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from fairlead.author.built import Built
from fairlead.model.files import FolderFiles
from fairlead.model.globs import may_meet
from fairlead.model.task import CATALOG, FOLDER, TaskDefinition
from fairlead.model.workflow import (
    Binding,
    Const,
    Container,
    GroupNode,
    MapNode,
    Node,
    Parameter,
    ParamRef,
    Ref,
    RepeatNode,
    SwitchNode,
    TaskNode,
    Workflow,
    bodies_of,
)

__all__ = ["with_catalogs"]

_ROUNDS = "@rounds"
"""Of a body that is repeated, what was put away in it the times before."""

_NOTHING = Container("list", ())


class _Put(NamedTuple):
    """Files that were put away, and the patterns that they match."""

    files: Binding
    patterns: frozenset[str]


def with_catalogs(built: Built, apart: Sequence[Workflow] = ()) -> Built:
    """Give the graph with the files of its catalogs flowing; `apart`: bodies whose nodes do not wait for each other."""
    tasks = built.workflow.tasks
    if all(task.catalog is None for task in tasks):
        return built
    get = sorted({pattern for task in tasks if task.catalog is not None for pattern in task.catalog.get})
    constants = [*built.constants, FolderFiles(tuple(get))]
    tasks = tuple(map(_giving, tasks))
    flow = _Flow(tasks, apart, Const(len(built.constants)))
    graph, _ = flow.through(built.workflow, ())
    return msgspec.structs.replace(
        built, workflow=msgspec.structs.replace(graph, tasks=tasks), constants=constants if get else built.constants
    )


def _giving(task: TaskDefinition) -> TaskDefinition:
    if task.catalog is None or not task.catalog.put:
        return task
    return msgspec.structs.replace(task, outputs=(*task.outputs, CATALOG))


class _Flow:
    """Threads catalogs through one graph."""

    def __init__(self, tasks: Sequence[TaskDefinition], apart: Sequence[Workflow], folder: Const) -> None:
        self._tasks = tasks
        self._apart = {id(body) for body in apart}
        self._folder = folder

    def through(self, body: Workflow, entering: Sequence[_Put]) -> tuple[Workflow, list[_Put]]:
        """Give a scope with its files flowing, and what was put away in it."""
        apart = id(body) in self._apart
        nodes: list[Node] = []
        put: list[_Put] = []
        for position, node in enumerate(body.nodes):
            before = [*entering, *(() if apart else put)]
            threaded, patterns, output = self._node(node, before)
            nodes.append(threaded)
            if patterns:
                put.append(_Put(Ref(position, output), patterns))
        return msgspec.structs.replace(body, nodes=tuple(nodes)), put

    def _node(self, node: Node, before: Sequence[_Put]) -> tuple[Node, frozenset[str], int]:
        """Give a node with its files flowing, the patterns of what it puts away, and the output that holds it."""
        if isinstance(node, TaskNode):
            return self._task(node, before)
        gets = self._patterns((body for _, body in bodies_of(node)), get=True)
        puts = self._patterns((body for _, body in bodies_of(node)), get=False)
        if not gets and not puts:
            return node, puts, 0
        taken = _meeting(before, gets)
        given: dict[str, Binding] = {CATALOG: taken} if taken is not None else {}
        if isinstance(node, MapNode):
            return self._map(node, given, puts)
        if isinstance(node, RepeatNode):
            return self._repeat(node, given, puts)
        return self._choice(node, given, puts)

    def _task(self, node: TaskNode, before: Sequence[_Put]) -> tuple[Node, frozenset[str], int]:
        task = self._tasks[node.task]
        if task.catalog is None:
            return node, frozenset(), 0
        if task.catalog.get:
            taken = _meeting(before, frozenset(task.catalog.get))
            more: dict[str, Binding] = {FOLDER: self._folder, **({CATALOG: taken} if taken is not None else {})}
            node = msgspec.structs.replace(node, args={**node.args, **more})
        return node, frozenset(task.catalog.put), len(task.outputs) - 1

    def _body(self, body: Workflow, given: dict[str, Binding], *more: str) -> tuple[Workflow, list[_Put]]:
        """Give a body that takes what was put away before it."""
        names = (*given, *more)
        entering = [_Put(ParamRef(name), frozenset({"**"})) for name in names]
        threaded, put = self.through(body, entering)
        parameters = (*threaded.parameters, *map(Parameter, names))
        return msgspec.structs.replace(threaded, parameters=parameters), put

    def _map(self, node: MapNode, given: dict[str, Binding], puts: frozenset[str]) -> tuple[Node, frozenset[str], int]:
        body, put = self._body(node.body, given)
        if puts:
            body = _with_result(body, CATALOG, _files(put))
        return msgspec.structs.replace(node, body=body, whole={**node.whole, **given}), puts, len(node.body.results)

    def _repeat(
        self, node: RepeatNode, given: dict[str, Binding], puts: frozenset[str]
    ) -> tuple[Node, frozenset[str], int]:
        body, put = self._body(node.body, given, *((_ROUNDS,) if puts else ()))
        carried = node.carried
        if puts:
            body = _with_result(body, _ROUNDS, Container("list", (ParamRef(_ROUNDS), *(one.files for one in put))))
            carried = {**carried, _ROUNDS: _NOTHING}
        threaded = msgspec.structs.replace(node, body=body, carried=carried, given={**node.given, **given})
        return threaded, puts, len(node.body.results)

    def _choice(
        self, node: SwitchNode | GroupNode, given: dict[str, Binding], puts: frozenset[str]
    ) -> tuple[Node, frozenset[str], int]:
        """Thread a node that gives the results of one of its bodies, by name."""
        threaded: SwitchNode | GroupNode
        if isinstance(node, SwitchNode):
            cases = tuple(
                msgspec.structs.replace(case, body=self._kept(case.body, given), given={**case.given, **given})
                for case in node.cases
            )
            threaded = msgspec.structs.replace(node, cases=cases)
        else:
            handler = None if node.handler is None else self._kept(node.handler, given)
            threaded = msgspec.structs.replace(
                node,
                body=self._kept(node.body, given),
                given={**node.given, **given},
                handler=handler,
                handled={**node.handled, **given} if handler is not None else node.handled,
            )
        if puts:
            threaded = msgspec.structs.replace(
                threaded, outputs=(*node.outputs, CATALOG), fallback={**node.fallback, CATALOG: _NOTHING}
            )
        return threaded, puts, len(node.outputs)

    def _kept(self, body: Workflow, given: dict[str, Binding]) -> Workflow:
        """Give a body that hands on what was put away in it, if anything was."""
        threaded, put = self._body(body, given)
        return _with_result(threaded, CATALOG, _files(put)) if put else threaded

    def _patterns(self, bodies: Iterable[Workflow], *, get: bool) -> frozenset[str]:
        """Collect the patterns of all tasks in bodies, at any depth."""
        found: set[str] = set()
        for body in bodies:
            for node in body.nodes:
                if isinstance(node, TaskNode):
                    catalog = self._tasks[node.task].catalog
                    if catalog is not None:
                        found.update(catalog.get if get else catalog.put)
                else:
                    found |= self._patterns((inner for _, inner in bodies_of(node)), get=get)
        return frozenset(found)


def _meeting(before: Sequence[_Put], gets: frozenset[str]) -> Container | None:
    """Take what may match; a task does not wait for files that it certainly does not get."""
    found = [one for one in before if any(may_meet(put, get) for put in one.patterns for get in gets)]
    return _files(found) if found else None


def _files(put: Iterable[_Put]) -> Container:
    return Container("list", tuple(one.files for one in put))


def _with_result(body: Workflow, name: str, binding: Binding) -> Workflow:
    return msgspec.structs.replace(body, results={**body.results, name: binding})
