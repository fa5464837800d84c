"""Numbers, text and their like, as values from outside are read as them.

Whether text may be a number is decided here and nowhere else: `"false"` is false, `007` is text where
text is wanted, and `3.5` is no whole number.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from fairlead.author.misfits import Misfit
from fairlead.author.text import Word, meaning

__all__ = ["READERS", "is_scalar", "made", "none"]

_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
_NONE = frozenset({"null", "None"})
_LARGEST = 4300
"""Digits of a whole number at most, as in Python itself."""


def _bool(value: Any) -> bool:
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
    if type(value) is bool:
        return value
    raise Misfit.of(value, bool, "write true or false")


def _int(value: Any) -> int:
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            return _whole(value)
    if type(value) is float and value.is_integer():
        return int(value)
    if isinstance(value, int) and type(value) is not bool:
        return value
    raise Misfit.of(value, int)


def _whole(text: str) -> int:
    """Read `1e6` and `3.0`: they are whole numbers, too."""
    from decimal import Decimal, InvalidOperation

    try:
        number = Decimal(text.strip())
        if number.is_finite() and number.adjusted() < _LARGEST and number == number.to_integral_value():
            return int(number)
    except (InvalidOperation, ValueError):
        raise Misfit.of(text, int) from None
    raise Misfit.of(text, int)


def _float(value: Any) -> float:
    if isinstance(value, (str, float)) or (isinstance(value, int) and type(value) is not bool):
        try:
            return float(value)
        except (ValueError, OverflowError):
            raise Misfit.of(value, float) from None
    raise Misfit.of(value, float)


def _complex(value: Any) -> complex:
    if type(value) is not bool:
        try:
            return complex(value)
        except (ValueError, TypeError):
            raise Misfit.of(value, complex) from None
    raise Misfit.of(value, complex)


def _str(value: Any) -> str:
    if isinstance(value, str):
        return str(value)
    raise Misfit.of(value, str, "put it in quotes")


def _bytes(value: Any) -> bytes:
    if isinstance(value, (str, bytes)):
        return value if isinstance(value, bytes) else value.encode()
    raise Misfit.of(value, bytes, "put it in quotes")


def none(value: Any) -> None:
    if value is None or (type(value) is Word and value in _NONE):
        return
    raise Misfit.of(value, None, "write null")


READERS: dict[Any, Callable[[Any], Any]] = {
    Any: meaning,
    bool: _bool,
    int: _int,
    float: _float,
    complex: _complex,
    str: _str,
    bytes: _bytes,
    bytearray: lambda value: bytearray(_bytes(value)),
}


def is_scalar(kind: type) -> bool:
    """Whether a class makes itself of text: numbers of all kinds, ids, addresses, text with a name of its own."""
    if issubclass(kind, (str, int, float, bytes)):
        return True
    ways = {f"{one.__module__}.{one.__qualname__}" for one in kind.__mro__}
    scalars = {"decimal.Decimal", "fractions.Fraction", "uuid.UUID", "numpy.generic"}
    return bool(ways & scalars) or kind.__module__ == "ipaddress"


def made(kind: type, value: Any) -> Any:
    """Call a class with a value: text as typed, numbers as they are written."""
    fine = (str,) if issubclass(kind, (str, bytes, os.PathLike)) else (str, int, float)
    if not isinstance(value, fine) or type(value) is bool:
        raise Misfit.of(value, kind)
    if kind.__name__.startswith("bool"):  # numpy's takes any text for true
        return kind(_bool(value))
    try:
        return kind(value if type(value) is int else str(value))
    except Exception as error:  # whatever a class raises means that it cannot be made of this
        raise Misfit.of(value, kind) from error
