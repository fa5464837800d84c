"""A named configuration: which executor, where runs and artifacts are kept, and how surely.

Finds, reads and validates; opens nothing. Every problem of a file is reported at once.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec

from fairlead.errors import ConfigurationError, NotFound

__all__ = ["BUILT_IN", "Durability", "Environment", "EnvironmentLike", "default", "load"]

Durability: TypeAlias = Literal["grouped", "each"]

BUILT_IN: dict[str, str] = {
    "in_process": "one task after the other in this process; a debugger works in the task",
    "local": "all cores of this machine, in warm worker processes",
}
"""The environments that need no file: the executors that need no settings."""

_EXECUTOR_KEYS = {"type", "max_workers"}
_STORE_KEYS = {"type", "path"}
_ARTIFACT_KEYS = {"url"}
_SUFFIXES = (".yaml", ".yml", ".toml")


class Environment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where and how a workflow runs. Relative paths are relative to the `.fairlead` folder's parent."""

    name: str = "local"
    executor: dict[str, Any] = msgspec.field(default_factory=lambda: {"type": "local"})
    """`type`: in_process or local; `max_workers`: processes at most (local)."""
    store: dict[str, Any] = msgspec.field(default_factory=lambda: {"type": "sqlite"})
    """`type`: sqlite or memory; `path`: the database file."""
    artifacts: dict[str, Any] = {}
    """`url`: a folder, or `memory://`."""
    durability: Durability = "grouped"
    """`grouped`: facts are committed together, within 50 ms; `each`: one by one, each before anything
    follows from it, and artifacts are synced to the disk."""
    parameters: dict[str, Any] = {}
    """Values for workflow parameters that are given nowhere else."""
    source: str = ""
    """The file it comes from; empty for a built-in one."""

    @classmethod
    def load(cls, name: str | Path | Environment | None = None, *, beside: Path | None = None) -> Environment:
        """Find an environment; see `load` of this module."""
        return load(name, beside=beside)


EnvironmentLike: TypeAlias = str | Path | Environment | None


def load(wanted: EnvironmentLike = None, *, beside: Path | None = None) -> Environment:
    """Find and read an environment.

    None means what the process environment's `FAIRLEAD_ENV` says, and without it `local`. A name is
    looked up as a path; as a file beside the workflow (`beside`), in the working directory and in
    `environments/`; and among the built-in ones. Raises NotFound, naming the nearest, and
    ConfigurationError with every problem of the file.
    """
    if isinstance(wanted, Environment):
        return wanted
    if wanted is None and _defaults:
        return _defaults[-1]
    name = str(wanted or os.environ.get("FAIRLEAD_ENV") or "local")
    path = _find(name, beside)
    if path is not None:
        return _read(path)
    if name in BUILT_IN:
        return Environment(name=name, executor={"type": name})
    raise NotFound(_unknown(name, beside))


_defaults: list[Environment] = []


@contextmanager
def default(environment: Environment) -> Iterator[None]:
    """Have this environment be meant where none is named."""
    _defaults.append(environment)
    try:
        yield
    finally:
        _defaults.remove(environment)


def _find(name: str, beside: Path | None) -> Path | None:
    if name.endswith(_SUFFIXES):
        return Path(name) if Path(name).is_file() else None
    folders = [*([beside] if beside else []), Path.cwd(), Path.cwd() / "environments"]
    for folder in folders:
        for suffix in _SUFFIXES:
            candidate = folder / f"{name}{suffix}"
            if candidate.is_file():
                return candidate
    return None


def _unknown(name: str, beside: Path | None) -> str:
    known = [*BUILT_IN, *(file.stem for file in sorted(Path.cwd().glob("environments/*.y*ml")))]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" (nearest: {near[0]!r})" if near else ""
    looked = ", ".join(str(folder) for folder in ([beside] if beside else []) + [Path.cwd()])
    return (
        f"no environment {name!r}{hint}: no such file in {looked} or its environments/; built in: {', '.join(BUILT_IN)}"
    )


def _read(path: Path) -> Environment:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".toml":
        import tomllib

        try:
            data: Any = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigurationError(f"{path}: not valid TOML: {error}") from error
    else:
        import yaml

        try:
            data = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ConfigurationError(f"{path}: not valid YAML: {error}") from error
    return _understand(data or {}, path)


def _understand(data: Any, path: Path) -> Environment:
    if not isinstance(data, dict):
        raise ConfigurationError(f"{path}: an environment is a mapping of settings, and this is {type(data).__name__}")
    problems: list[str] = []
    fields = set(Environment.__struct_fields__) - {"name", "source"}
    known: dict[str, Any] = {"name": path.stem, "source": str(path.absolute())}
    for key, value in data.items():
        if key not in fields:
            problems.append(_misspelt(str(key), fields))
        elif key in {"executor", "store"} and isinstance(value, str):
            known[key] = {"type": value}
        elif key == "artifacts" and isinstance(value, str):
            known[key] = {"url": value}
        else:
            known[key] = value
    _check(known, "executor", _EXECUTOR_KEYS, set(BUILT_IN), problems)
    _check(known, "store", _STORE_KEYS, {"sqlite", "memory"}, problems)
    _check(known, "artifacts", _ARTIFACT_KEYS, None, problems)
    if known.get("durability", "grouped") not in {"grouped", "each"}:
        problems.append(f"durability: {known['durability']!r} is neither 'grouped' nor 'each'")
    workers = known.get("executor", {}).get("max_workers") if isinstance(known.get("executor"), Mapping) else None
    if workers is not None and (not isinstance(workers, int) or workers < 1):
        problems.append(f"executor.max_workers: {workers!r} is not a number of processes, 1 or more")
    if not isinstance(known.get("parameters", {}), dict):
        problems.append("parameters: must be a mapping of names to values")
    if problems:
        raise ConfigurationError(f"{path}: {len(problems)} problem{'s' if len(problems) > 1 else ''}", problems)
    return Environment(**known)


def _check(known: dict[str, Any], section: str, keys: set[str], types: set[str] | None, problems: list[str]) -> None:
    value = known.get(section, {})
    if not isinstance(value, dict):
        problems.append(f"{section}: must be a name or a mapping, and is {value!r}")
        return
    problems.extend(f"{section}: {_misspelt(str(key), keys)}" for key in value if key not in keys)
    if types is not None and section in known and value.get("type") not in types:
        problems.append(f"{section}.type: {value.get('type')!r} is not one of {', '.join(sorted(types))}")


def _misspelt(key: str, known: set[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    return f"unknown key {key!r}" + (f" (nearest: {near[0]!r})" if near else f"; known: {', '.join(sorted(known))}")
