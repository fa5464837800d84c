"""Which tasks a workflow has and who waits for whom, as a text that people read and tests compare.

    load -> train[] -> total
    load ~> tidy

`->` hands a value over, `~>` is order alone (`~failed>`, `~done>`: after a failure, whatever became of
it). `train[]` is one run per item of a list, or per time round; what is inside a block stands behind
its name and a dot. Order of lines, chains and commas (`a, b -> c`) are free.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from fairlead.model.workflow import Binding, Container, MapNode, Node, ParamRef, Ref, TaskNode, Workflow

__all__ = ["Edge", "Graph", "assert_graph", "graph_of"]

_ARROW = re.compile(r"\s*(->|~(?:failed|done)?>)\s*")
_DATA = "->"


class Edge(NamedTuple):
    """One task waits for another."""

    before: str
    after: str
    kind: str = _DATA
    """The arrow: `->` for a value, `~>`, `~failed>`, `~done>` for order alone."""

    def __str__(self) -> str:
        return f"{self.before} {self.kind} {self.after}"


class Graph:
    """The tasks of a workflow and the edges between them; `str()` gives the text."""

    def __init__(self, name: str, tasks: Iterable[str], edges: Iterable[Edge]) -> None:
        self.name = name
        self.tasks = tuple(tasks)
        """Names, in the order of the workflow: `load`, `train[]`, `each[].fit`."""
        place = {task: number for number, task in enumerate(self.tasks)}
        self.edges = tuple(sorted(set(edges), key=lambda edge: (place[edge.before], place[edge.after], edge.kind)))

    def before(self, task: str) -> set[str]:
        """Name the tasks that a task waits for."""
        return {edge.before for edge in self.edges if edge.after == self._known(task)}

    def after(self, task: str) -> set[str]:
        """Name the tasks that wait for a task."""
        return {edge.after for edge in self.edges if edge.before == self._known(task)}

    def lines(self) -> list[str]:
        """Give a line for each edge, and one for each task that has none."""
        joined = {name for edge in self.edges for name in edge[:2]}
        found = []
        for task in self.tasks:
            found += [task] if task not in joined else [str(edge) for edge in self.edges if edge.before == task]
        return found

    def _known(self, task: str) -> str:
        if task not in self.tasks:
            raise KeyError(f"no task {task!r} in {self.name!r}; it has {', '.join(self.tasks)}")
        return task

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def __repr__(self) -> str:
        return f"<Graph {self.name}: {len(self.tasks)} tasks, {len(self.edges)} edges>"


def graph_of(definition: Any) -> Graph:
    """Give the graph of a workflow, bound or not, of a pipeline, or of a recorded run."""
    if isinstance(definition, Workflow):
        workflow = definition
    elif hasattr(definition, "draft"):
        workflow = definition.draft({})
    elif isinstance(getattr(definition, "graph", None), Workflow):
        workflow = definition.graph
    else:
        raise TypeError(f"{definition!r:.100} has no graph; give a workflow, a pipeline or a run")
    walk = _Walk()
    walk.scope(workflow, "", {})
    return Graph(workflow.name, walk.tasks, walk.edges)


def assert_graph(definition: Any, expected: str) -> None:
    """Assert that a workflow has just these tasks and edges; says which are missing and which are too many."""
    graph = graph_of(definition)
    tasks, edges = _read(expected)
    missing = [*map(str, edges - set(graph.edges)), *(tasks - set(graph.tasks))]
    extra = [edge for edge in graph.edges if edge not in edges]
    joined = {name for edge in graph.edges for name in edge[:2]}
    more = [*map(str, extra), *(task for task in graph.tasks if task not in tasks and task not in joined)]
    if missing or more:
        lines = [f"the graph of {graph.name!r} is not what was expected:"]
        lines += [f"  - {line}  (expected, and not there)" for line in sorted(missing)]
        lines += [f"  + {line}  (there, and not expected)" for line in more]
        lines += ["the whole graph is:", *(f"    {line}" for line in graph.lines())]
        raise AssertionError("\n".join(lines))


def _read(text: str) -> tuple[set[str], set[Edge]]:
    tasks: set[str] = set()
    edges: set[Edge] = set()
    for line in filter(None, map(str.strip, text.splitlines())):
        parts = _ARROW.split(line)
        sides = [[name.strip() for name in side.split(",")] for side in parts[::2]]
        if not all(all(side) for side in sides):
            raise ValueError(f"{line!r} is not a line of a graph; write 'load -> train', 'a, b -> c', or a name alone")
        tasks.update(name for side in sides for name in side)
        for before, arrow, after in zip(sides, parts[1::2], sides[1:], strict=False):
            edges.update(Edge(one, other, arrow) for one in before for other in after)
    return tasks, edges


class _Walk:
    """Goes through a workflow and its bodies; blocks are seen through, tasks remain."""

    def __init__(self) -> None:
        self.tasks: list[str] = []
        self.edges: list[Edge] = []

    def scope(self, workflow: Workflow, prefix: str, given: dict[str, set[str]]) -> dict[str, set[str]]:
        """Note what is in a scope; gives, for each result, the tasks that it comes from.

        `given`: the tasks that each parameter's value comes from.
        """
        outputs: list[list[set[str]]] = []
        inside: list[list[str]] = []

        def sources(binding: Binding) -> set[str]:
            if isinstance(binding, Ref):
                found = outputs[binding.node]
                return found[binding.output] if binding.output < len(found) else set()
            if isinstance(binding, ParamRef):
                return given.get(binding.name, set())
            if isinstance(binding, Container):
                return set().union(*map(sources, (*binding.keys, *binding.items)))
            return set()

        for node in workflow.nodes:
            first, known = len(self.tasks), len(self.edges)
            outputs.append(self._node(node, prefix, sources))
            inside.append(self.tasks[first:])
            within = {edge.after for edge in self.edges[known:] if edge.before in inside[-1]}
            for after in node.after:
                arrow = "~>" if after.when == "ok" else f"~{after.when}>"
                for last in self._last(inside[after.node]):
                    self.edges += [Edge(last, task, arrow) for task in inside[-1] if task not in within]
        return {name: sources(binding) for name, binding in workflow.results.items()}

    def _node(self, node: Node, prefix: str, sources: Any) -> list[set[str]]:
        if isinstance(node, TaskNode):
            name = prefix + node.name
            self._task(name, (sources(binding) for binding in node.args.values()))
            return [{name}] * 64
        return self._map(node, prefix, sources)

    def _map(self, node: MapNode, prefix: str, sources: Any) -> list[set[str]]:
        given = {name: sources(binding) for name, binding in {**node.over, **node.whole}.items()}
        name = f"{prefix}{node.name}[]"
        if not node.flat:
            return list(self.scope(node.body, f"{name}.", given).values())
        inner = node.body.nodes[0]
        assert isinstance(inner, TaskNode)
        body = _Walk()
        body.scope(node.body, "", {key: set() for key in given})
        taken = [given[ref.name] for binding in inner.args.values() for ref in _parameters(binding)]
        self._task(name, taken)
        return [{name}] * 64

    def _task(self, name: str, sources: Iterable[set[str]]) -> None:
        self.tasks.append(name)
        self.edges += [Edge(before, name) for before in sorted(set().union(*sources))]

    def _last(self, tasks: list[str]) -> Iterator[str]:
        """The tasks of a block that nothing else of it waits for."""
        for task in tasks:
            if not any(edge.before == task and edge.after in tasks for edge in self.edges):
                yield task


def _parameters(binding: Binding) -> Iterator[ParamRef]:
    if isinstance(binding, ParamRef):
        yield binding
    elif isinstance(binding, Container):
        for part in (*binding.keys, *binding.items):
            yield from _parameters(part)
