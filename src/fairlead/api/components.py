"""What a project has for the roles of its runners: which classes could fill them, and which do.

Looks only: nothing is built, and what is wrong with a choice is said by `check`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from fairlead.api.runners import Runner
from fairlead.api.targets import load_module
from fairlead.author.callables import clean_doc
from fairlead.author.problems import nearest
from fairlead.author.runners import fillers
from fairlead.config.environment import Environment, EnvironmentLike, load
from fairlead.errors import FairleadError, NotFound
from fairlead.model.components import MISSING, Role, import_name, is_component, members
from fairlead.model.settings import to_data

__all__ = ["Filler", "Listing", "RoleListing", "SettingListing", "list_components"]


class SettingListing(msgspec.Struct, frozen=True):
    """A setting of a class, in words."""

    name: str
    type: str
    required: bool
    default: str
    """As one would write it; empty when it is required."""
    doc: str
    chosen: str
    """What the environment or the code sets it to; empty when it does not."""


class Filler(msgspec.Struct, frozen=True):
    """A class that could fill a role."""

    name: str
    """`module:Class`, as an environment says it."""
    place: str
    doc: str
    chosen: bool
    settings: list[SettingListing]
    roles: dict[str, str]
    """Its own roles, with the class that each takes."""


class RoleListing(msgspec.Struct, frozen=True):
    """A role, what could fill it, and what does."""

    runner: str
    role: str
    kind: str
    doc: str
    chosen: str
    """`module:Class`; empty while nothing fills it."""
    by: str
    """Who says so: `prod.yaml:4:3`, or the default in code."""
    fillers: list[Filler]


class Listing(msgspec.Struct, frozen=True):
    """The roles of a project's runners."""

    roles: list[RoleListing]
    left_out: list[str]
    """Files that have classes for the roles and cannot be imported, with the reason."""


def list_components(text: str, env: EnvironmentLike = None) -> Listing:
    """List the roles of a file's or module's runners; `file.py:Churn` and `file.py:Churn.train` mean one runner.

    Classes are looked for in the files beside it, too. Raises NotFound where there is no runner.
    """
    where, _, name = text.rpartition(":") if ":" in text else (text, "", "")
    module = load_module(where)
    file = getattr(module, "__file__", None)
    folder = Path(file).absolute().parent if file else Path.cwd()
    runners = _runners(module, name.partition(".")[0], text)
    wanted = {role.kind.__name__ for kind in runners for role in members(kind).roles.values()}
    left_out = _import_fillers(folder, wanted, module)
    environment = load(env, beside=folder)
    found: list[RoleListing] = []
    for kind in runners:
        for role in members(kind).roles.values():
            raw = environment.components.get(role.name, MISSING)
            found += _listed(kind.__qualname__, role, (role.name,), raw, role.default, environment)
    return Listing(found, left_out)


def _runners(module: ModuleType, name: str, text: str) -> list[type[Runner]]:
    known = {
        key: kind
        for key, kind in vars(module).items()
        if isinstance(kind, type) and issubclass(kind, Runner) and kind is not Runner
    }
    if not name:
        own = [kind for kind in known.values() if kind.__module__ == module.__name__]
        if own or known:
            return own or list(known.values())
        raise NotFound(f"{text} has no runner: no class that is made from fairlead.Runner")
    if name not in known:
        raise NotFound(f"{text.rpartition(':')[0]} has no runner {name!r}{nearest(name, known)}")
    return [known[name]]


def _listed(
    runner: str, role: Role, path: tuple[str, ...], raw: Any, default: Any, environment: Environment
) -> Iterator[RoleListing]:
    said: Mapping[str, Any] = {"class": raw} if isinstance(raw, str) else raw if isinstance(raw, Mapping) else {}
    base = type(default) if is_component(type(default)) else None
    chosen = str(said["class"]) if "class" in said else import_name(base) if base is not None else ""
    keys = tuple(part for name in path for part in ("components", name))
    by = "" if not chosen else "the default in code"
    if raw is not MISSING:
        by = str(environment.place(*keys) or f"environment {environment.name}")
    kinds = fillers(role.kind)
    if base is not None and base not in kinds:
        kinds.insert(0, base)
    given: dict[str, Any] = {}
    if base is not None and chosen == import_name(base):
        given = {name: getattr(default, name) for name in members(base).settings}
    given |= said["settings"] if isinstance(said.get("settings"), Mapping) else {}
    listed = [_filler(kind, import_name(kind) == chosen, given) for kind in kinds]
    yield RoleListing(
        runner, ".".join(path), role.kind.__qualname__, clean_doc(role.kind).partition("\n")[0], chosen, by, listed
    )
    inner = said["components"] if isinstance(said.get("components"), Mapping) else {}
    for kind in kinds:
        if import_name(kind) == chosen:
            for part in members(kind).roles.values():
                own = getattr(default, part.name) if base is kind else part.default
                yield from _listed(runner, part, (*path, part.name), inner.get(part.name, MISSING), own, environment)


def _filler(kind: type, chosen: bool, given: Mapping[str, Any]) -> Filler:
    found = members(kind)
    docs = {name: doc for owner in reversed(kind.__mro__) for name, doc in _docs(owner).items()}
    settings = [
        SettingListing(
            one.name,
            one.text,
            one.default is MISSING,
            "" if one.default is MISSING else _short(one.default),
            docs.get(one.name, ""),
            _short(given[one.name]) if chosen and one.name in given else "",
        )
        for one in found.settings.values()
    ]
    roles = {role.name: role.kind.__qualname__ for role in found.roles.values()}
    own = clean_doc(kind) if "__doc__" in vars(kind) else ""
    return Filler(import_name(kind), _place(kind), own.partition("\n")[0], chosen, settings, roles)


def _short(value: Any) -> str:
    try:
        data = to_data(value)
    except ValueError:
        return f"{value!r:.60}"
    return f"{data!r:.60}"


# --- what the source says ------------------------------------------------------------------------


def _class_node(kind: type) -> tuple[str, Any]:
    """Find the statement that makes a class, and its file; None for one without a file."""
    import ast

    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    if not file or not Path(file).is_file() or "<" in kind.__qualname__:
        return "", None
    node: Any = ast.parse(Path(file).read_bytes())
    for name in kind.__qualname__.split("."):
        node = next((part for part in node.body if isinstance(part, ast.ClassDef) and part.name == name), None)
        if node is None:
            return file, None
    return file, node


def _place(kind: type) -> str:
    file, node = _class_node(kind)
    return f"{Path(file).name}:{node.lineno}" if node is not None else ""


def _docs(owner: type) -> dict[str, str]:
    """Give the texts that stand under the settings of a class."""
    import ast

    if not is_component(owner):
        return {}
    _, node = _class_node(owner)
    found = {}
    body = node.body if node is not None else []
    for setting, below in pairwise(body):
        if isinstance(setting, ast.AnnAssign) and isinstance(setting.target, ast.Name) and isinstance(below, ast.Expr):
            if isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
                found[setting.target.id] = " ".join(below.value.value.split())
    return found


# --- files beside --------------------------------------------------------------------------------


def _import_fillers(folder: Path, wanted: set[str], runner: ModuleType) -> list[str]:
    """Import the files beside a runner's, and in the packages there, that have classes for its roles."""
    left = {file: names for file in _files(folder) if str(file) != runner.__file__ and (names := _bases_in(file))}
    left_out: list[str] = []
    while True:
        hits = {file: names for file, names in left.items() if any(bases & wanted for bases in names.values())}
        if not hits:
            return left_out
        for file, names in hits.items():
            wanted |= {name for name, bases in names.items() if bases & wanted}
            del left[file]
            left_out += _imported(file, folder, runner.__package__ or "")


def _files(folder: Path) -> Iterator[Path]:
    yield from sorted(folder.glob("*.py"))
    for package in sorted(folder.glob("*/__init__.py")):
        yield from sorted(package.parent.rglob("*.py"))


def _bases_in(file: Path) -> dict[str, set[str]]:
    """Give the classes at the top of a file with the names of their bases."""
    import ast

    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError, OSError):
        return {}  # it is no module of the project: nothing can come from it
    found = {part.name: set(map(_word, part.bases)) for part in tree.body if isinstance(part, ast.ClassDef)}
    return {name: bases for name, bases in found.items() if bases}


def _word(base: Any) -> str:
    """Name a base as it is written last: `Source` of `churn.Source` and of `Source[int]`."""
    base = getattr(base, "value", base) if type(base).__name__ == "Subscript" else base
    return str(getattr(base, "id", getattr(base, "attr", "")))


def _imported(file: Path, folder: Path, package: str) -> Iterator[str]:
    """Import a file by the name that it has beside the runner's; says why it cannot be."""
    parts = file.relative_to(folder).with_suffix("").parts
    names = ([package] if package else [], parts[:-1] if parts[-1] == "__init__" else parts)
    try:
        load_module(".".join((*names[0], *names[1])))
    except FairleadError as error:
        yield f"{file.relative_to(folder)} is left out: {error}"
