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

from collections.abc import Callable, Mapping, Sequence
from heapq import heappop, heappush
from typing import Final

from fairlead.model.events import Attempt, Failure
from fairlead.model.plan import Plan
from fairlead.model.scope import (
    CANCELLED,
    FAILED,
    LOST,
    QUEUED,
    READY,
    REUSED,
    RUNNING,
    SUCCEEDED,
    WAITING,
    Fan,
    Live,
    Scope,
    Trouble,
    resolve,
)
from fairlead.model.standing import ROUND, UNTIL, Standing
from fairlead.model.task import FOLDER
from fairlead.model.values import ABSENT, Inline, Value, split
from fairlead.model.workflow import MapNode, RepeatNode, SwitchNode, TaskNode, Workflow, bodies_of

__all__ = ["FOR_GOOD", "MAX_LOSSES", "State"]

MAX_LOSSES = 2
"""How often in one epoch a task run whose worker went away is started again without using a retry."""

FOR_GOOD = 1 << 60
"""Failures of a task run after which no retries are left, whatever its task says."""

MAX_DELAY = 3600.0
"""Seconds; doubling a retry's delay stops here. One that is longer from the first is kept as it is."""


class State(Standing):
    """A run's standing. Change it by facts only: `started`, `ended`, `opened`, `cancel`."""

    def __init__(
        self, workflow: Workflow, constants: Sequence[Value], parameters: Mapping[str, Value], *, keep: bool = False
    ) -> None:
        """`keep` remembers the inside of map items that have ended, for whoever wants to walk through them."""
        names: dict[str, int] = {}
        plan = Plan(workflow, names)
        super().__init__(plan, tuple(names), constants, keep=keep)
        self.tasks = workflow.tasks
        self._serial = 0
        self.recall: Callable[[Live], bool] | None = None
        """Applies what is recorded of task runs that a fold could not reach; True when that ends one."""
        self.known: Callable[[str], bool] | None = None
        """Whether something is recorded of a task run: then it counts, also where its block was stopped later."""
        self.lives: dict[str, Live] = {}
        """Task runs that have not ended, by path; only with `keep`."""
        self.in_flight = 0
        self.chosen: dict[str, int] = {}
        """Which case the switches with these paths took, where a value had to be read for that."""
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

    def due(self) -> float | None:
        """When the next delayed attempt may start."""
        return self._delayed[0][0] if self._delayed else None

    def args(self, live: Live) -> dict[str, Value]:
        """Give the inputs of a task run by parameter name."""
        scope, constants = live.scope, self.constants
        if live.item < 0:
            node: TaskNode = scope.plan.nodes[live.node]  # type: ignore[assignment]  # only task nodes have task runs
            found = {name: resolve(scope, binding, constants) for name, binding in node.args.items()}
        else:
            found = self._item_args(scope, live)
        if FOLDER in found:
            from fairlead.model.files import chosen_args

            found = chosen_args(found, self.tasks[live.task])
        if not scope.plan.lacking or ABSENT not in found.values():
            return found
        required = {param.name for param in self.tasks[live.task].params if param.required}
        return {name: value for name, value in found.items() if value is not ABSENT or name in required}

    def _item_args(self, scope: Scope, live: Live) -> dict[str, Value]:
        fan = scope.outputs[live.node]
        assert isinstance(fan, Fan)
        if fan.bindings is not None:
            return {name: rows[live.item] if mapped else rows for name, mapped, rows in fan.bindings}  # type: ignore[misc, index]
        inner = fan.node.body.nodes[0]
        assert isinstance(inner, TaskNode)
        body = Scope(_NOWHERE, "", fan.inside(live.item), None)
        return {name: resolve(body, binding, self.constants) for name, binding in inner.args.items()}

    def asks(self, live: Live) -> dict[str, Value]:
        """Give the values that must be read before a block can go on: lists, a selector, an `until`."""
        scope = live.scope
        if live.node == ROUND:
            assert scope.owner is not None
            around = scope.owner[0].plan.nodes[scope.owner[1]]
            assert isinstance(around, RepeatNode)
            assert around.until is not None
            return {UNTIL: self.value(scope, around.until)}
        node = scope.plan.nodes[live.node]
        if isinstance(node, SwitchNode):
            return {"on": self.value(scope, node.on)}
        assert isinstance(node, MapNode)
        return {name: self.value(scope, binding) for name, binding in node.over.items()}

    def entered(self, scope: Scope, position: int) -> list[Workflow]:
        """List the bodies of a block that has ended which could make a difference: not cases that were not taken."""
        node = scope.plan.nodes[position]
        bodies = [body for _, body in bodies_of(node)]
        path = scope.path(position)
        if isinstance(node, SwitchNode):
            chosen = self.chosen.get(path, self._chosen(node, self.value(scope, node.on)))
            return bodies if chosen is None else [bodies[chosen]]
        return bodies if path in self.forgiven else bodies[:1]

    def results(self) -> dict[str, Value]:
        """Give the workflow's results, without those that nothing gave; only for a run that succeeded."""
        found = {name: self.value(self.root, binding) for name, binding in self.plan.results.items()}
        return {name: value for name, value in found.items() if value is not ABSENT}

    # --- handing out ------------------------------------------------------------------------------

    def next(self, now: float) -> Live | None:
        """Hand out what may start next, or None; it counts as queued from here on."""
        while self._delayed and self._delayed[0][0] <= now:
            self._ready.append(heappop(self._delayed)[2])
        while self._ready or self._fans:
            live = self._ready.popleft() if self._ready else self._advance()
            if live is not None:
                if self.stopped and live.beneath(self.stopped) and not (self.known and self.known(live.path)):
                    self._close(live, CANCELLED, None)
                    continue
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
            self._failed[live.path] = None
            failure = attempt.failure or Failure("lost", "nothing is recorded of how it ended")
            live.scope.note_at(live.node, live.item, Trouble((0, 0), live.path, failure, [live.path]))
            self._close(live, FAILED, None)
        return True

    def opened(self, live: Live, answers: Sequence[Value]) -> None:
        """What `asks` asked for has been read: the items of each list, the number of a case, true or false."""
        self.in_flight -= 1
        if live.group >= 0:
            self.counts[live.group][live.status] -= 1
        scope = live.scope
        if live.node == ROUND:
            self._decide_round(live.scope, over=answers[0] == _TRUE)
        elif isinstance(node := scope.plan.nodes[live.node], MapNode):
            self._fan(
                scope, live.node, {name: split(value) or [] for name, value in zip(node.over, answers, strict=True)}
            )
        else:
            assert isinstance(answers[0], Inline)
            self.chosen[live.path] = int(answers[0].data)
            self._choose(scope, live.node, self.chosen[live.path])
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

    def give_up(self, live: Live) -> None:
        """It was handed out and need not start: the block that it stands in was stopped."""
        self.in_flight -= 1
        self._close(live, CANCELLED, None)

    def _again(self, live: Live, attempt: Attempt, now: float) -> bool:
        """Decide whether a failed or lost attempt is followed by another, and when."""
        lost = attempt.outcome == "lost"
        if lost:
            live.losses += 1
            again = live.losses <= MAX_LOSSES
        else:
            live.failures += 1
            again = not live.opens and attempt.retryable and live.failures <= self.tasks[live.task].retries
        if self.stopped and live.beneath(self.stopped):
            return False
        if not again:
            return False
        live.attempt += 1
        self._move(live, READY)
        first = 0.0 if lost else self.tasks[live.task].retry_delay
        if first:
            self._serial += 1
            delay = min(first * 2 ** (live.failures - 1), max(first, MAX_DELAY))
            heappush(self._delayed, (now + delay, self._serial, live))
        else:
            self._ready.append(live)
        return True

    def _close(self, live: Live, status: int, outputs: list[Value] | None) -> None:
        """A task run, or a block that could not be opened, has ended for good."""
        self._move(live, status)
        scope = live.scope
        if live.item >= 0:
            self._item_ended(scope, live.node, live.item, status, outputs)
        elif live.node == ROUND:
            assert scope.owner is not None
            outer, position, _ = scope.owner
            if scope.trouble is not None:
                outer.note_at(position, 0, scope.trouble)
            self._work.append((outer, position, status, ""))
        else:
            scope.outputs[live.node] = outputs
            self._work.append((scope, live.node, status, ""))
        self._settle()

    def _move(self, live: Live, status: int) -> None:
        if live.group >= 0:
            counts = self.counts[live.group]
            counts[live.status] -= 1
            counts[status] += 1
            self.dirty.add(live.group)
        live.status = status
        if self._keep:
            self.lives[live.path] = live


_NOWHERE: Final = Plan(Workflow(name=""), {})
_TRUE: Final = Inline("json", b"true")
