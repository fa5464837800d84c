"""Parameters that a stored definition is given as text, by whoever fires it.

The definition knows the types of its parameters only as they were written: the user's own classes are not
at hand, and their module is not imported. What such a name asks for counts as what the text means by itself.
"""

from __future__ import annotations

import collections.abc
import datetime
import decimal
import fractions
import pathlib
import typing
import uuid
from typing import Any

from fairlead.author.coercion import read
from fairlead.author.misfits import Misfit
from fairlead.author.text import Word, meaning
from fairlead.errors import ConfigurationError

__all__ = ["understood"]

_NAMES: dict[str, Any] = {
    **{kind.__name__: kind for kind in (bool, bytes, complex, dict, float, frozenset, int, list, set, str, tuple)},
    **{name: getattr(typing, name) for name in typing.__all__},
    **{kind.__name__: kind for kind in (datetime.date, datetime.datetime, datetime.time, datetime.timedelta)},
    **{kind.__name__: kind for kind in (decimal.Decimal, fractions.Fraction, pathlib.Path, uuid.UUID)},
    **{kind.__name__: kind for kind in (collections.abc.Mapping, collections.abc.Sequence)},
    "decimal": decimal,
    "fractions": fractions,
    "pathlib": pathlib,
    "typing": typing,
    "uuid": uuid,
}


def understood(name: str, text: str, annotation: str) -> Any:
    """Give the value of a parameter, as `fairlead run -p NAME=TEXT` reads it; ConfigurationError where it cannot be."""
    wanted = _wanted(annotation)
    if wanted is None:
        return meaning(Word(text))
    try:
        return read(Word(text), wanted)
    except Misfit as error:
        raise ConfigurationError(f"parameter {name!r}: {error}") from error


def _wanted(annotation: str) -> Any:
    """Find what was written as a type; None where it is not one of Python's own."""
    names = {**_NAMES, "datetime": datetime} if "datetime." in annotation else _NAMES
    try:
        return eval(annotation, {"__builtins__": {}}, names) if annotation else None  # noqa: S307 - the project's own source, as it was recorded
    except Exception:  # noqa: BLE001 - a name of the user's, or what only their module understands
        return None
