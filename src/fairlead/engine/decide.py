"""What to do next, given where a run stands: data in, data out.

Nothing here does anything; the driver carries out what comes back. The time is an argument.
"""

from __future__ import annotations

import msgspec

from fairlead.model.run import RunStatus
from fairlead.model.scope import Live
from fairlead.model.state import State

__all__ = ["Decision", "decide", "verdict"]


class Decision(msgspec.Struct, gc=False):
    """What the driver does now."""

    start: list[Live]
    """To be reused, or handed to the executor, in this order."""
    open: list[Live]
    """Maps whose lists must be read before anybody knows how many copies there are."""
    wake: float | None = None
    """When to decide again if nothing happens before; seconds since the Unix epoch."""
    close: RunStatus | None = None
    """The run has come to its end."""


def decide(state: State, now: float, room: int) -> Decision:
    """Choose at most `room` task runs to start."""
    decision = Decision([], [])
    while room > 0 and (live := state.next(now)) is not None:
        if live.opens:
            decision.open.append(live)
        else:
            decision.start.append(live)
            room -= 1
    if not (decision.start or decision.open) and state.idle:
        decision.close = verdict(state)
    else:
        decision.wake = state.due()
    return decision


def verdict(state: State) -> RunStatus:
    """Name the status of a run in which nothing is left to do."""
    if state.finished and not state.root.failed:
        return "succeeded"
    return "cancelled" if state.cancelled else "failed"
