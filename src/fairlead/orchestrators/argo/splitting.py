"""Which steps of a scope share a DAG, where one DAG may not hold them all."""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.model.outline import AnyStep, ChoiceStep, MapStep

__all__ = ["MOST", "parts"]

MOST = 200
"""Tasks that one DAG may hold."""


def parts(steps: Sequence[AnyStep], most: int = MOST - 1) -> list[list[AnyStep]]:
    """Give the steps in parts of at most so many DAG tasks each; one part where they all fit.

    What stands in a part waits for steps of its own or of an earlier part. Steps are taken level by level,
    so that as little as possible waits for a whole part.
    """
    if sum(map(_size, steps)) <= most:
        return [list(steps)]
    level: dict[str, int] = {}
    for step in steps:
        level[step.name] = max((level[need.step] + 1 for need in step.needs), default=0)
    found: list[list[AnyStep]] = [[]]
    size = 0
    for step in sorted(steps, key=lambda one: level[one.name]):
        more = _size(step)
        if found[-1] and size + more > most:
            found.append([])
            size = 0
        found[-1].append(step)
        size += more
    return found


def _size(step: AnyStep) -> int:
    """So many tasks of a DAG a step becomes."""
    if isinstance(step, MapStep):
        return 3
    return 1 + len(step.branches) if isinstance(step, ChoiceStep) else 1
