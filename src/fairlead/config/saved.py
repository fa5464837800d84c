"""Environments that a user has saved: files in the configuration directory, for nobody else to read.

One lock for all of them, so that writers at the same time do not undo each other's work.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fairlead.config.finding import BUILT_IN, saved_folder
from fairlead.errors import ConfigurationError, NotFound, StoreError

if TYPE_CHECKING:
    from fairlead.config.environment import Environment

__all__ = ["remove", "save", "save_text"]

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def save(name: str, environment: Environment) -> Path:
    """Write an environment down, laid over its bases, with every `${…}` as it was written."""
    import yaml

    if environment.living:
        raise ConfigurationError(
            f"environment {name!r} cannot be saved: {', '.join(environment.living)} is an object of this process"
        )
    record = environment.record()
    text = yaml.safe_dump(
        {key: value for key, value in record.items() if key not in ("name", "source")}, sort_keys=False
    )
    return save_text(name, text)


def save_text(name: str, text: str) -> Path:
    """Write the text of an environment down, whole or not at all; gives the file."""
    if not _NAME.fullmatch(name) or name.endswith((".yaml", ".yml", ".toml")):
        raise ConfigurationError(f"{name!r} cannot be the name of an environment: take letters, digits, '_', '-'")
    if name in BUILT_IN:
        raise ConfigurationError(f"{name!r} is a built-in environment; take another name")
    with _alone() as folder:
        target = folder / f"{name}.yaml"
        fresh = folder / f".{name}.{os.getpid()}.new"
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(target)
        finally:
            fresh.unlink(missing_ok=True)
    return target


def remove(name: str) -> Path:
    """Remove a saved environment; NotFound when there is none of that name."""
    with _alone() as folder:
        file = folder / f"{name}.yaml"
        if not file.is_file():
            saved = sorted(one.stem for one in folder.glob("*.yaml"))
            raise NotFound(f"no saved environment {name!r}; saved: {', '.join(saved) or 'none'}")
        file.unlink()
    return file


@contextmanager
def _alone() -> Iterator[Path]:
    """Hold the folder of saved environments against every other writer."""
    import fcntl

    folder = Path(saved_folder())
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"environments cannot be saved in {folder}: {error}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(descriptor)
