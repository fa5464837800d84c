"""From a recorded failure to an exception that the body can catch.

Failures are data; what is raised is made from that. Nothing here decides what follows from it.
"""

from __future__ import annotations

import sys
from typing import Any

from fairlead.errors import TaskFailed
from fairlead.model.events import Attempt, Failure
from fairlead.model.names import canonical_module

__all__ = ["causes_in", "task_failed"]

_NEVER = (StopIteration, StopAsyncIteration)
"""They mean something to the loops that they pass through."""

_KINDS: dict[type, type[TaskFailed]] = {}


def task_failed(path: str, attempt: Attempt | None) -> TaskFailed:
    """Make the exception for a call that failed for good, of the task's own type where it is known here."""
    failure = attempt.failure if attempt is not None else None
    failure = failure or Failure("lost", "it ended, and nobody knows how")
    own = _type_named(failure.type)
    short = failure.type.rpartition(".")[2]
    said = f"{short}: {failure.message}" if short else failure.message
    made = _empty(own) if own is not None else TaskFailed.__new__(TaskFailed)
    TaskFailed.__init__(
        made,
        f"task {path!r} failed: {said}",
        path=path,
        reason=failure.reason,
        kind=failure.type,
        message=failure.message,
        traceback=failure.traceback,
    )
    return made


def causes_in(error: BaseException) -> tuple[str, ...]:
    """List the failed calls that an exception comes of, the nearest first."""
    found: dict[str, None] = {}
    seen: set[int] = set()
    todo: list[BaseException] = [error]
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, TaskFailed) and one.path:
            found[one.path] = None
        todo.extend(inner for inner in (one.__context__, one.__cause__) if inner is not None)
        if isinstance(one, BaseExceptionGroup):
            todo.extend(one.exceptions)
    return tuple(found)


def _type_named(name: str) -> type[Exception] | None:
    """Find an exception's class where it is loaded; whoever catches it has loaded it."""
    module, _, qualname = name.rpartition(".")
    homes = [module] if module else ["builtins", "__main__"]
    if module and module == canonical_module("__main__"):
        homes.append("__main__")
    for home in homes:
        found: Any = getattr(sys.modules.get(home), qualname, None)
        if isinstance(found, type) and issubclass(found, Exception) and not issubclass(found, _NEVER):
            return found
    return None


def _empty(own: type[Exception]) -> TaskFailed:
    """Make an exception that is of both types, without asking the user's class, which may want anything for it."""
    kind = _kind(own)
    bases: list[Any] = [Exception, *own.__mro__]
    for base in bases:
        if base.__module__ == "builtins":
            try:
                made: Any = base.__new__(kind)
            except TypeError:  # some of Python's own have more to them than Exception
                continue
            return made  # type: ignore[no-any-return]
    return TaskFailed.__new__(TaskFailed)


def _kind(own: type[Exception]) -> type[TaskFailed]:
    """Give the class that is both; TaskFailed alone where there can be none."""
    kind = _KINDS.get(own)
    if kind is None:
        try:
            kind = type(own.__name__, (TaskFailed, own), {"__module__": own.__module__})
        except TypeError:  # it cannot be inherited from together with another class, or at all
            kind = TaskFailed
        _KINDS[own] = kind
    return kind
