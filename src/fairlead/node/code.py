"""The run's code in a task's process: project modules as they were when the run was made.

Modules come from the snapshot under their canonical names; their files, folders and tracebacks stay
those of the project. Editing a file during a run changes nothing for workers that start later.
"""

from __future__ import annotations

import io
import linecache
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from fairlead.errors import DefinitionError
from fairlead.model.components import Method, Recipe, task_component
from fairlead.model.hashing import sha256
from fairlead.model.names import canonical_module
from fairlead.model.run import Code, SourceFile, TaskCode
from fairlead.model.task import TaskDefinition
from fairlead.node.loading import own_error, run_module
from fairlead.ports import ArtifactStore, Values

__all__ = ["function_of", "install", "method_of", "uninstall"]


class _SnapshotLoader(SourceFileLoader):
    """Loads one module from the snapshot, by way of the original file while that is still the same."""

    def __init__(self, name: str, source: SourceFile, artifacts: ArtifactStore) -> None:
        super().__init__(name, source.path)
        self.digest = source.digest
        self._stat: os.stat_result | None = None
        self._data = self._original(source)
        if self._data is None:
            self._data = bytes(artifacts.get(source.key))

    def _original(self, source: SourceFile) -> bytes | None:
        try:
            with Path(source.path).open("rb") as file:
                # Taken before the bytes: whoever edits the file meanwhile gets no compiled file with old code.
                stat = os.fstat(file.fileno())
                data = file.read()
        except OSError:  # moved, or on another machine: the snapshot has it
            return None
        if sha256(data).hexdigest() != source.digest:
            return None
        self._stat = stat
        return data

    def path_stats(self, path: str) -> dict[str, float]:
        """Give the original's time and size, by which Python finds its compiled file; OSError: do not look."""
        if self._stat is None:
            raise OSError(f"{path} is not what the run was made with")
        return {"mtime": self._stat.st_mtime, "size": self._stat.st_size}

    def get_data(self, path: str) -> bytes:
        """Give the module's own source from the snapshot, and any other file as it is."""
        if path == self.path and self._data is not None:
            return self._data
        if path.endswith(".pyc") and self._stat and Path(path).stat().st_mtime < self._stat.st_mtime // 1 + 1:
            # Compiled in the second of the last edit: it may hold what was there before, of the same size.
            raise OSError(f"{path} may be older than {self.path}")
        return super().get_data(path)

    def exec_module(self, module: ModuleType) -> None:
        """Execute the module, up to where it would start a run, with its source known to tracebacks."""
        source = io.IncrementalNewlineDecoder(None, True).decode(self.get_source(module.__name__) or "")
        # Without a time, the entry is never compared with the file on disk.
        linecache.cache[self.path] = (len(source), None, source.splitlines(keepends=True), self.path)
        run_module(self, module)


class _Finder:
    """Serves the modules of one run; everything else is left to Python."""

    def __init__(self, code: Code, artifacts: ArtifactStore) -> None:
        self._artifacts = artifacts
        self._modules = {name: source for name, source in code.modules.items() if source.key}

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module of the run."""
        source = self._modules.get(name)
        if source is None:
            return None
        return spec_from_file_location(
            name,
            source.path,
            loader=_SnapshotLoader(name, source, self._artifacts),
            submodule_search_locations=[str(Path(source.path).parent)] if source.package else None,
        )

    def file_of(self, name: str) -> str:
        """Give the original file of a module of the run."""
        return self._modules[name].path if name in self._modules else ""


class _Folders:
    """Stands in for namespace packages above the run's modules whose folders are not there."""

    def __init__(self, code: Code) -> None:
        self._folders: dict[str, str] = {}
        for name, source in code.modules.items():
            folder = Path(source.path).parent
            if source.package:
                folder = folder.parent
            parent = name.rpartition(".")[0]
            while parent and parent not in code.modules:
                self._folders.setdefault(parent, str(folder))
                parent, folder = parent.rpartition(".")[0], folder.parent

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a folder that a module of the run was in."""
        folder = self._folders.get(name)
        if folder is None:
            return None
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [folder]
        return spec


_installed: list[object] = []
"""What this process has put on `sys.meta_path`: one run's code at a time."""


def install(code: Code, artifacts: ArtifactStore) -> None:
    """Make the run's modules importable in this process, in place of those of an earlier run.

    Modules that an earlier run has loaded are dropped where this run has another version of them.
    """
    uninstall()
    for name, source in code.modules.items():
        module = sys.modules.get(name)
        loader = getattr(module, "__loader__", None)
        if isinstance(loader, _SnapshotLoader) and loader.digest != source.digest:
            del sys.modules[name]
    for path in reversed(code.paths):
        if path not in sys.path:
            sys.path.insert(0, path)
    first, last = _Finder(code, artifacts), _Folders(code)
    _installed.extend((first, last))
    sys.meta_path.insert(0, first)
    sys.meta_path.append(last)


def uninstall() -> None:
    """Leave imports to Python again; what is loaded stays."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if finder not in _installed]
    _installed.clear()


def function_of(task: TaskDefinition, task_code: TaskCode, values: Values) -> Callable[..., Any]:
    """Give a task's plain function: unpickled, or imported as `module:qualname`.

    Raises DefinitionError, with the user's own error where importing their code failed.
    """
    value = _unpickled(task, values.decode(task_code.payload)) if task_code.payload is not None else None
    recipe = task_component(task)
    if recipe is not None:
        return method_of(task, recipe, value, values)
    value = _plain(value if value is not None else _imported(task, task.target))
    if not callable(value):
        raise DefinitionError(f"task {task.name!r}: {task.target} is {type(value).__name__}, which cannot be called")
    return value  # type: ignore[no-any-return]


def method_of(task: TaskDefinition, recipe: Recipe, live: Any, values: Values) -> Callable[..., Any]:
    """Give the method of a component that a task calls; its classes are live, or imported by name."""
    from fairlead.node.components import bound_method

    classes = live.classes if isinstance(live, Method) else {}
    return bound_method(task, recipe, classes, lambda name: _imported(task, name), values)


def _imported(task: TaskDefinition, target: str) -> Any:
    name, _, qualname = target.partition(":")
    if not qualname or "<" in qualname:
        raise DefinitionError(
            f"task {task.name!r} has no importable function ({target or 'no target'}) and was recorded without"
            " its code; move the function to the top of a module"
        )
    value: Any = _module(task, name)
    for part in qualname.split("."):
        value = getattr(value, part, None)
        if value is None:
            raise DefinitionError(
                f"task {task.name!r}: module {name!r} has no {qualname!r} when it is imported;"
                " define it before anything that runs, outside of `if __name__ == '__main__':`"
            )
    return value


def _unpickled(task: TaskDefinition, value: Any) -> Any:
    if isinstance(value, bytes):
        import pickle

        try:
            value = pickle.loads(value)
        except Exception as error:
            raise DefinitionError(
                f"task {task.name!r}: its pickled function cannot be read here: {type(error).__name__}: {error}"
            ) from error
    return value


def _module(task: TaskDefinition, name: str) -> ModuleType:
    if name == canonical_module("__main__"):
        # In the script's own process the functions are those that are there already.
        return sys.modules["__main__"]
    try:
        return import_module(name)
    except (Exception, SystemExit) as error:
        told = own_error(error, _file_of(name))
        raise DefinitionError(f"task {task.name!r}: cannot import {name!r}: {told}") from error


def _file_of(name: str) -> str:
    for finder in _installed:
        if isinstance(finder, _Finder):
            return finder.file_of(name)
    return ""


def _plain(value: Any) -> Any:
    """Unwrap a task object; the plain function is what runs."""
    return getattr(value, "__wrapped__", value) if type(value).__module__.startswith("fairlead.") else value
