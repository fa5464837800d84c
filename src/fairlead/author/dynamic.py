"""Dynamic workflows as data: there is no graph, only the body and the tasks that can be seen in it.

What the body calls is known when it runs. What can be known before, by looking at the names that it uses,
is written down, so that it is checked before anything runs. Nothing here calls a body.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

from fairlead.author.built import Built
from fairlead.author.callables import MISSING, clean_doc, place_of_function
from fairlead.author.functions import Task
from fairlead.author.options import target_of
from fairlead.author.scope import Building
from fairlead.model.names import canonical_module
from fairlead.model.task import TaskDefinition
from fairlead.model.workflow import Parameter, Workflow

__all__ = ["BODY_KIND", "build_dynamic"]

BODY_KIND = "body"
"""The kind of the task definition that stands for a dynamic workflow's own code; no executor runs it."""


def build_dynamic(function: Any, values: dict[str, Any]) -> Built:
    """Give a dynamic workflow as data, with its body as the first of its tasks."""
    body = function.__wrapped__
    layout = function.layout
    building = Building(function.name)
    building.definitions.append(
        TaskDefinition(
            name=function.name,
            kind=BODY_KIND,
            target=target_of(body),
            params=layout.params,
            place=place_of_function(body),
            doc=clean_doc(body),
        )
    )
    building.functions.append(body)
    for task in _tasks_of(body):
        building.add(task._core)
    parameters = []
    for one in layout.arguments:
        slot = None if one.default is MISSING else building.constant(one.default).slot
        parameters.append(Parameter(one.name, one.annotation, slot is None, slot))
    graph = Workflow(
        name=function.name,
        parameters=tuple(parameters),
        tasks=tuple(building.definitions),
        place=place_of_function(body),
        doc=clean_doc(body),
        dynamic=True,
    )
    return Built(graph, building.constants, building.functions, values, function.inputs)


def _tasks_of(body: Any) -> Iterator[Task[..., Any]]:
    """Find the tasks that a body names, also by way of other workflows and functions of its project."""
    found: dict[int, Any] = {}
    homes = {_home(body)}
    todo = [body]
    while todo:
        for value in _used(todo.pop()):
            if id(value) in found:
                continue
            found[id(value)] = value
            if isinstance(value, Task):
                yield value
            elif hasattr(value, "dynamic") and hasattr(value, "__wrapped__"):
                homes.add(_home(value.__wrapped__))
                todo.append(value.__wrapped__)
            elif isinstance(value, FunctionType) and _home(value) in homes:
                todo.append(value)


def _home(function: Any) -> str:
    return canonical_module(getattr(function, "__module__", None) or "").partition(".")[0]


def _used(function: Callable[..., Any]) -> Iterator[Any]:
    """Give what a function holds by closure, and by the names of globals and of what modules have."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    if not isinstance(function, FunctionType):
        return
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # a name that is not assigned yet stands for nothing
            continue
    names = list(dict.fromkeys(_names(function.__code__)))
    for name in names:
        value = function.__globals__.get(name)
        if isinstance(value, ModuleType) and sys.modules.get(value.__name__) is value:
            yield from (vars(value)[inner] for inner in names if inner in vars(value))
        elif value is not None:
            yield value


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
