"""What a workflow needs against what an executor and a store offer, before anything runs.

Only compares; all mismatches of a run are one table: the task, what it needs, what the executor has.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fairlead.model.amounts import memory_bytes
from fairlead.model.task import TaskDefinition
from fairlead.model.workflow import Workflow
from fairlead.ports import Offers, Reach

__all__ = ["Mismatch", "mismatches", "table"]

_WIDTH: dict[Reach, int] = {"process": 0, "host": 1, "network": 2}


_OUT_OF_SIGHT = "executor {!r} runs tasks out of its sight"


class Mismatch(msgspec.Struct, frozen=True):
    """Something that cannot be carried where it was to be."""

    task: str
    """Empty where it is about the whole workflow."""
    needs: str
    has: str = ""


def table(rows: Sequence[Mismatch]) -> list[str]:
    """Write mismatches below each other, one to a line; what is about the whole workflow comes first."""
    names = max((len(row.task) for row in rows), default=0)
    needs = max((len(row.needs) for row in rows if row.task), default=0)
    whole = [row.needs for row in rows if not row.task]
    return whole + [f"{row.task:<{names}}  {row.needs:<{needs}}  {row.has}".rstrip() for row in rows if row.task]


def mismatches(
    workflow: Workflow,
    offers: Offers,
    *,
    executor: str,
    stores: dict[str, Reach],
    only: str | None = None,
    role: str = "executor",
) -> list[Mismatch]:
    """List all that the executor cannot do for this workflow; empty when it can carry it.

    `stores` are the reaches of what tasks must see, by what people call it. `only`: the executor's
    name in the environment's `executors`, where it gets the tasks that name it and no others. `role`: what
    people call what `executor` names.
    """
    tasks = [task for task in workflow.tasks if only is None or task.executor == only]
    if not tasks and only is not None:
        return []
    found = [
        Mismatch("", f"{what} can be seen from this {reach} only, and {role} {executor!r} runs tasks out of its sight")
        for what, reach in stores.items()
        if _WIDTH[reach] < _WIDTH[offers.reach]
    ]
    if workflow.dynamic and not offers.dynamic:
        found.append(
            Mismatch(
                "",
                f"it is dynamic: its body says while it runs what is called next, and {role} {executor!r} must know"
                " before; use 'in_process' or 'local', or write the workflow without dynamic=True",
            )
        )
    for task in tasks:
        found += [Mismatch(task.name, f"needs {needs}", f"{executor} {has}") for needs, has in _of_task(task, offers)]
    return found


def _of_task(task: TaskDefinition, offers: Offers) -> list[tuple[str, str]]:
    """List what a task needs and does not get, each with what there is."""
    found = []
    needs = task.resources
    if needs.cpu > offers.cpu:
        found.append((f"{needs.cpu:g} processors", f"has {offers.cpu:g}"))
    if needs.gpu > offers.gpu:
        found.append((f"{needs.gpu} GPU{'s' if needs.gpu > 1 else ''}", f"has {offers.gpu or 'none'}"))
    if needs.memory is not None and offers.memory is not None and memory_bytes(needs.memory) > offers.memory:
        found.append((f"{needs.memory} of memory", f"has {offers.memory / 2**30:.1f}Gi"))
    if task.image is not None and not offers.image:
        found.append((f"the image {task.image!r}", "runs no images"))
    if task.timeout is not None and not offers.timeout:
        found.append((f"a time limit of {task.timeout:g} s", "cannot end a task"))
    if task.env_vars and not offers.env_vars:
        found.append((f"the variables {', '.join(task.env_vars)}", "cannot set any"))
    return found
