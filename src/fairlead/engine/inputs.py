"""What one task run takes, and whether it may start, from the facts that decide that and no others.

For whoever runs a single task without having followed its run. The rules are those of `model/state.py`:
a part of the workflow is folded that holds the task run, what comes before it, and the blocks around it.
Of a map around it, only its own item is looked at; of what comes before, only what has recorded
something or must still do so. Nothing here reads a value, a clock or a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Protocol

from msgspec.structs import replace

from fairlead.engine.ways import Step, locate
from fairlead.model.events import Attempt
from fairlead.model.fold import fold
from fairlead.model.plan import edges
from fairlead.model.run import Run
from fairlead.model.scope import FAILED, GOOD, READY, RUNNING, SKIPPED, STATUSES, WAITING, Fan, Live, Scope
from fairlead.model.state import State
from fairlead.model.values import Value
from fairlead.model.workflow import (
    After,
    GroupNode,
    MapNode,
    Node,
    Parameter,
    RepeatNode,
    SwitchNode,
    TaskNode,
    Workflow,
    bodies_of,
)

__all__ = ["Facts", "Standpoint", "look"]


class Facts(Protocol):
    """What is recorded of a run, asked for piece by piece."""

    def of(self, path: str) -> Sequence[Attempt]:
        """The attempts of one task run, or the answers to what a block asked."""

    def under(self, path: str) -> Sequence[Attempt]:
        """The attempts of all task runs inside a block."""


# --- the part of the workflow that counts ----------------------------------------------------------


class _Part:
    """Cuts a workflow down to what the way to a task run depends on, and fetches the facts of that."""

    def __init__(self, steps: list[Step], facts: Facts) -> None:
        self._steps = steps
        self._facts = facts
        self.recorded: list[Attempt] = []
        self.items: dict[str, int] = {}
        """Maps on the way: their path, and the only item that counts."""

    def cut(self, workflow: Workflow) -> Workflow:
        """Give the workflow without what does not count."""
        part = self._scope(0)
        # Whether values may be absent is not seen any more where a node was left out.
        return replace(part, parameters=(*workflow.parameters, Parameter("", required=False)), tasks=workflow.tasks)

    def _scope(self, depth: int) -> Workflow:
        step = self._steps[depth]
        begun, whole = self._before(step)
        nodes: list[Node] = []
        for position, node in enumerate(step.workflow.nodes):
            if position == step.position:
                nodes.append(self._on_the_way(depth))
            elif position in begun:
                assert isinstance(node, TaskNode)
                nodes.append(TaskNode(node.name, node.task, ends=node.ends))
            elif position in whole:
                nodes.append(node)
            else:
                # It waits for itself, and so for ever.
                nodes.append(TaskNode(node.name, 0, after=(After(position),)))
        return replace(step.workflow, nodes=tuple(nodes))

    def _before(self, step: Step) -> tuple[set[int], set[int]]:
        """List the tasks before a node that have begun, which says enough, and all else that is before it."""
        begun: set[int] = set()
        whole: set[int] = set()
        nodes = step.workflow.nodes
        todo = [source for source, _ in edges(step.node)]
        todo += [place for place, node in enumerate(nodes) if node.ends and place != step.position]
        while todo:
            position = todo.pop()
            if position in begun or position in whole or position == step.position:
                continue
            node, path = nodes[position], step.path(position)
            found = self._facts.of(path)
            self.recorded += found
            if isinstance(node, TaskNode) and found:
                begun.add(position)
                continue
            whole.add(position)
            if not isinstance(node, TaskNode):
                self.recorded += self._facts.under(path)
            todo += [source for source, _ in edges(node)]
        return begun, whole

    def _on_the_way(self, depth: int) -> Node:
        step = self._steps[depth]
        node, path = step.node, step.path(step.position)
        if isinstance(node, TaskNode):
            return node
        self.recorded += self._facts.of(path) if not isinstance(node, GroupNode) else ()
        if isinstance(node, MapNode) and step.item >= 0:
            self.items[path] = step.item
        if depth + 1 == len(self._steps):
            return node
        if isinstance(node, RepeatNode) or (step.body and isinstance(node, GroupNode)):
            # What came before in there is another copy of the same body, or the body that the handler is for.
            self.recorded += [*self._facts.of(path), *self._facts.under(path)]
            for inner in self._steps[depth + 1 :]:
                if isinstance(inner.node, MapNode) and inner.item >= 0:
                    self.items[inner.path(inner.position)] = inner.item
            return node
        body = self._scope(depth + 1)
        if isinstance(node, SwitchNode):
            cases = list(node.cases)
            cases[step.body] = replace(cases[step.body], body=body)
            return replace(node, cases=tuple(cases))
        return replace(node, body=body)


class _PartState(State):
    """The standing of a part of a workflow: of maps on the way, one item is opened."""

    def __init__(self, *args: object, items: dict[str, int], **options: object) -> None:
        self._items = items
        super().__init__(*args, **options)  # type: ignore[arg-type]  # as State takes them

    def _advance(self) -> Live | None:
        scope, position = self._fans[-1]
        only = self._items.get(scope.path(position))
        if only is None:
            return super()._advance()
        fan = scope.outputs[position]
        assert isinstance(fan, Fan)
        if only >= len(fan.status):
            self._fans.pop()
            return None
        fan.next = only
        live = super()._advance()
        self._fans[:] = [one for one in self._fans if one != (scope, position)]
        return live


# --- looking ---------------------------------------------------------------------------------------


class Standpoint:
    """A task run or a block in its run, as far as facts say."""

    def __init__(self, path: str, state: State, steps: list[Step]) -> None:
        self.path = path
        self.state = state
        self.steps = steps
        self.missing: list[str] = []
        """What must be recorded before it may start, in words; empty when it may."""
        self.never = ""
        """Why it will not start any more; empty while it may."""
        self.scope: Scope | None = None
        """Where it stands; None while the blocks around it are not open."""
        self._follow()

    @property
    def questions(self) -> list[Live]:
        """Blocks of which a value must be read before it is known how they go on."""
        return [live for live in self.state.lives.values() if live.opens and live.status == READY]

    @property
    def live(self) -> Live | None:
        """The task run itself, when it may start."""
        found = self.state.lives.get(self.path)
        return found if found is not None and found.status == READY and not found.opens else None

    @property
    def task(self) -> int:
        """Which of the run's tasks it is."""
        node = self.steps[-1].node
        if isinstance(node, MapNode) and node.flat:
            node = node.body.nodes[0]
        assert isinstance(node, TaskNode)
        return node.task

    @property
    def size(self) -> int | None:
        """How many items the map has whose item it is; None where that is not known, or it is none."""
        step = self.steps[-1]
        fan = self.scope.outputs[step.position] if self.scope is not None else None
        return len(fan.status) if isinstance(fan, Fan) and step.item >= 0 else None

    def inputs(self) -> tuple[dict[str, Value], tuple[int, ...]]:
        """Give its arguments, and the outputs that are to be kept item by item; it may start."""
        live = self.live
        assert live is not None
        return self.state.args(live), live.placed_by().rows if live.item < 0 else ()

    def _follow(self) -> None:
        """Go the way from the outside in, up to where it is known whether it goes on."""
        scope = self.state.root
        for step in self.steps:
            self._edges(scope, step)
            if self.missing or self.never:
                return
            if step is self.steps[-1]:
                break
            inside = next((one for one in (scope.kept or {}).get(step.position, ()) if one.prefix == step.inside), None)
            if inside is None:
                self._closed(scope, step)
                return
            scope = inside
        self.scope = scope
        fan = scope.outputs[step.position]
        if (
            step.item >= 0
            and isinstance(step.node, MapNode)
            and not (isinstance(fan, Fan) and step.item < len(fan.status))
        ):
            self.scope = None
            self._closed(scope, step)

    def _edges(self, scope: Scope, step: Step) -> None:
        path = step.path(step.position)
        status = scope.status[step.position]
        if status == SKIPPED:
            self.never = f"{path!r} is skipped: {self.state.causes.get(path, 'something before it')!r} did not succeed"
        elif status == WAITING:
            for source, _ in sorted(edges(step.node)):
                if scope.status[source] in (WAITING, READY, RUNNING):
                    self.missing.append(self._undecided(step.path(source), scope.status[source]))

    def _undecided(self, path: str, status: int) -> str:
        live = self.state.lives.get(path)
        if live is not None:
            status = live.status
        if status == RUNNING:
            return f"{path!r} has not ended"
        if status == WAITING or live is None or live.attempt == 1:
            return f"nothing is recorded of {path!r}"
        return f"{path!r} has not succeeded, and may be tried again"

    def _closed(self, scope: Scope, step: Step) -> None:
        """Say why the inside of a block is not open."""
        node, path = step.node, step.path(step.position)
        status, fan = scope.status[step.position], scope.outputs[step.position]
        if isinstance(node, MapNode) and isinstance(fan, Fan):
            self.never = f"{path!r} has {len(fan.status)} items, and no item {step.item}"
        elif isinstance(node, SwitchNode) and status != READY:
            taken = [one.prefix.rpartition(".")[2] for one in (scope.kept or {}).get(step.position, ())]
            self.never = f"{path!r} has taken {taken[0]!r}, and not {bodies_of(node)[step.body][0]!r}"
        elif status in GOOD or status == FAILED:
            times = len((scope.kept or {}).get(step.position, ()))
            ended = f"has ended after {times} times round" if isinstance(node, RepeatNode) else "has succeeded"
            self.never = f"{path!r} {ended} ({STATUSES[status]})"
        elif status == READY:
            self.missing.append(f"it is not recorded yet how {path!r} goes on")
        elif isinstance(node, RepeatNode):
            self.missing.append(f"'{path}[{step.item - 1}]' has not ended")
        else:
            self.missing.append(f"{path!r} has not failed, and its handler is for that")


def look(run: Run, path: str, facts: Facts, *, epoch: int) -> Standpoint:
    """Say where a task run or a block stands, and what it takes; NotFound when the workflow has none of that path.

    Of what is before it, what has started and not ended counts as running.
    """
    steps = locate(run.workflow, path)
    part = _Part(steps, facts)
    sliced = replace(run, workflow=part.cut(run.workflow))
    own = steps[-1].is_task
    recorded = [attempt for attempt in part.recorded if not (own and attempt.path == path)]
    state = fold(sliced, recorded, epoch=epoch, alive=True, keep=True, make=partial(_PartState, items=part.items))
    return Standpoint(path, state, steps)
