"""Classes with fields, as a mapping from outside is read into them, and what pydantic validates itself.

Dataclasses, attrs classes, msgspec structs, typed dicts and named tuples have one shape here; what
their fields take is read by `coercion`. None of the libraries is imported: who annotates with a
class of theirs has imported it.
"""

from __future__ import annotations

import typing
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from fairlead.author.misfits import Misfit
from fairlead.author.problems import nearest
from fairlead.author.text import Word

__all__ = ["Field", "Shape", "is_pydantic", "shape_of", "validated"]


class Field(NamedTuple):
    """One field of a class."""

    name: str
    """What it is called in a mapping."""
    key: str
    """What the class calls it when it is made."""
    annotation: Any
    required: bool


class Shape(NamedTuple):
    """The fields of a class, and how one is made."""

    fields: tuple[Field, ...]
    make: Callable[[dict[str, Any]], Any]
    by_position: bool = False
    """A list may give the fields in order."""
    tag: tuple[str, Any] | None = None
    """A key that only tells which class is meant, and its value."""

    def untagged(self, given: dict[Any, Any], kind: type) -> dict[str, Any]:
        """Give the mapping without its tag, under names that are text; Misfit for the tag of another class."""
        found = {str(key): value for key, value in given.items()}
        if self.tag is not None and self.tag[0] in found:
            name, tag = self.tag
            if str(found.pop(name)) != str(tag):
                raise Misfit.saying([(f".{name}", f"{given[name]!r:.60} does not mean {kind.__qualname__}")])
        return found

    def problems(self, given: dict[str, Any]) -> list[Misfit]:
        """Say which names are missing and which nobody knows."""
        known = [one.name for one in self.fields]
        wrong = [("", f"has no {name!r}{nearest(name, known)}") for name in given if name not in known]
        missing = [("", f"{one.name!r} is missing") for one in self.fields if one.required and one.name not in given]
        return [Misfit.saying([*wrong, *missing])] if wrong or missing else []


def shape_of(kind: Any) -> Shape | None:
    """Give the shape of a class with fields; None for every other class."""
    if hasattr(kind, "__struct_config__"):
        return _struct(kind)
    if hasattr(kind, "__dataclass_fields__"):
        return _dataclass(kind)
    if hasattr(kind, "__attrs_attrs__"):
        return _attrs(kind)
    if typing.is_typeddict(kind):
        hints = _hints(kind)
        return Shape(tuple(Field(name, name, hints[name], _required(kind, name, hints[name])) for name in hints), dict)
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        hints, defaults = _hints(kind), kind._field_defaults
        named = tuple(Field(name, name, hints.get(name, Any), name not in defaults) for name in kind._fields)
        return Shape(named, lambda values: kind(**values), by_position=True)
    return None


def _required(kind: Any, name: str, hint: Any) -> bool:
    """Whether a typed dict needs a key; it does not know itself where its annotations are text."""
    mark = getattr(typing.get_origin(hint), "_name", "")
    return mark == "Required" or (name in kind.__required_keys__ and mark != "NotRequired")


def _struct(kind: Any) -> Shape:
    import msgspec

    hints = _hints(kind)
    fields = tuple(
        Field(one.encode_name, one.name, hints.get(one.name, one.type), one.required)
        for one in msgspec.structs.fields(kind)
    )
    config = kind.__struct_config__
    tag = (config.tag_field, config.tag) if config.tag_field else None
    return Shape(fields, lambda values: kind(**values), by_position=config.array_like, tag=tag)


def _dataclass(kind: Any) -> Shape:
    import dataclasses

    hints = _hints(kind)
    fields = []
    for one in kind.__dataclass_fields__.values():
        known = hints.get(one.name, Any)
        wanted = known.type if isinstance(known, dataclasses.InitVar) else known
        sort = one._field_type.name
        if sort == "_FIELD_CLASSVAR" or not one.init:
            continue
        required = one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING
        fields.append(Field(one.name, one.name, wanted, required))
    return Shape(tuple(fields), lambda values: kind(**values))


def _attrs(kind: Any) -> Shape:
    import attr

    hints = _hints(kind)
    fields = []
    for one in kind.__attrs_attrs__:
        if one.init:
            # A converter of the class's own takes what it is given.
            wanted = Any if one.converter else hints.get(one.name, one.type or Any)
            fields.append(Field(one.alias, one.alias, wanted, one.default is attr.NOTHING))
    return Shape(tuple(fields), lambda values: kind(**values))


def _hints(kind: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(kind, include_extras=True)
    except Exception:  # noqa: BLE001 - an annotation may be any code; what cannot be resolved takes anything
        return dict.fromkeys(getattr(kind, "__annotations__", {}), Any)


# --- pydantic ------------------------------------------------------------------------------------


def is_pydantic(kind: type) -> bool:
    """Whether pydantic knows how to make such a value."""
    return hasattr(kind, "__pydantic_validator__") or hasattr(kind, "__get_pydantic_core_schema__")


def validated(value: Any, wanted: Any, given: Any) -> Any:
    """Have pydantic validate a value; a Misfit with all that it says."""
    import pydantic

    unknown = _ignored(value, wanted)
    adapter = pydantic.TypeAdapter(wanted)
    try:
        found = _tried(adapter, value, given, pydantic.ValidationError)
    except pydantic.ValidationError as error:
        raise Misfit.saying(
            [*unknown, *map(_sentence, error.errors(include_url=False, include_context=False))]
        ) from None
    if unknown:
        raise Misfit.saying(unknown)
    return found


def _tried(adapter: Any, value: Any, given: Any, refused: type[Exception]) -> Any:
    """Validate what a word means, and where that fails its text."""
    try:
        return adapter.validate_python(value)
    except refused:
        if type(given) is not Word or value == given:
            raise
        with suppress(refused):  # what is told is what is wrong with the meaning
            return adapter.validate_python(str(given))
        raise


def _ignored(value: Any, wanted: Any) -> list[tuple[str, str]]:
    """Name keys that a model would pass over without a word; one that says how it takes them is left to it."""
    fields = getattr(wanted, "model_fields", None)
    config = getattr(wanted, "model_config", {})
    if (
        not isinstance(value, dict)
        or not fields
        or "extra" in config
        or getattr(wanted, "__pydantic_root_model__", False)
    ):
        return []
    known = set(fields)
    for field in fields.values():
        for alias in (field.alias, field.validation_alias):
            if alias is not None and not isinstance(alias, str):
                return []  # paths into the mapping: only the model knows
            known.add(alias)
    return [("", f"has no {name!r}{nearest(str(name), filter(None, known))}") for name in value if name not in known]


def _sentence(error: Any) -> tuple[str, str]:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"])
    if error["type"] == "missing":
        return place.rpartition(".")[0], f"{error['loc'][-1]!r} is missing"
    said = error["msg"].removeprefix("Value error, ")
    return place, f"{error['input']!r:.60}: {said[:1].lower()}{said[1:]}"
