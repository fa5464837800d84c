"""What a workflow needs against what an executor and a store offer, before anything runs.

Only compares; every mismatch is one sentence that names the task.
"""

from __future__ import annotations

import re

from fairlead.errors import DefinitionError
from fairlead.model.task import TaskDefinition
from fairlead.model.workflow import Workflow
from fairlead.ports import Offers, Reach

__all__ = ["memory_bytes", "mismatches"]

_WIDTH: dict[Reach, int] = {"process": 0, "host": 1, "network": 2}
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]i?)?B?")


def memory_bytes(text: str) -> int:
    """Read an amount of memory such as "4Gi" or "500M"; raises DefinitionError."""
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise DefinitionError(f"memory {text!r} is not an amount such as '500M' or '4Gi'")
    return int(float(match[1]) * _UNITS[match[2] or ""])


def mismatches(
    workflow: Workflow, offers: Offers, *, executor: str, stores: dict[str, Reach], only: str | None = None
) -> list[str]:
    """List all that the executor cannot do for this workflow; empty when it can carry it.

    `stores` are the reaches of what tasks must see, by what people call it. `only`: the executor's
    name in the environment's `executors`, where it gets the tasks that name it and no others.
    """
    tasks = [task for task in workflow.tasks if only is None or task.executor == only]
    if not tasks and only is not None:
        return []
    found = [
        f"{what} can be seen from this {reach} only, and executor {executor!r} runs tasks out of its sight"
        for what, reach in stores.items()
        if _WIDTH[reach] < _WIDTH[offers.reach]
    ]
    if workflow.dynamic and not offers.dynamic:
        found.append(
            f"it is dynamic: its body says while it runs what is called next, and executor {executor!r} must know"
            " before; use 'in_process' or 'local', or write the workflow without dynamic=True"
        )
    for task in tasks:
        found.extend(f"{task.name}: {problem}" for problem in _of_task(task, offers, executor))
    return found


def _of_task(task: TaskDefinition, offers: Offers, executor: str) -> list[str]:
    problems = []
    needs = task.resources
    if needs.cpu > offers.cpu:
        problems.append(f"needs {needs.cpu:g} processors, and executor {executor!r} has {offers.cpu:g}")
    if needs.gpu > offers.gpu:
        problems.append(f"needs {needs.gpu} GPUs, and executor {executor!r} has {offers.gpu}")
    if needs.memory is not None and offers.memory is not None and memory_bytes(needs.memory) > offers.memory:
        problems.append(f"needs {needs.memory} of memory, and executor {executor!r} has {offers.memory / 2**30:.1f}Gi")
    if task.image is not None and not offers.image:
        problems.append(f"names the image {task.image!r}, and executor {executor!r} runs no images")
    if task.timeout is not None and not offers.timeout:
        problems.append(f"has a time limit, and executor {executor!r} cannot end a task")
    if task.env_vars and not offers.env_vars:
        problems.append(f"sets environment variables, and executor {executor!r} cannot")
    return problems
