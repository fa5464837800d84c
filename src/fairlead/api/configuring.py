"""Environments and plugins as people ask for them: which there are, what they say, how to keep them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from fairlead.config import registry, saved
from fairlead.config.documents import nearest
from fairlead.config.environment import Environment, load
from fairlead.config.finding import BUILT_IN, Found, every
from fairlead.config.shown import Setting, settings_of
from fairlead.errors import ConfigurationError, DefinitionError, NotFound

__all__ = [
    "Listed",
    "PluginFound",
    "check_environments",
    "environment_schema",
    "found_plugins",
    "init_environment",
    "list_environments",
    "remove_environment",
    "save_environment",
    "show_environment",
    "workflow_schema",
]

_TEMPLATE = """\
# Where and how workflows run. 'fairlead env check {name}' says what is wrong with this file;
# 'fairlead schema environment' gives a JSON Schema for editors.

# extends: base            # another environment, which this one is laid over
executor: local            # or {{type: local, max_workers: 4}}
# parameters:              # for workflow parameters that are given nowhere else
#   path: data.csv
# tasks:                   # patches of tasks, by a pattern of their paths; the last match wins
#   "train*": {{retries: 3, timeout: 600}}
"""


class Listed(NamedTuple):
    """An environment that a name leads to."""

    name: str
    how: str
    """`file`, `pyproject`, `saved` or `built in`."""
    source: str
    says: str
    """Which executor, or what is wrong."""
    ok: bool


class PluginFound(NamedTuple):
    """A plugin that an environment can name."""

    kind: str
    """`executor`, `store`, and so on."""
    name: str
    origin: str
    doc: str
    missing: str
    """What to install before it can be used; empty when nothing is missing."""
    settings: list[dict[str, Any]]
    """`name`, `type`, `default` and `says` of each."""


def list_environments() -> list[Listed]:
    """List every environment that can be had from the working directory."""
    return [_listed(found) for found in every()]


def _listed(found: Found) -> Listed:
    if found.path is None:
        return Listed(found.name, found.how, "", BUILT_IN[found.name], ok=True)
    try:
        environment = load(found.source)
    except (DefinitionError, NotFound) as error:
        return Listed(found.name, found.how, found.source, str(error).splitlines()[0], ok=False)
    return Listed(found.name, found.how, found.source, str(environment.executor["type"]), ok=True)


def show_environment(name: str | None) -> tuple[Environment, list[Setting]]:
    """Give an environment with every setting and where it comes from; secrets are not among them."""
    environment = load(name)
    return environment, settings_of(environment)


def check_environments(name: str | None) -> list[str]:
    """Check one environment, or all; gives the names of those that are fine, and raises with the rest."""
    names = [name] if name is not None else [found.name for found in every()]
    problems: list[str] = []
    fine = []
    for one in names:
        try:
            fine.append(load(one).name)
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise ConfigurationError(f"{names[0] if len(names) == 1 else 'environments'}: {count}", problems)
    return fine


def save_environment(name: str, file: str | Path) -> Path:
    """Keep an environment under a name, for this user in every directory; gives the file."""
    return load(file).save(name)


def remove_environment(name: str) -> Path:
    """Remove a saved environment."""
    return saved.remove(name)


def init_environment(name: str) -> Path:
    """Write a first environment file; raises ConfigurationError where there is one."""
    name = name.removesuffix(".yaml")  # the file's name is as good as the environment's
    file = Path("environments") / f"{name}.yaml"
    if "/" in name or name.startswith("."):
        raise ConfigurationError(f"{name!r} cannot be the name of an environment")
    if file.exists():
        raise ConfigurationError(f"{file} is there already; 'fairlead env show {name}' says what it says")
    file.parent.mkdir(exist_ok=True)
    file.write_text(_TEMPLATE.format(name=name), encoding="utf-8")
    return file


def found_plugins(name: str | None = None) -> list[PluginFound]:
    """List every plugin, or those of a name; raises NotFound where there is none of it."""
    known = [one for one in registry.every() if name is None or one.name == name]
    if not known:
        names = sorted({one.name for one in registry.every()})
        raise NotFound(f"no plugin {name!r}{nearest(str(name), names)}")
    return [_told(one) for one in known]


def _told(known: registry.Known) -> PluginFound:
    try:
        found = registry.plugin(known.seam, known.name)
    except ConfigurationError as error:
        return PluginFound(registry.SEAMS[known.seam], known.name, known.origin, "", str(error), [])
    settings = []
    for field in msgspec.structs.fields(found.options) if found.options else ():
        (schema,), _ = msgspec.json.schema_components([field.type])
        shown: dict[str, Any] = {"name": field.encode_name, "type": _type_words(schema)}
        if not field.required:
            shown["default"] = None if field.default is msgspec.NODEFAULT else field.default
        settings.append({**shown, "says": schema.get("description", "")})
    missing = registry.missing(known.seam, known.name, found)
    return PluginFound(registry.SEAMS[known.seam], known.name, known.origin, found.doc, missing, settings)


def _type_words(schema: dict[str, Any]) -> str:
    """Say what a setting may be, in the words of JSON."""
    if "anyOf" in schema:
        return " or ".join(_type_words(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(str(value) for value in schema["enum"])
    return str(schema.get("type", "any"))


def environment_schema() -> dict[str, Any]:
    """Give the JSON Schema of environment files."""
    from fairlead.config.schema import environment_schema as schema

    return schema()


def workflow_schema() -> dict[str, Any]:
    """Give the JSON Schema of workflows written as YAML."""
    from fairlead.author.yaml_grammar import schema

    return schema()
