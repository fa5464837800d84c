"""Values of every awkward type come back as they went in, through tasks in this process and in others."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import math
import uuid
from pathlib import Path
from typing import NamedTuple

import numpy
import pandas
import pydantic

from fairlead import task, workflow


@task
def same(value):
    return value


@task
def kind(value):
    return type(value).__module__, type(value).__qualname__, repr(value)


class Colour(enum.Enum):
    RED = 1


class Point(NamedTuple):
    x: int
    y: float


@dataclasses.dataclass
class Box:
    items: list
    where: Path


class Form(pydantic.BaseModel):
    name: str
    size: int = 3


VALUES = [
    None, True, 1, 1.0, -0.0, 10**40, "", "ä\ud800", b"\0", (1,), [(1, [True])], {1: "a", "1": "b"}, {(1, 2): {3}},
    frozenset({1}), Colour.RED, Point(1, 2.0), Box([1], Path("a")), Form(name="f"), decimal.Decimal("1.10"),
    datetime.datetime(2026, 11, 21, tzinfo=datetime.UTC), uuid.UUID(int=5), 1j, collections.OrderedDict(a=1),
    collections.Counter("aab"), bytearray(b"x"), float("inf"), Path("not/there"), numpy.float32(1.5), int, math.sin,
]  # fmt: skip


@workflow
def carried(values):
    kept = [same(same(value)) for value in VALUES]
    return kept, [kind(value) for value in kept], same(values)


def test_values_of_every_type_come_back_as_they_went_in(env):
    kept, kinds, given = carried(VALUES).run(env).get_results()
    wanted = [(type(value).__module__, type(value).__qualname__, repr(value)) for value in VALUES]
    assert kinds == wanted
    for found in (kept, given):
        assert [(type(value).__module__, type(value).__qualname__, repr(value)) for value in found] == wanted


@workflow
def frames(frame, array):
    return same(same(frame)), same(same(array))


def test_frames_and_arrays_travel(env):
    frame = pandas.DataFrame({"a": [1, 2], "b": pandas.Categorical(["x", "y"])}, index=["i", "j"])
    array = numpy.arange(100_000, dtype="int16").reshape(100, -1)[:, ::2]
    found, back = frames(frame, array).run(env).get_results()
    pandas.testing.assert_frame_equal(found, frame)
    assert back.dtype == array.dtype and (back == array).all()
