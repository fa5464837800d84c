"""What Argo cannot be given yet, and what it can but people should know of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fairlead.model.outline import AnyStep, ChoiceStep, GroupStep, LoopStep, MapStep, Outline, bodies

__all__ = ["DEPTH", "lacking", "notes"]

DEPTH = 90
"""Times round that a loop may go: each is a template inside the last, and Argo ends at 100."""

_NODES = 3000
"""Nodes that are known before it runs, from which on Argo gets slow."""

_BYTES = 512 * 1024
"""Bytes of a manifest, each run of which holds a copy of it; an object may have a MiB in all."""


def lacking(outline: Outline) -> list[tuple[str, str]]:
    """List what cannot be given to Argo: the step, and what it needs."""
    return list(_lacking(outline.steps))


def _lacking(steps: Sequence[AnyStep]) -> Iterator[tuple[str, str]]:
    for step in steps:
        if step.ends:
            yield step.path, "ends the pipeline that it stands in"
        if any(need.when != "ok" for need in step.needs):
            yield step.path, "follows the failure of another step without being its handler"
        if isinstance(step, LoopStep) and step.max_iterations > DEPTH:
            yield step.path, f"goes round up to {step.max_iterations} times; Argo takes {DEPTH}"
        if "{{" in step.path or "}}" in step.path:
            yield step.path, "has braces in its name, which Argo fills in"
        insides = bodies(step)
        if isinstance(step, ChoiceStep):
            insides = tuple(body for body in insides if body)
        if any(not body for body in insides):
            yield step.path, "has nothing in it that could run"
        for body in insides:
            yield from _lacking(body)


def notes(outline: Outline, size: int) -> list[str]:
    """Say what is different from a run of our own, and what may become too much."""
    found = [
        _of_stopping(step) for step in _all(outline.steps) if isinstance(step, (MapStep, GroupStep)) and step.stops
    ]
    nodes = sum(1 for _ in _all(outline.steps))
    if nodes > _NODES:
        found.append(f"{nodes} steps, and Argo gets slow from {_NODES} nodes on; maps with chunk= need fewer")
    if size > _BYTES:
        found.append(f"the manifest has {size // 1024} KiB, and Argo keeps a copy with each run, in an object of 1 MiB")
    return found


def _of_stopping(step: MapStep | GroupStep) -> str:
    if isinstance(step, MapStep):
        return f"{step.path}: all its items run on Argo, also when one of them fails"
    return f"{step.path}: when something in it fails, Argo starts nothing more of it, and what runs goes on to its end"


def _all(steps: Sequence[AnyStep]) -> Iterator[AnyStep]:
    for step in steps:
        yield step
        for body in bodies(step):
            yield from _all(body)
