"""Where parameters come from, which source wins, and everything that is wrong with them, told at once.

The more specific wins: command line > process environment > params file > environment file > default.
What type a value takes is decided by `fairlead.author.coercion`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from fairlead.api.params_file import Placed, read_params_file
from fairlead.author.built import Input
from fairlead.author.problems import nearest
from fairlead.author.text import Word
from fairlead.config.environment import Environment
from fairlead.errors import DefinitionError

__all__ = ["Gathered", "Sources", "from_outside", "gather", "refuse", "variable"]

_PREFIX = "FAIRLEAD_PARAM_"
_ALIKE = 0.7
"""How much alike two names are when one may be the other one misspelt: two letters swapped in four are."""


class Sources(msgspec.Struct, frozen=True):
    """All that is said about parameters, before anybody looks which a workflow has."""

    given: Mapping[str, Any] = {}
    """From the command line: text; other values are Python's own, and only checked."""
    file: str | Path | None = None
    """The params file."""
    environment: Environment | None = None
    """Its `parameters`."""
    recorded: Mapping[str, Any] = {}
    """Those of a run that goes on: only the command line and a params file change them."""


class Gathered(msgspec.Struct, frozen=True):
    """A workflow's parameters, put together."""

    values: dict[str, Any]
    problems: list[str]
    """What does not fit and what nobody knows, each with its source."""
    refused: frozenset[str]
    """Names of the workflow's own whose value is not among `values`, because it does not fit."""
    notes: list[str]
    """What was passed over although it looks like a mistake."""


def gather(inputs: Sequence[Input], sources: Sources, *, rest: Input | None = None) -> Gathered:
    """Put a workflow's parameters together from all their sources.

    `rest` takes names beyond `inputs`. Without it, names that the workflow does not have are a problem
    on the command line and in a params file; the process environment and the environment file are
    shared by many workflows, and a name there is noted only where it looks like a mistake.
    """
    known = {one.name: one for one in inputs}
    found = _found(known, sources)
    values: dict[str, Any] = {}
    problems: list[str] = []
    refused = set()
    for name, placed in found.items():
        one = known.get(name, rest)
        if one is None:
            problems.append(f"takes no {name!r}{nearest(name, known)} ({placed.place})")
            continue
        try:
            values[name] = _read(placed.value, one)
        except ValueError as error:
            refused.add(name)
            problems += [
                f"{name!r}: {sentence} ({placed.place})" for sentence in getattr(error, "sentences", [str(error)])
            ]
    return Gathered(values, problems, frozenset(refused), _notes(known, sources))


def refuse(name: str, gathered: Gathered, more: Sequence[str] = ()) -> None:
    """Raise DefinitionError with all problems, and those that `more` names; does nothing when there are none."""
    problems = [*gathered.problems, *more]
    if problems and len(problems) + len(gathered.notes) == 1:
        raise DefinitionError(f"{name}: {problems[0]}")
    if problems:
        problems += gathered.notes
        raise DefinitionError(f"{name}: {len(problems)} problems", problems)


def from_outside(
    name: str, inputs: Callable[[], Sequence[Input]], *, given: Container[str], environment: Environment
) -> dict[str, Any]:
    """Give the parameters that a Python program left to the process environment and the environment file.

    `given` are the names that it did not leave; `inputs` is asked only where there is something to
    be had. Raises DefinitionError with every value that does not fit its annotation.
    """
    if not environment.parameters and not any(key.startswith(_PREFIX) for key in os.environ):
        return {}
    left = [one for one in inputs() if one.name not in given]
    gathered = gather(left, Sources(environment=environment))
    refuse(name, replace(gathered, notes=[]))
    return gathered.values


def variable(name: str, known: Container[str] = ()) -> str | None:
    """Give the environment variable that a parameter is set by now, if it is set by one.

    `FAIRLEAD_PARAM_rate` and `FAIRLEAD_PARAM_RATE` both are `rate`, unless there is a `RATE`, too.
    """
    upper: str = name.upper()
    for spelt in (name, upper) if upper not in known else (name,):
        if _PREFIX + spelt in os.environ:
            return _PREFIX + spelt
    return None


def _found(known: Mapping[str, Input], sources: Sources) -> dict[str, Placed]:
    """Give the value that wins for each name, with where it comes from."""
    environment = {name: one for name, one in _of_environment(sources.environment).items() if name in known}
    process = {}
    for name in known:
        key = variable(name, known)
        if key is not None:
            process[name] = Placed(Word(os.environ[key]), key)
    file = read_params_file(sources.file) if sources.file else {}
    given = {
        name: Placed(Word(value), f"-p {name}=…") if isinstance(value, str) else Placed(_Own(value), name)
        for name, value in sources.given.items()
    }
    if not sources.recorded:
        return {**environment, **file, **process, **given}
    recorded = {name: Placed(_Own(value), name) for name, value in sources.recorded.items()}
    return {**environment, **process, **recorded, **file, **given}


def _of_environment(environment: Environment | None) -> dict[str, Placed]:
    found = {}
    for name, value in environment.parameters.items() if environment is not None else ():
        spot = environment.place("parameters", name) if environment is not None else None
        found[name] = Placed(value, str(spot) if spot is not None else "environment")
    return found


class _Own(msgspec.Struct, frozen=True):
    """A value that is one already: Python's own, or a run's."""

    value: Any


def _read(value: Any, one: Input) -> Any:
    if type(value) is _Own:
        return value.value
    from fairlead.author.coercion import read

    return read(value, _wanted(one))


def _wanted(one: Input) -> Any:
    """Give the type of a parameter; without an annotation, a default that is text or a bool tells it."""
    if one.annotation is Any and not one.required:
        if type(one.default) is str:
            return str
        if type(one.default) is bool:
            return bool | Any
    return one.annotation


def _notes(known: Mapping[str, Input], sources: Sources) -> list[str]:
    """Name what many workflows share and this one does not know, where it looks misspelt."""
    used = {variable(name, known) for name in known}
    shared = [(key, key.removeprefix(_PREFIX).lower()) for key in os.environ if key.startswith(_PREFIX)]
    shared = [one for one in shared if one[0] not in used and one[1].upper() not in map(str.upper, known)]
    shared += [(f"{name!r} ({one.place})", name) for name, one in _of_environment(sources.environment).items()]
    if not shared:
        return []
    import difflib

    notes = []
    for what, name in shared:
        near = difflib.get_close_matches(name, known, n=1, cutoff=_ALIKE) if name not in known else []
        notes += [f"{what} is no parameter of it (nearest: {one!r})" for one in near]
    return notes
