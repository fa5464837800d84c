"""What a component is made of: settings and roles read off its class, and a recipe that is data.

A component is built from its recipe wherever its task runs. Nothing here imports a module or reads
a file: whoever builds says which class a name stands for.
"""

from __future__ import annotations

import sys
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from fairlead.errors import DefinitionError
from fairlead.model.names import canonical_module
from fairlead.model.secret import Source
from fairlead.model.settings import from_data, to_data
from fairlead.model.task import TaskDefinition
from fairlead.model.types import describe
from fairlead.wire import converted

__all__ = [
    "MISSING",
    "Members",
    "Method",
    "Recipe",
    "Role",
    "Setting",
    "build",
    "component_changes",
    "import_name",
    "is_component",
    "make",
    "members",
    "recipe_of",
    "resolve",
    "settle",
    "task_component",
]


class _Missing:
    """Stands where there is no default."""

    def __repr__(self) -> str:
        return "<no default>"


MISSING: Any = _Missing()


class Setting(msgspec.Struct, frozen=True):
    """A setting of a component, as its class declares it."""

    name: str
    annotation: Any
    text: str
    """The annotation as one would write it."""
    default: Any
    """MISSING when it must be given."""
    owner: type
    """The class that declares it."""


class Role(msgspec.Struct, frozen=True):
    """A place in a runner or a component that another component fills."""

    name: str
    kind: type
    """What fills it is made from this class."""
    default: Any
    """A component, None where it may stay empty, or MISSING."""
    owner: type


class Members(msgspec.Struct, frozen=True):
    """What a class declares by annotations."""

    settings: dict[str, Setting]
    roles: dict[str, Role]
    unclear: dict[str, str]
    """Annotations that name nothing, as written."""


class Recipe(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a component is made, as data."""

    role: str
    """Which role it fills: `trainer`, or `trainer.source` for a component of a component."""
    kind: str
    """`module:qualname` of its class, under the canonical module name."""
    settings: dict[str, Any] = {}
    components: dict[str, Recipe] = {}


class Method:
    """A method of a component as a task's function: with the live classes that the component is made of."""

    def __init__(self, function: Callable[..., Any], classes: Mapping[str, type]) -> None:
        self.function = function
        self.classes = dict(classes)
        """By import name."""
        self.__name__: str = function.__name__
        self.__qualname__: str = function.__qualname__
        self.__module__ = function.__module__
        self.__doc__ = function.__doc__
        self.__code__ = getattr(function, "__code__", None)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the plain method; the first argument is the component."""
        return self.function(*args, **kwargs)

    def __reduce__(self) -> Any:
        # Annotations may be text, whose names nobody can look up where the class travels by value.
        owners = {owner for kind in self.classes.values() for owner in kind.__mro__ if is_component(owner)}
        resolved = {owner: _resolved(owner) for owner in owners if owner.__module__ == "__main__"}
        return _restored, (self.function, self.classes, list(resolved.items()))


def _restored(
    function: Callable[..., Any], classes: dict[str, type], annotations: list[tuple[type, dict[str, Any]]]
) -> Method:
    for owner, notes in annotations:
        owner.__annotations__ = notes
    return Method(function, classes)


def is_component(value: object) -> bool:
    """Whether a value is a class of components."""
    return isinstance(value, type) and getattr(value, "_fairlead_component", False) is True


def import_name(kind: type) -> str:
    """Name a class as every process can import it: `module:qualname`."""
    return f"{canonical_module(kind.__module__)}:{kind.__qualname__}"


# --- what a class declares -----------------------------------------------------------------------


def members(kind: type) -> Members:
    """Read a class's annotations, and those of its bases; the nearer class wins."""
    found = Members({}, {}, {})
    for owner in reversed(kind.__mro__):
        if owner is not object and not owner.__module__.startswith("fairlead."):
            _add(kind, owner, found)
    return found


def _add(kind: type, owner: type, found: Members) -> None:
    for name, note in _resolved(owner).items():
        for place in (found.settings, found.roles, found.unclear):
            place.pop(name, None)
        if isinstance(note, str):
            found.unclear[name] = note
            continue
        default = _default(kind, name)
        role = _role_in(note)
        if role is None:
            found.settings[name] = Setting(name, note, describe(note), default, owner)
        else:
            found.roles[name] = Role(name, role, default, owner)


def _role_in(note: Any) -> type | None:
    """Give the class of a role: that of the annotation itself, or of `Source | None`."""
    if typing.get_origin(note) in (typing.Union, types.UnionType):
        rest = [one for one in typing.get_args(note) if one is not type(None)]
        note = rest[0] if len(rest) == 1 else None
    return note if is_component(note) else None


def _default(kind: type, name: str) -> Any:
    field = getattr(kind, "__dataclass_fields__", {}).get(name)
    if field is not None:
        from dataclasses import MISSING as NOTHING

        if field.default_factory is not NOTHING:
            return field.default_factory()
        return MISSING if field.default is NOTHING else field.default
    for owner in kind.__mro__:
        if name in vars(owner):
            found = vars(owner)[name]
            return MISSING if isinstance(found, types.MemberDescriptorType) else found
    return MISSING


def _resolved(owner: type) -> dict[str, Any]:
    """Give a class's own annotations as types; text stays where its names are not known."""
    found = {}
    for name, note in _annotations(owner).items():
        if isinstance(note, str):
            note = _evaluated(owner, name, note)  # noqa: PLW2901 - the same annotation, understood
        skipped = note is typing.ClassVar or typing.get_origin(note) is typing.ClassVar
        if not name.startswith("_") and not skipped and not (isinstance(note, str) and "ClassVar" in note):
            found[name] = note
    return found


def _annotations(owner: type) -> dict[str, Any]:
    try:
        return dict(owner.__annotations__)
    except NameError:  # Python 3.14 evaluates here
        from annotationlib import Format, get_annotations  # type: ignore[import-not-found,unused-ignore]

        return dict(get_annotations(owner, format=Format.STRING))


def resolve(owner: type, names: Mapping[str, Any]) -> None:
    """Turn annotations that are text into types, while the names around the class are there."""
    notes = _annotations(owner)
    if any(isinstance(note, str) for note in notes.values()):
        owner.__annotations__ = {
            name: _evaluated(owner, name, note, names) if isinstance(note, str) else note
            for name, note in notes.items()
        }


def _evaluated(owner: type, name: str, text: str, around: Mapping[str, Any] | None = None) -> Any:
    def probe() -> None: ...

    probe.__annotations__ = {name: text}
    names = vars(sys.modules.get(owner.__module__, types))
    try:
        return typing.get_type_hints(probe, names, {**(around or {}), **vars(owner)}, include_extras=True)[name]
    except Exception:  # noqa: BLE001 - an annotation may be any code; whoever needs it says that it is not clear
        return text


# --- making --------------------------------------------------------------------------------------


def settle(kind: type, given: Mapping[str, Any], source: Source | None) -> tuple[dict[str, Any], dict[str, str]]:
    """Give every setting of a class its value, from what is given and from defaults.

    Values are copies of their own, typed as annotated. Says what is wrong, by setting.
    """
    found: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for name, setting in members(kind).settings.items():
        value = given.get(name, setting.default)
        if value is MISSING:
            wrong[name] = "is not given"
        elif value is None and setting.default is None:
            found[name] = None
        else:
            try:
                found[name] = from_data(to_data(value), setting.annotation, source)
            except ValueError as error:
                wrong[name] = f"does not fit: {error}"
    return found, wrong


def make(kind: type, values: Mapping[str, Any]) -> Any:
    """Make a component that has these settings and components."""
    if hasattr(kind, "__dataclass_fields__"):
        return kind(**values)
    made: Any = object.__new__(kind)
    vars(made).update(values)
    return made


def recipe_of(component: Any, role: str) -> tuple[Recipe, set[str]]:
    """Write down how a component is made, and name the secrets that it needs."""
    kind = type(component)
    found = members(kind)
    secrets: set[str] = set()
    settings = {name: to_data(getattr(component, name), secrets) for name in found.settings}
    components = {}
    for name in found.roles:
        part = getattr(component, name)
        if part is not None:
            components[name], more = recipe_of(part, f"{role}.{name}")
            secrets |= more
    return Recipe(role, import_name(kind), settings, components), secrets


def build(recipe: Recipe, find: Callable[[str], type], source: Source | None) -> Any:
    """Build a component from its recipe; `find` gives the class of a name, `source` the values of secrets.

    Raises DefinitionError where the class does not take these settings.
    """
    kind = find(recipe.kind)
    values, wrong = settle(kind, recipe.settings, source)
    if wrong:
        said = [f"{name} {what}" for name, what in wrong.items()]
        raise DefinitionError(f"component {recipe.role}: {recipe.kind} cannot be built from its settings", said)
    for name in members(kind).roles:
        part = recipe.components.get(name)
        values[name] = build(part, find, source) if part is not None else None
    return make(kind, values)


def component_changes(before: str | None, after: str | None) -> list[str]:
    """Say what differs between the components in two tasks' settings, as JSON; nothing where there is none."""
    old, new = (_recipe_in(msgspec.json.decode(text)) if text else None for text in (before, after))
    return _changes(old, new) if old is not None and new is not None else []


def _changes(old: Recipe, new: Recipe) -> list[str]:
    if old.kind != new.kind:
        return [f"component {new.role}: {old.kind} -> {new.kind}"]
    settings = {**old.settings, **new.settings}
    said = [
        f"component {new.role}: {name} changed"
        for name in settings
        if old.settings.get(name, MISSING) != new.settings.get(name, MISSING)
    ]
    for name in {**old.components, **new.components}:
        one, other = old.components.get(name), new.components.get(name)
        if one is None or other is None:
            said.append(f"component {new.role}.{name} is {'new' if one is None else 'gone'}")
        else:
            said.extend(_changes(one, other))
    return said


def task_component(task: TaskDefinition) -> Recipe | None:
    """Give the recipe that a task carries; None for a task that is no component's method, or not any more."""
    recipe = _recipe_in(task.settings) if task.settings else None
    return recipe if recipe is not None and task.target.startswith(f"{recipe.kind}.") else None


def _recipe_in(settings: Mapping[str, Any]) -> Recipe | None:
    data = settings.get("component")
    return converted(data, Recipe) if data is not None else None
