"""The project's files as they are when a run is made, kept by content.

Takes every project file that the tasks' modules import, directly or through others, wherever the
import statement stands. What a module imports by a computed name is not in the snapshot; workers
find it in its original place.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from fairlead.engine.lineage import analyse, python_version, root_of
from fairlead.engine.lineage_closures import closures
from fairlead.engine.lineage_index import Import
from fairlead.engine.lineage_modules import locate
from fairlead.engine.lineage_objects import Objects, unwrap
from fairlead.engine.packages import site_of
from fairlead.engine.requirements import requirements_of
from fairlead.model.components import Method
from fairlead.model.hashing import sha256
from fairlead.model.names import canonical_module
from fairlead.model.run import Code, SourceFile, TaskCode
from fairlead.model.task import TaskDefinition
from fairlead.ports import ArtifactStore

__all__ = ["code_of", "project_paths", "snapshot"]

_IMPORT = re.compile(
    r"(?:^|[;:])[ \t]*(?:from[ \t]+(\.*[ \t]*[\w.]*)[ \t]*import[ \t]*(\([^)]*\)|[^\n;#]*)|import[ \t]+([^\n;#]*))",
    re.MULTILINE,
)
_OWN = str(Path(__file__).parents[2])
"""Where Fairlead itself is, which every worker finds without being told."""
_STDLIB = str(Path(os.__file__).parent)


class _Known:
    """What is remembered of one version of a file."""

    __slots__ = ("digest", "imports", "stamp")

    def __init__(self, stamp: tuple[int, int], data: bytes) -> None:
        self.stamp = stamp
        self.digest = sha256(data).hexdigest()
        self.imports = list(_imports(data.decode("utf-8", "replace")))


_known: dict[str, _Known] = {}


def code_of(
    functions: Sequence[Callable[..., Any] | None],
    *,
    definitions: Sequence[TaskDefinition] = (),
    artifacts: ArtifactStore | None = None,
    root: Path | None = None,
) -> Code:
    """Put together the code of a run; a payload for functions that cannot be imported is the caller's.

    `definitions` stand beside the functions; one that has texts in place of a function counts by those.
    """
    root = root_of(functions) if root is None else root
    objects = Objects(root)
    tasks = analyse(functions, root=root, objects=objects)
    if any(definition.sources for definition in definitions):
        tasks = _with_texts(tasks, definitions, objects)
    modules = snapshot(functions, artifacts)
    return Code(
        str(root),
        modules,
        tasks,
        python_version(),
        project_paths(),
        requirements=requirements_of(root),
        classes=closures(objects, modules),
    )


def _with_texts(
    tasks: tuple[TaskCode, ...], definitions: Sequence[TaskDefinition], objects: Objects
) -> tuple[TaskCode, ...]:
    from fairlead.engine.lineage_texts import text_code

    pairs = zip(tasks, definitions, strict=True)
    return tuple(text_code(one.sources, objects) if one.sources else task for task, one in pairs)


def snapshot(functions: Sequence[Callable[..., Any] | None], artifacts: ArtifactStore | None) -> dict[str, SourceFile]:
    """Keep the project files that the functions' modules import, under `sha256/ab/…`, once each.

    Without an artifact store nothing is kept, and the files' keys are empty. The answer is by
    canonical module name.
    """
    files: dict[str, SourceFile] = {}
    todo = list(dict.fromkeys(name for function in functions for name in _modules_of(unwrap(function))))
    seen = set(todo)
    while todo:
        name = todo.pop()
        found = locate(name)
        reached = {name.rpartition(".")[0]} if "." in name else set()
        if found.kind == "project":
            package = found.file.endswith(f"{os.sep}__init__.py")
            known = _version(found.file, artifacts)
            key = _key(known.digest) if artifacts is not None else ""
            files[name] = SourceFile(found.file, known.digest, key, package)
            for imported in known.imports:
                reached |= _candidates(imported, name, package=package)
        todo.extend(reached - seen)
        seen |= reached
    return dict(sorted(files.items()))


def _version(file: str, artifacts: ArtifactStore | None) -> _Known:
    """Know a file as it is now, and see to it that its bytes are kept."""
    stat = os.stat(file)  # noqa: PTH116 - a Path per look costs more than the look
    stamp = (stat.st_mtime_ns, stat.st_size)
    known = _known.get(file)
    if known is None or known.stamp != stamp or (artifacts is not None and not artifacts.exists(_key(known.digest))):
        data = Path(file).read_bytes()
        known = _known[file] = _Known(stamp, data)
        if artifacts is not None:
            artifacts.put(_key(known.digest), [data])
    return known


def _key(digest: str) -> str:
    return f"sha256/{digest[:2]}/{digest}"


# --- what is imported ----------------------------------------------------------------------------


def _imports(source: str) -> Iterator[Import]:
    """Give what a file imports, anywhere in it; text that only looks like an import does no harm."""
    for found in _IMPORT.finditer(source.replace("\\\n", " ")):
        origin, names, plain = found.groups()
        if plain is not None:
            for part in plain.split(","):
                yield Import(part.split(" as ")[0].strip())
            continue
        dots = len(origin) - len(origin.lstrip("."))
        module = origin[dots:].strip()
        for part in re.sub(r"#[^\n]*", "", names.strip("() \t")).split(","):
            yield Import(module, dots, part.split(" as ")[0].strip(" \t\n()"))


def _candidates(imported: Import, module: str, *, package: bool) -> set[str]:
    """Name the modules that an import may load: the module with its parents, and what is taken from it."""
    name = imported.absolute(module, package=package)
    names = {name, f"{name}.{imported.attribute}"} if imported.attribute.isidentifier() else {name}
    parents = {name[:end] for end, letter in enumerate(name) if letter == "."}
    return {found for found in names | parents if found and _can_be_project(found)}


def _can_be_project(name: str) -> bool:
    top = name.partition(".")[0]
    if not all(part.isidentifier() for part in name.split(".")):
        return False
    return locate(top).kind in ("project", "namespace")


def _modules_of(value: Any) -> Iterator[str]:
    """Name the module of a function; of one without a file, the modules of what it uses, too."""
    done: set[int] = set()
    todo = [value]
    while todo:
        part = unwrap(todo.pop())
        if id(part) in done or part is None:
            continue
        done.add(id(part))
        if isinstance(part, ModuleType):
            yield canonical_module(part.__name__)
            continue
        if isinstance(part, Method):
            owners = {owner for kind in part.classes.values() for owner in kind.__mro__ if owner is not object}
            todo.extend(owners)
            todo.extend(value for owner in owners for value in vars(owner).values() if isinstance(value, FunctionType))
            continue
        inner = getattr(part, "func", None) or getattr(part, "__func__", None) or part
        name = canonical_module(getattr(inner, "__module__", None) or type(inner).__module__)
        yield name
        if isinstance(inner, FunctionType):
            todo.extend(_used(inner, with_globals=name == "__main__"))


def _used(function: FunctionType, *, with_globals: bool) -> Iterator[Any]:
    """Give what a function holds by closure and, where it has no file to read, by global name."""
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # a name that is not assigned yet stands for nothing
            continue
    if with_globals:
        codes = [function.__code__]
        while codes:
            code = codes.pop()
            codes.extend(constant for constant in code.co_consts if isinstance(constant, CodeType))
            yield from (function.__globals__[name] for name in code.co_names if name in function.__globals__)


def project_paths() -> tuple[str, ...]:
    """Give the entries of `sys.path` that are neither Python's own nor for installed packages."""
    paths = (str(Path(entry).absolute()) for entry in sys.path)
    return tuple(dict.fromkeys(path for path in paths if site_of(path) is None and not _is_pythons(path)))


def _is_pythons(path: str) -> bool:
    return path.startswith(_STDLIB) or path.endswith(".zip") or path == _OWN
