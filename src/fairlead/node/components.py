"""Components where their tasks run: built once per process and run, from names and settings.

Secrets in settings are fetched when a task asks for them, and never before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import msgspec

from fairlead.errors import DefinitionError
from fairlead.model.components import Recipe, build
from fairlead.model.task import TaskDefinition
from fairlead.ports import Values

__all__ = ["bound_method"]

_built: WeakKeyDictionary[Values, dict[bytes, Any]] = WeakKeyDictionary()
"""Components by what they are made of; the values belong to one run in this process."""


def bound_method(
    task: TaskDefinition, recipe: Recipe, classes: Mapping[str, type], find: Callable[[str], Any], values: Values
) -> Callable[..., Any]:
    """Give the method that a task calls, on the component that it belongs to.

    `classes` are those that came with the run; `find` imports the others. Raises DefinitionError.
    """
    components = _built.setdefault(values, {})
    key = msgspec.json.encode(recipe)
    component = components.get(key)
    if component is None:
        component = components[key] = build(recipe, lambda name: classes.get(name) or find(name), None)
    name = task.target.rpartition(".")[2]
    method = getattr(component, name, None)
    if method is None:
        raise DefinitionError(f"task {task.name!r}: {recipe.kind} has no method {name!r}")
    return method  # type: ignore[no-any-return]
