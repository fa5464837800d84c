"""What an environment says, setting by setting, with where each comes from, for people to read.

Nothing that may be a secret leaves this module: values are shown as they were written, before any
`${…}` was replaced.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from fairlead.config.documents import Keys, dotted
from fairlead.config.environment import Environment
from fairlead.config.expanding import variables

__all__ = ["Setting", "hidden", "settings_of"]

_TELLING = re.compile(r"passw|secret|token|credential|api_?key|access_?key|private|auth", re.IGNORECASE)
"""Names whose values are not shown."""

_LOGIN = re.compile(r"(://[^/:@\s]*:)([^/@\s]+)(@)")

_WORD = re.compile(r"((?:^|[?&\s])\w*passw\w*\s*=\s*)([^&\s]+)", re.IGNORECASE)
"""A password among the parameters of a URL, or of what databases take in its place."""

_DEFAULTS: dict[str, Any] = {
    "executor": {"type": "local"},
    "store": {"type": "sqlite"},
    "artifacts": {"url": ".fairlead/artifacts"},
    "secrets": {"type": "env"},
    "code": "bundle",
    "durability": "grouped",
}


class Setting(NamedTuple):
    """One setting of an environment."""

    key: str
    value: Any
    """As written, or `***`."""
    where: str
    """`file:line:column`, `default`, or `Python`; with the variables that it takes, and whether they are set."""


def settings_of(environment: Environment) -> list[Setting]:
    """List every setting, those that nobody wrote last."""
    found = []
    for keys, value in _leaves(environment.written, ()):
        spot = environment.place(*keys)
        where = str(spot) if spot is not None else "Python" if environment.name != environment.executor["type"] else ""
        takes = [f"${name}{'' if name in os.environ else ' (not set)'}" for name in variables(value)]
        shown = hidden(str(keys[-1]), value) if keys[0] != "secrets" or keys[-1] == "type" else hidden("", value)
        found.append(Setting(dotted(keys), shown, ", ".join([where or "built in", *takes])))
    for key, value in _DEFAULTS.items():
        if key not in environment.written:
            found += [Setting(dotted(keys), inner, "default") for keys, inner in _leaves({key: value}, ())]
    return found


def _leaves(value: Any, keys: Keys) -> Iterator[tuple[Keys, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            if key != "object" or isinstance(inner, str):
                yield from _leaves(inner, (*keys, key))
    elif isinstance(value, list) and any(isinstance(inner, (dict, list)) for inner in value):
        for place, inner in enumerate(value):
            yield from _leaves(inner, (*keys, place))
    else:
        yield keys, value


def hidden(name: str, value: Any) -> Any:
    """Give a value as it may be shown: `***` for what its name says is secret, and for passwords in URLs."""
    if not isinstance(value, str):
        return "***" if _TELLING.search(name) and isinstance(value, (int, float)) else value
    if _TELLING.search(name) and "${" not in value:
        return "***"
    value = _WORD.sub(lambda match: match[0] if "${" in match[2] else f"{match[1]}***", value)
    return _LOGIN.sub(lambda match: match[0] if "${" in match[2] else f"{match[1]}***{match[3]}", value)
