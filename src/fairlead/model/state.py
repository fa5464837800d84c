"""Where a run stands, worked out from its facts.

Every way a task run can change status is in this file. Nothing here reads a clock, a file or a
network. A fact is added in time that grows with what it sets free, never with the width of a map.

    waiting ──► ready ──► queued ──► running ──► succeeded | failed | cancelled
       │          ▲                     │
       │          └── retries left ─────┘        lost: back to ready, a few times
       └──► skipped (something before it did not succeed)        ready ──► reused

`next()` hands out what may start, in an order that finishes map items before it opens new ones, so
that memory follows what is going on and not what is to come.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from heapq import heappop, heappush
from typing import Final

from fairlead.model.events import Attempt
from fairlead.model.path import join
from fairlead.model.plan import Plan
from fairlead.model.scope import (
    CANCELLED,
    FAILED,
    GOOD,
    LOST,
    QUEUED,
    READY,
    REUSED,
    RUNNING,
    SKIPPED,
    STATUSES,
    SUCCEEDED,
    WAITING,
    Fan,
    Live,
    Scope,
    meets,
    resolve,
)
from fairlead.model.values import Value, split
from fairlead.model.workflow import Binding, MapNode, TaskNode, Workflow

__all__ = ["MAX_LOSSES", "State"]

MAX_LOSSES = 2
"""How often in one epoch a task run whose worker went away is started again without using a retry."""

MAX_DELAY = 3600.0
"""Seconds; doubling a retry's delay stops here."""


class State:
    """A run's standing. Change it by facts only: `started`, `ended`, `opened`, `cancel`."""

    def __init__(
        self, workflow: Workflow, constants: Sequence[Value], parameters: Mapping[str, Value], *, keep: bool = False
    ) -> None:
        """`keep` remembers the inside of map items that have ended, for whoever wants to walk through them."""
        self._names: dict[str, int] = {}
        self.plan = Plan(workflow, self._names)
        self.groups: tuple[str, ...] = tuple(self._names)
        self.tasks = workflow.tasks
        self.constants = constants
        self.counts = [[0] * len(STATUSES) for _ in self.groups]
        """By group, then by status."""
        self.dirty: set[int] = set()
        """Groups whose counts changed since somebody cleared this."""
        self.causes: dict[str, str] = {}
        """Path of a skipped task run or map, to the path of what did not succeed."""
        self.failed: list[str] = []
        """Paths that failed for good, in the order in which it became known."""
        self._ready: deque[Live] = deque()
        self._fans: list[tuple[Scope, int]] = []
        self._delayed: list[tuple[float, int, Live]] = []
        self._serial = 0
        self._work: list[tuple[Scope, int, int, str]] = []
        self._keep = keep
        self.recall: Callable[[Live], bool] | None = None
        """Applies what is recorded of task runs that a fold could not reach; True when that ends one."""
        self.lives: dict[str, Live] = {}
        """Task runs that have not ended, by path; only with `keep`."""
        self.in_flight = 0
        self.cancelled = False
        self.root = Scope(self.plan, "", dict(parameters), None)
        self._count_nodes(self.plan, 1)
        self._begin(self.root)
        self._settle()

    # --- asking -----------------------------------------------------------------------------------

    @property
    def finished(self) -> bool:
        """Whether every node has ended."""
        return not self.root.open

    @property
    def idle(self) -> bool:
        """Whether nothing is in flight and nothing can start, now or later."""
        return not (self.in_flight or self._ready or self._fans or self._delayed)

    def count(self, group: int) -> dict[str, int]:
        """Give a group's task runs by status, without zeros."""
        return {STATUSES[status]: count for status, count in enumerate(self.counts[group]) if count}

    def totals(self) -> dict[str, int]:
        """Give all task runs by status, without zeros."""
        return {
            STATUSES[status]: count for status, count in enumerate(map(sum, zip(*self.counts, strict=True))) if count
        }

    def due(self) -> float | None:
        """When the next delayed attempt may start."""
        return self._delayed[0][0] if self._delayed else None

    def args(self, live: Live) -> dict[str, Value]:
        """Give the inputs of a task run by parameter name."""
        scope = live.scope
        if live.item < 0:
            node = scope.plan.nodes[live.node]
            assert isinstance(node, TaskNode)
            return {name: self.value(scope, binding) for name, binding in node.args.items()}
        fan = scope.outputs[live.node]
        assert isinstance(fan, Fan)
        if fan.bindings is not None:
            return {name: rows[live.item] if mapped else rows for name, mapped, rows in fan.bindings}  # type: ignore[misc, index]
        inner = fan.node.body.nodes[0]
        assert isinstance(inner, TaskNode)
        body = Scope(_NOWHERE, "", fan.inside(live.item), None)
        return {name: self.value(body, binding) for name, binding in inner.args.items()}

    def lists(self, live: Live) -> dict[str, Value]:
        """Give the lists that a map to be opened takes its items from."""
        node = live.scope.plan.nodes[live.node]
        assert isinstance(node, MapNode)
        return {name: self.value(live.scope, binding) for name, binding in node.over.items()}

    def results(self) -> dict[str, Value]:
        """Give the workflow's results; only for a run that succeeded."""
        return {name: self.value(self.root, binding) for name, binding in self.plan.workflow.results.items()}

    def value(self, scope: Scope, binding: Binding) -> Value:
        """Resolve a binding whose nodes have succeeded."""
        return resolve(scope, binding, self.constants)

    # --- handing out ------------------------------------------------------------------------------

    def next(self, now: float) -> Live | None:
        """Hand out what may start next, or None; it counts as queued from here on."""
        while self._delayed and self._delayed[0][0] <= now:
            self._ready.append(heappop(self._delayed)[2])
        while self._ready or self._fans:
            live = self._ready.popleft() if self._ready else self._advance()
            if live is not None:
                self.in_flight += 1
                self._move(live, QUEUED)
                if self.recall is None or not self.recall(live):
                    return live
        return None

    def put_back(self, live: Live) -> None:
        """Take a task run back that was handed out and did not start."""
        self.in_flight -= 1
        self._move(live, READY)
        self._ready.append(live)

    def _advance(self) -> Live | None:
        """Open the next copy of the newest map; gives its task run where the body is a single task."""
        scope, position = self._fans[-1]
        fan = scope.outputs[position]
        assert isinstance(fan, Fan)
        item = fan.next
        fan.next += 1
        if fan.next >= len(fan.status):
            self._fans.pop()
        path = join(scope.prefix, fan.node.name, item)
        if fan.node.flat:
            inner = fan.node.body.nodes[0]
            assert isinstance(inner, TaskNode)
            return Live(scope, position, item, path, inner.task, scope.plan.groups[position])
        inside = Scope(scope.plan.bodies[position], path, fan.inside(item), (scope, position, item))
        if self._keep:
            fan.kept[item] = inside
        self._begin(inside)
        self._settle()
        return None

    # --- facts ------------------------------------------------------------------------------------

    def started(self, live: Live) -> None:
        """The attempt is running."""
        if live.status == QUEUED:
            self._move(live, RUNNING)

    def ended(self, live: Live, attempt: Attempt, now: float | None = None) -> bool:
        """The attempt has ended; gives False when another one will be made.

        `now`: what the delay before that one counts from, where it is not the attempt's own word: a clock
        that was set back would make it long.
        """
        self.in_flight -= 1
        outcome = attempt.outcome
        if outcome == "succeeded":
            self._close(live, SUCCEEDED, attempt.outputs)
        elif outcome == "reused":
            self._close(live, REUSED, attempt.outputs)
        elif outcome == "cancelled":
            self._close(live, CANCELLED, None)
        elif self._again(live, attempt, (attempt.ended or 0.0) if now is None else now):
            return False
        else:
            self.failed.append(live.path)
            self._close(live, FAILED, None)
        return True

    def opened(self, live: Live, rows: Mapping[str, Sequence[Value]]) -> None:
        """The lists of a map have been read; all are of one length."""
        self.in_flight -= 1
        if live.group >= 0:
            self.counts[live.group][live.status] -= 1
        self._fan(live.scope, live.node, rows)
        self._settle()

    def lose(self, live: Live) -> None:
        """Whoever carried the attempt is gone, and nobody carries the run: it stays where it is."""
        self.in_flight -= 1
        self._move(live, LOST)

    def cancel(self) -> None:
        """Nothing more will start: what has not started is cancelled."""
        self.cancelled = True
        for group, counts in enumerate(self.counts):
            for status in (WAITING, READY):
                if counts[status]:
                    counts[CANCELLED] += counts[status]
                    counts[status] = 0
                    self.dirty.add(group)
        self._ready.clear()
        self._fans.clear()
        self._delayed.clear()

    def _again(self, live: Live, attempt: Attempt, now: float) -> bool:
        """Decide whether a failed or lost attempt is followed by another, and when."""
        lost = attempt.outcome == "lost"
        if lost:
            live.losses += 1
            again = live.losses <= MAX_LOSSES
        else:
            live.failures += 1
            again = not live.opens and attempt.retryable and live.failures <= self.tasks[live.task].retries
        if not again:
            return False
        live.attempt += 1
        self._move(live, READY)
        delay = 0.0 if lost else self.tasks[live.task].retry_delay * 2 ** (live.failures - 1)
        if delay:
            self._serial += 1
            heappush(self._delayed, (now + min(delay, MAX_DELAY), self._serial, live))
        else:
            self._ready.append(live)
        return True

    # --- consequences -----------------------------------------------------------------------------

    def _begin(self, scope: Scope) -> None:
        for position in scope.plan.roots:
            self._set_free(scope, position)
        if not scope.open:
            self._leave(scope)

    def _set_free(self, scope: Scope, position: int) -> None:
        """Nothing before this node stands in its way any more."""
        node = scope.plan.nodes[position]
        scope.status[position] = READY
        if isinstance(node, TaskNode):
            group = scope.plan.groups[position]
            counts = self.counts[group]
            counts[WAITING] -= 1
            counts[READY] += 1
            self.dirty.add(group)
            self._ready.append(Live(scope, position, -1, join(scope.prefix, node.name), node.task, group))
            return
        rows = {name: split(self.value(scope, binding)) for name, binding in node.over.items()}
        known = {name: items for name, items in rows.items() if items is not None}
        if len(known) < len(rows) or len({len(items) for items in known.values()}) > 1:
            group = scope.plan.groups[position]
            if group >= 0:
                self.counts[group][READY] += 1
            self._ready.append(Live(scope, position, -1, join(scope.prefix, node.name), -1, group))
        else:
            self._fan(scope, position, known)

    def _fan(self, scope: Scope, position: int, rows: Mapping[str, Sequence[Value]]) -> None:
        """Open a map: from here on it is known how many copies there are."""
        node = scope.plan.nodes[position]
        assert isinstance(node, MapNode)
        size = len(next(iter(rows.values())))
        whole = {name: self.value(scope, binding) for name, binding in node.whole.items()}
        fan = Fan(node, dict(rows), whole, size)
        scope.outputs[position] = fan
        scope.status[position] = RUNNING
        if node.flat:
            group = scope.plan.groups[position]
            self.counts[group][READY] += size
            self.dirty.add(group)
        else:
            self._count_nodes(scope.plan.bodies[position], size)
        if size:
            self._fans.append((scope, position))
        else:
            self._work.append((scope, position, SUCCEEDED, ""))

    def _close(self, live: Live, status: int, outputs: list[Value] | None) -> None:
        """A task run, or a map that could not be opened, has ended for good."""
        self._move(live, status)
        scope = live.scope
        if live.item < 0:
            scope.outputs[live.node] = outputs
            self._work.append((scope, live.node, status, ""))
        else:
            self._item_ended(scope, live.node, live.item, status, outputs)
        self._settle()

    def _item_ended(self, scope: Scope, position: int, item: int, status: int, outputs: list[Value] | None) -> None:
        fan = scope.outputs[position]
        assert isinstance(fan, Fan)
        fan.status[item] = status
        fan.outputs[item] = outputs
        fan.open -= 1
        if status not in GOOD:
            fan.failed += 1
        if not fan.open:
            self._work.append((scope, position, FAILED if fan.failed else SUCCEEDED, ""))

    def _settle(self) -> None:
        """Work out what the nodes that have just ended mean for others; a loop, so that depth costs no stack."""
        while self._work:
            scope, position, status, cause = self._work.pop()
            scope.status[position] = status
            caught = False
            if not self.cancelled:
                for dependant, when in scope.plan.dependants[position]:
                    caught = caught or when == "failed"
                    self._follow(scope, dependant, meets(when, status), cause or (scope, position))
            if status in _BAD and not caught:
                scope.failed += 1
            scope.open -= 1
            if not scope.open:
                self._leave(scope)

    def _follow(self, scope: Scope, position: int, met: bool, cause: str | tuple[Scope, int]) -> None:
        """One of the edges that a node waits for is decided."""
        if scope.status[position] == SKIPPED:
            return
        if met:
            scope.missing[position] -= 1
            if not scope.missing[position]:
                self._set_free(scope, position)
            return
        if not isinstance(cause, str):
            cause = join(cause[0].prefix, cause[0].plan.nodes[cause[1]].name)
        scope.status[position] = SKIPPED
        self._skip(scope, position, cause)
        self._work.append((scope, position, SKIPPED, cause))

    def _skip(self, scope: Scope, position: int, cause: str) -> None:
        self.causes[join(scope.prefix, scope.plan.nodes[position].name)] = cause
        group = scope.plan.groups[position]
        if isinstance(scope.plan.nodes[position], TaskNode):
            self.counts[group][WAITING] -= 1
        if group >= 0:
            self.counts[group][SKIPPED] += 1
            self.dirty.add(group)
        else:
            self._count_nodes(scope.plan.bodies[position], 1, SKIPPED)

    def _leave(self, scope: Scope) -> None:
        """Every node of a scope has ended: its item of the map around it has, too."""
        if scope.owner is None:
            return
        outer, position, item = scope.owner
        if scope.failed or self.cancelled:
            self._item_ended(outer, position, item, FAILED if scope.failed else CANCELLED, None)
        else:
            outputs = [self.value(scope, binding) for binding in scope.plan.results]
            self._item_ended(outer, position, item, SUCCEEDED, outputs)

    # --- counting and resolving -------------------------------------------------------------------

    def _count_nodes(self, plan: Plan, copies: int, status: int = WAITING) -> None:
        for position, node in enumerate(plan.nodes):
            if isinstance(node, TaskNode):
                self.counts[plan.groups[position]][status] += copies
                self.dirty.add(plan.groups[position])

    def _move(self, live: Live, status: int) -> None:
        if live.group >= 0:
            counts = self.counts[live.group]
            counts[live.status] -= 1
            counts[status] += 1
            self.dirty.add(live.group)
        live.status = status
        if self._keep:
            self.lives[live.path] = live


_BAD: Final = frozenset({FAILED, CANCELLED})
_NOWHERE: Final = Plan(Workflow(name=""), {})
