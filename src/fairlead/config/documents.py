"""What an environment says before anybody understands it: data, and where each of it was written.

Reading text is `reading.py`'s business, and meaning is `understanding.py`'s.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from fairlead.errors import ConfigurationError

__all__ = ["Document", "Keys", "Problems", "Spot", "dotted", "nearest"]

Keys: TypeAlias = tuple[str | int, ...]
"""The way to a value: `("executor", "max_workers")`."""


class Spot(msgspec.Struct, frozen=True):
    """Where something was written, counted from 1; line 0: nobody knows the line."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return _short(self.file)
        return f"{_short(self.file)}:{self.line}:{self.column}"


def _short(file: str) -> str:
    """Name a file as people in the working directory do."""
    if not os.path.isabs(file):  # noqa: PTH117  # it may be no path at all
        return file
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file


class Document:
    """Settings, and the places of those that come from files."""

    __slots__ = ("data", "places", "source")

    def __init__(self, data: dict[str, Any], places: dict[Keys, Spot] | None = None, source: str = "") -> None:
        self.data = data
        self.places = places or {}
        self.source = source
        """The file, or another word for where it comes from; empty for what a program made."""

    def place(self, keys: Iterable[str | int]) -> Spot | None:
        """Where a setting was written, or else what it stands in; None when no file says it."""
        way = tuple(keys)
        while way not in self.places and way:
            way = way[:-1]
        return self.places.get(way) or (Spot(self.source) if self.source else None)


class Problems:
    """What is wrong with a document, collected, to be told at once."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._found: list[tuple[str, int, str]] = []

    def add(self, keys: Keys, text: str, *, at: Keys | None = None, spot: Spot | None = None) -> None:
        """Note what is wrong with a setting; `at` or `spot`: where to point, if not there."""
        spot = spot or self._document.place(at or keys)
        what = f"{dotted(keys)}: {text}" if keys else text
        if spot is None:
            self._found.append(("", 0, what))
        else:
            self._found.append((spot.file, spot.line, f"{spot}: {what}"))

    def misspelt(self, keys: Keys, known: Collection[str]) -> None:
        """Note that the last of the keys is none of those that may stand there."""
        self.add(keys[:-1], f"unknown key {keys[-1]!r}{nearest(str(keys[-1]), known)}", at=keys)

    def __bool__(self) -> bool:
        return bool(self._found)

    @property
    def told(self) -> list[str]:
        """All of them, in the order of the files."""
        return [text for *_, text in sorted(self._found, key=lambda one: one[:2])]

    def complain(self) -> None:
        """Raise ConfigurationError with all of them, in the order of the files; nothing when there is none."""
        if not self._found:
            return
        told = self.told
        count = f"{len(told)} problem{'s' if len(told) > 1 else ''}"
        raise ConfigurationError(f"{_short(self._document.source) or 'environment'}: {count}", told)


def dotted(keys: Keys) -> str:
    """Write the way to a value as people do: `executors.gpu.max_workers`, `observers[1].url`."""
    text = ""
    for key in keys:
        text += f"[{key}]" if isinstance(key, int) else f"{'.' if text else ''}{key}"
    # Layers of patches are counted for us; who writes one mapping of them sees no list.
    return text.replace("tasks[0].", "tasks.", 1) if text.startswith("tasks[0].") else text


def nearest(wrong: str, known: Collection[str]) -> str:
    """The hint behind an unknown name: the nearest right one, or all there are."""
    import difflib  # it takes longer to import than a good environment takes to read

    near = difflib.get_close_matches(wrong, known, n=1)
    return f" (nearest: {near[0]!r})" if near else f"; known: {', '.join(sorted(known)) or 'none'}"
