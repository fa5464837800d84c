"""An environment's words about components: where each stands in its file, and which class a name means."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from fairlead.author.problems import nearest
from fairlead.author.runners import Wiring
from fairlead.config.environment import Environment
from fairlead.errors import NotFound
from fairlead.model.components import is_component
from fairlead.model.names import canonical_module
from fairlead.node.loading import loading, own_error

__all__ = ["find_class", "wiring_of"]


def wiring_of(environment: Environment) -> Wiring:
    """Say what an environment has for the roles of a runner."""

    def where(path: tuple[str, ...]) -> str:
        spot = environment.place("components", *path)
        return str(spot) if spot is not None else ""

    return Wiring(environment.name, environment.components, where, find_class)


def find_class(name: str) -> Any:
    """Give what `module:name` names; NotFound says what is not there, and what is nearest."""
    where, colon, qualname = name.partition(":")
    if not colon or not qualname:
        raise NotFound(f"{name!r} names no class; write module:Class")
    found: Any = _module(where, name)
    for part in qualname.split("."):
        inner = getattr(found, part, None)
        if inner is None:
            known = [key for key, value in vars(found).items() if is_component(value)]
            raise NotFound(f"{where} has no class {qualname!r}{nearest(part, known)}")
        found = inner
    return found


def _module(where: str, name: str) -> Any:
    if where == canonical_module("__main__"):
        return sys.modules["__main__"]
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        with loading():
            return importlib.import_module(where)
    except ModuleNotFoundError as error:
        if error.name is not None and (where == error.name or where.startswith(f"{error.name}.")):
            raise NotFound(f"{name!r}: there is no module {where!r}{nearest(where, sys.modules)}") from error
        raise NotFound(f"{name!r}: {own_error(error, where)}") from error
    except (Exception, SystemExit) as error:
        raise NotFound(f"{name!r}: {own_error(error, where)}") from error
