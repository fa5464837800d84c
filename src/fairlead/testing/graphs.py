"""Which tasks a workflow has and who waits for whom, as a text that people read and tests compare.

    load -> train[] -> total
    load ~> tidy

`->` hands a value over, `~>` is order alone (`~failed>`, `~done>`: after a failure, whatever became of
it). `train[]` is one run per item of a list, or per time round; what is inside a block stands behind
its name and a dot. Order of lines, chains and commas (`a, b -> c`) are free.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

from fairlead.model.workflow import (
    HANDLER,
    Binding,
    Container,
    GroupNode,
    MapNode,
    Node,
    ParamRef,
    Ref,
    SwitchNode,
    TaskNode,
    Workflow,
)

__all__ = ["Edge", "Graph", "assert_graph", "graph_of"]

_ARROW = re.compile(r"\s*(->|~(?:failed|done)?>)\s*")
_DATA = "->"

Sources: TypeAlias = set[str]
"""The tasks that a value comes from."""


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

    def scope(
        self, workflow: Workflow, prefix: str, given: Mapping[str, Sources], single: str = ""
    ) -> dict[str, Sources]:
        """Note what is in a scope; gives what each of its results comes from.

        `given`: what each parameter comes from. `single`: the one task goes by this name.
        """
        outputs: list[Sources | list[Sources]] = []
        inside: list[list[str]] = []

        def sources(binding: Binding) -> Sources:
            if isinstance(binding, Ref):
                found = outputs[binding.node]
                return found if isinstance(found, set) else found[binding.output]
            if isinstance(binding, ParamRef):
                return given.get(binding.name, set())
            if isinstance(binding, Container):
                return set().union(*map(sources, (*binding.keys, *binding.items)))
            return set()

        for node in workflow.nodes:
            known = len(self.tasks)
            outputs.append(self._node(node, single or prefix + node.name, sources))
            inside.append(self.tasks[known:])
            for after in node.after:
                arrow = "~>" if after.when == "ok" else f"~{after.when}>"
                self._order(self._last(inside[after.node]), inside[-1], arrow)
        return {name: sources(binding) for name, binding in workflow.results.items()}

    def _node(self, node: Node, name: str, sources: Callable[[Binding], Sources]) -> Sources | list[Sources]:
        if isinstance(node, TaskNode):
            self.tasks.append(name)
            self.edges += [Edge(before, name) for binding in node.args.values() for before in sources(binding)]
            return {name}
        if isinstance(node, SwitchNode):
            return self._switch(node, name, sources)
        if isinstance(node, GroupNode):
            return self._group(node, name, sources)
        bindings = {**node.over, **node.whole} if isinstance(node, MapNode) else {**node.given, **node.carried}
        given = {key: sources(binding) for key, binding in bindings.items()}
        name = f"{name}[]"
        return list(self.scope(node.body, f"{name}.", given, name if node.flat else "").values())

    def _switch(self, node: SwitchNode, name: str, sources: Callable[[Binding], Sources]) -> list[Sources]:
        results = []
        for case in node.cases:
            known = len(self.tasks)
            given = {key: sources(binding) for key, binding in case.given.items()}
            results.append(self.scope(case.body, f"{name}.{case.label}.", given))
            self._order(sources(node.on), self.tasks[known:], "~>")
        return _merged(node, results, sources)

    def _group(self, node: GroupNode, name: str, sources: Callable[[Binding], Sources]) -> list[Sources]:
        known = len(self.tasks)
        given = {key: sources(binding) for key, binding in node.given.items()}
        results = [self.scope(node.body, f"{name}.", given, name if node.flat else "")]
        if node.handler is not None:
            body = self.tasks[known:]
            handled = {key: sources(binding) for key, binding in node.handled.items()}
            results.append(self.scope(node.handler, f"{name}.{HANDLER}.", handled))
            self._order(self._last(body), self.tasks[known + len(body) :], "~failed>")
        return _merged(node, results, sources)

    def _order(self, before: Iterable[str], tasks: list[str], arrow: str) -> None:
        """Note that the first tasks of a block wait for these, where no value says so already."""
        known = {edge[:2] for edge in self.edges}
        within = {edge.after for edge in self.edges if edge.before in tasks}
        self.edges += [
            Edge(one, task, arrow)
            for one in before
            for task in tasks
            if task not in within and (one, task) not in known
        ]

    def _last(self, tasks: list[str]) -> list[str]:
        """Give the tasks of a block that nothing else in it waits for."""
        waited = {edge.before for edge in self.edges if edge.after in tasks}
        return [task for task in tasks if task not in waited]


def _merged(
    node: SwitchNode | GroupNode, results: list[dict[str, Sources]], sources: Callable[[Binding], Sources]
) -> list[Sources]:
    """Say what each output of a block comes from, whichever body gives it."""
    found = []
    for name in node.outputs:
        given = [result[name] for result in results if name in result]
        if name in node.fallback:
            given.append(sources(node.fallback[name]))
        found.append(set().union(*given))
    return found
