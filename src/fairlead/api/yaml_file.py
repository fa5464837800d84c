"""Workflows written as text: reading a file, and finding the functions that it names.

What the text means is in `author/yaml_steps.py`.
"""

from __future__ import annotations

import builtins
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fairlead.api.pipelines import Pipeline
from fairlead.author.yaml_steps import Keys, read_pipeline
from fairlead.config.reading import read_text
from fairlead.errors import ConfigurationError, DefinitionError, NotFound
from fairlead.model.task import Place
from fairlead.node.loading import load_target_file, loading, own_error

__all__ = ["SUFFIXES", "load_yaml"]

SUFFIXES = (".yaml", ".yml")


def load_yaml(where: str | Path) -> Pipeline:
    """Read a workflow from a file.

    Raises NotFound, or DefinitionError with every problem, each with its line and column.
    """
    file = Path(where).absolute()
    if not file.is_file():
        raise NotFound(f"no file {str(where)!r} in {Path.cwd()}")
    try:
        text = file.read_text(encoding="utf-8")
        document = read_text(text, str(file), what="a workflow", text_keys=False)
    except (OSError, UnicodeDecodeError) as error:
        raise DefinitionError(f"{where}: cannot be read: {error}") from error
    except ConfigurationError as error:
        said, _, more = str(error).partition("\n")
        raise DefinitionError(said, error.problems if more else ()) from error

    def place_of(keys: Keys) -> Place:
        spot = document.place(keys)
        line, column = (spot.line, spot.column) if spot is not None and spot.line else (1, 1)
        return Place(str(file), line, column)

    folder = file.parent
    pipeline = read_pipeline(
        document.data,
        name=file.stem,
        place_of=place_of,
        find=lambda reference: _find(reference, folder),
        make=Pipeline,
    )
    assert isinstance(pipeline, Pipeline)
    pipeline.found_at(f"{file}:{pipeline.name}")
    return pipeline


def _find(reference: str, folder: Path) -> Callable[..., Any]:
    """Find a function by `module.function`, `file.py:function`, or the name of one of Python's own."""
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    where, colon, name = reference.rpartition(":")
    if not colon:
        where, _, name = reference.rpartition(".")
    try:
        if where.endswith(".py"):
            home: Any = load_target_file(folder / where)
        else:
            home = _module(where) if where else builtins
    except NotFound as error:
        raise DefinitionError(str(error)) from error
    found = home
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is None:
        raise DefinitionError(f"no function {name!r} in {where or 'Python itself'}{_nearest(name, home)}")
    if not callable(found):
        raise DefinitionError(f"{reference!r} is {found!r:.60}, and no function")
    called: Callable[..., Any] = found
    return called


def _module(name: str) -> Any:
    """Import a module, or the class of one: `jobs.Tools` in `jobs.Tools.load`."""
    try:
        with loading():
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        outer, _, inner = name.rpartition(".")
        if error.name is None or not (name == error.name or name.startswith(f"{error.name}.")):
            raise own_error(error, name) from error
        found = getattr(_module(outer), inner, None) if outer else None
        if found is None:
            raise DefinitionError(f"no module {name!r}; it is looked for beside the file, too") from error
        return found
    except (Exception, SystemExit) as error:
        raise own_error(error, name) from error


def _nearest(name: str, home: Any) -> str:
    from difflib import get_close_matches  # for mistakes only

    near = get_close_matches(name, [one for one in dir(home) if not one.startswith("_")], n=1)
    return f" (nearest: {near[0]!r})" if near else ""
