"""Changes to tasks by a pattern of their paths: what an environment's `tasks` says.

Reads and checks the patches, and makes the graph in which they count. What stands in for a task
under `mock` is known elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from fairlead.config.documents import Keys, Problems
from fairlead.config.mocks import understand_mock

__all__ = ["OPTIONS", "Patch", "check_patches", "patches_of"]

OPTIONS: dict[str, str] = {
    "resources": "What it needs of the machine: `cpu`, `memory`, `gpu`; those not said stay as they are.",
    "retries": "Further attempts after the first.",
    "retry_delay": "Seconds before the second attempt; doubled before each one after it.",
    "timeout": "Seconds that one attempt may take; `null`: no limit.",
    "image": "Container image, for executors that have images.",
    "chunk": "How many items of a map share one job, on executors that start something for each job.",
    "env_vars": "Environment variables while it runs, beside its own.",
    "cache": "Reuse a recorded result of any earlier run when nothing that it depends on has changed.",
    "executor": "One of `executors`, to run it on.",
    "mock": "What stands in for it: `module:function`, `{value: …}`, or `stub` for nothing.",
}
"""What a patch may say."""

_RESOURCES = ("cpu", "memory", "gpu")

_NUMBERS = ("retries", "retry_delay", "timeout", "chunk")


class Patch(NamedTuple):
    """What one pattern says."""

    pattern: str
    options: dict[str, Any]
    keys: Keys
    """The way to it in its environment."""

    def matches(self, path: str) -> bool:
        """Whether it is about a task of that path; `*` is any text, `?` one character."""
        return _expression(self.pattern).fullmatch(path) is not None


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile("".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern))


def patches_of(tasks: list[Any]) -> Iterator[Patch]:
    """Give the patches in the order in which they count; the last match wins."""
    for place, layer in enumerate(tasks):
        for pattern, options in layer.items():
            yield Patch(pattern, options, ("tasks", place, pattern))


def check_patches(tasks: Any, executors: set[str], problems: Problems) -> None:
    """Note everything that is wrong with an environment's patches."""
    if not isinstance(tasks, list):
        problems.add(("tasks",), f"must be a mapping of patterns to patches, and is {tasks!r:.60}")
        return
    for place, layer in enumerate(tasks):
        if not isinstance(layer, dict):
            problems.add(("tasks", place), f"must be a mapping of patterns to patches, and is {layer!r:.60}")
            continue
        for pattern, options in layer.items():
            _check_patch(options, ("tasks", place, pattern), executors, problems)


def _check_patch(options: Any, keys: Keys, executors: set[str], problems: Problems) -> None:
    from fairlead.author.options import OPTIONS as OF_TASKS

    if not isinstance(options, dict):
        problems.add(keys, f"must be a mapping of options to values, and is {options!r:.60}")
        return
    if re.search(r"\[\d+\]", str(keys[-1])):
        problems.add(keys, "a patch is about all items of a map; leave the number out")
    for key in [*options]:
        if key in _NUMBERS:
            options[key] = _as_number(options[key])
        way, value = (*keys, key), options[key]
        if key not in OPTIONS:
            _unknown(way, problems)
        elif key == "executor":
            if value is not None and value not in executors:
                from fairlead.config.documents import nearest

                problems.add(
                    way, f"{value!r} is none of this environment's 'executors'{nearest(str(value), executors)}"
                )
        elif key == "resources":
            _check_resources(value, way, problems)
        elif key == "mock":
            mock = None if value is None else understand_mock(value)
            if isinstance(mock, str):
                problems.add(way, mock)
        else:
            wrong = OF_TASKS[key](value)
            if wrong:
                problems.add(way, wrong)


def _unknown(keys: Keys, problems: Problems) -> None:
    if keys[-1] in _RESOURCES:
        problems.add(keys[:-1], f"unknown key {keys[-1]!r}; write resources: {{{keys[-1]}: …}}", at=keys)
    else:
        problems.misspelt(keys, OPTIONS)


def _as_number(value: Any) -> Any:
    """Read text that `${…}` has brought as the number that it is."""
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            return value
        return int(number) if number.is_integer() else number
    return value


def _check_resources(value: Any, keys: Keys, problems: Problems) -> None:
    from fairlead.author.options import OPTIONS as OF_TASKS
    from fairlead.model.task import Resources

    if not isinstance(value, dict):
        problems.add(keys, f"must be a mapping of cpu, memory and gpu, and is {value!r:.60}")
        return
    for key in [*value]:
        if key not in _RESOURCES:
            problems.misspelt((*keys, key), _RESOURCES)
            continue
        if key != "memory":
            value[key] = _as_number(value[key])
        wrong = OF_TASKS["resources"](Resources(**{key: value[key]}))
        if wrong:
            problems.add((*keys, key), wrong.removeprefix("must have ").replace("a number as", "must be a number:"))
