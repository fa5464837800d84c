"""Whether what one task returns can be what another one takes, judged by their annotations.

Only what is certainly wrong is refused: where these rules are unsure, they say yes. Nothing here
evaluates an annotation that is still text, and no value is converted.
"""

from __future__ import annotations

import collections
import types
import typing
from collections import abc
from collections.abc import Sequence
from numbers import Complex, Integral, Real
from typing import Any

from fairlead.model.values import Key

__all__ = ["UNIONS", "bare", "compatible", "describe", "fits", "is_list", "item_of", "length_of", "select_from"]

UNIONS = (typing.Union, types.UnionType)
"""What the origin of a union may be."""

_QUALIFIERS = frozenset({"Required", "NotRequired", "ReadOnly", "Final"})

# What Python accepts in place of a type although it is no subclass of it.
_PROMOTIONS: dict[Any, tuple[type, ...]] = {
    int: (Integral,),
    float: (Real,),
    complex: (Complex,),
    bytes: (bytearray, memoryview),
}

_SCALARS = frozenset({int, float, complex, bool, str, bytes, type(None)})

_ONE_ITEM = frozenset(
    {
        list,
        set,
        frozenset,
        collections.deque,
        abc.Container,
        abc.Collection,
        abc.Iterable,
        abc.Iterator,
        abc.Generator,
        abc.Reversible,
        abc.Sequence,
        abc.MutableSequence,
        abc.Set,
        abc.MutableSet,
    }
)

_MAPPINGS = frozenset({dict, collections.OrderedDict, collections.defaultdict, abc.Mapping, abc.MutableMapping})

_ITEMS: dict[type, Any] = {str: str, bytes: int, range: int}

_WRITTEN = frozenset({"datetime", "decimal", "uuid"})
"""Modules of classes whose values are written as text; only values from outside are read as them."""

_ENOUGH = 50
"""Items of a constant that are looked at: a wrong one is among the first, or nobody can tell."""


def compatible(produced: Any, wanted: Any) -> bool:
    """Whether a value annotated as `produced` may be what `wanted` asks for."""
    produced, wanted = _plain(produced), _plain(wanted)
    if produced is wanted or produced is Any or wanted is Any:
        return True
    if typing.get_origin(produced) in UNIONS:
        return any(compatible(one, wanted) for one in typing.get_args(produced))
    if typing.get_origin(wanted) in UNIONS:
        return any(compatible(produced, one) for one in typing.get_args(wanted))
    if typing.get_origin(produced) is typing.Literal:
        return any(_literal_fits(value, wanted) for value in typing.get_args(produced))
    if typing.get_origin(wanted) is typing.Literal:
        return any(compatible(produced, type(value)) for value in typing.get_args(wanted))
    return _classes_agree(produced, wanted) and _arguments_agree(produced, wanted)


def fits(value: Any, wanted: Any) -> bool:
    """Whether a value that stands in the code may be what `wanted` asks for.

    Judges plain scalars and containers against plain scalars and containers only.
    """
    wanted = _plain(wanted)
    origin = typing.get_origin(wanted)
    if origin in UNIONS:
        return any(fits(value, one) for one in typing.get_args(wanted))
    if origin is typing.Literal:
        return _literal_fits(value, wanted)
    kind, target = type(value), _class_of(wanted)
    if kind in _SCALARS:
        if target not in _SCALARS | _ONE_ITEM | _MAPPINGS | {tuple}:
            return kind is not str or not _is_read_of_text(target)
        return compatible(kind, wanted)
    if kind not in (list, tuple, set, frozenset, dict):
        return True
    if target not in _SCALARS | _ONE_ITEM | _MAPPINGS | {tuple}:
        return True
    return _classes_agree(kind, wanted) and _items_fit(value, wanted)


def _is_read_of_text(kind: Any) -> bool:
    """Whether a class is one that people write as text, and that text is not: dates, decimals, ids, choices."""
    if not isinstance(kind, type) or issubclass(kind, str):
        return False
    return kind.__module__ in _WRITTEN or hasattr(kind, "__members__")


def item_of(annotation: Any) -> Any:
    """Give the type of what iterating yields; Any where that is not known."""
    annotation = _plain(annotation)
    origin, given = _class_of(annotation), typing.get_args(annotation)
    if origin is tuple:
        if len(given) == 2 and given[1] is ...:
            return given[0]
        return given[0] if given and all(one == given[0] for one in given) else Any
    if origin in _ONE_ITEM or origin in _MAPPINGS:
        return given[0] if given else Any
    return _ITEMS.get(annotation, Any) if isinstance(annotation, type) else Any


def select_from(annotation: Any, key: Key) -> Any:
    """Give the type of `value[key]`; Any where that is not known."""
    annotation = _plain(annotation)
    origin, given = _class_of(annotation), typing.get_args(annotation)
    if isinstance(key, tuple):
        return Any if origin is tuple else annotation
    if origin is tuple and length_of(annotation) is not None and isinstance(key, int):
        return given[key] if given and -len(given) <= key < len(given) else Any
    if origin in _MAPPINGS and len(given) == 2:
        return given[1]
    return item_of(annotation) if isinstance(key, int) and origin not in _MAPPINGS else Any


def length_of(annotation: Any) -> int | None:
    """Give the number of items that the annotation promises, if it does."""
    annotation = _plain(annotation)
    if isinstance(annotation, type) and issubclass(annotation, tuple) and hasattr(annotation, "_fields"):
        return len(annotation._fields)
    given = typing.get_args(annotation)
    if typing.get_origin(annotation) is not tuple or ... in given:
        return None
    return len(given)


def is_list(annotation: Any) -> bool:
    """Whether a map could go over such a value; False only where it certainly could not."""
    annotation = _plain(annotation)
    if typing.get_origin(annotation) in UNIONS:
        return any(is_list(one) for one in typing.get_args(annotation))
    return not (isinstance(annotation, type) and issubclass(annotation, (int, float, complex, type(None))))


def describe(annotation: Any) -> str:
    """Write an annotation as a person would."""
    if annotation is type(None) or annotation is None:
        return "None"
    if typing.get_origin(annotation) in UNIONS:
        return " | ".join(describe(one) for one in typing.get_args(annotation))
    if isinstance(annotation, str):
        return annotation
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return annotation.__qualname__.rpartition("<locals>.")[2]
    return repr(annotation).replace("typing.", "").replace("collections.abc.", "")


def bare(annotation: Any) -> tuple[Any, list[Any]]:
    """Take off what carries no type of its own; gives the type, and the marks of `Annotated`."""
    marks: list[Any] = []
    while True:
        origin = typing.get_origin(annotation)
        if origin is typing.Annotated:
            annotation, *more = typing.get_args(annotation)
            marks += more
        elif isinstance(annotation, typing.NewType):
            annotation = annotation.__supertype__
        elif type(annotation).__name__ == "TypeAliasType":  # `type X = …`, from Python 3.12 on
            annotation = annotation.__value__
        elif getattr(origin, "_name", "") in _QUALIFIERS:
            annotation = typing.get_args(annotation)[0]
        else:
            return annotation, marks


def _plain(annotation: Any) -> Any:
    """Take off what carries no type of its own; Any for everything that these rules do not know."""
    if annotation is None:
        return type(None)
    annotation, _ = bare(annotation)
    if isinstance(annotation, type) or typing.get_origin(annotation) in (*UNIONS, typing.Literal):
        return annotation
    return annotation if isinstance(typing.get_origin(annotation), type) else Any


def _class_of(annotation: Any) -> Any:
    if typing.is_typeddict(annotation):
        return dict
    return typing.get_origin(annotation) or annotation


def _literal_fits(value: Any, wanted: Any) -> bool:
    if typing.get_origin(wanted) is typing.Literal:
        return any(value == one and type(value) is type(one) for one in typing.get_args(wanted))
    return compatible(type(value), wanted)


def _classes_agree(produced: Any, wanted: Any) -> bool:
    ours, theirs = _class_of(produced), _class_of(wanted)
    if not isinstance(ours, type) or not isinstance(theirs, type) or theirs is object or ours is object:
        return True
    if getattr(theirs, "_is_protocol", False) or getattr(ours, "_is_protocol", False):
        return True
    try:
        # A wider class may hold the narrower one: only a value can tell. So may an abstract one.
        if issubclass(ours, theirs) or issubclass(theirs, ours):
            return True
        return issubclass(ours, _PROMOTIONS.get(theirs, ())) or bool(getattr(ours, "__abstractmethods__", None))
    except TypeError:  # a metaclass with rules of its own
        return True


def _arguments_agree(produced: Any, wanted: Any) -> bool:
    theirs, asked = _class_of(wanted), typing.get_args(wanted)
    ours, given = _class_of(produced), typing.get_args(produced)
    if not asked:
        return True
    if theirs is tuple:
        return ours is not tuple or _tuples_agree(given, asked)
    if theirs in _MAPPINGS and ours in _MAPPINGS:
        return all(compatible(one, other) for one, other in zip(given, asked, strict=False))
    if theirs in _ONE_ITEM:
        parts: Sequence[Any] = given if ours is tuple and ... not in given else (item_of(produced),)
        return all(compatible(part, asked[0]) for part in parts)
    return True


def _tuples_agree(given: tuple[Any, ...], asked: tuple[Any, ...]) -> bool:
    if not given:
        return True
    if ... in asked:
        return all(compatible(one, asked[0]) for one in given if one is not ...)
    if ... in given:
        return all(compatible(given[0], one) for one in asked)
    return len(given) == len(asked) and all(map(compatible, given, asked))


def _items_fit(value: Any, wanted: Any) -> bool:
    asked, target = typing.get_args(wanted), _class_of(wanted)
    if isinstance(value, dict) and target in _MAPPINGS and len(asked) == 2:
        some = list(value.items())[:_ENOUGH]
        return all(fits(key, asked[0]) and fits(item, asked[1]) for key, item in some)
    if target is tuple and asked and ... not in asked:
        return len(value) == len(asked) and all(map(fits, value, asked))
    some = [item for item, _ in zip(value, range(_ENOUGH), strict=False)]
    return all(fits(item, item_of(wanted)) for item in some)
