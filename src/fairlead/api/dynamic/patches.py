"""What an environment's patches make of a task that a dynamic body calls, under the path of the call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from fairlead.api.mocking import Wanted, mocked
from fairlead.author.built import Built
from fairlead.config.environment import Environment
from fairlead.config.patching import patched
from fairlead.model.task import TaskDefinition
from fairlead.model.workflow import TaskNode, Workflow

__all__ = ["all_patched", "patched_task"]


def patched_task(
    environment: Environment, task: TaskDefinition, function: Callable[..., Any] | None, path: str
) -> tuple[TaskDefinition, Callable[..., Any] | None]:
    """Give a task as it is called at a path; raises ConfigurationError for a stand-in that cannot be right."""
    single = Workflow(task.name, nodes=(TaskNode(path, 0),), tasks=(task,))
    found = patched(Built(single, [], [function], {}), environment)
    built = found.built
    if found.mocks:
        built = mocked(built, {number: Wanted(*one) for number, one in found.mocks.items()})
    return built.workflow.tasks[0], built.functions[0]


def all_patched(built: Built, environment: Environment) -> Built:
    """Patch the tasks that can be seen in a dynamic body, as calls of the body itself have them."""
    tasks, functions = [*built.workflow.tasks], [*built.functions]
    for place, task in enumerate(tasks[1:], 1):
        tasks[place], functions[place] = patched_task(environment, task, functions[place], task.name)
    workflow = msgspec.structs.replace(built.workflow, tasks=tuple(tasks))
    return msgspec.structs.replace(built, workflow=workflow, functions=functions)
