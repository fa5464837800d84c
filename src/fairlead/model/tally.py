"""How many task runs stand where, group by group, while nodes are opened and left out.

Only counting is here; why something ends or is left out is in `standing.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.model.plan import Plan
from fairlead.model.scope import SKIPPED, STATUSES, WAITING, Scope
from fairlead.model.workflow import GroupNode, TaskNode

__all__ = ["Tally"]


class Tally:
    """The counts of a run's task runs, and why some of them are left out."""

    def __init__(self, groups: Sequence[str]) -> None:
        self.groups = groups
        self.counts = [[0] * len(STATUSES) for _ in groups]
        """By group, then by status."""
        self.dirty: set[int] = set()
        """Groups whose counts changed since somebody cleared this."""
        self.causes: dict[str, str] = {}
        """Path of a skipped task run or block, to the path of what did not succeed."""

    def count(self, group: int) -> dict[str, int]:
        """Give a group's task runs by status, without zeros."""
        return {STATUSES[status]: count for status, count in enumerate(self.counts[group]) if count}

    def totals(self) -> dict[str, int]:
        """Give all task runs by status, without zeros."""
        return {
            STATUSES[status]: count for status, count in enumerate(map(sum, zip(*self.counts, strict=True))) if count
        }

    def _skip(self, scope: Scope, position: int, cause: str) -> None:
        self.causes[scope.path(position)] = cause
        group = scope.plan.groups[position]
        node = scope.plan.nodes[position]
        if isinstance(node, TaskNode):
            self.counts[group][WAITING] -= 1
        if group >= 0:
            self.counts[group][SKIPPED] += 1
            self.dirty.add(group)
            return
        for place, plan in enumerate(scope.plan.bodies[position]):
            if isinstance(node, GroupNode) and not place:
                self._count_nodes(plan, -1)
            self._count_nodes(plan, 1, SKIPPED)

    def _count_nodes(self, plan: Plan, copies: int, status: int = WAITING) -> None:
        for position, node in enumerate(plan.nodes):
            if isinstance(node, TaskNode):
                self.counts[plan.groups[position]][status] += copies
                self.dirty.add(plan.groups[position])
            elif isinstance(node, GroupNode):
                self._count_nodes(plan.bodies[position][0], copies, status)
