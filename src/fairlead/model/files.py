"""Files in a workflow: `File`, for a path that means its content, and what a catalog holds.

A catalog as a value is a dict of relative paths to stored files, or lists of such dicts, in the order
in which they were put. Nothing here reads or writes a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import PosixPath

import msgspec

from fairlead.model.globs import matches
from fairlead.model.task import CATALOG, FOLDER, TaskDefinition
from fairlead.model.values import NONE, Inline, Rows, Stored, Tree, Value, pick

__all__ = ["File", "FolderFiles", "catalog_value", "choose", "chosen_args", "entries", "holds_files", "unmatched"]

_KEPT = frozenset({"file", "program", "folder"})
"""Codecs of files and folders; a program is a file that may be executed."""


class File(PosixPath):
    """A path that means the content of the file or folder there, not its place.

    As a parameter or written down in a workflow, the content is kept when the run is made. Every task
    that takes it gets the path of a copy of its own. Anywhere else it is the path that it is.
    """


class FolderFiles(msgspec.Struct, frozen=True):
    """Stands for the files of the folder where a run is made, as far as they match."""

    patterns: tuple[str, ...]


def catalog_value(files: Mapping[str, Stored]) -> Tree:
    """Write a catalog as a value."""
    keys = tuple(Inline("json", msgspec.json.encode(path)) for path in files)
    return Tree("dict", tuple(files.values()), keys)


def entries(value: Value) -> Iterator[tuple[str, Stored]]:
    """List the files of a catalog, or of catalogs in lists in lists, in the order in which they were put."""
    work = [value]
    while work:
        one = work.pop()
        if isinstance(one, Tree) and one.kind == "dict":
            for key, item in zip(one.keys, one.items, strict=True):
                if isinstance(key, Inline) and isinstance(item, Stored):
                    yield msgspec.json.decode(key.data, type=str), item
        elif isinstance(one, (Rows, Tree)):
            work.extend(reversed(one.items))
        elif not isinstance(one, (Inline, Stored)):
            reached = pick(one.of, one.select)
            work.append(reached if reached != one else NONE)


def holds_files(value: Value) -> bool:
    """Whether a value is, or is a container of, kept files or folders."""
    if isinstance(value, Stored):
        return value.codec in _KEPT
    return isinstance(value, (Rows, Tree)) and any(map(holds_files, value.items))


def choose(get: Iterable[str], put: Mapping[str, Stored], folder: Mapping[str, Stored]) -> dict[str, Stored]:
    """Choose the files that a task gets: of what the run put, and where that has none, of the folder's."""
    chosen: dict[str, Stored] = {}
    for pattern in get:
        for files in (put, folder):
            found = {path: file for path, file in files.items() if matches(pattern, path)}
            if found:
                # What the run put wins over the folder's file of that name, whatever pattern found it.
                chosen.update({path: put.get(path, file) for path, file in found.items()})
                break
    return chosen


def chosen_args(args: dict[str, Value], task: TaskDefinition) -> dict[str, Value]:
    """Give the inputs of a task that gets files, with what it gets in place of all that there is.

    Where a pattern matches nothing, it is told all that there is instead, and fails.
    """
    get = task.catalog.get if task.catalog is not None else ()
    put, folder = dict(entries(args.get(CATALOG, NONE))), dict(entries(args[FOLDER]))
    chosen = choose(get, put, folder)
    if unmatched(get, chosen):
        chosen = {**folder, **put}
    rest = {name: value for name, value in args.items() if name != FOLDER}
    return {**rest, CATALOG: catalog_value(dict(sorted(chosen.items())))}


def unmatched(patterns: Iterable[str], paths: Iterable[str]) -> list[str]:
    """List the patterns that match none of the paths."""
    known = list(paths)
    return [pattern for pattern in patterns if not any(matches(pattern, path) for path in known)]
