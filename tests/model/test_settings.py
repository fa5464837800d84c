"""Settings as data and back."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec
import pydantic
import pytest

from fairlead.model.secret import Secret
from fairlead.model.settings import from_data, to_data


class Options(msgspec.Struct):
    depth: int = 3
    where: Path = Path("data")


class Model(pydantic.BaseModel):
    rate: float
    names: list[str] = []


class Safe(pydantic.BaseModel):
    key: pydantic.SecretStr


@pytest.mark.parametrize(
    ("value", "annotation", "data"),
    [
        (Path("a/b"), Path, "a/b"),
        (Secret("KEY"), Secret, "KEY"),
        ([Path("a")], list[Path], ["a"]),
        (Options(2), Options, {"depth": 2, "where": "data"}),
        (Model(rate=0.5, names=["a"]), Model, {"rate": 0.5, "names": ["a"]}),
        (math.inf, float, "inf"),
        ({"low": -math.inf}, dict[str, float], {"low": "-inf"}),
        ({1: [2, (3, 4)]}, dict[int, list[int | tuple[int, int]]], {"1": [2, [3, 4]]}),
        ([1, "x"], Any, [1, "x"]),
        ("x", object, "x"),
    ],
)
def test_a_value_is_written_as_data_and_read_back(value, annotation, data):
    assert to_data(value) == data
    assert from_data(data, annotation) == value


def test_the_names_of_secrets_are_collected():
    names = set()
    assert to_data({"a": Secret("ONE"), "b": [Secret("TWO")]}, names) == {"a": "ONE", "b": ["TWO"]}
    assert names == {"ONE", "TWO"}


@pytest.mark.parametrize(("value", "kind"), [(object(), "object"), (Safe(key="k"), "Safe"), ({(1, 2): 3}, "dict")])
def test_what_no_file_could_hold_is_refused(value, kind):
    with pytest.raises(ValueError, match=f"^{kind} is not data that a file could hold$"):
        to_data(value)


@pytest.mark.parametrize(
    ("data", "annotation", "told"),
    [
        ("many", int, "'many' is not int"),
        ({"depth": "deep"}, Options, r"is not Options \(.*\$\.depth"),
        ({"rate": "fast"}, Model, r"is not Model \(rate: Input should be a valid number"),
        (3, Path, "3 is not Path"),
        (3, Secret, "3 is not Secret"),
        ("x", complex, "complex cannot be a setting: no file could hold it"),
        ("x", Options | Model, r"'x' is not Options \| Model"),
    ],
)
def test_data_that_does_not_fit_is_refused(data, annotation, told):
    with pytest.raises(ValueError, match=told):
        from_data(data, annotation)


@pytest.mark.parametrize(
    ("data", "expected"), [({"depth": 4}, Options(4)), ({"rate": 0.1, "names": []}, Model(rate=0.1))]
)
def test_of_types_that_cannot_be_told_apart_the_first_that_fits_is_taken(data, expected):
    assert from_data(data, Model | Options) == expected
