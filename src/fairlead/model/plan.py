"""A workflow prepared for following: who waits for whom, and what is counted together.

Worked out once per run and shared by all copies of a body; holds nothing that changes.
"""

from __future__ import annotations

from fairlead.model.path import group_of
from fairlead.model.workflow import (
    Binding,
    Container,
    Ends,
    GroupNode,
    MapNode,
    Node,
    Ref,
    RepeatNode,
    SwitchNode,
    TaskNode,
    When,
    Workflow,
    bindings_of,
    bodies_of,
    references,
)

__all__ = ["Plan", "edges", "group_names"]


class Plan:
    """One scope of a workflow and, through `bodies`, the scopes inside it."""

    __slots__ = (
        "bodies",
        "dependants",
        "ends",
        "flat",
        "groups",
        "index",
        "lacking",
        "needs",
        "nodes",
        "results",
        "roots",
        "workflow",
    )

    def __init__(self, workflow: Workflow, groups: dict[str, int], prefix: str = "", *, flat: bool = False) -> None:
        """`groups` collects the names of all groups, here and in bodies, with their places."""
        self.workflow = workflow
        self.nodes: tuple[Node, ...] = workflow.nodes
        self.results: dict[str, Binding] = workflow.results
        self.index = {node.name: position for position, node in enumerate(self.nodes)}
        self.flat = flat
        """The body of a block that is a single task: its path is the block's own."""
        self.needs: list[int] = []
        """How many edges each node waits for."""
        self.dependants: list[list[tuple[int, When]]] = [[] for _ in self.nodes]
        self.bodies: dict[int, tuple[Plan, ...]] = {}
        """The inside of each block, as `bodies_of` lists it; not of a map whose body is a single task."""
        self.groups: list[int] = []
        """The group of each node's task runs; -1 where the groups of bodies count."""
        self.ends: dict[int, Ends] = {}
        """Nodes whose success ends the scope."""
        self.lacking = _lacking(workflow)
        """Whether values may be absent in here: a branch that gives them may not be taken."""
        for position, node in enumerate(self.nodes):
            found = edges(node)
            self.needs.append(len(found))
            for source, when in found:
                self.dependants[source].append((position, when))
            if node.ends:
                self.ends[position] = node.ends
            if isinstance(node, TaskNode) or (isinstance(node, MapNode) and node.flat):
                self.groups.append(groups.setdefault(group_of(prefix + node.name), len(groups)))
            else:
                self.bodies[position] = _inside(node, groups, prefix)
                self.groups.append(-1)
        self.roots = [position for position, count in enumerate(self.needs) if not count]
        for plans in self.bodies.values():
            for plan in plans:
                plan._inherit(lacking=self.lacking)

    def _inherit(self, *, lacking: bool) -> None:
        """What is absent outside may be absent in here."""
        if lacking and not self.lacking:
            self.lacking = True
            for plans in self.bodies.values():
                for plan in plans:
                    plan._inherit(lacking=True)


def group_names(workflow: Workflow) -> tuple[str, ...]:
    """List the names under which task runs are counted, in the order of the graph."""
    names: dict[str, int] = {}
    Plan(workflow, names)
    return tuple(names)


def _inside(node: Node, groups: dict[str, int], prefix: str) -> tuple[Plan, ...]:
    plans = []
    for label, body in bodies_of(node):
        flat = not label and isinstance(node, (RepeatNode, GroupNode)) and node.flat
        inside = prefix if flat else f"{prefix}{node.name}.{label}." if label else f"{prefix}{node.name}."
        plans.append(Plan(body, groups, inside, flat=flat))
    return tuple(plans)


def _lacking(workflow: Workflow) -> bool:
    if any(not parameter.required and parameter.default is None for parameter in workflow.parameters):
        return True
    for node in workflow.nodes:
        if type(node) is TaskNode:
            if node.ends:
                return True
            continue
        if isinstance(node, SwitchNode) or (isinstance(node, GroupNode) and node.handler is not None) or node.ends:
            return True
        if any(_lacking(body) for _, body in bodies_of(node)):
            return True
    return False


def edges(node: Node) -> set[tuple[int, When]]:
    """List what a node waits for: other nodes of its scope, each with what must have become of it."""
    found: set[tuple[int, When]] = set()
    if type(node) is TaskNode:
        for binding in node.args.values():
            if type(binding) is Ref:
                found.add((binding.node, "ok"))
            elif type(binding) is Container:
                found.update((ref.node, "ok") for ref in references(binding))
    else:
        found.update((ref.node, "ok") for _, binding in bindings_of(node) for ref in references(binding))
    for after in node.after:
        found.add((after.node, after.when))
    return found
