"""Where modules are, without importing them, and which of them are the user's own.

The files of the project are read once per version and process.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import EXTENSION_SUFFIXES, PathFinder
from pathlib import Path
from types import ModuleType

from fairlead.engine.lineage_index import Module, parse
from fairlead.engine.packages import site_of
from fairlead.model.names import canonical_module

__all__ = ["Found", "find", "loaded", "locate", "module_of_file", "project_root"]

_STDLIB = str(Path(os.__file__).parent)
_MARKS = ("pyproject.toml", ".git", ".fairlead")


class Found:
    """A module that is no file of the project's.

    `kind` is `stdlib`, `package`, `ours`, `missing`, `namespace` (a folder of the project's without
    `__init__.py`), `native` (the project's own, compiled) or `unreadable`; and `project` for a file
    that nobody has read yet.
    """

    __slots__ = ("file", "kind", "name")

    def __init__(self, kind: str, name: str, file: str = "") -> None:
        self.kind = kind
        self.name = name
        self.file = file


_parsed: dict[str, tuple[int, int, Module]] = {}


def module_of_file(name: str, file: str) -> Module | None:
    """Read a project file, or give what is known of it when it has not changed; None when it cannot be read."""
    try:
        stat = os.stat(file)  # noqa: PTH116 - a Path per look costs more than the look
        known = _parsed.get(file)
        if known is not None and known[:2] == (stat.st_mtime_ns, stat.st_size) and known[2].name == name:
            return known[2]
        source = Path(file).read_bytes()
        tree = parse(source, file)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        # Gone, not Python, or too deep for the parser: the caller names it as opaque.
        return None
    module = Module(name, file, tree, source.decode("utf-8", "replace"))
    _parsed[file] = (stat.st_mtime_ns, stat.st_size, module)
    return module


def project_root(file: str) -> Path:
    """Give the project's folder: the nearest one upwards with a project's mark, else the file's own."""
    folder = Path(file).resolve().parent
    for candidate in (folder, *folder.parents):
        if any((candidate / mark).exists() for mark in _MARKS):
            return candidate
    return folder


# --- finding -------------------------------------------------------------------------------------


def loaded(name: str) -> ModuleType | None:
    """Give the loaded module of that canonical name; a script's is the one that runs as `__main__`."""
    if name == canonical_module("__main__"):
        return sys.modules["__main__"]
    return sys.modules.get(name)


def find(name: str) -> Module | Found:
    """Find a module by its canonical name, and read it when it is the project's."""
    found = locate(name)
    if found.kind == "project":
        return module_of_file(name, found.file) or Found("unreadable", name, found.file)
    return found


def locate(name: str) -> Found:
    """Say where a module is, without importing or reading it or its parents."""
    top = name.partition(".")[0]
    if top == "fairlead":
        return Found("ours", name)
    file = _file_of(name)
    if file is None:
        return Found("stdlib" if top in sys.stdlib_module_names else "missing", name)
    if not file or file == "frozen":
        return Found("stdlib", name)
    if site_of(file) is not None:
        return Found("package", name, file)
    if file.startswith(_STDLIB):
        return Found("stdlib", name, file)
    if file.endswith(tuple(EXTENSION_SUFFIXES)):
        return Found("native", name, file)
    return Found("project" if file.endswith(".py") else "namespace", name, file)


def _file_of(name: str) -> str | None:
    """Give a module's file, the folder of a namespace, "" for what is built in; None when there is none."""
    module = loaded(name)
    if module is not None:
        file = getattr(module, "__file__", None)
        if isinstance(file, str):
            return file
        if name != "__main__":
            paths = list(getattr(module, "__path__", ()))
            return str(paths[0]) if paths else ""
        return None
    path: list[str] | None = None
    if "." in name:
        path = _search_path(name.rpartition(".")[0])
        if not path:
            return None
    origin, folders = _look(name, path)
    if origin is None and not folders:
        return "" if name in sys.builtin_module_names else None
    return origin or folders[0]


def _search_path(package: str) -> list[str]:
    module = loaded(package)
    if module is not None:
        return list(getattr(module, "__path__", ()))
    path = _search_path(package.rpartition(".")[0]) if "." in package else None
    return _look(package, path)[1] if path != [] else []


def _look(name: str, path: list[str] | None) -> tuple[str | None, list[str]]:
    """Give a module's file and, of a package, the folders of its modules."""
    try:
        spec = PathFinder.find_spec(name, path)
    except KeyError:  # a namespace package in another one that nobody has imported
        leaf = name.rpartition(".")[2]
        return None, [str(folder) for entry in path or () if (folder := Path(entry, leaf)).is_dir()]
    return (spec.origin, list(spec.submodule_search_locations or ())) if spec is not None else (None, [])
