"""What steers an orchestrator: how many items a map has, which branch a choice takes, whether a loop goes on.

All of it follows from what is recorded. Where a value must be read for that, the answer is recorded, as a
driver of ours would; so everybody who looks at the run afterwards comes to the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from time import time
from typing import NamedTuple, TypeVar

from fairlead.engine.decide import verdict
from fairlead.engine.inputs import Facts, look
from fairlead.engine.opening import answers
from fairlead.engine.outline import NO_BRANCH, tokens
from fairlead.engine.writer import Ledger
from fairlead.errors import FairleadError, NotFound
from fairlead.model.events import Attempt, Failure
from fairlead.model.fold import fold
from fairlead.model.path import group_of
from fairlead.model.run import Run, RunStatus
from fairlead.model.scope import GOOD, STATUSES, Fan, Live, Scope
from fairlead.model.standing import UNTIL
from fairlead.model.state import State
from fairlead.model.workflow import MapNode, RepeatNode, SwitchNode
from fairlead.ports import Commit, Values

__all__ = ["Block", "Ending", "NotYet", "ending", "find_block"]


class NotYet(FairleadError):
    """What a step needs is not recorded yet."""


class Block(NamedTuple):
    """A block of a run, as far as facts say how it stands."""

    path: str
    state: State
    scope: Scope | None
    """The scope that it stands in; None where it is left out."""
    position: int
    question: Live | None
    """What must be read before it is known how it goes on."""

    def answer(self, values: Values, run: Run, epoch: int) -> Attempt:
        """Read what is asked; gives the fact that is to be recorded, which may be that it made no sense."""
        live = self.question
        assert live is not None
        fact = Attempt(live.path, live.attempt, epoch, started=time())
        try:
            fact.outputs = answers(self.state, live, values, f"runs/{run.id}")
            fact.outcome = "succeeded"
        except FairleadError as error:
            fact.outcome, fact.retryable = "failed", False
            fact.failure = Failure("definition", str(error))
        fact.ended = time()
        return fact

    @property
    def size(self) -> int:
        """How many items the map has; none where it is left out."""
        self._must_be(MapNode, "map")
        fan = None if self.scope is None else self.scope.outputs[self.position]
        return len(fan.status) if isinstance(fan, Fan) else 0

    @property
    def branch(self) -> str:
        """The token of the branch that the choice takes."""
        node = self._must_be(SwitchNode, "switch")
        taken = self._inside()
        return tokens(node)[taken[0]] if node is not None and taken else NO_BRANCH

    def goes_on(self, index: int) -> bool:
        """Whether the loop goes round again after this time."""
        self._must_be(RepeatNode, "repeat")
        return index + 1 in self._inside()

    @property
    def good(self) -> bool:
        """Whether the map has succeeded, as a whole."""
        self._must_be(MapNode, "map")
        return self.scope is not None and self.scope.status[self.position] in GOOD

    def _must_be(self, kind: type[N], name: str) -> N | None:
        """Give the node, unless it is left out; raises NotFound for another kind."""
        if self.scope is None:
            return None
        node = self.scope.plan.nodes[self.position]
        if not isinstance(node, kind):
            raise NotFound(f"{self.path!r} is no {name}")
        return node

    def _inside(self) -> list[int]:
        """List the bodies that were opened, by what they are for: a case, a time round."""
        opened = [] if self.scope is None else (self.scope.kept or {}).get(self.position, [])
        return [one.owner[2] for one in opened if one.owner is not None]


N = TypeVar("N", MapNode, SwitchNode, RepeatNode)


class _Within:
    """Facts, with those inside of one block beside its own."""

    def __init__(self, facts: Facts, path: str) -> None:
        self._facts = facts
        self._path = path
        self.under = facts.under

    def of(self, path: str) -> Sequence[Attempt]:
        """The attempts of one task run, or all that is recorded in the block."""
        found = self._facts.of(path)
        return [*found, *self._facts.under(path)] if path == self._path else found


def find_block(run: Run, facts: Facts, path: str, *, epoch: int, index: int = -1, whole: bool = False) -> Block:
    """Find a block by its path; NotFound, and NotYet where something before it is not recorded.

    `index`: the time round after which a loop asks. `whole`: what became of the inside counts, too.
    """
    found = look(run, path, _Within(facts, path) if whole or index >= 0 else facts, epoch=epoch)
    if found.missing:
        raise NotYet(f"{path!r}: {'; '.join(found.missing)}")
    asked = path if index < 0 else f"{path}[{index}].{UNTIL}"
    question = next((live for live in found.questions if live.path == asked), None)
    return Block(path, found.state, None if found.never else found.scope, found.steps[-1].position, question)


def _ready(state: State) -> list[Live]:
    found = []
    while (live := state.next(inf)) is not None:
        found.append(live)
    return found


class Ending(NamedTuple):
    """How a run ended that nobody of ours carried."""

    status: RunStatus
    missing: list[str]
    """Task runs that were to run, and of which no end is recorded."""
    commit: Commit


def ending(run: Run, attempts: Sequence[Attempt], *, epoch: int, cancelled: bool) -> Ending:
    """Work out how a run ended, by its records and by nothing else."""
    state = fold(run, attempts, epoch=epoch, keep=True)
    ready = _ready(state)
    lost = [path for path, live in state.lives.items() if STATUSES[live.status] == "lost"]
    missing = [live.path for live in ready] + lost
    for live in ready:
        state.put_back(live)
    if cancelled and missing:
        state.cancel()
    # What was to run and did not makes a run fail, whatever the rest of it says.
    status = verdict(state) if state.finished or (cancelled and missing) else "failed"
    error = next(iter([*state.failed, *missing]), "") if status == "failed" else ""
    ledger = Ledger(state, {})
    places = {name: place for place, name in enumerate(state.groups)}
    for attempt in attempts:
        place = places.get(group_of(attempt.path))
        if place is not None and attempt.outcome is not None:
            ledger.note(place, attempt)
    groups = ledger.all()
    return Ending(status, missing, Commit([], state.totals(), groups, status, error, time()))
