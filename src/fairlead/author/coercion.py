"""What was given as text or in a file, read as the type that an annotation asks for.

The one validator of values from outside: parameters, whatever front end takes them, and settings.
`read` and its rules for choices and containers are here; those for numbers and text are in
`scalars`, for dates in `times`, for classes with fields in `records`. Values that come from Python
are never converted; `fairlead.model.types.fits` checks them.
"""

from __future__ import annotations

import collections
import enum
import os
import typing
from collections import abc
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from fairlead.author.misfits import Misfit
from fairlead.author.records import Shape, is_pydantic, shape_of, validated
from fairlead.author.scalars import READERS, is_scalar, made, none
from fairlead.author.text import Word, meaning, parse
from fairlead.author.times import is_time, read_time
from fairlead.model.types import UNIONS, bare
from fairlead.wire import converted

__all__ = ["Misfit", "read"]

_SETS = {set, frozenset, abc.Set, abc.MutableSet}

_LISTS: dict[Any, Callable[[list[Any]], Any]] = {
    **dict.fromkeys((abc.Sequence, abc.MutableSequence, abc.Iterable, abc.Collection, abc.Container), list),
    **dict.fromkeys((abc.Reversible, list), list),
    **dict.fromkeys((abc.Set, abc.MutableSet, set), set),
    frozenset: frozenset,
    collections.deque: collections.deque,
}

_MAPPINGS: dict[Any, Callable[[dict[Any, Any]], Any]] = {
    **dict.fromkeys((abc.Mapping, abc.MutableMapping, dict), dict),
    collections.OrderedDict: collections.OrderedDict,
    collections.defaultdict: lambda found: collections.defaultdict(None, found),
    collections.Counter: collections.Counter,
}


def read(value: Any, wanted: Any) -> Any:
    """Give a value from outside the type that `wanted` asks for; Misfit with all that is wrong.

    Text is a `Word` where it stood without quotes: then it may be anything that it can be read as.
    Other text is text first. Numbers, lists and mappings come as they are in the file.
    """
    base, marks = bare(wanted)
    found = _read(value, base)
    for mark in marks:
        if isinstance(mark, msgspec.Meta):
            _within(value, found, mark)
    if any(type(mark).__module__.partition(".")[0] in {"pydantic", "annotated_types"} for mark in marks):
        found = validated(found, wanted, value)
    return found


def _read(value: Any, base: Any) -> Any:
    origin = typing.get_origin(base)
    if origin in UNIONS:
        return _union(value, typing.get_args(base))
    if origin is typing.Literal:
        return _choice(value, base, typing.get_args(base))
    kind = origin or base
    if base is None or kind is type(None):
        return none(value)
    if not isinstance(kind, type) or kind is object or getattr(kind, "_is_protocol", False):
        return meaning(value)
    reader = READERS.get(kind)
    if reader is not None:
        return reader(value)
    if kind is tuple:
        return _tuple(value, base)
    if kind in _LISTS:
        return _LISTS[kind](_items(value, base, (typing.get_args(base) or (Any,))[0], unlike=kind in _SETS))
    if kind in _MAPPINGS:
        return _MAPPINGS[kind](_entries(value, base))
    return _class(value, kind, base)


def _class(value: Any, kind: type, base: Any) -> Any:
    """Read a value as a class that is no container."""
    if not typing.is_typeddict(kind) and isinstance(value, kind) and type(value) is not Word:
        return value
    if is_pydantic(kind):
        return validated(_structured(value), base, value)
    if issubclass(kind, enum.Enum):
        return _member(value, kind)
    shape = shape_of(kind)
    if shape is not None:
        return _record(value, kind, shape)
    if issubclass(kind, os.PathLike):
        return made(Path if getattr(kind, "__abstractmethods__", None) or kind is os.PathLike else kind, value)
    if is_time(kind):
        return read_time(value, kind)
    if is_scalar(kind):
        return made(kind, value)
    if getattr(kind, "__abstractmethods__", None) or kind.__module__ in {"numbers", "types", "typing"}:
        return meaning(value)
    raise Misfit.of(value, base, f"a {kind.__qualname__} can be given in Python only")


# --- choices -------------------------------------------------------------------------------------


def _union(value: Any, members: Sequence[Any]) -> Any:
    """Read a value as one of several types: what it is already, None, then in order, and text last."""
    meant = value.meant if type(value) is Word else value
    order = sorted(members, key=lambda one: _rank(one, meant, quoted=type(value) is str))
    problems = []
    for one in order:
        try:
            return read(value, one)
        except Misfit as error:
            problems.append((one, error))
    structured = [error for one, error in problems if any(error.places)]
    if len(structured) == 1:
        raise structured[0]
    raise Misfit.of(value, typing.Union[tuple(members)])  # noqa: UP007 - of values


def _rank(member: Any, meant: Any, *, quoted: bool) -> int:
    kind, _ = bare(member)
    kind = typing.get_origin(kind) or kind
    if kind in {str, Any, object}:
        return 0 if quoted and kind is str else 4
    if kind in {None, type(None)}:
        return 1
    return 0 if type(meant) is kind else 3 if isinstance(kind, type) and issubclass(kind, os.PathLike) else 2


def _choice(value: Any, base: Any, choices: Sequence[Any]) -> Any:
    if isinstance(value, str) and value in [one for one in choices if type(one) is str]:
        return str(value)
    for one in choices:
        if type(one) is type(value) and one == value:
            return one
    for one in choices:
        try:
            found = read(value, type(one)) if isinstance(value, str) and type(one) is not str else ...
        except Misfit:
            continue
        if found == one and type(found) is type(one):
            return one
    raise Misfit.of(value, base, Misfit.nearest(value, [one for one in choices if isinstance(one, str)]))


def _member(value: Any, kind: type[enum.Enum]) -> Any:
    """Find an enum's member by its value, and then by its name."""
    members = kind.__members__
    for one in members.values():
        if type(one.value) is type(value) and one.value == value:
            return one
    if isinstance(value, str):
        for one in members.values():
            try:
                if read(value, type(one.value)) == one.value:
                    return one
            except Misfit:
                continue
        if value in members:
            return members[value]
    raise Misfit.of(value, kind, Misfit.nearest(value, [*members, *(str(one.value) for one in members.values())]))


# --- containers ----------------------------------------------------------------------------------


def _structured(value: Any) -> Any:
    """Give the list or mapping that text stands for; other values as they are."""
    if not isinstance(value, str):
        return meaning(value)
    try:
        return meaning(parse(value))
    except ValueError:
        return str(value)


def _opened(value: Any, base: Any, kinds: tuple[type, ...], hint: str) -> Any:
    """Give a list or a mapping, out of text where it is text."""
    if isinstance(value, str):
        try:
            value, text = parse(value), value
        except ValueError as error:
            raise Misfit.of(value, base, f"{hint}" if str(error).startswith("neither") else str(error)) from None
        if not isinstance(value, kinds):
            raise Misfit.of(text, base, hint)
    if not isinstance(value, kinds):
        raise Misfit.of(value, base, hint)
    return value


def _each(parts: Iterable[tuple[str, Any, Any]]) -> list[Any]:
    """Read parts of a value; a Misfit tells all that do not fit at once."""
    found, wrong = [], []
    for place, value, wanted in parts:
        try:
            found.append(read(value, wanted))
        except Misfit as error:
            wrong.append(error.under(place))
    if wrong:
        raise Misfit.joined(wrong)
    return found


def _items(value: Any, base: Any, wanted: Any, *, unlike: bool = False) -> list[Any]:
    given = _opened(value, base, (list, tuple, set, frozenset), "write [a, b]")
    found = _each((f"[{place}]", item, wanted) for place, item in enumerate(given))
    if unlike:
        _hashable(found, value, base)
    return found


def _tuple(value: Any, base: Any) -> tuple[Any, ...]:
    wanted = typing.get_args(base)
    if not wanted and base in {tuple, typing.Tuple}:  # noqa: UP006 - as users write it
        return tuple(_items(value, base, Any))
    if len(wanted) == 2 and wanted[1] is ...:
        return tuple(_items(value, base, wanted[0]))
    given = list(_opened(value, base, (list, tuple), "write [a, b]"))
    if len(given) != len(wanted):
        raise Misfit.of(value, base, f"it has {len(given)} items, not {len(wanted)}")
    return tuple(_each((f"[{place}]", *pair) for place, pair in enumerate(zip(given, wanted, strict=True))))


def _entries(value: Any, base: Any) -> dict[Any, Any]:
    given = _opened(value, base, (dict,), "write {a: 1}")
    asked = (*typing.get_args(base), Any, Any)[:2] if typing.get_args(base) else (Any, Any)
    if typing.get_origin(base) is collections.Counter:
        asked = (asked[0], int)
    keys = _each((f"[{key!s}]", key, asked[0]) for key in given)
    _hashable(keys, value, base)
    if len(set(keys)) < len(keys):
        raise Misfit.of(value, base, "two of its keys are the same")
    return dict(zip(keys, _each((f".{key!s}", item, asked[1]) for key, item in given.items()), strict=True))


def _hashable(found: list[Any], value: Any, base: Any) -> None:
    try:
        set(found)
    except TypeError as error:
        raise Misfit.of(value, base, str(error)) from None


def _record(value: Any, kind: type, shape: Shape) -> Any:
    """Make an object with fields of a mapping, or of a list where the class is a tuple."""
    hint = "write {" + ", ".join(f"{one.name}: …" for one in shape.fields[:2]) + "}"
    given = _opened(value, kind, (dict, list) if shape.by_position else (dict,), hint)
    if isinstance(given, list):
        if len(given) > len(shape.fields):
            raise Misfit.of(value, kind, f"it has {len(given)} items, and {len(shape.fields)} are taken")
        given = dict(zip((one.name for one in shape.fields), given, strict=False))
    given = shape.untagged(given, kind)
    wrong = shape.problems(given)
    fields = [one for one in shape.fields if one.name in given]
    values: list[Any] = []
    try:
        values = _each((f".{one.name}", given[one.name], one.annotation) for one in fields)
    except Misfit as error:
        wrong.append(error)
    if wrong:
        raise Misfit.joined(wrong)
    try:
        return shape.make(dict(zip((one.key for one in fields), values, strict=True)))
    except Exception as error:  # the class's own checks
        raise Misfit.of(value, kind, str(error) or type(error).__name__) from error


def _within(value: Any, found: Any, mark: msgspec.Meta) -> None:
    """Check the limits that `msgspec.Meta` sets."""
    kind: Any = type(found)
    try:
        converted(found, typing.Annotated[kind, mark])
    except msgspec.ValidationError as error:
        raise Misfit.of(value, kind, str(error).replace("Expected", "expected").replace("`", "")) from None
    except TypeError:  # a limit that says nothing about such a value
        return
