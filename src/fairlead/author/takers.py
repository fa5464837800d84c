"""Functions that take whatever there is: `**kwargs`, and an `argparse.Namespace` as their only argument.

As a step, or run by itself, such a function is given every name that is there and that it does not
take otherwise. Called in a workflow function it is called as any other.
"""

from __future__ import annotations

import copy
from types import BuiltinFunctionType
from typing import Any

from msgspec.structs import replace

from fairlead.author.callables import Layout
from fairlead.author.functions import Task
from fairlead.author.options import Core

__all__ = ["open_core", "takes_any", "taking_all"]

_NAMESPACES = ("Namespace", "argparse.Namespace")


def taking_all(task: Task[..., Any]) -> Task[..., Any]:
    """Give the task, or a copy that is given names where it takes a Namespace."""
    core = open_core(task._core)
    if core is task._core:
        return task
    changed = copy.copy(task)
    changed._core = core
    return changed


def open_core(core: Core) -> Core:
    """Give the core, or one whose only argument, a Namespace, takes every name."""
    arguments = core.layout.arguments
    if len(arguments) != 1 or arguments[0].annotation not in _NAMESPACES or core.function is None:
        return core
    one = arguments[0]
    return Core(core.function, core.options, Layout(core.function, [replace(one, kind="namespace")]))


def takes_any(core: Core) -> bool:
    """Whether a step is given every name; a builtin that does not say what it takes is not, nor is a command."""
    function = core.function
    return core.layout.varkw is not None and function is not None and not isinstance(function, BuiltinFunctionType)
