"""Which code a task reaches, as digests by name: what makes a recorded result valid or stale.

The rule of the digest. Every function, class and top-level assignment of the project that a task
reaches counts by its own source in normal form: comments, formatting, docstrings, its place in the
file and Fairlead's own decorators do not count; everything else does, other decorators included. A
top-level name counts with all statements that bind it or change it there (`if`/`else`, overloads,
`X.append(1)`, `X["a"] = 1`, `@X.register`) and the conditions around them. A constant counts by its
source and, where its module is loaded and the source does not write the value down, by the value it
came to, if that is plain data: `RATE = float(os.environ["RATE"])`. What starts out empty and holds
plain data is taken for the tasks' own. The functions and classes that a registry holds count, and so
do a class's subclasses where the project asks for them. A function that was edited after its module
was loaded counts with both versions, which no other process finds.
A class counts whole, with its bases; of a component, all classes that it is made of, and its methods are
told apart. A module that is passed
around, instead of having its names used, counts whole.

Installed packages that are used directly count by the version of their distribution, the standard
library and Fairlead not at all (Python's own version is part of a run's `Code`). What cannot be
followed is named in `opaque` and counts for nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fairlead.engine.lineage_components import add_component, without_wholes
from fairlead.engine.lineage_index import Module
from fairlead.engine.lineage_modules import Found, project_root
from fairlead.engine.lineage_objects import Objects, unwrap
from fairlead.engine.lineage_resolve import Key, Symbol, task_code
from fairlead.engine.packages import site_of
from fairlead.model.components import Method
from fairlead.model.names import canonical_module
from fairlead.model.run import TaskCode

__all__ = ["analyse", "class_code", "diff", "python_version", "root_of", "with_packages"]


def analyse(
    functions: Sequence[Callable[..., Any] | None], *, root: Path, objects: Objects | None = None
) -> tuple[TaskCode, ...]:
    """Work out what each task function reaches; None (a stub) reaches nothing."""
    objects = objects or Objects(root)
    done: dict[int, TaskCode] = {}
    for function in functions:
        if id(function) not in done:
            done[id(function)] = _of_value(objects, function)
    return tuple(done[id(function)] for function in functions)


def _of_value(objects: Objects, value: Any) -> TaskCode:
    if value is None:
        return task_code({}, {})
    start = Symbol()
    if isinstance(value, Method):
        add_component(objects, value, start)
    else:
        name = getattr(unwrap(value), "__qualname__", type(value).__qualname__)
        objects.add_value(value, (), start, str(name))
    return _with(objects, start)


def _with(objects: Objects, start: Symbol) -> TaskCode:
    reached = objects.closure(start.needs)
    if not (start.symbols or start.packages or start.opaque):
        return reached
    symbols = {**start.symbols, **reached.symbols}
    packages = {**start.packages, **reached.packages}
    return task_code(symbols, packages, dict.fromkeys((*start.opaque, *reached.opaque)))


def with_packages(code: TaskCode, packages: dict[str, str]) -> TaskCode:
    """Give what is known of a task's code, with further packages by version: those that run it."""
    return task_code(code.symbols, {**code.packages, **packages}, code.opaque) if packages else code


def class_code(qualified: str, *, root: Path) -> TaskCode:
    """Work out what a value's class (`module:qualname`) reaches; it need not be loaded."""
    name, _, qualname = qualified.partition(":")
    name = canonical_module(name)
    objects = Objects(root)
    found = objects.find(name)
    if isinstance(found, Module) and qualname.partition(".")[0] in found.bindings:
        key: Key = (found.file, qualname.partition(".")[0])
        return objects.closure([key])
    value: Any = sys.modules.get("__main__" if name == "__main__" else name)
    for part in qualname.split("."):
        value = getattr(value, part, None)
    if value is not None:
        return _of_value(objects, value)
    if isinstance(found, Found) and found.kind == "package":
        start = Symbol()
        objects.add_package(found, start)
        return _with(objects, start)
    return task_code({}, {}, [f"class {qualified}, which cannot be found"])


def diff(old: TaskCode, new: TaskCode) -> list[str]:
    """Say what differs, in words: `features.py: scale changed`, `numpy 2.0 -> 2.1`."""
    said = []
    for name in sorted(old.symbols.keys() | new.symbols.keys()):
        if name not in old.symbols:
            said.append(f"{name} added")
        elif name not in new.symbols:
            said.append(f"{name} removed")
        elif old.symbols[name] != new.symbols[name]:
            said.append(f"{name} changed")
    said = without_wholes(said)
    for name in sorted(old.packages.keys() | new.packages.keys()):
        before, after = old.packages.get(name), new.packages.get(name)
        if before is None:
            said.append(f"{name} {after} added")
        elif after is None:
            said.append(f"{name} {before} removed")
        elif before != after:
            said.append(f"{name} {before} -> {after}")
    return said


def root_of(functions: Sequence[Callable[..., Any] | None]) -> Path:
    """Give the folder of the project that the first function with a file belongs to."""
    for function in functions:
        code = getattr(unwrap(function), "__code__", None)
        if code is not None and Path(code.co_filename).is_file() and site_of(code.co_filename) is None:
            return project_root(code.co_filename)
    return project_root(str(Path.cwd() / "session"))


def python_version() -> str:
    """Give Python's version as far as it counts: `3.11`."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"
