"""What the end of one node means for the others: who may start, who never will, how blocks go on.

The rules of blocks are here, one after the other; `state.py` hands out and takes facts. No clock or file is read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from heapq import heapify
from typing import Final

import msgspec

from fairlead.model.events import Failure
from fairlead.model.path import join
from fairlead.model.plan import Plan
from fairlead.model.scope import (
    CANCELLED,
    FAILED,
    FIRST,
    GOOD,
    READY,
    RUNNING,
    SKIPPED,
    SUCCEEDED,
    WAITING,
    Fan,
    Live,
    Scope,
    Trouble,
    meets,
    resolve,
)
from fairlead.model.tally import Tally
from fairlead.model.values import ABSENT, Inline, Value, split
from fairlead.model.workflow import HANDLER, Binding, GroupNode, MapNode, RepeatNode, SwitchNode, TaskNode

__all__ = ["ROUND", "UNTIL", "Standing"]

UNTIL = "until"
"""Where the question is recorded whether a repeat goes on: `tune[3].until`."""

ROUND: Final = -1
"""The node of a question that is about a whole scope: whether it was the last time round."""

_BAD: Final = frozenset({FAILED, CANCELLED})


class Standing(Tally):
    """The scopes that are open, and what is counted in them."""

    def __init__(self, plan: Plan, groups: Sequence[str], constants: Sequence[Value], *, keep: bool) -> None:
        super().__init__(groups)
        self.plan = plan
        self.constants = constants
        self._failed: dict[str, None] = {}
        self.stopped: set[str] = set()
        """Paths of blocks that were ended because something in them failed, and whose handlers do not run yet."""
        self.stops = 0
        """How often that happened."""
        self.forgiven: set[str] = set()
        """Paths of blocks in which something failed, and that was dealt with."""
        self.cancelled = False
        self._ready: deque[Live] = deque()
        self._delayed: list[tuple[float, int, Live]] = []
        self._fans: list[tuple[Scope, int]] = []
        self._work: list[tuple[Scope, int, int, str]] = []
        self._keep = keep

    @property
    def failed(self) -> list[str]:
        """Paths that failed for good and were not dealt with, in the order in which it became known."""
        return list(self._failed)

    def value(self, scope: Scope, binding: Binding) -> Value:
        """Resolve a binding whose nodes have succeeded."""
        return resolve(scope, binding, self.constants)

    def _bound(self, scope: Scope, bindings: Mapping[str, Binding]) -> dict[str, Value]:
        return {name: resolve(scope, binding, self.constants) for name, binding in bindings.items()}

    # --- beginning --------------------------------------------------------------------------------

    def _begin(self, scope: Scope) -> None:
        for position in scope.plan.roots:
            self._set_free(scope, position)
        if not scope.open and scope.owner is not None:
            self._work.append((scope, ROUND, SUCCEEDED, ""))  # not at once: a repeat of nothing would cost stack

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
            path = scope.prefix if scope.plan.flat else join(scope.prefix, node.name)
            self._ready.append(Live(scope, position, -1, path, node.task, group))
        elif isinstance(node, MapNode):
            self._set_map_free(scope, position, node)
        elif isinstance(node, SwitchNode):
            self._set_switch_free(scope, position, node)
        elif isinstance(node, RepeatNode):
            self._go_round(scope, position, 0, self._bound(scope, {**node.given, **node.carried}))
        else:
            scope.status[position] = RUNNING
            self._open(scope, position, 0, self._bound(scope, node.given), counted=True)

    def _open(
        self,
        scope: Scope,
        position: int,
        item: int,
        bindings: dict[str, Value],
        *,
        body: int = 0,
        counted: bool = False,
        trouble: Trouble | None = None,
    ) -> None:
        """Open a body of a block; its nodes may be `counted` as waiting already, and it may stand for a `trouble`."""
        node = scope.plan.nodes[position]
        plan = scope.plan.bodies[position][body]
        path = scope.path(position)
        if isinstance(node, (MapNode, RepeatNode)):
            path = f"{path}[{item}]"
        elif isinstance(node, SwitchNode):
            path = f"{path}.{node.cases[item].label}"
        elif body:
            path = f"{path}.{HANDLER}"
        inside = Scope(plan, path, bindings, (scope, position, item))
        inside.trouble = trouble and msgspec.structs.replace(trouble, place=FIRST)
        if self._keep:
            if scope.kept is None:
                scope.kept = {}
            scope.kept.setdefault(position, []).append(inside)
        if not counted:
            self._count_nodes(plan, 1)
        self._begin(inside)

    # --- maps -------------------------------------------------------------------------------------

    def _set_map_free(self, scope: Scope, position: int, node: MapNode) -> None:
        rows = {name: split(self.value(scope, binding)) for name, binding in node.over.items()}
        known = {name: items for name, items in rows.items() if items is not None}
        if len(known) < len(rows) or len({len(items) for items in known.values()}) > 1:
            group = scope.plan.groups[position]
            if group >= 0:
                self.counts[group][READY] += 1
            self._ready.append(Live(scope, position, -1, scope.path(position), -1, group))
        else:
            self._fan(scope, position, known)

    def _fan(self, scope: Scope, position: int, rows: Mapping[str, Sequence[Value]]) -> None:
        """Open a map: from here on it is known how many copies there are."""
        node = scope.plan.nodes[position]
        assert isinstance(node, MapNode)
        size = len(next(iter(rows.values())))
        fan = Fan(node, dict(rows), self._bound(scope, node.whole), size, lacking=scope.plan.lacking)
        scope.outputs[position] = fan
        scope.status[position] = RUNNING
        if node.flat:
            group = scope.plan.groups[position]
            self.counts[group][READY] += size
            self.dirty.add(group)
        else:
            self._count_nodes(scope.plan.bodies[position][0], size)
        if size:
            self._fans.append((scope, position))
        else:
            self._work.append((scope, position, SUCCEEDED, ""))

    def _advance(self) -> Live | None:
        """Open the next copy of the newest map; gives its task run where the body is a single task."""
        scope, position = self._fans[-1]
        fan = scope.outputs[position]
        assert isinstance(fan, Fan)
        item = fan.next
        fan.next += 1
        if fan.next >= len(fan.status):
            self._fans.pop()
        elif fan.full:
            self._fans.pop()
            fan.parked = True
        if fan.node.flat:
            inner = fan.node.body.nodes[0]
            assert isinstance(inner, TaskNode)
            path = f"{scope.path(position)}[{item}]"
            return Live(scope, position, item, path, inner.task, scope.plan.groups[position])
        self._open(scope, position, item, fan.inside(item), counted=True)
        self._settle()
        return None

    def _item_ended(self, scope: Scope, position: int, item: int, status: int, outputs: list[Value] | None) -> None:
        fan = scope.outputs[position]
        assert isinstance(fan, Fan)
        fan.status[item] = status
        fan.outputs[item] = outputs
        fan.open -= 1
        if status not in GOOD:
            fan.failed += 1
            if fan.node.on_error == "stop" and not fan.enough:
                self._stop(scope.path(position))
        if fan.parked and not fan.full and not self.cancelled:
            fan.parked = False
            self._fans.append((scope, position))
        if not fan.open:
            good = fan.enough and not (self.cancelled and fan.failed)
            if fan.failed and good:
                self._forgive(scope, position, fan.trouble)
            elif fan.trouble is not None:
                scope.note(fan.trouble)
            self._work.append((scope, position, SUCCEEDED if good else FAILED, ""))

    # --- switches ---------------------------------------------------------------------------------

    def _set_switch_free(self, scope: Scope, position: int, node: SwitchNode) -> None:
        chosen = self._chosen(node, self.value(scope, node.on))
        if chosen is None:
            self._ready.append(Live(scope, position, -1, scope.path(position), -1, -1))
        else:
            self._choose(scope, position, chosen)

    def _chosen(self, node: SwitchNode, selector: Value) -> int | None:
        """Find the case that is the selector as it is written; None: somebody must compare the values."""
        for place, case in enumerate(node.cases):
            if case.key >= 0 and isinstance(selector, Inline) and selector == self.constants[case.key]:
                return place
        return None

    def _choose(self, scope: Scope, position: int, chosen: int) -> None:
        node = scope.plan.nodes[position]
        assert isinstance(node, SwitchNode)
        scope.status[position] = RUNNING
        for place, plan in enumerate(scope.plan.bodies[position]):
            if place != chosen:
                self._count_nodes(plan, 1, SKIPPED)
        self._open(scope, position, chosen, self._bound(scope, node.cases[chosen].given), body=chosen)

    # --- repeats ----------------------------------------------------------------------------------

    def _go_round(self, scope: Scope, position: int, index: int, bindings: dict[str, Value]) -> None:
        node = scope.plan.nodes[position]
        assert isinstance(node, RepeatNode)
        scope.status[position] = RUNNING
        if node.index_as:
            bindings[node.index_as] = Inline("json", str(index).encode())
        self._open(scope, position, index, bindings)

    def _round_ended(self, inside: Scope, node: RepeatNode) -> None:
        """A time round has succeeded: another one follows, unless it was the last."""
        assert inside.owner is not None
        _, _, index = inside.owner
        if node.until is None or index + 1 >= node.max_iterations:
            self._decide_round(inside, over=index + 1 >= node.max_iterations)
            return
        told = self.value(inside, node.until)
        if isinstance(told, Inline) and told.codec == "json":
            self._decide_round(inside, over=bool(msgspec.json.decode(told.data)))
        else:
            self._ready.append(Live(inside, ROUND, -1, f"{inside.prefix}.{UNTIL}", -1, -1))

    def _decide_round(self, inside: Scope, *, over: bool) -> None:
        assert inside.owner is not None
        scope, position, index = inside.owner
        node = scope.plan.nodes[position]
        assert isinstance(node, RepeatNode)
        results = self._bound(inside, node.body.results)
        if over:
            scope.outputs[position] = list(results.values())
            self._work.append((scope, position, SUCCEEDED, ""))
            return
        bindings = dict(inside.bindings)
        bindings.update((name, results[name]) for name in node.carried)
        self._go_round(scope, position, index + 1, bindings)

    # --- ends -------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Work out what the nodes that have just ended mean for others; a loop, so that depth costs no stack."""
        while self._work:
            scope, position, status, cause = self._work.pop()
            if position == ROUND:
                self._leave(scope)
                continue
            scope.status[position] = status
            caught = False
            if scope.plan.ends and status in GOOD and position in scope.plan.ends:
                self._end_early(scope, position)
            if not self.cancelled:
                for dependant, when in scope.plan.dependants[position]:
                    caught = caught or when == "failed"
                    met = status in GOOD if when == "ok" else meets(when, status)
                    self._follow(scope, dependant, met, cause or (scope, position))
            if status in _BAD and not caught:
                scope.failed += 1
                self._stop_around(scope)
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
            cause = cause[0].path(cause[1])
        scope.status[position] = SKIPPED
        self._skip(scope, position, cause)
        self._work.append((scope, position, SKIPPED, cause))

    def _end_early(self, scope: Scope, position: int) -> None:
        """A node has ended its scope: what has not begun never will."""
        cause = scope.path(position)
        if scope.plan.ends[position] == "failed":
            scope.failed += 1
            self._failed[cause] = None
            failure = Failure("definition", f"{cause!r} ended it as failed")
            scope.note(Trouble((position, 0), cause, failure, [cause]))
        for later, status in enumerate(scope.status):
            if status == WAITING:
                scope.status[later] = SKIPPED
                self._skip(scope, later, cause)
                self._work.append((scope, later, SKIPPED, cause))

    def _stop_around(self, scope: Scope) -> None:
        """Something failed: the blocks around it that are to end then are ended."""
        owner = scope.owner
        if owner is not None and not owner[2]:
            node = owner[0].plan.nodes[owner[1]]
            if isinstance(node, GroupNode) and node.on_error == "stop" and not scope.prefix.endswith(f".{HANDLER}"):
                self._stop(scope.prefix)

    def _stop(self, path: str) -> None:
        """End what a block has under way; what waits for its next attempt need not wait any longer."""
        self.stopped.add(path)
        self.stops += 1
        self._ready.extend(live for _, _, live in self._delayed if live.beneath(self.stopped))
        self._delayed = [one for one in self._delayed if not one[2].beneath(self.stopped)]
        heapify(self._delayed)

    def _leave(self, scope: Scope) -> None:
        """Every node of a scope has ended: the block around it goes on, or has ended, too."""
        if scope.owner is None:
            return
        outer, position, item = scope.owner
        node = outer.plan.nodes[position]
        status = FAILED if scope.failed else CANCELLED if self.cancelled else SUCCEEDED
        handled = isinstance(node, GroupNode) and node.handler is not None and not item
        if status == FAILED and scope.trouble is not None and not handled:
            outer.note_at(position, item, scope.trouble)
        if isinstance(node, MapNode):
            outputs = [self.value(scope, one) for one in scope.plan.results.values()] if status == SUCCEEDED else None
            self._item_ended(outer, position, item, status, outputs)
        elif isinstance(node, RepeatNode) and status == SUCCEEDED:
            self._round_ended(scope, node)
        elif isinstance(node, GroupNode) and status == FAILED and handled and not self.cancelled:
            self._handle(outer, position, node, scope)
        else:
            self._body_ended(scope, status)

    def _body_ended(self, scope: Scope, status: int) -> None:
        assert scope.owner is not None
        outer, position, item = scope.owner
        node = outer.plan.nodes[position]
        if status == SUCCEEDED and isinstance(node, (SwitchNode, GroupNode)):
            if isinstance(node, GroupNode) and item:
                self._forgive(outer, position, scope.trouble)
            results = self._bound(scope, scope.plan.results)
            outer.outputs[position] = [
                results.get(name) or (self.value(outer, node.fallback[name]) if name in node.fallback else ABSENT)
                for name in node.outputs
            ]
        self._work.append((outer, position, status, ""))

    def _handle(self, scope: Scope, position: int, node: GroupNode, body: Scope) -> None:
        """Have the handler run in place of the body that failed."""
        bindings = self._bound(scope, node.handled)
        if node.failure_as:
            told = body.trouble.told if body.trouble else {"task": body.prefix, "type": "", "message": ""}
            bindings[node.failure_as] = Inline("json", msgspec.json.encode(told))
        self.stopped.discard(body.prefix)
        self._open(scope, position, 1, bindings, body=1, trouble=body.trouble)

    def _forgive(self, scope: Scope, position: int, trouble: Trouble | None) -> None:
        """What failed in a block was dealt with."""
        self.forgiven.add(scope.path(position))
        for path in () if trouble is None else trouble.paths:
            self._failed.pop(path, None)
