"""Awkward values: what other tools lose, merge or choke on. Used by the tests of codecs, digests and values."""

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import functools
import math
import operator
import re
import types
import uuid
import zoneinfo
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pydantic


class Point(NamedTuple):
    x: int
    y: float = 0.0


class Colour(enum.Enum):
    RED = 1
    GREEN = "g"


class Level(enum.IntEnum):
    LOW = 1


class Word(enum.StrEnum):
    YES = "yes"


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Text(str):
    pass


class Whole(int):
    pass


class Names(list):
    pass


class Tags(set):
    pass


@dataclasses.dataclass
class Model:
    weights: list[float]
    name: str = "m"


@dataclasses.dataclass(frozen=True, slots=True)
class Slotted:
    a: int
    b: Any = None


class Settings(pydantic.BaseModel):
    rate: float = 0.1
    tags: tuple[str, ...] = ()


class Made:
    """Equal by what it holds; made anew through a function."""

    def __init__(self, parts):
        self.parts = parts

    def __reduce__(self):
        return make, (self.parts,)

    def __eq__(self, other):
        return type(other) is Made and other.parts == self.parts

    __hash__ = None


def make(parts):
    return Made(parts)


def double(x):
    return 2 * x


JSON: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    -1,
    2**63 - 1,
    -(2**63),
    2**63,
    2**64,
    -(2**70),
    10**30,
    0.0,
    -0.0,
    1.0,
    0.1,
    1e16,
    1e22,
    5e-324,
    1.7976931348623157e308,
    "",
    "1",
    'é\u2028\x00\x1f"\\/😀',
    [],
    {},
    [[]],
    [{}],
    [1, 1.0, True, None, "1"],
    {"": 1, "a": [1, {"b": -0.0}]},
    {"b": 1, "a": 2},
    {"a": 2, "b": 1},
    {"nan": "NaN", "null": None},
    [1.5, 2, None],
]
"""What JSON keeps exactly; all different from each other."""

OTHER: list[Any] = [
    math.inf,
    -math.inf,
    10**5000,
    "\ud800",
    "a\udfffb",
    (1,),
    (1.0,),
    (True,),
    ("1",),
    (),
    ((),),
    [()],
    [(1,)],
    {1: "a", "1": "b"},
    {1: "a"},
    {True: "a"},
    {None: 1},
    {(1, 2): 3},
    {"a": (1,)},
    {"a": math.inf},
    [math.inf],
    ["\ud800"],
    {"\ud800": 1},
    Point(1, 2.0),
    Point(1, 2),
    Colour.RED,
    Colour.GREEN,
    [Colour.RED],
    Level.LOW,
    {"level": Level.LOW},
    Word.YES,
    Access.READ | Access.WRITE,
    Text("t"),
    [Text("t")],
    {Text("t"): 1},
    Whole(1),
    Names([1, 2]),
    Tags({1, 2}),
    Model([0.1, -0.0]),
    Model([0.1, 0.0]),
    Slotted(1),
    Slotted(1, (2,)),
    Settings(),
    Settings(rate=0.2, tags=("a",)),
    Made([1, (2,)]),
    collections.OrderedDict(b=1, a=2),
    collections.OrderedDict(a=2, b=1),
    collections.defaultdict(list, {"a": [1]}),
    collections.defaultdict(int, {"a": [1]}),
    collections.Counter("aab"),
    collections.deque([1, 2], maxlen=3),
    collections.deque([1, 2]),
    types.SimpleNamespace(a=1),
    set(),
    {1, 2, 3},
    {1.0, 2.5},
    frozenset({"a", "b", ("c",)}),
    frozenset(),
    b"",
    b"\x00\xff",
    bytearray(b"\x00\xff"),
    1j,
    complex(-0.0, 1),
    range(3),
    range(0, 3, 2),
    slice(1, None, 2),
    ...,
    NotImplemented,
    int,
    Model,
    Point,
    double,
    len,
    math.sin,
    operator.itemgetter(1),
    functools.partial(double, 3),
    "a".upper,
    re.compile("a+", re.IGNORECASE),
    dt.date(2024, 2, 29),
    dt.time(1, 2, 3),
    dt.time(1, 2, 3, tzinfo=dt.UTC),
    dt.datetime(2024, 2, 29, 1, 2, 3, 4),
    dt.datetime(2024, 2, 29, 1, 2, 3, 4, tzinfo=dt.UTC),
    dt.datetime(2024, 2, 29, tzinfo=dt.timezone(dt.timedelta(hours=2), "X")),
    dt.datetime(2024, 10, 27, 2, 30, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
    dt.datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
    dt.timedelta(days=1, microseconds=1),
    decimal.Decimal("1.10"),
    decimal.Decimal("1.1"),
    decimal.Decimal("-0"),
    fractions.Fraction(1, 3),
    uuid.UUID(int=7),
    Path("/no/such/file"),
    PurePosixPath("/no/such/file"),
    PureWindowsPath("c:/x"),
    np.int64(1),
    np.int32(1),
    np.float64(1),
    np.float64(-0.0),
    np.float32(0.1),
    np.bool_(True),
    np.str_("1"),
    np.datetime64("2024-02-29"),
    {"n": np.int64(1)},
    [np.float64(1.5)],
    np.dtype("<i4"),
]
"""What JSON would change or refuse; all different from each other and from what is in JSON."""

ARRAYS: list[Any] = [
    np.arange(6),
    np.arange(6, dtype="i4"),
    np.arange(6, dtype=">i8"),
    np.arange(6.0).reshape(2, 3),
    np.arange(6.0).reshape(3, 2),
    np.array(5),
    np.array([0.0, np.inf]),
    np.array([-0.0, np.inf]),
    np.zeros((0, 3)),
    np.zeros((3, 0)),
    np.zeros(0, dtype="i1"),
    np.zeros(2, dtype="S0"),
    np.array(["a", None, (1, 2)], dtype=object),
    np.array(["ab", "c"]),
    np.array([b"ab", b"c"]),
    np.array(["2024-01-01", "NaT"], dtype="M8[D]"),
    np.array([1, 2], dtype="m8[s]"),
    np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")]),
    np.array([(1, 2.5)], dtype=[("a", "i4"), ("c", "f8")]),
    np.array([(1, "x")], dtype=[("a", "i4"), ("b", "O")]),
    np.array([(1, [1, 2])], dtype=[("a", "i4"), ("b", "i2", (2,))]),
    np.array([True, False]),
    np.array([1 + 2j]),
    np.arange(10_000.0),
    np.ma.array([1.0, 2.0], mask=[False, True]),
    np.ma.array([1.0, 2.0], mask=[True, True]),
    np.rec.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
]

FRAMES: list[Any] = [
    pd.DataFrame(),
    pd.DataFrame(index=[1, 2]),
    pd.DataFrame({"a": [1, 2], "b": [0.5, None], "c": ["x", None]}),
    pd.DataFrame({"a": [1, 2], "b": [0.5, None], "c": ["x", "y"]}),
    pd.DataFrame([[1, 2]], columns=["a", "a"]),
    pd.DataFrame({1: [1], "1": [2]}),
    pd.DataFrame({"a": [1]}, index=pd.MultiIndex.from_tuples([("x", 1)], names=["k", None])),
    pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("x", 1), ("y", 2)])),
    pd.DataFrame({"c": pd.Categorical(["b", "a", None], categories=["b", "a", "z"], ordered=True)}),
    pd.DataFrame({"c": pd.Categorical(["b", "a", None], categories=["b", "a", "z"])}),
    pd.DataFrame({"t": pd.date_range("2024-03-30", periods=3, tz="Europe/Berlin")}),
    pd.DataFrame({"t": pd.date_range("2024-03-30", periods=3)}, index=pd.date_range("2024", periods=3, freq="D")),
    pd.DataFrame({"n": pd.array([1, None], dtype="Int64"), "b": pd.array([True, None], dtype="boolean")}),
    pd.DataFrame({"n": pd.array([1.5, None], dtype="Float64"), "p": pd.period_range("2024", periods=2, freq="M")}),
    pd.DataFrame({"i": pd.arrays.IntervalArray.from_breaks([0, 1, 2]), "s": pd.arrays.SparseArray([0, 1])}),
    pd.DataFrame({"a": pd.Series([1, None], dtype="int64[pyarrow]")}),
    pd.DataFrame({"o": pd.Series([(1,), {"a": 1}], dtype=object)}),
    pd.Series([1, 2], name="s"),
    pd.Series([1, 2], name="t"),
    pd.Series([1, 2], name="s", index=[1, 0]),
    pd.Index([1, 2]),
    pd.RangeIndex(2),
    pd.date_range("2024", periods=2, freq="D"),
    pd.array(["a", None], dtype="string"),
]
FRAMES.append(FRAMES[2].copy())
FRAMES[-1].attrs["source"] = "sensor"

TABLES: list[Any] = [
    pa.table({"a": [1, None], "b": ["x", "y"]}),
    pa.array([1, 2, None]),
    pa.record_batch({"a": [1]}),
    pa.chunked_array([[1], [2]]),
]


def same(a: Any, b: Any) -> bool:
    """Whether two values are of one type and content, in all their parts."""
    if type(a) is not type(b):
        return False
    if isinstance(a, _LIBRARIES):
        return _same_frame(a, b)
    if isinstance(a, float | complex | np.floating):
        return repr(a) == repr(b)
    if isinstance(a, dict):
        return len(a) == len(b) and all(map(same, a, b)) and all(map(same, a.values(), b.values())) and a == b
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, types.BuiltinMethodType):
        return a.__qualname__ == b.__qualname__ and same(a.__self__, b.__self__)
    if dataclasses.is_dataclass(a) and not isinstance(a, type):
        return all(same(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a))
    if isinstance(a, operator.itemgetter | functools.partial):
        return repr(a) == repr(b)
    return a == b


_LIBRARIES = (
    pd.DataFrame,
    pd.Series,
    pd.Index,
    pd.api.extensions.ExtensionArray,
    pa.Table,
    pa.Array,
    pa.RecordBatch,
    pa.ChunkedArray,
    np.ndarray,
)


def _same_frame(a: Any, b: Any) -> bool:
    if isinstance(a, (pd.DataFrame, pd.Series)):
        check = pd.testing.assert_frame_equal if isinstance(a, pd.DataFrame) else pd.testing.assert_series_equal
        check(a, b, check_freq=True, check_flags=True)
        return a.attrs == b.attrs and same(a.index, b.index)
    if isinstance(a, pd.Index):
        pd.testing.assert_index_equal(a, b, exact=True)
        return getattr(a, "freq", None) == getattr(b, "freq", None)
    if isinstance(a, pd.api.extensions.ExtensionArray):
        pd.testing.assert_extension_array_equal(a, b)
        return True
    if isinstance(a, (pa.Table, pa.Array, pa.RecordBatch, pa.ChunkedArray)):
        return a.equals(b) and getattr(a, "schema", None) == getattr(b, "schema", None)
    return _same_array(a, b)


def _same_array(a: np.ndarray, b: np.ndarray) -> bool:
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if isinstance(a, np.ma.MaskedArray):
        return bool(np.array_equal(np.ma.getmaskarray(a), np.ma.getmaskarray(b)) and (a.filled() == b.filled()).all())
    if a.dtype.hasobject or a.dtype.names:
        return repr(a.tolist()) == repr(b.tolist())
    return a.tobytes() == b.tobytes()
