"""`${NAME}` and `${NAME:-default}` in the values of an environment, from the process environment."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from fairlead.config.documents import Document, Keys, Problems

__all__ = ["Unset", "expand", "expanded_text", "names_in", "variables"]

_VARIABLE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{")


class Unset(Exception):
    """A text that cannot be expanded; its only argument says why."""


def expand(document: Document, problems: Problems) -> dict[str, Any]:
    """Give the data with every `${…}` in its texts replaced; what cannot be is a problem."""
    return {key: _expanded(value, (key,), problems) for key, value in document.data.items()}


def _expanded(value: Any, keys: Keys, problems: Problems) -> Any:
    if isinstance(value, str):
        if "${" not in value:
            return value
        try:
            return expanded_text(value, os.environ)
        except Unset as error:
            problems.add(keys, str(error))
            return value
    if isinstance(value, dict):
        return {key: _expanded(inner, (*keys, key), problems) for key, inner in value.items()}
    if isinstance(value, list):
        return [_expanded(inner, (*keys, place), problems) for place, inner in enumerate(value)]
    return value


def expanded_text(text: str, environ: Mapping[str, str]) -> str:
    """Replace every `${…}` of a text; `$${` stands for `${` itself. Raises Unset."""

    def replace(match: re.Match[str]) -> str:
        if match[0] == "$${":
            return "${"
        name, default = match[1], match[2]
        if name is None:
            raise Unset(f"{text!r} holds '${{' that is neither ${{NAME}} nor ${{NAME:-default}}; '$${{' stands for it")
        found = environ.get(name)
        if default is not None:
            return found or default
        if found is None:
            raise Unset(f"${{{name}}} is not set in the process environment; ${{{name}:-…}} gives a default")
        return found

    return _VARIABLE.sub(replace, text)


def names_in(text: str) -> list[str]:
    """Name the variables that a text takes, in order."""
    return [match[1] for match in _VARIABLE.finditer(text) if match[1]]


def variables(value: Any) -> Iterator[str]:
    """Name the variables that any text inside a value takes."""
    if isinstance(value, str):
        yield from names_in(value)
    elif isinstance(value, dict):
        for inner in value.values():
            yield from variables(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from variables(inner)
