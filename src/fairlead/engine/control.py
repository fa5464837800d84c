"""What steers an orchestrator: how many items a map has, which branch a choice takes, whether a loop goes on.

All of it follows from what is recorded. Where a value must be read for that, the answer is recorded, as a
driver of ours would; so everybody who looks at the run afterwards comes to the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf
from time import time
from typing import NamedTuple

from fairlead.engine.decide import verdict
from fairlead.engine.opening import answers
from fairlead.engine.outline import NO_BRANCH, tokens
from fairlead.engine.writer import Ledger
from fairlead.errors import FairleadError, NotFound
from fairlead.model.events import Attempt, Failure
from fairlead.model.fold import fold
from fairlead.model.path import group_of
from fairlead.model.run import Run, RunStatus
from fairlead.model.scope import GOOD, SKIPPED, STATUSES, WAITING, Fan, Live, Scope
from fairlead.model.standing import UNTIL
from fairlead.model.state import State
from fairlead.model.workflow import MapNode, RepeatNode, SwitchNode
from fairlead.ports import Commit, Values

__all__ = ["Block", "Ending", "NotYet", "ending", "find_block"]


class NotYet(FairleadError):
    """What a step needs is not recorded yet."""


class Block(NamedTuple):
    """A block of a run, as far as facts say how it stands."""

    state: State
    path: str
    scope: Scope | None
    """The scope that it stands in; None where that never came to be."""
    position: int
    question: Live | None
    """What must be read before it is known how it goes on."""

    def answer(self, values: Values, run: Run, epoch: int) -> Attempt | None:
        """Read what is asked, and take it in; gives the fact that is to be recorded, None where nothing is asked.

        A fact without outputs says why it made no sense.
        """
        live = self.question
        if live is None:
            return None
        fact = Attempt(live.path, live.attempt, epoch, started=time())
        try:
            fact.outputs = answers(self.state, live, values, f"runs/{run.id}")
            fact.outcome = "succeeded"
            self.state.opened(live, fact.outputs)
        except FairleadError as error:
            fact.outcome, fact.retryable = "failed", False
            fact.failure = Failure("definition", str(error))
            self.state.ended(live, fact)
        fact.ended = time()
        return fact

    @property
    def size(self) -> int:
        """How many items the map has; none where it is left out."""
        fan = self._outputs(MapNode, "map")
        return len(fan.status) if isinstance(fan, Fan) else 0

    @property
    def branch(self) -> str:
        """The token of the branch that the choice takes."""
        self._outputs(SwitchNode, "switch")
        if self.scope is None:
            return NO_BRANCH
        node = self.scope.plan.nodes[self.position]
        assert isinstance(node, SwitchNode)
        taken = (self.scope.kept or {}).get(self.position)
        if not taken or taken[0].owner is None:
            return NO_BRANCH
        return tokens(node)[taken[0].owner[2]]

    def goes_on(self, index: int) -> bool:
        """Whether the loop goes round again after this time."""
        self._outputs(RepeatNode, "repeat")
        rounds = [] if self.scope is None else (self.scope.kept or {}).get(self.position, [])
        return any(one.owner is not None and one.owner[2] == index + 1 for one in rounds)

    @property
    def good(self) -> bool:
        """Whether it has succeeded, as a whole."""
        self._outputs(MapNode, "map")
        return self.scope is not None and self.scope.status[self.position] in GOOD

    def _outputs(self, kind: type[MapNode | SwitchNode | RepeatNode], name: str) -> object:
        """Give what the block holds; raises NotFound for another kind, NotYet while something is open."""
        if self.scope is None:
            return None
        if not isinstance(self.scope.plan.nodes[self.position], kind):
            raise NotFound(f"{self.path!r} is no {name}")
        status = self.scope.status[self.position]
        if status == WAITING:
            raise NotYet(f"{self.path!r} is {STATUSES[status]}: what it takes is not recorded yet")
        return None if status == SKIPPED else self.scope.outputs[self.position]


def find_block(run: Run, attempts: Iterable[Attempt], path: str, *, epoch: int, index: int | None = None) -> Block:
    """Find a block by its path; `index`: the time round after which a loop asks. NotFound."""
    state = fold(run, attempts, epoch=epoch, alive=True, keep=True)
    asked = path if index is None else f"{path}[{index}].{UNTIL}"
    question = next((live for live in _ready(state) if live.opens and live.path == asked), None)
    scope, position = _place(state.root, path)
    return Block(state, path, scope, position, question)


def _ready(state: State) -> list[Live]:
    found = []
    while (live := state.next(inf)) is not None:
        found.append(live)
    return found


def _place(scope: Scope, path: str) -> tuple[Scope | None, int]:
    """Find where a block stands; no scope where those around it were left out."""
    while True:
        for position in range(len(scope.plan.nodes)):
            here = scope.path(position)
            if here == path:
                return scope, position
            if path.startswith((f"{here}.", f"{here}[")):
                break
        else:
            raise NotFound(f"the run's workflow has nothing that is called {path!r}")
        inside = [
            one
            for one in (scope.kept or {}).get(position, ())
            if path == one.prefix or path.startswith((f"{one.prefix}.", f"{one.prefix}["))
        ]
        if not inside:
            return None, 0
        scope = max(inside, key=lambda one: len(one.prefix))


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
