"""Text and data from outside, read as what an annotation asks for."""

from __future__ import annotations

import collections
import datetime
import enum
import ipaddress
import json
import math
import typing
import uuid
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import InitVar, dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, NamedTuple, NewType, NotRequired, Protocol, TypedDict

import attrs
import msgspec
import numpy as np
import pandas as pd
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.author.coercion import Misfit, read
from fairlead.author.text import Word, meaning, parse


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Point(NamedTuple):
    x: int
    y: float = 0.5


class Options(TypedDict):
    depth: int
    note: NotRequired[str]


@dataclass
class Layer:
    size: int
    paths: list[Path] = field(default_factory=list)
    kind: Colour = Colour.RED
    seen: int = field(default=0, init=False)


@dataclass
class Net:
    layers: list[Layer]
    day: datetime.date | None = None


@dataclass
class Positive:
    n: int
    scale: InitVar[float] = 1.0

    def __post_init__(self, scale):
        if self.n < 0:
            raise ValueError("n is below zero")


@attrs.define
class Box:
    width: int
    _depth: float = 1.0
    label: str = attrs.field(default="", converter=str.upper)


class Cat(msgspec.Struct, tag="cat"):
    lives: int = msgspec.field(name="numberOfLives")


class Dog(msgspec.Struct, tag="dog"):
    name: str


class Model(pydantic.BaseModel):
    depth: int
    rate: float = pydantic.Field(default=0.1, alias="learning_rate")
    tags: list[str] = []
    inner: Inner | None = None


class Inner(pydantic.BaseModel, extra="ignore"):
    on: bool


class Wide(pydantic.RootModel[list[int]]): ...


class Speaks(Protocol):
    def speak(self): ...


class Unknown: ...


class Name(str): ...


UserId = NewType("UserId", int)
Rate = Annotated[float, msgspec.Meta(ge=0, le=1)]
HARD = Annotated[int, pydantic.Field(gt=3)]

TEXT = [
    ("3", int, 3),
    ("-3", int, -3),
    (" 3 ", int, 3),
    ("1_000", int, 1000),
    ("1e3", int, 1000),
    ("3.0", int, 3),
    ("3", float, 3.0),
    ("1e-3", float, 0.001),
    ("inf", float, math.inf),
    ("1+2j", complex, 1 + 2j),
    ("007", str, "007"),
    ("null", str, "null"),
    ("", str, ""),
    ('"a"', str, '"a"'),
    ("[1]", str, "[1]"),
    ("é", bytes, "é".encode()),
    ("ab", bytearray, bytearray(b"ab")),
    *((word, bool, False) for word in ("false", "False", "no", "0", "off", "OFF")),
    *((word, bool, True) for word in ("true", "TRUE", "yes", "1", "on")),
    ("3", Any, 3),
    ("1e3", Any, 1000.0),
    ("true", Any, True),
    ("null", Any, None),
    ('"3"', Any, "3"),
    ("007", Any, "007"),
    ("NaN", Any, "NaN"),
    ("abc", Any, "abc"),
    ("[1, 2]", Any, [1, 2]),
    ("[a]", Any, "[a]"),
    ("3", object, 3),
    ("x", Speaks, "x"),
    ("x", Callable[[], None], "x"),
    ("null", None, None),
    ("null", int | None, None),
    ("None", str | None, None),
    ("none", str | None, "none"),
    ("5", int | None, 5),
    ("abc", str | None, "abc"),
    ("5", typing.Optional[float], 5.0),  # noqa: UP045 - as users write it
    ("5", int | str, 5),
    ("5", str | int, 5),
    ("5x", str | int, "5x"),
    ("true", str | bool | int, True),
    ("1", bool | int, 1),
    ("1.5", int | float, 1.5),
    ("a.csv", Path | str, Path("a.csv")),
    ("2026-11-21", datetime.date | str, datetime.date(2026, 11, 21)),
    ("[a]", list[str] | str, ["a"]),
    ("a", list[str] | str, "a"),
    ("red", Literal["red", "blue"], "red"),
    ("3", Literal[1, 3], 3),
    ("3", Literal["3", 3], "3"),
    ("true", Literal[True, "auto"], True),
    ("null", Literal[None, "auto"], None),
    ("red", Colour, Colour.RED),
    ("BLUE", Colour, Colour.BLUE),
    ("2", Level, Level.HIGH),
    ("LOW", Level, Level.LOW),
    ("2026-11-21", datetime.date, datetime.date(2026, 11, 21)),
    ("2026-11-21", datetime.datetime, datetime.datetime(2026, 11, 21)),
    ("2026-11-21T09:30:00Z", datetime.datetime, datetime.datetime(2026, 11, 21, 9, 30, tzinfo=datetime.UTC)),
    ("09:30", datetime.time, datetime.time(9, 30)),
    ("90", datetime.timedelta, datetime.timedelta(seconds=90)),
    ("1h30m", datetime.timedelta, datetime.timedelta(minutes=90)),
    ("1d 2s", datetime.timedelta, datetime.timedelta(days=1, seconds=2)),
    ("1:30", datetime.timedelta, datetime.timedelta(minutes=90)),
    ("PT1H30M", datetime.timedelta, datetime.timedelta(minutes=90)),
    ("2026-11-21", pd.Timestamp, pd.Timestamp("2026-11-21")),
    ("0.10", Decimal, Decimal("0.10")),
    ("1/3", Fraction, Fraction(1, 3)),
    ("12345678123456781234567812345678", uuid.UUID, uuid.UUID("12345678123456781234567812345678")),
    ("10.0.0.1", ipaddress.IPv4Address, ipaddress.IPv4Address("10.0.0.1")),
    ("7", np.int64, np.int64(7)),
    ("no", np.bool_, np.bool_(False)),
    ("data.csv", Path, Path("data.csv")),
    ("data.csv", PurePosixPath, PurePosixPath("data.csv")),
    ("ann", Name, Name("ann")),
    ("7", UserId, 7),
    ("7", Annotated[int, "rows"], 7),
    ("0.5", Rate, 0.5),
    ("5", HARD, 5),
    ("[1, 2]", list[int], [1, 2]),
    ("[a, b]", list[str], ["a", "b"]),
    ("[no, 007, true, null, 1.10]", list[str], ["no", "007", "true", "null", "1.10"]),
    ("[true, 1.10]", list[str], ["true", "1.10"]),
    ('["1", 2, x]', list, ["1", 2, "x"]),
    ("[]", list[int], []),
    ("[1, 2]", tuple, (1, 2)),
    ("[1, 2]", tuple[int, ...], (1, 2)),
    ("[1, a]", tuple[int, str], (1, "a")),
    ("[]", tuple[()], ()),
    ("[1, 1]", set[int], {1}),
    ("[1, 1]", frozenset[int], frozenset({1})),
    ("[1]", deque[int], deque([1])),
    ("[1]", Sequence[int], [1]),
    ("[1]", Iterable[int], [1]),
    ("[1]", AbstractSet[int], {1}),
    ("[[1], []]", list[list[float]], [[1.0], []]),
    ('{"a": 1}', dict[str, int], {"a": 1}),
    ("{a: 1, 2: 3}", dict[str, int], {"a": 1, "2": 3}),
    ("{1: x}", dict[int, str], {1: "x"}),
    ("{1: x, a: 2}", dict, {1: "x", "a": 2}),
    ("{a: [1]}", Mapping[str, list[int]], {"a": [1]}),
    ("{a: 1}", OrderedDict[str, int], OrderedDict(a=1)),
    ("{a: 1}", defaultdict[str, int], defaultdict(None, a=1)),
    ("{a: 1}", collections.Counter[str], collections.Counter(a=1)),
    ('{"emoji": "\\ud83d\\ude00", "slash": "a\\/b"}', dict[str, str], {"emoji": "😀", "slash": "a/b"}),
    ("[1, 2]", Point, Point(1, 2.0)),
    ("{x: 1}", Point, Point(1)),
    ("{depth: 3}", Options, {"depth": 3}),
    ("{depth: 3, note: 4}", Options, {"depth": 3, "note": "4"}),
    ("{size: 3, paths: [a, b], kind: BLUE}", Layer, Layer(3, [Path("a"), Path("b")], Colour.BLUE)),
    (
        "{layers: [{size: 1}, {size: 2}], day: 2026-11-21}",
        Net,
        Net([Layer(1), Layer(2)], datetime.date(2026, 11, 21)),
    ),
    ("{n: 3, scale: 2}", Positive, Positive(3)),
    ("{width: 3, depth: 2, label: x}", Box, Box(3, 2.0, "x")),
    ("{numberOfLives: 9}", Cat, Cat(9)),
    ("{type: dog, name: rex}", Cat | Dog, Dog("rex")),
    ("{type: cat, numberOfLives: 9}", Cat | Dog, Cat(9)),
    ("{depth: 3, learning_rate: 0.5, tags: [a]}", Model, Model(depth=3, learning_rate=0.5, tags=["a"])),
    ("{depth: 3, inner: {on: off, other: 1}}", Model, Model(depth=3, inner=Inner(on=False))),
    ("[1, 2]", Wide, Wide([1, 2])),
    ("{a: {size: 1}}", dict[str, Layer | None], {"a": Layer(1)}),
    ("8080", typing.Annotated[int, pydantic.Field(ge=1)], 8080),
    ("https://a.org/", pydantic.AnyUrl, pydantic.AnyUrl("https://a.org/")),
]


@pytest.mark.parametrize(("text", "wanted", "value"), TEXT, ids=lambda part: str(part)[:40])
def test_text_is_read_as_the_annotated_type(text, wanted, value):
    found = read(Word(text), wanted)
    assert found == value and type(found) is type(value)
    assert json.dumps(text) and not any(type(part) is Word for part in flat(found))


def flat(value):
    if isinstance(value, dict):
        return [part for pair in value.items() for one in pair for part in flat(one)]
    if isinstance(value, (list, tuple, set)):
        return [part for one in value for part in flat(one)]
    return [value, *(flat(list(vars(value).values())) if isinstance(value, (Layer, Net, Model)) else [])]


def test_nan_is_a_number_that_is_none():
    assert math.isnan(read(Word("nan"), float))


WRONG = [
    ("abc", int, "'abc' is not int"),
    ("3.5", int, "'3.5' is not int"),
    ("inf", int, "'inf' is not int"),
    ("1e99999", int, "is not int"),
    ("true", int, "'true' is not int"),
    ("", int, "'' is not int"),
    ("abc", float, "'abc' is not float"),
    ("i", complex, "'i' is not complex"),
    ("maybe", bool, "'maybe' is not bool; write true or false"),
    ("2", bool, "'2' is not bool"),
    ("0", None, "'0' is not None; write null"),
    ("x", int | None, "'x' is not int | None"),
    ("gren", Literal["green"], "is not Literal['green']; nearest: 'green'"),
    ("gren", Colour, "'gren' is not Colour (RED, BLUE)"),
    ("3", Level, "'3' is not Level"),
    ("soon", datetime.date, "'soon' is not date; write 2026-11-21"),
    ("2026-11-21T10:00", datetime.date, "is not date"),
    ("25:00", datetime.time, "is not time"),
    ("1h fast", datetime.timedelta, "is not timedelta; write 1h30m"),
    ("1/0", Fraction, "is not Fraction"),
    ("x", uuid.UUID, "is not UUID"),
    ("x", np.int64, "'x' is not int64"),
    ("maybe", np.bool_, "'maybe' is not bool"),
    ("1.5", Rate, "'1.5' is not float; expected float <= 1.0"),
    ("3", HARD, "input should be greater than 3"),
    ("a,b", list[str], "'a,b' is not list[str]; write [a, b]"),
    ("{a: 1}", list[str], "is not list[str]; write [a, b]"),
    ("[1", list[int], "'[1' is not list[int]; "),
    ("[1, x, y]", list[int], "[1]: 'x' is not int; [2]: 'y' is not int"),
    ("[1]", tuple[int, int], "it has 1 items, not 2"),
    ("[[1]]", set[Any], "unhashable type: 'list'"),
    ("{a: 1, a: 2}", dict[str, int], "the key 'a' is there twice"),
    ('{"a": 1, "a": 2}', dict[str, int], "the key 'a' is there twice"),
    ("{1: a, 1.0: b}", dict[int, str], "two of its keys are the same"),
    ("{[1]: 2}", dict[Any, int], "a key is a list or a mapping"),
    ("{a: x}", dict[str, int], "a: 'x' is not int"),
    ("[" * 3000, list[Any], "is not list[Any]"),
    ("[" * 3000 + "]" * 3000, list[Any], "is not list[Any]"),
    ("[&a [*a]]", list[Any], "is not list[Any]"),
    ("1", Point, "is not Point; write {x: …, y: …}"),
    ("[1, 2, 3]", Point, "it has 3 items, and 2 are taken"),
    ("{y: 1, z: 2}", Point, "has no 'z'"),
    ("{dept: 1}", Options, "has no 'dept' (nearest: 'depth'); 'depth' is missing"),
    ("{layers: [{size: x}, {paths: []}]}", Net, "layers[0].size: 'x' is not int; layers[1]: 'size' is missing"),
    ("{layers: [], day: x}", Net, "day: 'x' is not date | None"),
    ("{n: -1}", Positive, "is not Positive; n is below zero"),
    ("{width: x}", Box, "width: 'x' is not int"),
    ("{type: cow, name: x}", Dog, "type: 'cow' does not mean Dog"),
    ("{size: x}", Layer | None, "size: 'x' is not int"),
    ("{deph: 3}", Model, "has no 'deph' (nearest: 'depth'); 'depth' is missing"),
    ("{depth: 3, lerning_rate: 1}", Model, "has no 'lerning_rate' (nearest: 'learning_rate')"),
    ("{depth: x}", Model, "depth: 'x': input should be a valid integer"),
    ("{depth: 3, inner: {}}", Model, "inner: 'on' is missing"),
    ("x", Model, "input should be"),
    ("x", Unknown, "a Unknown can be given in Python only"),
    ("x", pd.DataFrame, "can be given in Python only"),
]


@pytest.mark.parametrize(("text", "wanted", "said"), WRONG, ids=lambda part: str(part)[:40])
def test_text_that_cannot_be_that_type_is_refused(text, wanted, said):
    with pytest.raises(Misfit) as error:
        read(Word(text), wanted)
    assert said in str(error.value)


DATA = [
    (3, int, 3),
    (3.0, int, 3),
    (3, float, 3.0),
    ("3", int, 3),
    ("3", int | str, "3"),
    ("3", int | None, 3),
    (None, int | None, None),
    ("null", str | None, "null"),
    (True, bool, True),
    ("no", bool, False),
    (1, Level, Level.LOW),
    (1, Literal[True, 1], 1),
    (0.1, Decimal, Decimal("0.1")),
    (90, datetime.timedelta, datetime.timedelta(seconds=90)),
    (datetime.date(2026, 1, 2), datetime.datetime, datetime.datetime(2026, 1, 2)),
    (datetime.date(2026, 1, 2), datetime.date, datetime.date(2026, 1, 2)),
    ("a", Path, Path("a")),
    (["1"], list[int], [1]),
    ("[1]", list[int], [1]),
    ([1], tuple[int, ...], (1,)),
    ({"a": {"size": 1}}, dict[str, Layer], {"a": Layer(1)}),
    ({"a": 1}, Any, {"a": 1}),
    ({"depth": "3"}, Model, Model(depth=3)),
    (Layer(1), Layer, Layer(1)),
    (b"a", bytes, b"a"),
    (3, np.int64, np.int64(3)),
]


@pytest.mark.parametrize(("given", "wanted", "value"), DATA, ids=lambda part: str(part)[:40])
def test_data_of_a_file_is_read_as_the_annotated_type(given, wanted, value):
    found = read(given, wanted)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("given", "wanted", "said"),
    [
        (1.1, str, "1.1 is not str; put it in quotes"),
        (5, bytes, "put it in quotes"),
        (True, int, "True is not int"),
        (True, float, "True is not float"),
        (True, complex, "True is not complex"),
        (1, bool, "1 is not bool"),
        (3.5, int, "3.5 is not int"),
        (10**400, float, "is not float"),
        (5, Path, "5 is not Path"),
        (5, Name, "5 is not Name"),
        (True, Decimal, "True is not Decimal"),
        (5, datetime.date, "5 is not date"),
        (None, int, "None is not int"),
        (5, list[int], "5 is not list[int]; write [a, b]"),
        (True, Literal[1], "is not Literal[1]"),
        (5, Colour, "5 is not Colour"),
        (5, int | str, None),
        ({1: 2}, Layer, "has no '1'"),
    ],
    ids=str,
)
def test_data_of_another_type_is_refused(given, wanted, said):
    if said is None:
        assert read(given, wanted) == given
        return
    with pytest.raises(Misfit) as error:
        read(given, wanted)
    assert said in str(error.value)


def test_long_values_and_many_choices_are_cut():
    many = enum.Enum("Many", [f"N{number}" for number in range(100)])
    with pytest.raises(Misfit) as error:
        read(Word("x" * 1000), many)
    assert len(str(error.value)) < 200


def test_annotations_that_cannot_be_resolved_take_anything():
    @dataclass
    class Odd:
        a: Nowhere  # noqa: F821

    assert read(Word("{a: 1}"), Odd) == Odd(1)


def test_a_model_with_paths_as_aliases_says_itself_what_it_takes():
    class Deep(pydantic.BaseModel):
        a: int = pydantic.Field(validation_alias=pydantic.AliasPath("x", "y"))

    assert read(Word("{x: {y: 3}}"), Deep).a == 3


def test_only_lists_and_mappings_are_parsed():
    for text in ("abc", "3", ""):
        with pytest.raises(ValueError, match="neither"):
            parse(text)


def test_what_words_mean_is_found_at_any_depth():
    assert meaning([{Word("1"): Word("x")}, "1"]) == [{1: "x"}, "1"]


def test_the_constraints_of_a_type_that_cannot_have_them_say_nothing():
    assert read(Word("2026-11-21"), Annotated[datetime.date, msgspec.Meta(title="day")]) == datetime.date(2026, 11, 21)


# --- round trips ---------------------------------------------------------------------------------

WORDS = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"], exclude_characters="\x85"), max_size=12)
LEAVES = [
    (int, st.integers(), str),
    (float, st.floats(allow_nan=False), repr),
    (bool, st.booleans(), lambda value: "true" if value else "false"),
    (str, WORDS, str),
    (bytes, WORDS.map(str.encode), bytes.decode),
    (datetime.date, st.dates(), str),
    (datetime.datetime, st.datetimes(), datetime.datetime.isoformat),
    (datetime.time, st.times(), str),
    (
        datetime.timedelta,
        st.timedeltas(datetime.timedelta(0), datetime.timedelta(days=99)),
        lambda one: f"{one.days}d{one.seconds}s{one.microseconds / 1000}ms",
    ),
    (Decimal, st.decimals(allow_nan=False), str),
    (uuid.UUID, st.uuids(), str),
    (Colour, st.sampled_from(Colour), lambda one: one.name),
    (Level, st.sampled_from(Level), lambda one: str(one.value)),
    (Path, WORDS.map(lambda word: Path("a" + word.replace("/", ""))), str),
]


@settings(max_examples=40, deadline=None)
@pytest.mark.parametrize(("kind", "values", "write"), LEAVES, ids=lambda part: getattr(part, "__name__", ""))
@given(data=st.data())
def test_what_is_written_is_read_back(kind, values, write, data):
    value = data.draw(values)
    assert read(Word(write(value)), kind) == value
    assert read(write(value), kind) == value
    assert read(json.dumps([write(value)]), list[kind]) == [value]
    assert read(Word(json.dumps({"k": write(value)})), dict[str, kind]) == {"k": value}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=100, deadline=None)
@given(JSON)
def test_json_without_an_annotation_is_what_it_says(value):
    text = json.dumps(value)
    assert read(Word(text), Any) == value
    if isinstance(value, (list, dict)):
        assert read(Word(text), type(value)) == value


KINDS = st.recursive(
    st.sampled_from([int, float, str, bool, Any, Colour, datetime.date, Path, None, Literal["a", 1]]),
    lambda inner: st.one_of(
        inner.map(lambda one: list[one]),
        inner.map(lambda one: dict[str, one]),
        inner.map(lambda one: tuple[one, ...]),
        st.lists(inner, min_size=2, max_size=3).map(lambda some: typing.Union[tuple(some)]),  # noqa: UP007 - of values
    ),
    max_leaves=5,
)


@settings(max_examples=200, deadline=None)
@given(WORDS | JSON.map(json.dumps), KINDS)
def test_any_text_is_read_or_refused_with_a_reason(text, kind):
    try:
        found = read(Word(text), kind)
    except Misfit as error:
        assert error.sentences and all(error.sentences)
    else:
        assert not any(type(part) is Word for part in flat(found))
