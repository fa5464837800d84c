"""What a driver that takes a run up again does about jobs of an earlier one that still go on.

Only chooses; how jobs outlive their driver is the executor's business, and waiting for them the driver's.
"""

from __future__ import annotations

from collections.abc import Iterable

from fairlead.model.events import Attempt
from fairlead.ports import Executor, Holds

__all__ = ["adopted"]


def adopted(executor: Executor, recorded: Iterable[Attempt]) -> dict[str, int]:
    """Give the attempts to wait for, by path; those whose end is recorded are let go.

    Of one task run, the latest attempt counts: an earlier one was given up.
    """
    assert isinstance(executor, Holds)
    ended = {(attempt.path, attempt.attempt) for attempt in recorded if attempt.outcome is not None}
    wanted: dict[str, int] = {}
    unwanted: list[tuple[str, int]] = []
    for path, attempt in sorted(executor.held()):
        if (path, attempt) in ended:
            unwanted.append((path, attempt))
            continue
        if path in wanted:
            unwanted.append((path, wanted[path]))
        wanted[path] = attempt
    if unwanted:
        executor.cancel(unwanted, 0.0)
    return wanted
