# ruff: noqa: UP007, UP045 - both spellings of a union must be understood
"""Annotations on both ends of an edge: only what is certainly wrong is refused."""

import collections
import collections.abc as abc
import decimal
import pathlib
import typing
from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple, NewType, Optional, Protocol, TypedDict, TypeVar, Union

import numpy as np
import pytest

from fairlead.model.types import compatible, describe, fits, is_list, item_of, length_of, select_from

T = TypeVar("T")
UserId = NewType("UserId", int)


class Shape(Protocol):
    def area(self) -> float: ...


class Movie(TypedDict):
    title: str


class Animal: ...


class Dog(Animal): ...


class Strange(type):
    def __subclasscheck__(cls, other):
        raise TypeError("no")


class Odd(metaclass=Strange): ...


class Point(NamedTuple):
    x: int
    y: int


class Box(typing.Generic[T]): ...


FINE = [
    (int, int),
    (int, Any),
    (Any, int),
    (int, object),
    (object, int),
    (int, T),
    (int, "Text"),
    ("Text", int),
    (bool, int),
    (int, float),
    (int, complex),
    (float, complex),
    (np.int64, int),
    (np.float32, float),
    (np.float64, float),
    (bytearray, bytes),
    (int, bool),
    (Dog, Animal),
    (Animal, Dog),
    (UserId, int),
    (int, UserId),
    (Optional[int], int),
    (int, Optional[int]),
    (None, Optional[int]),
    (int | str, str | bytes),
    (Union[int, str], int),
    (Annotated[int, "n"], int),
    (int, Annotated[int, 3]),
    (Literal["a"], str),
    (str, Literal["a", "b"]),
    (Literal["a", "c"], Literal["a", "b"]),
    (int, Shape),
    (Shape, int),
    (list[int], list),
    (list, list[int]),
    (list[int], list[float]),
    (list[int], abc.Sequence[int]),
    (list[int], typing.Iterable[int]),
    (list[Any], list[int]),
    (abc.Sequence[int], list[int]),
    (tuple[int, str], tuple[int, str]),
    (tuple[int, ...], tuple[int, int]),
    (tuple[int, int], tuple[int, ...]),
    (tuple[int, int], abc.Sequence[int]),
    (tuple, tuple[int, int]),
    (abc.Sequence[int], tuple[int, ...]),
    (dict[str, int], abc.Mapping[str, int]),
    (Movie, dict),
    (dict, Movie),
    (Movie, abc.Mapping[str, Any]),
    (dict[str, int], abc.Iterable[str]),
    (str, abc.Sequence[str]),
    (Callable[[int], str], Callable[..., Any]),
    (Callable, Callable[[int], int]),
    (np.ndarray, np.ndarray),
    (type[int], type),
    (Odd, int),
    (int, Odd),
    (abc.Sized, abc.Callable),
    (Box[int], Box[str]),
    (range, abc.Iterable[int]),
    (Point, tuple),
    (pathlib.PosixPath, pathlib.Path),
]

WRONG = [
    (str, int),
    (int, str),
    (float, int),
    (None, int),
    (int, None),
    (str, Optional[int]),
    (int | None, str),
    (Dog, str),
    (Animal, Box),
    (list[int], list[str]),
    (list[int], abc.Sequence[str]),
    (list[int], dict),
    (int, list),
    (dict[str, int], dict[str, str]),
    (dict[int, int], dict[str, int]),
    (dict[int, int], abc.Iterable[str]),
    (tuple[int, str], tuple[int]),
    (tuple[int, str], tuple[str, str]),
    (tuple[int, ...], tuple[str, str]),
    (tuple[int, str], tuple[int, ...]),
    (tuple[int, str], abc.Sequence[int]),
    (list[int], tuple[int]),
    (str, abc.Sequence[int]),
    (bytes, str),
    (np.ndarray, str),
    (str, np.ndarray),
    (int, Movie),
    (Movie, str),
    (Literal["a"], int),
    (Literal["a"], Literal["b"]),
    (int, Literal["a"]),
    (int, Callable[[int], int]),
    (pathlib.Path, str),
    (str, pathlib.Path),
    (UserId, str),
    (decimal.Decimal, int),
    (list[list[int]], list[list[str]]),
    (int, abc.Iterable[int]),
]


@pytest.mark.parametrize(("produced", "wanted"), FINE, ids=repr)
def test_what_may_be_right_is_accepted(produced, wanted):
    assert compatible(produced, wanted)


@pytest.mark.parametrize(("produced", "wanted"), WRONG, ids=repr)
def test_what_is_certainly_wrong_is_refused(produced, wanted):
    assert not compatible(produced, wanted)


@pytest.mark.parametrize(
    ("value", "wanted", "fine"),
    [
        (1, int, True),
        ("1", int, False),
        (1, float, True),
        (1.0, int, False),
        (True, int, True),
        (None, int, False),
        (None, int | None, True),
        ("x", float | None, False),
        ("a", Literal["a"], True),
        ("b", Literal["a"], False),
        ("a.csv", pathlib.Path, True),
        ("x", Any, True),
        pytest.param(Dog(), int, True, id="an instance"),
        ([1], list[int], True),
        (["a"], list[int], False),
        ([1], tuple, False),
        ({"a": 1}, dict[str, int], True),
        ({"a": "b"}, dict[str, int], False),
        ({1: 1}, dict[str, int], False),
        ((1, "a"), tuple[int, str], True),
        ((1,), tuple[int, str], False),
        ((1, 2), tuple[int, ...], True),
        ((1, "a"), tuple[int, ...], False),
        ([1], np.ndarray, True),
        ([1], str, False),
        ({1}, set[int], True),
        ({"a"}, set[int], False),
        ([1], abc.Sequence[int], True),
        ({"title": "a"}, Movie, True),
        ([], list[str], True),
        ("abc", abc.Sequence[str], True),
        (1, list[int], False),
        (1, "Unknown", True),
        ([[1], ["a"]], list[list[int]], False),
        (1, Shape, True),
        (1, Literal[True], False),
    ],
    ids=repr,
)
def test_constants_are_judged_against_plain_types(value, wanted, fine):
    assert fits(value, wanted) is fine


def test_items():
    for annotation, item in [
        (list[int], int),
        (abc.Iterable[str], str),
        (tuple[int, ...], int),
        (tuple[int, int], int),
        (tuple[int, str], Any),
        (dict[str, int], str),
        (str, str),
        (bytes, int),
        (range, int),
        (list, Any),
        (int, Any),
        (np.ndarray, Any),
        ("text", Any),
        (tuple, Any),
        (Optional[list[int]], Any),
        (collections.deque[int], int),
    ]:
        assert item_of(annotation) is item, annotation


def test_selections():
    for annotation, key, found in [
        (list[int], 0, int),
        (list[int], "a", Any),
        (tuple[int, str], 1, str),
        (tuple[int, str], 5, Any),
        (tuple[int, ...], 3, int),
        (dict[str, int], "a", int),
        (dict, "a", Any),
        (list[int], (None, 2, None), list[int]),
        (tuple[int, str], (0, 1, None), Any),
        (str, 0, str),
        (Movie, "title", Any),
        (Point, 0, Any),
        (dict[int, str], 0, str),
    ]:
        assert select_from(annotation, key) == found, annotation


def test_lengths_and_lists():
    assert [length_of(a) for a in (tuple[int, str], tuple[int, ...], tuple, list[int], Point, None)] == [
        2,
        None,
        None,
        None,
        2,
        None,
    ]
    assert [is_list(a) for a in (int, float, None, list, int | list[int], Any, str)] == [
        False,
        False,
        False,
        True,
        True,
        True,
        True,
    ]


def test_descriptions_are_what_people_write():
    for annotation, text in [
        (int, "int"),
        (None, "None"),
        (type(None), "None"),
        (list[int], "list[int]"),
        (Optional[int], "int | None"),
        (int | str, "int | str"),
        (Any, "Any"),
        ("Text", "Text"),
        (abc.Sequence[int], "Sequence[int]"),
        (Dog, "Dog"),
    ]:
        assert describe(annotation) == text


@pytest.mark.skipif(not hasattr(typing, "TypeAliasType"), reason="`type X = …` came with Python 3.12")
def test_type_aliases_are_what_they_stand_for():
    alias = typing.TypeAliasType("alias", int)
    assert compatible(alias, int)
    assert not compatible(alias, str)
