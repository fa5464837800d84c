"""Which file an environment's name means, and which names there are.

Looks at file names, and into `pyproject.toml`; what an environment says is read elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from fairlead.config.documents import nearest
from fairlead.errors import NotFound

__all__ = ["BUILT_IN", "Found", "every", "find", "saved_folder"]

BUILT_IN: dict[str, str] = {
    "in_process": "one task after the other in this process; a debugger works in the task",
    "local": "all cores of this machine, in warm worker processes",
    "mock": "walks the graph in this process without running any task",
    "ray": "the workers of a Ray cluster on this machine, which lives as long as the run",
}
"""The environments that need no file: the executors that need no settings."""

SUFFIXES = (".yaml", ".yml", ".toml")
"""How names of environment files end."""

_PYPROJECT = "pyproject.toml"

_FOLDER = "environments"


class Found(msgspec.Struct, frozen=True):
    """Where an environment is."""

    name: str
    path: Path | None = None
    """Its file; None for a built-in one."""
    table: tuple[str, ...] = ()
    """The part of the file that is about it; empty: all of it."""
    how: str = "built in"
    """Why it counts: `file`, `pyproject`, `saved`, or `built in`."""

    @property
    def source(self) -> str:
        """Its file and the part of it, as text that `find` takes; empty for a built-in one."""
        if self.path is None:
            return ""
        return f"{self.path.absolute()}#{self.name}" if self.table else str(self.path.absolute())


def saved_folder() -> str:
    """Where environments are that a user has saved."""
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")  # noqa: PTH111
    return os.path.join(base, "fairlead", _FOLDER)  # noqa: PTH118 - pathlib is a slow import


def find(name: str, beside: Path | None = None) -> Found:
    """Find an environment by its name or path.

    Looked up in this order: a path; beside the workflow and in its `environments/`; in the working
    directory and its `environments/`; `[tool.fairlead.environments]` in the nearest `pyproject.toml`;
    saved ones; built-in ones. Raises NotFound, with the nearest name.
    """
    file, mark, part = name.partition(".toml#")
    if mark:
        return _in_pyproject(Path(f"{file}.toml"), part) or _fail(name, beside)
    if name.endswith(SUFFIXES) or os.sep in name:
        path = Path(name)
        if not path.is_file() and beside is not None:
            path = beside / name
        return Found(path.stem, path, how="file") if path.is_file() else _fail(name, beside)
    # Texts, not paths, until something is found: this is part of the start of every run.
    for folder in _folders(beside):
        for suffix in SUFFIXES:
            file = os.path.join(folder, f"{name}{suffix}")  # noqa: PTH118 - pathlib is a slow import
            if os.path.isfile(file):  # noqa: PTH113 - pathlib is a slow import
                return Found(name, Path(file), how="file")
    for project in _pyprojects(beside):
        found = _in_pyproject(project, name)
        if found is not None:
            return found
    saved = os.path.join(saved_folder(), f"{name}.yaml")  # noqa: PTH118 - pathlib is a slow import
    if os.path.isfile(saved):  # noqa: PTH113 - pathlib is a slow import
        return Found(name, Path(saved), how="saved")
    return Found(name) if name in BUILT_IN else _fail(name, beside)


def every(beside: Path | None = None) -> list[Found]:
    """List the environments that names lead to, without those that another of the same name hides."""
    known: dict[str, Found] = {}
    for found in _all(beside):
        known.setdefault(found.name, found)
    return list(known.values())


def _all(beside: Path | None) -> Iterator[Found]:
    for folder in map(Path, _folders(beside)):
        # In a folder that is not about environments, a YAML file may be anything.
        if folder.name == _FOLDER:
            files = [file for file in sorted(folder.glob("*")) if file.suffix in SUFFIXES]
            yield from (Found(file.stem, file, how="file") for file in files)
        else:
            files = [file for suffix in SUFFIXES for file in sorted(folder.glob(f"*{suffix}"))]
            yield from (Found(file.stem, file, how="file") for file in files if _looks_like_one(file))
    for project in _pyprojects(beside):
        for name in _tables(project):
            yield Found(name, project, ("tool", "fairlead", "environments", name), "pyproject")
    for file in sorted(Path(saved_folder()).glob("*.yaml")):
        yield Found(file.stem, file, how="saved")
    yield from (Found(name) for name in BUILT_IN)


def _looks_like_one(file: Path) -> bool:
    """Whether a file has nothing at its top but keys of environments."""
    from fairlead.config.layers import KEYS
    from fairlead.config.reading import read
    from fairlead.errors import ConfigurationError

    if file.name == _PYPROJECT or file.stat().st_size > 1_000_000:
        return False
    try:
        keys = set(read(file).data)
    except ConfigurationError:
        return False
    return bool(keys) and keys <= set(KEYS)


def _folders(beside: Path | None) -> list[str]:
    here = os.getcwd()  # noqa: PTH109 - pathlib is a slow import
    homes = [here] if beside is None else [os.path.abspath(beside), here]  # noqa: PTH100 - pathlib is a slow import
    return list(dict.fromkeys(folder for home in homes for folder in (home, os.path.join(home, _FOLDER))))  # noqa: PTH118


def _pyprojects(beside: Path | None) -> Iterator[Path]:
    """The nearest `pyproject.toml` above the workflow, and above the working directory."""
    seen = set()
    for home in _folders(beside)[::2]:
        folder = home
        while not os.path.isfile(project := os.path.join(folder, _PYPROJECT)):  # noqa: PTH113, PTH118
            above = os.path.dirname(folder)  # noqa: PTH120 - pathlib is a slow import
            if above == folder:
                break
            folder = above
        else:
            if project not in seen:
                yield Path(project)
            seen.add(project)


def _in_pyproject(project: Path, name: str) -> Found | None:
    if not project.is_file() or name not in _tables(project):
        return None
    return Found(name, project, ("tool", "fairlead", "environments", name), "pyproject")


def _tables(project: Path) -> dict[str, Any]:
    text = project.read_bytes()
    if b"fairlead" not in text or b"environments" not in text:
        return {}  # the parser takes longer than all of the rest
    from fairlead.config.reading import read

    document = read(project)
    try:
        tables = document.data["tool"]["fairlead"]["environments"]
    except (KeyError, TypeError):
        return {}
    return tables if isinstance(tables, dict) else {}


def _fail(name: str, beside: Path | None) -> Found:
    known = [found.name for found in every(beside)]
    near = nearest(name, known)
    hint = near if near.startswith(" (") else ""
    looked = ", ".join(_folders(beside)[::2])
    raise NotFound(
        f"no environment {name!r}{hint}: no such file in {looked} or its environments/, nothing of that name in"
        f" pyproject.toml or among the saved ones; built in: {', '.join(BUILT_IN)}"
    )
