"""Importing a user's file for its definitions, without doing what it does when it is run.

A script may start its workflow where it stands (`training("data.csv").run()` without a guard).
While such a file is loaded, `run` raises StopLoading, and what was defined up to there is kept.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from fairlead.errors import DefinitionError, NotFound
from fairlead.model.names import script_module

__all__ = ["StopLoading", "is_loading", "load_target_file", "loading", "own_error", "run_module", "stop_if_loading"]

_OURS = str(Path(__file__).parents[1])
_PYTHONS = os.path.dirname(os.__file__) + os.sep  # noqa: PTH120 - a text to compare with
_loading: ContextVar[bool] = ContextVar("fairlead_loading", default=False)


class StopLoading(BaseException):
    """A file that is only being loaded has come to the point where it would start a run.

    Not an Exception, so that a user's `except Exception` lets it through.
    """


def is_loading() -> bool:
    """Whether a file is being loaded for its definitions; then nothing may be started."""
    return _loading.get()


@contextmanager
def loading() -> Iterator[None]:
    """Say that files are loaded for their definitions in here, and have them loaded as they are now."""
    token = _loading.set(True)
    finder = _FreshFinder()
    places = [place for place, one in enumerate(sys.meta_path) if one is PathFinder]
    sys.meta_path.insert(places[0] if places else len(sys.meta_path), finder)
    try:
        yield
    finally:
        _loading.reset(token)
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)


class FreshLoader(SourceFileLoader):
    """Loads a file as it is now, also where it was edited twice in one second, to the same size.

    By its time in whole seconds and its size, Python takes what was compiled in between for what is there.
    """

    def get_data(self, path: str) -> bytes:
        """Read a file; OSError for a compiled one that may be older than its source."""
        if path.endswith(".pyc"):
            written, edited = os.stat(path).st_mtime, os.stat(self.path).st_mtime  # noqa: PTH116 - once per import
            if written < edited // 1 + 1:
                raise OSError(f"{path} may be older than {self.path}")
        return super().get_data(path)


class _FreshFinder:
    """Has modules of projects loaded as they are; those of Python and of installed packages do not change."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module where Python does."""
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader and _changes(spec.origin or ""):
            spec.loader = FreshLoader(spec.loader.name, spec.loader.path)
        return spec


def _changes(file: str) -> bool:
    return not (file.startswith((_PYTHONS, _OURS)) or "/site-packages/" in file or "/dist-packages/" in file)


def run_module(loader: SourceFileLoader, module: ModuleType) -> None:
    """Execute a module's body up to its end or to where it would start a run."""
    with loading():
        try:
            SourceFileLoader.exec_module(loader, module)
        except StopLoading:
            # What was defined before that line is what the file is loaded for.
            return


class _TargetLoader(FreshLoader):
    def exec_module(self, module: ModuleType) -> None:
        run_module(self, module)


def load_target_file(path: str | Path) -> ModuleType:
    """Import a user's file under its canonical name, its folder first on `sys.path` as for `python FILE`.

    Raises NotFound, or DefinitionError with the place and the user's own error as its cause.
    """
    file = Path(path).absolute()
    if not file.is_file():
        raise NotFound(f"no file {str(path)!r} in {Path.cwd()}")
    folder = str(file.parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    name = script_module(str(file))
    known = sys.modules.get(name)
    if known is not None:
        return known
    spec = spec_from_file_location(name, file, loader=_TargetLoader(name, str(file)))
    assert isinstance(spec, ModuleSpec)
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        _TargetLoader(name, str(file)).exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise own_error(error, str(file)) from error
    except BaseException:
        del sys.modules[name]
        raise
    return module


def own_error(error: BaseException, file: str) -> DefinitionError:
    """Tell an error in a user's file by the innermost line that the user wrote, without our frames."""
    import traceback

    short = Path(file).name
    if isinstance(error, SyntaxError) and error.filename:
        text = f"\n    {error.text.strip()}" if error.text else ""
        return DefinitionError(f"{Path(error.filename).name}:{error.lineno}: SyntaxError: {error.msg}{text}")
    frames = traceback.extract_tb(error.__traceback__)
    first = next((place for place, frame in enumerate(frames) if frame.filename == file), len(frames))
    own = [frame for frame in frames[first:] if not frame.filename.startswith(("<frozen", _OURS))]
    place = f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else short
    if isinstance(error, SystemExit):
        return DefinitionError(
            f"{place}: the file ends the program (exit {error.code}) while its definitions are loaded;"
            " put that under `if __name__ == '__main__':`"
        )
    said = "".join(traceback.format_exception_only(error)).strip()
    lines = "".join(traceback.format_list(own)).rstrip()
    return DefinitionError(f"{place}: {said}" + (f"\n{lines}" if len(own) > 1 else ""))


def stop_if_loading() -> None:
    """Raise StopLoading while a file is only loaded; called wherever a run would start."""
    if _loading.get():
        raise StopLoading
