"""Runs that no driver carries: what is counted of them, and how they are closed, from their facts alone.

Processes that come and go record their attempts and nothing else, so that none waits for another. Who
looks at such a run counts, and who closes it writes down what was counted. Nothing here reads a clock.
"""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.engine.decide import verdict
from fairlead.engine.writer import Ledger
from fairlead.model.events import Attempt
from fairlead.model.fold import fold
from fairlead.model.path import group_of
from fairlead.model.run import Group, Run
from fairlead.model.state import State
from fairlead.ports import Commit

__all__ = ["closing", "tally"]


def tally(run: Run, attempts: Sequence[Attempt], *, epoch: int) -> tuple[dict[str, int], list[Group]]:
    """Count a run's task runs by status, in all and group by group; what has begun and not ended is running."""
    state = fold(run, attempts, epoch=epoch, alive=True)
    return state.totals(), _groups(state, attempts)


def closing(run: Run, attempts: Sequence[Attempt], *, epoch: int, stopped: bool, at: float) -> Commit:
    """Put together what closes a run; `stopped`: somebody asked for that, and what is left does not run."""
    state = fold(run, attempts, epoch=epoch)
    if stopped and not state.finished:
        state.cancel()
    status = verdict(state)
    error = state.failed[0] if status == "failed" and state.failed else ""
    return Commit([], state.totals(), _groups(state, attempts), status, error, at)


def _groups(state: State, attempts: Sequence[Attempt]) -> list[Group]:
    ledger = Ledger(state, {})
    places = {name: place for place, name in enumerate(state.groups)}
    for attempt in attempts:
        place = places.get(group_of(attempt.path))
        if place is not None and attempt.outcome is not None:
            ledger.note(place, attempt)
    return ledger.all()
