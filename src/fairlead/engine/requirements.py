"""What a run is made with, and what of it is other where one of its tasks runs.

Only what is installed is looked at; the project's own code is in `snapshot.py` and `lineage.py`.
"""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from pathlib import Path

from fairlead.engine.packages import installed, version_of
from fairlead.model.hashing import sha256
from fairlead.model.run import Code, Requirements

__all__ = ["LOCKS", "requirements_of", "unlike"]

LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pixi.lock", "conda-lock.yml", "pylock.toml")
"""Names of lock files; any `requirements*.txt` is one, too."""


def requirements_of(root: Path) -> Requirements:
    """Tell what is installed here, and which lock files the project has."""
    from fairlead import __version__

    return Requirements(_python(), __version__, installed(), _locks(str(root)))


def unlike(code: Code) -> tuple[str, ...]:
    """Say in words what of a run's requirements is other in this process; nothing where all is as it was."""
    made = code.requirements
    if made is None:
        return ()
    from fairlead import __version__

    said = _differs("Python", _python(), made.python) + _differs("Fairlead", __version__, made.fairlead)
    if made.installed == installed():
        return tuple(said)
    reached = {name: version for task in code.tasks for name, version in task.packages.items()}
    for name, version in sorted(reached.items()):
        said += _differs(name, version_of(name), version)
    return tuple(said)


def _differs(name: str, here: str | None, made: str) -> list[str]:
    if here == made:
        return []
    if here is None:
        return [f"{name} is not installed, and the run was made with {made}"]
    return [f"{name} {here}, and the run was made with {made}"]


def _python() -> str:
    return ".".join(map(str, sys.version_info[:3]))


def _locks(root: str) -> dict[str, str]:
    try:
        names = [name for name in os.listdir(root) if name in LOCKS or _is_list(name)]  # noqa: PTH208 - slow import
    except OSError:  # a session without a folder
        return {}
    found = {}
    for name in sorted(names):
        path = os.path.join(root, name)  # noqa: PTH118 - pathlib costs more than the look
        try:
            stat = os.stat(path)  # noqa: PTH116 - pathlib costs more than the look
            found[name] = _digest(path, stat.st_mtime_ns, stat.st_size)
        except OSError:  # removed meanwhile, or a folder: it locks nothing
            continue
    return found


def _is_list(name: str) -> bool:
    return name.startswith("requirements") and name.endswith(".txt")


@lru_cache(64)
def _digest(path: str, _written: int, _size: int) -> str:
    with open(path, "rb") as file:  # noqa: PTH123 - pathlib costs more than the look
        return sha256(file.read()).hexdigest()[:16]
