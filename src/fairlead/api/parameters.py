"""Parameters that come as text or from files: which value wins, and what type it takes.

The more specific wins: command line > process environment > params file > environment file > default.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Container, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import msgspec

from fairlead.author.built import Input
from fairlead.errors import DefinitionError, NotFound

__all__ = ["from_outside", "gather", "read_params_file", "understand"]

_PREFIX = "FAIRLEAD_PARAM_"


def gather(
    inputs: Sequence[Input],
    *,
    given: Mapping[str, Any],
    file: str | Path | None = None,
    environment: Mapping[str, Any] | None = None,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Put a workflow's parameters together from all their sources.

    `given` come from the command line (text) or from Python. Names that only the environment file or
    the process environment knows are passed over; others that the workflow does not have are left for
    it to refuse. Gives the values, and a sentence for each that does not fit its annotation (it is
    among the values as it came).
    """
    known = {one.name: one for one in inputs}
    found: dict[str, tuple[Any, str]] = {}
    for name, value in (environment or {}).items():
        if name in known:
            found[name] = (value, "environment file")
    for name, value in (read_params_file(file) if file else {}).items():
        found[name] = (value, str(file))
    for name in known:
        text = os.environ.get(_PREFIX + name.upper(), os.environ.get(_PREFIX + name))
        if text is not None:
            found[name] = (text, _PREFIX + name)
    found.update({name: (value, f"-p {name}") for name, value in given.items()})
    values: dict[str, Any] = {}
    misfits: dict[str, str] = {}
    for name, (value, source) in found.items():
        try:
            values[name] = understand(value, known[name].annotation) if name in known else value
        except ValueError as error:
            values[name] = value
            misfits[name] = f"{source}: {error}"
    return values, misfits


def from_outside(
    inputs: Callable[[], Sequence[Input]], *, given: Container[str], environment: Mapping[str, Any]
) -> dict[str, Any]:
    """Give the parameters that a Python program left to the process environment and the environment file.

    `given` are the names that it did not leave; `inputs` is asked only where there is something to
    be had. Raises DefinitionError with every value that does not fit its annotation.
    """
    if not environment and not any(name.startswith(_PREFIX) for name in os.environ):
        return {}
    left = [one for one in inputs() if one.name not in given]
    values, misfits = gather(left, given={}, environment=environment)
    if misfits:
        raise DefinitionError("parameters that do not fit", list(misfits.values()))
    return values


def understand(value: Any, annotation: Any) -> Any:
    """Give a value its annotated type; text is read as that type. Raises ValueError when it cannot be.

    Without an annotation, text that is JSON is read as JSON, and other text stays as it is.
    """
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if not isinstance(value, str):
        return _convert(value, annotation)
    if annotation is str:
        return value
    if annotation is Any or annotation is None:
        return _loose(value)
    if annotation in {bool, int, float} or not _is_text(annotation):
        loose = _loose(value)
        try:
            return _convert(value if annotation in {bool, int, float} else loose, annotation)
        except ValueError:
            if loose == value:
                raise
            return _convert(value, annotation)
    return _convert(value, annotation)


def read_params_file(path: str | Path) -> dict[str, Any]:
    """Read a YAML, JSON or TOML file of parameters; raises NotFound and DefinitionError."""
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise NotFound(f"cannot read the parameters file {str(file)!r}: {error.strerror}") from error
    try:
        data = _parse(file.suffix, text)
    except Exception as error:
        raise DefinitionError(f"{file}: cannot be read as {file.suffix.lstrip('.') or 'YAML'}: {error}") from error
    if not isinstance(data, dict) or not all(isinstance(name, str) for name in data):
        raise DefinitionError(f"{file}: a parameters file is a mapping of names to values")
    return data


def _parse(suffix: str, text: str) -> Any:
    if suffix == ".json":
        return json.loads(text)
    if suffix == ".toml":
        import tomllib

        return tomllib.loads(text)
    import yaml

    return yaml.safe_load(text) or {}


def _is_text(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, (str, os.PathLike, bytes))


def _loose(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _convert(value: Any, annotation: Any) -> Any:
    if annotation is Any or annotation is None:
        return value
    if isinstance(annotation, type) and issubclass(annotation, os.PathLike) and isinstance(value, str):
        return Path(value)
    try:
        return msgspec.convert(value, annotation, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(f"{value!r:.60} is not {_name(annotation)} ({error})") from None
    except TypeError:  # a class that msgspec does not know: the task itself has the last word
        return value


def _name(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)
