"""A workflow prepared for following: who waits for whom, and what is counted together.

Worked out once per run and shared by all copies of a body; holds nothing that changes.
"""

from __future__ import annotations

from fairlead.model.path import group_of
from fairlead.model.workflow import Binding, Container, MapNode, Node, Ref, TaskNode, When, Workflow

__all__ = ["Plan", "references"]


class Plan:
    """One scope of a workflow and, through `bodies`, the scopes inside it."""

    __slots__ = ("bodies", "dependants", "groups", "index", "needs", "nodes", "results", "roots", "workflow")

    def __init__(self, workflow: Workflow, groups: dict[str, int], prefix: str = "") -> None:
        """`groups` collects the names of all groups, here and in bodies, with their places."""
        self.workflow = workflow
        self.nodes: tuple[Node, ...] = workflow.nodes
        self.results: tuple[Binding, ...] = tuple(workflow.results.values())
        self.index = {node.name: position for position, node in enumerate(self.nodes)}
        self.needs: list[int] = []
        """How many edges each node waits for."""
        self.dependants: list[list[tuple[int, When]]] = [[] for _ in self.nodes]
        self.bodies: dict[int, Plan] = {}
        """The inside of each map whose body is more than a single task."""
        self.groups: list[int] = []
        """The group of each node's task runs; -1 where the body's own groups count."""
        for position, node in enumerate(self.nodes):
            edges = _edges(node)
            self.needs.append(len(edges))
            for source, when in edges:
                self.dependants[source].append((position, when))
            if isinstance(node, MapNode) and not node.flat:
                self.bodies[position] = Plan(node.body, groups, f"{prefix}{node.name}.")
                self.groups.append(-1)
            else:
                self.groups.append(groups.setdefault(group_of(prefix + node.name), len(groups)))
        self.roots = [position for position, count in enumerate(self.needs) if not count]


def references(binding: Binding) -> list[Ref]:
    """List the nodes that a binding takes its value from."""
    if isinstance(binding, Ref):
        return [binding]
    if isinstance(binding, Container):
        return [ref for part in (*binding.keys, *binding.items) for ref in references(part)]
    return []


def _edges(node: Node) -> set[tuple[int, When]]:
    bindings = node.args.values() if isinstance(node, TaskNode) else (*node.over.values(), *node.whole.values())
    edges: set[tuple[int, When]] = {(ref.node, "ok") for binding in bindings for ref in references(binding)}
    edges.update((after.node, after.when) for after in node.after)
    return edges
