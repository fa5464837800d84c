"""Values of every sort, which come back as they went in."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from fairlead import File, task, workflow
from tests.conformance.case import Case


class Point(NamedTuple):
    x: int
    y: float


class Colour(enum.Enum):
    RED = 1


@dataclass
class Model:
    weights: list[float]


AWKWARD = [
    (1,),
    [(True, 1, 1.0)],
    {1: "a", "1": "b"},
    -0.0,
    float("nan"),
    float("inf"),
    2**70,
    "lone \ud800 and \x00",
    b"\x00\xff",
    {"deep": [{"er": {1, 2}}]},
    Point(1, -0.0),
    Colour.RED,
    Model([0.1, -0.0]),
    datetime(2026, 11, 21, 12, tzinfo=UTC),
    Decimal("1.10"),
    Path("no/such/file"),
    None,
    "",
    [],
]


@task
def same(value: Any) -> Any:
    return value


@workflow
def carried(values: list):
    return same.map(values)


@task
def large(size: int) -> bytes:
    return bytes(range(256)) * (size // 256)


@task
def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


@task
def length(data: bytes) -> int:
    return len(data)


@workflow
def halved(size: int):
    return length(half(half(large(size))))


@task
def ones(count: int):
    import numpy

    return numpy.ones(count, dtype="float32").reshape(2, -1)


@task
def plus(array, more: float):
    array += more
    return array


@workflow
def arrays(count: int):
    made = ones(count)
    return [plus(made, 1.0), plus(made, 2.0)]


@task
def append(items: list, item: int) -> list:
    items.append(item)
    return items


@workflow
def copies():
    items = same([1])
    return [append(items, 2), append(items, 3), items]


@task
def write(text: str) -> Path:
    Path("page.txt").write_text(text)
    return Path("page.txt")


@task
def read(path: Path) -> str:
    return path.read_text()


@workflow
def filed(text: str):
    return read(write.options(workdir="private")(text))


@workflow
def given(path: File):
    return read(path)


def handed(place: str):
    Path(place, "given.txt").write_text("given")
    return given(File(f"{place}/given.txt"))


def expected_arrays():
    import numpy

    return [numpy.full((2, 10_000), value, dtype="float32") for value in (2.0, 3.0)]


CASES = [
    Case("what JSON would change, and what is hard to write", lambda _: carried(AWKWARD), AWKWARD, tasks="same[0-18]"),
    Case(
        "a value of 8 MB through tasks",
        lambda _: halved(8_000_000),
        2_000_000,
        tasks="large half half#2 length",
        core=True,
    ),
    Case(
        "arrays, of which each task has its own",
        lambda _: arrays(20_000),
        expected_arrays,
        tasks="ones plus plus#2",
        needs=("numpy",),
    ),
    Case(
        "a list that one task changes and another does not see",
        lambda _: copies(),
        [[1, 2], [1, 3], [1]],
        tasks="same append append#2",
        core=True,
    ),
    Case("a file as a result", lambda _: filed("a page"), "a page", tasks="write read", core=True),
    Case("a file as a parameter", handed, "given", tasks="read"),
]
