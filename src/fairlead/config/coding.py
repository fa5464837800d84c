"""Codecs of an environment, where its values are made and read: in drivers, workers and readers.

They are those that the environment names: an installed package changes nothing about what is kept
unless somebody says so. What is recorded names its codec, and that of the package which brings it,
so that reading needs no environment.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from fairlead.errors import ConfigurationError, StoreError
from fairlead.ports import Codec, Reach, Site
from fairlead.stores.coded import Codecs

__all__ = ["codec_problems", "codec_settings", "codecs_from", "codecs_of"]


def codec_problems(sections: Sequence[dict[str, Any]], reach: Reach) -> list[str]:
    """Say which codecs of an environment are objects of this process, where tasks run in others."""
    living = [] if reach == "process" else [str(one["type"]) for one in sections if "object" in one]
    return [f"codec {name!r} is an object of this process, and tasks run in other processes" for name in living]


def codec_settings(written: Sequence[dict[str, Any]], folder: Path) -> dict[str, Any]:
    """How a task's process opens the codecs, as written; empty where the environment names none."""
    sections = [one for one in written if "object" not in one]
    return {"folder": str(folder), "sections": sections} if sections else {}


def codecs_of(sections: Sequence[dict[str, Any]], folder: Path) -> Codecs:
    """Give the codecs that an environment says, opened."""
    from fairlead.config.registry import open_plugin

    site = Site(folder=folder)
    return Codecs({_recorded_as(one): open_plugin("codecs", one, site) for one in sections}, _find)


def codecs_from(settings: dict[str, Any]) -> Codecs:
    """Give the codecs of a run by what `codec_settings` gave, in any process."""
    if not settings:
        return Codecs(find=_find)
    from fairlead.config.registry import open_written

    site = Site(folder=Path(settings["folder"]))
    return Codecs({_recorded_as(one): open_written("codecs", one, site) for one in settings["sections"]}, _find)


def _recorded_as(section: dict[str, Any]) -> str:
    """Name a codec as recorded values do: with the distribution that brings it."""
    from fairlead.config.registry import brought_by

    name = str(section["type"])
    package = "" if "object" in section else brought_by("codecs", name)[0]
    return f"{name}@{package}" if package else name


@cache
def _find(recorded: str) -> Codec:
    """Give the codec that a recorded value names, with the settings that it has by itself; StoreError."""
    from fairlead.config.registry import names, open_plugin

    name, _, package = recorded.partition("@")
    if name not in names("codecs"):
        way = (
            f"of the package {package!r}, which is not installed here: pip install {package}"
            if package
            else "that is an object of the process which wrote it; name it in Environment(codecs=[…])"
        )
        raise StoreError(f"a value was written by the codec {name!r} {way}")
    try:
        codec: Codec = open_plugin("codecs", {"type": name}, Site(folder=Path.cwd()))
    except ConfigurationError as error:
        raise StoreError(f"a value was written by the codec {name!r}, which cannot be opened here: {error}") from error
    return codec
