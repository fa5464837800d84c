"""Every plugin there is, by seam and name: one table for built-ins, entry points for others.

A plugin's module is imported when the plugin is named; entry points are looked through when a name
is not built in, because that takes longer than starting a run.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

from fairlead.config.documents import nearest
from fairlead.errors import ConfigurationError
from fairlead.ports import Launcher, Plugin, Site
from fairlead.wire import converted

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = [
    "BUILT_IN",
    "SEAMS",
    "Known",
    "Seam",
    "brought_by",
    "every",
    "launcher_of",
    "missing",
    "names",
    "open_plugin",
    "open_written",
    "options_of",
    "plugin",
    "type_of",
]

Seam: TypeAlias = Literal[
    "executors", "orchestrators", "stores", "artifacts", "secrets", "observers", "codecs", "kinds"
]

SEAMS: dict[Seam, str] = {
    "executors": "executor",
    "orchestrators": "orchestrator",
    "stores": "store",
    "artifacts": "artifact store",
    "secrets": "source of secrets",
    "observers": "observer",
    "codecs": "codec",
    "kinds": "kind of task",
}
"""Every seam, which is also the end of its entry-point group, and what one plugin of it is called."""

BUILT_IN: dict[Seam, dict[str, str]] = {
    "executors": {
        "container": "fairlead.executors.plugins:container",
        "in_process": "fairlead.executors.plugins:in_process",
        "local": "fairlead.executors.plugins:local",
        "mock": "fairlead.executors.plugins:mock",
        "ray": "fairlead.executors.ray.options:ray",
    },
    "orchestrators": {
        "argo": "fairlead.orchestrators.plugins:argo",
    },
    "stores": {
        "memory": "fairlead.stores.plugins:memory",
        "object": "fairlead.stores.bucket_plugins:object_store",
        "postgres": "fairlead.stores.plugins:postgres",
        "sqlite": "fairlead.stores.plugins:sqlite",
    },
    "artifacts": {  # by the scheme of the URL
        "az": "fairlead.stores.bucket_plugins:az",
        "file": "fairlead.stores.plugins:folder",
        "gs": "fairlead.stores.bucket_plugins:gs",
        "memory": "fairlead.stores.plugins:memory_artifacts",
        "s3": "fairlead.stores.bucket_plugins:s3",
    },
    "secrets": {
        "dotenv": "fairlead.stores.secret_plugins:dotenv",
        "env": "fairlead.stores.secret_plugins:env",
        "folder": "fairlead.stores.secret_plugins:folder",
        "keyring": "fairlead.stores.secret_plugins:keyring",
    },
    "observers": {
        "jsonl": "fairlead.observers.plugins:jsonl",
        "mlflow": "fairlead.observers.plugins:mlflow",
        "otel": "fairlead.observers.plugins:otel",
        "smtp": "fairlead.observers.plugins:smtp",
        "webhook": "fairlead.observers.plugins:webhook",
    },
    "codecs": {},  # JSON, pickle and files are no choice of an environment's
    "kinds": {
        "mock": "fairlead.tasks.plugins:mock",
        "notebook": "fairlead.tasks.plugins:notebook",
        "python": "fairlead.tasks.plugins:python",
        "shell": "fairlead.tasks.plugins:shell",
        "stub": "fairlead.tasks.plugins:stub",
    },
}
"""Where the plugins are that come with Fairlead."""


class Known(msgspec.Struct, frozen=True):
    """A plugin that there is."""

    seam: Seam
    name: str
    origin: str
    """`built in`, or the distribution that brings it."""


def names(seam: Seam) -> list[str]:
    """Every name that a section of this seam may say."""
    return sorted({*BUILT_IN[seam], *_entry_points(seam)})


def every() -> list[Known]:
    """List every plugin, by seam."""
    found = []
    for seam in SEAMS:
        found += [Known(seam, name, "built in") for name in sorted(BUILT_IN[seam])]
        for name, point in sorted(_entry_points(seam).items()):
            if name not in BUILT_IN[seam]:
                found.append(Known(seam, name, point.dist.name if point.dist else "entry point"))
    return found


def brought_by(seam: Seam, name: str) -> tuple[str, str]:
    """Name the distribution that brings a plugin, and its version; two empty texts for what nobody brings."""
    point = None if name in BUILT_IN[seam] else _entry_points(seam).get(name)
    return (point.dist.name, point.dist.version) if point is not None and point.dist else ("", "")


def plugin(seam: Seam, name: str) -> Plugin:
    """Give a plugin; raises ConfigurationError, with the nearest name, where there is none."""
    target = BUILT_IN[seam].get(name)
    if target is not None:
        module, _, attribute = target.partition(":")
        built_in: Plugin = getattr(import_module(module), attribute)
        return built_in
    point = _entry_points(seam).get(name)
    if point is None:
        raise ConfigurationError(f"no {SEAMS[seam]} {name!r}{nearest(name, names(seam))}")
    return _loaded(seam, point)


@cache
def _entry_points(seam: Seam) -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=f"fairlead.{seam}")}


def _loaded(seam: Seam, point: EntryPoint) -> Plugin:
    origin = f"{point.value}, which {point.dist.name if point.dist else 'an entry point'} brings"
    try:
        found = point.load()
    except Exception as error:
        raise ConfigurationError(
            f"the {SEAMS[seam]} {point.name!r} cannot be loaded from {origin}: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(found, Plugin):
        raise ConfigurationError(f"the {SEAMS[seam]} {point.name!r} ({origin}) is no fairlead.ports.Plugin: {found!r}")
    return found


def missing(seam: Seam, name: str, found: Plugin) -> str:
    """Say what must be installed before a plugin can be opened; empty when nothing is missing."""
    from importlib.util import find_spec

    absent = [module for module in found.needs if find_spec(module.partition(".")[0]) is None]
    if not absent:
        return ""
    wanted = found.install or " ".join(absent)
    quoted = f"'{wanted}'" if "[" in wanted else wanted
    return f"the {SEAMS[seam]} {name!r} needs {_and(absent)}, which is not installed: pip install {quoted}"


def _and(words: Sequence[str]) -> str:
    return " and ".join(words)


def open_plugin(seam: Seam, settings: dict[str, Any], site: Site) -> Any:
    """Open what a section of an environment says: its living object, or the plugin that `type` names."""
    living = settings.get("object")
    if living is not None:
        return living
    name = type_of(seam, settings)
    found = plugin(seam, name)
    absent = missing(seam, name, found)
    if absent:
        raise ConfigurationError(absent)
    return found.open(options_of(found, settings), site)


def launcher_of(settings: dict[str, Any], site: Site) -> Launcher | None:
    """Give what starts the drivers of detached runs, as the settings of an executor say; None: this machine does."""
    found = None if "object" in settings else plugin("executors", type_of("executors", settings))
    if found is None or found.launch is None:
        return None
    absent = missing("executors", type_of("executors", settings), found)
    if absent:
        raise ConfigurationError(absent)
    return found.launch(options_of(found, settings), site)


def open_written(seam: Seam, section: dict[str, Any], site: Site) -> Any:
    """Open what a section says as it was written: its `${…}` are taken from this process's environment."""
    from fairlead.config.documents import Document, Problems
    from fairlead.config.expanding import expand

    document = Document({seam: section})
    problems = Problems(document)
    expanded = expand(document, problems)[seam]
    problems.complain()
    return open_plugin(seam, expanded, site)


def type_of(seam: Seam, settings: dict[str, Any]) -> str:
    """Name the plugin that a section is about: artifact stores are named by the scheme of their URL."""
    if seam != "artifacts":
        return str(settings["type"])
    scheme, mark, _ = str(settings["url"]).partition("://")
    return scheme if mark else "file"


def options_of(found: Plugin, settings: dict[str, Any]) -> Any:
    """Give a section's settings their types; they were checked when the environment was read."""
    if found.options is None:
        return None
    given = {key: value for key, value in settings.items() if key not in ("type", "object")}
    try:
        return converted(given, found.options, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"settings of {settings.get('type')!r}: {error}") from error
