"""Which part of a value is to blame when it cannot be kept. Only used once something went wrong."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["blame"]

_DEEPEST = 50

_ADVICE = {
    "generator": "give back a list of what it yields",
    "async_generator": "give back a list of what it yields",
    "coroutine": "await it and give back what it returns",
    "memoryview": "give back bytes",
    "module": "give back what is needed of it, not the module",
    "socket": "open it where it is used",
    "_io.TextIOWrapper": "give back its path or what stands in it",
    "_io.BufferedReader": "give back its path or what stands in it",
    "_io.BufferedWriter": "give back its path or what stands in it",
    "_thread.lock": "make it where it is used, or leave it out in __getstate__",
    "_thread.RLock": "make it where it is used, or leave it out in __getstate__",
}


def blame(value: Any, attempt: Callable[[Any], object]) -> str:
    """Say which innermost part makes `attempt` raise: `attribute 'lock' of Trainer: cannot pickle …`."""
    labels: list[str] = []
    error = _error(value, attempt)
    seen = {id(value)}
    # Any part of what is too deep or too large may be too deep or too large again: the whole is named.
    while error is not None and not isinstance(error, (RecursionError, MemoryError)) and len(labels) < _DEEPEST:
        for label, part in _parts(value):
            inner = None if id(part) in seen else _error(part, attempt)
            if inner is not None:
                labels.append(label)
                seen.add(id(part))
                value, error = part, inner
                break
        else:
            break
    return ": ".join([*labels, _words(value, error)])


def _error(value: Any, attempt: Callable[[Any], object]) -> Exception | None:
    try:
        attempt(value)
    except Exception as error:  # noqa: BLE001 - the user's own __reduce__ may raise anything
        return error
    return None


def _words(value: Any, error: Exception | None) -> str:
    kind = type(value)
    if isinstance(error, RecursionError):
        return f"the {kind.__qualname__} is nested too deeply to be kept; use a flatter structure"
    if isinstance(error, MemoryError):
        return f"the {kind.__qualname__} needs more memory to be kept than there is; write it to a file instead"
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    said = next(iter(str(error).splitlines()), "") or f"a {name} cannot be kept ({type(error).__name__})"
    advice = _ADVICE.get(name)
    return f"{said}; {advice}" if advice else said


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield f"key {_short(key)}", item
            yield f"the key {_short(key)}", key
    elif isinstance(value, (list, tuple)):
        names = getattr(value, "_fields", None)
        for index, item in enumerate(value):
            yield (f"field {names[index]!r}" if names else f"item {index}"), item
    elif isinstance(value, (set, frozenset)):
        for item in value:
            yield "a member", item
    elif isinstance(value, types.FunctionType):
        yield from _used_by(value)
    elif isinstance(value, types.MethodType):
        yield "its object", value.__self__
    if not isinstance(value, (type, types.FunctionType, types.MethodType)):
        yield from _attributes(value)


def _attributes(value: Any) -> Iterator[tuple[str, Any]]:
    try:
        state = value.__getstate__()
    except Exception:  # noqa: BLE001 - the search for a culprit must not replace the error
        state = getattr(value, "__dict__", None)
    for part in state if isinstance(state, tuple) else (state,):
        if isinstance(part, dict):
            for name, item in part.items():
                yield f"attribute {_short(name)} of {type(value).__qualname__}", item


def _used_by(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    name = function.__qualname__
    for variable, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield f"variable {variable!r} of {name}", cell.cell_contents
        except ValueError:
            continue  # not assigned yet
    for default in function.__defaults__ or ():
        yield f"a default of {name}", default
    for variable in function.__code__.co_names:
        if variable in function.__globals__:
            yield f"global {variable!r} used by {name}", function.__globals__[variable]


def _short(key: Any) -> str:
    text = repr(key)
    return text if len(text) <= 40 else f"{text[:37]}…"
