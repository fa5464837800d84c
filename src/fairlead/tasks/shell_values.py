"""Values as variables of a process's environment, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from fairlead.errors import FairleadError

__all__ = ["environment"]

_LONGEST = 131_072 if os.name == "posix" else 32_767
"""Bytes of one variable with its name, as Linux allows."""


def environment(
    inputs: Mapping[str, Any], secrets: Mapping[str, str], *, without: Collection[str] = ()
) -> dict[str, str]:
    """Give this process's environment with inputs and secrets; FairleadError names what no variable can hold.

    `without`: names that are not taken from this process, since the command is to give them a value.
    """
    found = {name: value for name, value in os.environ.items() if name not in without}
    problems = []
    for name, value in inputs.items():
        try:
            found[name] = _text(value)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            problems.append(f"{name!r} ({type(value).__qualname__}) cannot be an environment variable: {error}")
            continue
        size = len(os.fsencode(f"{name}={found[name]}")) + 1
        if size > _LONGEST:
            problems.append(
                f"{name!r} is {size:,} bytes, and an environment variable may have {_LONGEST:,}; give a file's path"
            )
    if problems:
        raise FairleadError("; ".join(problems))
    return {**found, **secrets}


def _text(value: Any) -> str:
    """Write a value as a shell uses it: text as it is, nothing for None, JSON for what has parts."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    if isinstance(value, Path):
        value = str(value)
    if type(value) in (int, float):
        return repr(value)
    if not isinstance(value, str):
        value = _json(value)
    if "\0" in value:
        raise ValueError("it holds a NUL character")
    value.encode("utf-8", "surrogateescape")
    return str(value)


def _json(value: Any) -> str:
    import msgspec

    text = msgspec.json.encode(value, enc_hook=_plain).decode()
    # Dates, enums, UUIDs: what JSON would put in quotes is text.
    return str(msgspec.json.decode(text)) if text.startswith('"') else text


def _plain(value: Any) -> Any:
    """Give what JSON can hold in place of an array or a pydantic model."""
    if isinstance(value, Path):
        return str(value)
    for name, arguments in (("tolist", {}), ("model_dump", {"mode": "json"})):
        method = getattr(value, name, None)
        if callable(method):
            return method(**arguments)
    raise TypeError("JSON cannot hold it; give text, numbers, lists, dicts, or a file's path")
