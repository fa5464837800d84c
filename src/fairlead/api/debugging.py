"""Running with `debug=True`: in this process, without time limits, the task's own exception kept.

What is recorded of the run is the same as without; only what reaches the caller differs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from fairlead.config.environment import Environment
from fairlead.model.task import TaskDefinition
from fairlead.ports import Brief, Current, TaskKind

__all__ = ["Witness", "here", "unlimited"]


def here(environment: Environment) -> Environment:
    """Give the same environment, with tasks that run in this process."""
    executor = {"type": "in_process"}
    return environment.replace(executor=executor, executors=dict.fromkeys(environment.executors, executor))


def unlimited(brief: Brief) -> Brief:
    """Take the time limits away: a debugger stands still for as long as it is looked at."""
    brief.tasks = tuple(msgspec.structs.replace(task, timeout=None) for task in brief.tasks)
    return brief


class Witness:
    """Keeps the exceptions that tasks raise, with their frames, for a debugger to look into."""

    def __init__(self) -> None:
        self.raised: dict[str, BaseException] = {}
        """By path: that of the last attempt."""

    def watch(self, kinds: Mapping[str, TaskKind]) -> Mapping[str, TaskKind]:
        """Give the kinds of task, watched."""
        return _WatchedKinds(kinds, self.raised)


class _WatchedKinds(dict[str, TaskKind]):
    """Kinds of task, each watched from when it is met."""

    def __init__(self, kinds: Mapping[str, TaskKind], raised: dict[str, BaseException]) -> None:
        self._kinds = kinds
        self._raised = raised

    def __missing__(self, name: str) -> TaskKind:
        watched = self[name] = _Watched(self._kinds[name], self._raised)
        return watched


class _Watched:
    """A kind of task whose exceptions are kept as they pass."""

    def __init__(self, kind: TaskKind, raised: dict[str, BaseException]) -> None:
        self._kind = kind
        self._raised = raised

    def run(
        self, task: TaskDefinition, function: Callable[..., Any] | None, inputs: Mapping[str, Any], current: Current
    ) -> Any:
        """Run it as its kind does."""
        try:
            return self._kind.run(task, function, inputs, current)
        except BaseException as error:
            self._raised[current.path] = error
            raise

    def close(self) -> None:
        """Let go what the kind holds open."""
        close = getattr(self._kind, "close", None)
        if close is not None:
            close()
