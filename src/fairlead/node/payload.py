"""Functions that no other process can import, as bytes: what stands in a notebook, a lambda, a closure.

Functions of importable modules travel by name and never come here.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from fairlead.errors import DefinitionError
from fairlead.model.components import Method
from fairlead.model.names import canonical_module

__all__ = ["canonical_target", "needs_payload", "payload"]


def needs_payload(function: Callable[..., Any]) -> bool:
    """Whether another process cannot import the function under `__module__` and `__qualname__`.

    A component's method travels by the names of the component's classes.
    """
    if isinstance(function, Method):
        return any(map(needs_payload, function.classes.values()))
    name = getattr(function, "__module__", None)
    return name in (None, "__main__", "__mp_main__") or not _is_importable(function)


def canonical_target(function: Callable[..., Any]) -> str | None:
    """Give `module:qualname` for importing, a script as the module that it is; None when there is none.

    Importing a script executes it again (see `fairlead.node.loading`), up to where it starts a run.
    """
    if isinstance(function, Method):
        return function.__qualname__ if all(map(canonical_target, function.classes.values())) else None
    if not _is_importable(function):
        return None
    return f"{canonical_module(function.__module__)}:{function.__qualname__}"


def _is_importable(function: Callable[..., Any]) -> bool:
    name = getattr(function, "__module__", None)
    qualname = getattr(function, "__qualname__", "<")
    module = sys.modules.get(name) if name else None
    if module is None or "<" in qualname or not getattr(module, "__file__", None):
        return False
    if name == "__main__" and not Path(str(module.__file__)).is_file():
        return False
    found: Any = module
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return _plain(found) is _plain(function)


def payload(function: Callable[..., Any], *, task: str = "") -> bytes:
    """Pickle a function by value, with what it uses of its own module.

    Raises DefinitionError, naming the global or closure variable that cannot be pickled.
    """
    import cloudpickle

    try:
        return bytes(cloudpickle.dumps(_plain(function)))
    except Exception as error:  # whatever a user's own reduction raises
        raise _unpicklable(function, task or getattr(function, "__name__", "task"), error) from error


def _unpicklable(function: Callable[..., Any], task: str, error: Exception) -> DefinitionError:
    found = _culprit(_plain(function), set())
    if found is None:
        return DefinitionError(
            f"task {task!r} cannot be sent to another process ({error}); move the function to a module"
        )
    name, value, place = found
    kind = type(value)
    said = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return DefinitionError(
        f"task {task!r} uses {name!r}{f' ({place})' if place else ''}, a {said}, which can't be sent to another"
        " process: create it inside the function, or move the function to a module"
    )


def _culprit(function: Any, seen: set[int]) -> tuple[str, Any, str] | None:
    """Find what cannot be pickled, through the functions that the function takes along."""
    import cloudpickle

    if not isinstance(function, FunctionType) or id(function) in seen:
        return None
    seen.add(id(function))
    for name, value in _used(function):
        try:
            cloudpickle.dumps(value)
        except Exception:  # noqa: BLE001 - whatever it raises, this is what we were looking for
            inner = _plain(value)
            found = _culprit(inner, seen) if isinstance(inner, FunctionType) else (name, value, _place(function, name))
            if found is not None:  # else functions that call each other: what is wrong with them comes later
                return found
    return None


def _used(function: FunctionType) -> Iterator[tuple[str, Any]]:
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not assigned yet: there is nothing to be sent
            continue
    todo = [function.__code__]
    while todo:
        code = todo.pop()
        todo.extend(constant for constant in code.co_consts if isinstance(constant, CodeType))
        for name in code.co_names:
            if name in function.__globals__ and not isinstance(function.__globals__[name], ModuleType):
                yield name, function.__globals__[name]
    defaults = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
    yield from ((f"default {position + 1}", value) for position, value in enumerate(defaults))


def _place(function: FunctionType, name: str) -> str:
    """Give the line that first assigns the name in the function's file or cell."""
    import linecache

    file = function.__code__.co_filename
    for number, line in enumerate(linecache.getlines(file), 1):
        if re.match(rf"\s*{re.escape(name)}\b[^=(]*=", line):
            return f"{Path(file).name}:{number}"
    return ""


def _plain(value: Any) -> Any:
    """Unwrap a task object; the plain function is what travels."""
    return getattr(value, "__wrapped__", value) if type(value).__module__.startswith("fairlead.") else value
