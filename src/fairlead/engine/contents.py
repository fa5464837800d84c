"""What the files and folders that inputs name hold, as digests, and when they last changed.

A path travels as a path, and the task reads what is there; so what is there counts in the reuse
key. Knows nothing of runs and keys.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from math import inf
from pathlib import Path

from fairlead.model.hashing import sha256

__all__ = ["changed", "content_digest"]

_SETTLED = 2.0
"""Seconds after a change during which the file's times do not tell another change apart."""

_Mark = tuple[int, int, int, int]
_known: dict[str, tuple[_Mark, str]] = {}
"""Digests of files by path, with what the file system said of them; read once per process and change."""


def content_digest(path: Path) -> str:
    """Give the digest of what a path names: a file's bytes, a folder's names and bytes; "" for nothing."""
    try:
        if path.is_dir():
            said = [f"\0{name}\0{_file(file)}".encode("utf-8", "surrogateescape") for name, file in _files(path)]
            return sha256(b"folder", *said).hexdigest()
        return _file(str(path)) if path.is_file() else ""
    except OSError as error:
        # What cannot be read is the task's problem to meet; no content has this digest.
        return f"unreadable: {error.errno}"


def changed(path: Path) -> float:
    """When what a path names last changed (seconds since the Unix epoch); the far future for nothing.

    A link that was pointed elsewhere and a folder that was swapped for another on the way to it count.
    """
    try:
        way = [os.lstat(part).st_ctime for part in _way(path)]
        if not path.is_dir():
            return max([path.stat().st_ctime, *way])
        return max([path.stat().st_ctime, *way, *(_changed(file) for _, file in _files(path))])
    except OSError:
        return inf


def _way(path: Path) -> list[Path]:
    """The path and the folders above it, up to the working directory, which changes all the time."""
    absolute = path.absolute()
    above = absolute.parents
    here = Path.cwd()
    return [absolute, *(above[: above.index(here)] if here in above else above)]


def _changed(path: str) -> float:
    try:
        return os.stat(path).st_ctime  # noqa: PTH116 - pathlib is a slow import
    except FileNotFoundError:
        return os.lstat(path).st_ctime  # a link to nothing


def _file(path: str) -> str:
    try:
        found = os.stat(path)  # noqa: PTH116 - strings: a folder may hold very many
    except FileNotFoundError:
        return "a link to nothing"
    mark = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    known = _known.get(path)
    if known is not None and known[0] == mark:
        return known[1]
    from hashlib import file_digest

    with open(path, "rb") as file:  # noqa: PTH123 - pathlib is a slow import
        digest = file_digest(file, "sha256").hexdigest()
    if time.time() - found.st_ctime > _SETTLED:
        _known[path] = mark, digest
    return digest


def _files(folder: Path) -> Iterator[tuple[str, str]]:
    """Relative name and path of every file under a folder, in order; each folder once, whatever links say."""
    met: set[tuple[int, int]] = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        found = os.stat(place)  # noqa: PTH116 - pathlib is a slow import
        if (found.st_dev, found.st_ino) in met:
            folders.clear()
            continue
        met.add((found.st_dev, found.st_ino))
        folders.sort()
        for name in sorted(files):
            path = os.path.join(place, name)  # noqa: PTH118 - pathlib is a slow import
            if os.path.isfile(path) or os.path.islink(path):  # noqa: PTH113, PTH114 - no pipes: reading them waits
                yield os.path.relpath(path, folder), path
