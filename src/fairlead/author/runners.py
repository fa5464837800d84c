"""Which component fills which role: from code, from an environment's data, and from defaults.

The order, the more specific first: given to the runner in code, the environment, the class's own
default. Everything that is wrong is told at once. Where the data comes from, and how a class is
found by its name, is said by whoever wires.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from fairlead.author.coercion import Misfit, read
from fairlead.author.components import from_process
from fairlead.author.problems import Problem, complain, nearest
from fairlead.errors import FairleadError
from fairlead.model.components import MISSING, Recipe, Role, build, import_name, is_component, make, members, settle
from fairlead.model.types import describe

__all__ = ["Wiring", "fillers", "rebuilt", "wire"]

_KEYS = ("class", "settings", "components")


class Wiring(NamedTuple):
    """What an environment says about components, as data."""

    name: str
    """The environment's name."""
    components: Mapping[str, Any]
    where: Callable[[tuple[str, ...]], str]
    """Says where a key stands: `prod.yaml:4`; the path begins under `components`."""
    find: Callable[[str], Any]
    """Gives what `module:name` names; raises FairleadError with a sentence."""


def wire(runner: type, given: Mapping[str, Any], wiring: Wiring, *, partial: bool = False) -> dict[str, Any]:
    """Give the component of every role of a runner; raises DefinitionError with all that is wrong.

    With `partial`, roles that are filled by nothing are left out.
    """
    found = members(runner)
    wirer = _Wirer(wiring)
    filled: dict[str, Any] = {}
    for name, text in found.unclear.items():
        wirer.problems.append(Problem(name, f"is annotated as {text!r}, which names nothing; define the class first"))
    for name, role in found.roles.items():
        if name in given:
            filled[name] = wirer.given(role, given[name])
        elif not partial or role.default is not MISSING or name in wiring.components:
            filled[name] = wirer.fill(role, (name,), wiring.components.get(name, MISSING), role.default)
    wirer.strangers(found.roles, wiring.components, ())
    if wirer.problems:
        raise complain(f"{describe(runner)} in environment {wiring.name!r}", wirer.problems)
    return filled


class _Wirer:
    """Fills roles, and collects what is wrong."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring = wiring
        self.problems: list[Problem] = []

    def wrong(self, path: tuple[str, ...], what: str, *keys: str) -> None:
        """Note a problem with a role, at the place of one of its keys."""
        place = self.wiring.where((*_keyed(path), *keys))
        self.problems.append(Problem(".".join(path), f"{what} ({place})" if place else what))

    def given(self, role: Role, part: Any) -> Any:
        """Judge what code gives for a role."""
        if part is not None and not isinstance(part, role.kind):
            said = f"takes a {describe(role.kind)}; got {part!r}"
            if isinstance(part, type):
                said += f"; make one: {describe(part)}(…)"
            self.problems.append(Problem(role.name, said))
        return part

    def fill(self, role: Role, path: tuple[str, ...], raw: Any, default: Any) -> Any:
        """Give the component that data or the default asks for; None where something is wrong."""
        if raw is MISSING:
            return self._default(role, path, default)
        if is_component(type(raw)):  # an environment that was made in Python
            return self.given(role, raw)
        if isinstance(raw, (str, type)):
            raw = {"class": raw}
        if not isinstance(raw, Mapping):
            self.wrong(path, f"is {raw!r:.60}; name a class, or give class and settings")
            return None
        for key in raw:
            if key not in _KEYS:
                self.wrong(path, f"has an unknown key {str(key)!r}{nearest(str(key), _KEYS)}", str(key))
        kind = self._class(role, path, raw, default)
        if kind is None:
            return None
        base = default if type(default) is kind else None
        return self._made(kind, path, raw, base)

    def _default(self, role: Role, path: tuple[str, ...], default: Any) -> Any:
        if default is MISSING:
            self.wrong(path, f"is filled by nothing; it takes {_said(role.kind)}")
            return None
        if default is None:
            return None
        if not isinstance(default, role.kind):
            self.problems.append(
                Problem(".".join(path), f"has {default!r:.60} as its default, and takes {_a(role.kind)}")
            )
            return None
        # A copy of its own: what one runner's component becomes is no other's business.
        return self._made(type(default), path, {}, default)

    def _class(self, role: Role, path: tuple[str, ...], raw: Mapping[str, Any], default: Any) -> type | None:
        name = raw.get("class")
        if name is None:
            if isinstance(default, role.kind):
                return type(default)
            self.wrong(path, f"names no class; it takes {_said(role.kind)}")
            return None
        try:
            kind = name if isinstance(name, type) else self.wiring.find(str(name))
        except FairleadError as error:
            self.wrong(path, str(error), "class")
            return None
        if not isinstance(kind, type) or not issubclass(kind, role.kind):
            self.wrong(path, f"{str(name)!r} is no {describe(role.kind)}; it takes {_said(role.kind)}", "class")
            return None
        lacking = sorted(getattr(kind, "__abstractmethods__", ()))
        if lacking:
            self.wrong(path, f"{str(name)!r} lacks {', '.join(lacking)}, and so cannot be made", "class")
            return None
        return kind

    def _made(self, kind: type, path: tuple[str, ...], raw: Mapping[str, Any], base: Any) -> Any:
        found = members(kind)
        before = len(self.problems)
        given = {name: getattr(base, name) for name in found.settings} if base is not None else {}
        said, misfits = self._settings(kind, path, raw)
        values, wrong = settle(kind, {**given, **said}, from_process)
        for name, what in {**wrong, **misfits}.items():
            self.wrong(path, f"{describe(kind)}: setting {name!r} {what}", "settings", name)
        for name, text in found.unclear.items():
            self.wrong(path, f"{describe(kind)}: {name!r} is annotated as {text!r}, which names nothing")
        inner = raw.get("components") or {}
        if not isinstance(inner, Mapping):
            self.wrong(path, "'components' must be a mapping of roles", "components")
            inner = {}
        for name, role in found.roles.items():
            default = getattr(base, name) if base is not None else role.default
            values[name] = self.fill(role, (*path, name), inner.get(name, MISSING), default)
        self.strangers(found.roles, inner, path, strict=True)
        return make(kind, values) if len(self.problems) == before else None

    def _settings(
        self, kind: type, path: tuple[str, ...], raw: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """Read the settings that data gives, by their annotations; says what does not fit, by setting."""
        settings = raw.get("settings") or {}
        if not isinstance(settings, Mapping):
            self.wrong(path, "'settings' must be a mapping of names to values", "settings")
            return {}, {}
        known = members(kind)
        values: dict[str, Any] = {}
        misfits: dict[str, str] = {}
        for name, value in settings.items():
            if name in known.roles:
                said = f"{describe(kind)}: {name!r} is a role of it; give it under 'components'"
                self.wrong(path, said, "settings", str(name))
            elif name not in known.settings:
                hint = nearest(str(name), known.settings) or f" (it has {', '.join(known.settings) or 'none'})"
                self.wrong(path, f"{describe(kind)} has no setting {str(name)!r}{hint}", "settings", str(name))
            else:
                try:
                    values[name] = _read(value, known.settings[name].annotation)
                except Misfit as misfit:
                    misfits[name] = f"does not fit: {misfit}"
        return values, misfits

    def strangers(
        self, roles: Iterable[str], raw: Mapping[str, Any], path: tuple[str, ...], *, strict: bool = False
    ) -> None:
        """Note keys that are no roles: an environment may serve several runners, so that only near misses count."""
        left = [name for name in roles if name not in raw]
        for name in raw:
            near = nearest(str(name), left)
            if name not in roles and (near or strict):
                self.wrong((*path, str(name)), f"is no role here{near}")


def _read(value: Any, annotation: Any) -> Any:
    """Read a value from outside as parameters are read; what holds names of secrets is read with the others."""
    return value if "Secret" in str(annotation) else read(value, annotation)


def _keyed(path: tuple[str, ...]) -> tuple[str, ...]:
    """Give the keys that lead to a role: `components` stands between the roles."""
    return tuple(part for name in path for part in ("components", name))[1:]


def _a(kind: type) -> str:
    return f"a {describe(kind)}"


def _said(kind: type) -> str:
    known = [import_name(one) for one in fillers(kind)]
    return f"{_a(kind)}: {', '.join(known)}" if known else f"{_a(kind)}, and no class that is loaded is one"


def fillers(kind: type) -> list[type]:
    """Give the loaded classes that could fill a role, without abstract ones; the role's own class is none of them.

    A class of a module whose import failed is there until the next collection of garbage, and is no choice.
    """
    found: dict[type, None] = {}
    todo: list[type] = list(kind.__subclasses__())
    while todo:
        part = todo.pop(0)
        if not getattr(part, "__abstractmethods__", None):
            found[part] = None
        todo.extend(part.__subclasses__())
    return [part for part in found if part.__module__ in sys.modules and is_component(part)]


def rebuilt(recipe: Recipe, find: Callable[[str], Any]) -> Any:
    """Make a component again that an earlier run was given in code."""
    return build(recipe, find, from_process)
