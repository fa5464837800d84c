"""What a kernel is told in its own language: to set parameters, and to give back variables.

Text only; files are named, and written or read by the kernel.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any, Literal, NamedTuple

from fairlead.errors import FairleadError

__all__ = ["LANGUAGES", "Language", "assignments"]

_LONGEST = 10_000
"""Characters of a value that is written into a cell; a longer one comes by a file."""


class Language(NamedTuple):
    """How one language is spoken."""

    literal: Callable[[Any], str]
    """Writes a value down; raises ValueError for what cannot be."""
    assign: str
    """Gives a name a value: `{name}`, `{value}`."""
    give: Callable[[Sequence[str], str], str]
    """Code that writes variables into files of a folder, by position."""
    gives: Literal["pickle", "json", "text"] = "json"
    """What is in those files. With pickles, values also go in exactly."""


def assignments(language: Language, values: Mapping[str, Any], folder: Path) -> str:
    """Write the cell that sets parameters; FairleadError names what cannot be given."""
    lines, problems = [], []
    for name, value in values.items():
        try:
            text = language.literal(value)
            if len(text) > _LONGEST and language.gives == "pickle":
                raise ValueError("it is long")
        except (ValueError, RecursionError) as error:
            if language.gives != "pickle":
                problems.append(f"{name!r} ({type(value).__qualname__}) cannot be given to the notebook: {error}")
                continue
            text = _by_file(name, value, folder)
        lines.append(language.assign.format(name=name, value=text))
    if problems:
        raise FairleadError("; ".join(problems))
    return "\n".join(["# Parameters", *lines])


def _by_file(name: str, value: Any, folder: Path) -> str:
    import cloudpickle

    file = folder / f"{name}.pickle"
    try:
        file.write_bytes(cloudpickle.dumps(value))
    except Exception as error:  # whatever a user's own reduction raises
        raise FairleadError(f"{name!r} ({type(value).__qualname__}) cannot be sent to the kernel: {error}") from error
    return f'__import__("pickle").loads(__import__("pathlib").Path({str(file)!r}).read_bytes())'


# --- Python ---------------------------------------------------------------------------------------


def _python(value: Any) -> str:
    kind = type(value)
    if value is None or kind in (bool, int, str, bytes):
        return repr(value)
    if kind is float:
        return repr(value) if isfinite(value) else f'float("{value}")'
    if isinstance(value, Path):
        return f'__import__("pathlib").Path({str(value)!r})'
    if kind is dict:
        return "{" + ", ".join(f"{_python(key)}: {_python(item)}" for key, item in value.items()) + "}"
    if kind is list:
        return "[" + ", ".join(map(_python, value)) + "]"
    if kind is tuple:
        return "(" + "".join(f"{_python(item)}, " for item in value).rstrip(" ") + ")"
    raise ValueError(f"it is a {kind.__qualname__}")


_GIVE = """
import json, os, pickle
try:
    import cloudpickle as dumper
except ImportError:
    dumper = pickle
said = {}
for place, name in enumerate(names):
    if name not in given:
        said[name] = ["missing", sorted(key for key in given if not key.startswith("_"))[:1000]]
        continue
    try:
        data = dumper.dumps(given[name])
    except BaseException as error:
        said[name] = ["unstorable", f"{type(error).__name__}: {error}"]
        continue
    with open(os.path.join(folder, f"out{place}"), "wb") as file:
        file.write(data)
with open(os.path.join(folder, "said"), "w") as file:
    json.dump(said, file)
"""


def _give_python(names: Sequence[str], folder: str) -> str:
    return f"exec({_GIVE!r}, {{'given': globals(), 'names': {list(names)!r}, 'folder': {folder!r}}})"


# --- others ---------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    """Give what JSON says of a value, in Python's own types."""
    if isinstance(value, Path):
        return str(value)
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ValueError("the notebook's language takes what JSON can hold") from error


def _r(value: Any) -> str:
    return _r_of(_plain(value))


def _r_of(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, list):
        return "list(" + ", ".join(map(_r_of, value)) + ")"
    if isinstance(value, dict):
        return "list(" + ", ".join(f"{json.dumps(key)} = {_r_of(item)}" for key, item in value.items()) + ")"
    return json.dumps(value, ensure_ascii=False)


def _give_r(names: Sequence[str], folder: str) -> str:
    return "\n".join(
        # Only what the notebook has set: R itself has a `df`, a `c` and a `mean`.
        f"if (exists({json.dumps(name)}, envir = globalenv(), inherits = FALSE)) "
        f"writeLines(as.character(jsonlite::toJSON(get({json.dumps(name)}, envir = globalenv()), auto_unbox = TRUE, "
        f"digits = NA, null = 'null')), {json.dumps(f'{folder}/out{place}')})"
        for place, name in enumerate(names)
    )


def _julia(value: Any) -> str:
    return _julia_of(_plain(value))


def _julia_of(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("$", "\\$")
    if isinstance(value, list):
        return "[" + ", ".join(map(_julia_of, value)) + "]"
    if isinstance(value, dict):
        return "Dict(" + ", ".join(f"{_julia_of(key)} => {_julia_of(item)}" for key, item in value.items()) + ")"
    return json.dumps(value)


def _give_julia(names: Sequence[str], folder: str) -> str:
    lines = [
        f'if @isdefined({name}) open(io -> JSON.print(io, {name}), {_julia_of(f"{folder}/out{place}")}, "w") end'
        for place, name in enumerate(names)
    ]
    return "\n".join(["import JSON", *lines])


def _bash(value: Any) -> str:
    found = _plain(value)
    if isinstance(found, bool):
        return "true" if found else "false"
    text = "" if found is None else found if isinstance(found, str) else json.dumps(found)
    return shlex.quote(text)


def _give_bash(names: Sequence[str], folder: str) -> str:
    return "\n".join(
        f'[ -z "${{{name}+x}}" ] || printf %s "${name}" > {shlex.quote(f"{folder}/out{place}")}'
        for place, name in enumerate(names)
    )


LANGUAGES = {
    "python": Language(_python, "{name} = {value}", _give_python, "pickle"),
    "r": Language(_r, "{name} <- {value}", _give_r),
    "julia": Language(_julia, "{name} = {value}", _give_julia),
    "bash": Language(_bash, "{name}={value}", _give_bash, "text"),
}
"""By name in lower case, as kernels say it."""
