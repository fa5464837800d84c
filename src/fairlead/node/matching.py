"""Which files of a folder match patterns. Reads folders, never files; nothing outside is looked into."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from fairlead.model.globs import is_hidden, literal_part, matches

__all__ = ["matching_files"]

_OURS = ".fairlead"


def matching_files(folder: Path, patterns: Iterable[str]) -> tuple[list[str], list[str]]:
    """List the relative paths of matching files, in order, and in words the links that lead outside."""
    root = os.path.realpath(folder)
    found: dict[str, None] = {}
    outside: dict[str, None] = {}
    for pattern in patterns:
        base, depth = literal_part(pattern)
        if not _is_inside(root, base):
            if os.path.exists(f"{root}/{base}"):  # noqa: PTH110 - pathlib is a slow import
                outside[base] = None
            continue
        hidden = is_hidden(pattern[len(base) :].lstrip("/"))
        for path in _candidates(root, base, depth, hidden=hidden):
            if matches(pattern, path):
                (found if _is_inside(root, path) else outside)[path] = None
    refused = [f"{path!r} is a link that leads out of {folder}; put a copy of what it names there" for path in outside]
    return sorted(found), refused


def _candidates(root: str, base: str, depth: int | None, *, hidden: bool) -> Iterator[str]:
    """Walk the part of the folder in which matches may be; a link to a folder is followed as the base only."""
    top = f"{root}/{base}" if base else root
    if os.path.isfile(top):  # noqa: PTH113  # strings: a folder may hold very many
        yield base
        return
    for place, folders, files in os.walk(top):
        below = place[len(root) + 1 :]
        if depth is not None and place[len(top) :].count("/") >= depth:
            folders.clear()
        folders[:] = sorted(name for name in folders if name != _OURS and (hidden or name[0] != "."))
        for name in sorted(files):
            path = f"{below}/{name}" if below else name
            if os.path.isfile(f"{place}/{name}"):  # noqa: PTH113 - pathlib is a slow import
                yield path


def _is_inside(root: str, path: str) -> bool:
    real = os.path.realpath(f"{root}/{path}")
    return real == root or real.startswith(f"{root}/")
