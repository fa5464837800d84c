"""Settings as data and back: typed values become JSON, and JSON becomes typed values again.

One rule for all that is configured: text that says a number is a number where one is wanted,
`"false"` is false, and what does not fit is refused. Knows no file and no environment.
"""

from __future__ import annotations

import types
import typing
from math import isfinite
from pathlib import PurePath
from typing import Any

import msgspec

from fairlead.model.secret import Secret, Source
from fairlead.model.types import describe
from fairlead.wire import converted

__all__ = ["from_data", "to_data"]


def to_data(value: Any, secrets: set[str] | None = None) -> Any:
    """Give a value as JSON data; ValueError for what is no data. Names of secrets are put into `secrets`."""

    def encode(part: Any) -> Any:
        if isinstance(part, Secret):
            if secrets is not None:
                secrets.add(part.name)
            return part.name
        if isinstance(part, PurePath):
            return str(part)
        if hasattr(type(part), "model_dump"):  # pydantic
            data = part.model_dump(mode="json")
            if type(part).model_validate(data) == part:  # not so where it holds a SecretStr, which is dumped as stars
                return data
        raise NotImplementedError(type(part).__qualname__)

    try:
        return _written(msgspec.to_builtins(value, enc_hook=encode, str_keys=True))
    except (NotImplementedError, TypeError, ValueError) as error:
        raise ValueError(f"{type(value).__qualname__} is not data that a file could hold") from error


def from_data(data: Any, annotation: Any, source: Source | None = None) -> Any:
    """Give data its annotated type; ValueError says what does not fit. Secrets in it ask `source`."""
    if annotation is Any or annotation is object:
        return data

    def decode(kind: type, part: Any) -> Any:
        if kind is Secret:
            return Secret(_text(part, "the name of a secret"), source)
        if issubclass(kind, PurePath):
            return kind(_text(part, "a path"))
        if hasattr(kind, "model_validate"):
            return kind.model_validate(part)
        raise NotImplementedError

    try:
        return converted(data, annotation, strict=False, dec_hook=decode)
    except msgspec.ValidationError as error:
        raise ValueError(f"{data!r:.60} is not {describe(annotation)}{_reason(error)}") from error
    except NotImplementedError as error:
        raise ValueError(f"{describe(annotation)} cannot be a setting: no file could hold it") from error
    except TypeError as error:
        return _one_of(data, annotation, source, error)


def _one_of(data: Any, annotation: Any, source: Source | None, error: TypeError) -> Any:
    """Take the first type of a union that fits, where msgspec cannot tell its members apart."""
    if typing.get_origin(annotation) not in (typing.Union, types.UnionType):
        raise ValueError(f"{describe(annotation)} cannot be a setting ({error})") from error
    for member in typing.get_args(annotation):
        try:
            return from_data(data, member, source)
        except ValueError:
            continue
    raise ValueError(f"{data!r:.60} is not {describe(annotation)}") from error


def _text(part: Any, what: str) -> str:
    if not isinstance(part, str):
        raise ValueError(f"{part!r:.60} is not {what}")
    return part


def _reason(error: Exception) -> str:
    """Say where in a larger value the misfit is, and what pydantic said of it."""
    cause: Any = error.__cause__
    if hasattr(cause, "errors"):
        said = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in cause.errors())
        return f" ({said})"
    text = str(error)
    return f" ({text})" if "$" in text else ""


def _written(data: Any) -> Any:
    """Spell out what JSON cannot write: infinity is the text `inf`, which reads back as the number."""
    if isinstance(data, float) and not isfinite(data):
        return str(data)
    if isinstance(data, dict):
        return {key: _written(part) for key, part in data.items()}
    if isinstance(data, list | tuple):
        return [_written(part) for part in data]
    return data
