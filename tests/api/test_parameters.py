"""Parameters from text and files: which wins, and what type it takes."""

from __future__ import annotations

import datetime
import enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from fairlead.api.parameters import gather, read_params_file, understand
from fairlead.author.built import Input
from fairlead.errors import DefinitionError, NotFound


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("text", "annotation", "value"),
    [
        ("3", int, 3),
        ("3", float, 3.0),
        ("3", str, "3"),
        ("3", Any, 3),
        ("abc", Any, "abc"),
        ("[1, 2]", Any, [1, 2]),
        ("false", bool, False),
        ("true", bool, True),
        ("[1, 2]", list[int], [1, 2]),
        ('{"a": 1}', dict[str, int], {"a": 1}),
        ("null", int | None, None),
        ("5", int | None, 5),
        ("red", Literal["red", "blue"], "red"),
        ("red", Colour, Colour.RED),
        ("2026-11-21", datetime.date, datetime.date(2026, 11, 21)),
        ("data.csv", Path, Path("data.csv")),
        ("7", Annotated[int, "rows"], 7),
        ("abc", str | None, "abc"),
        ("0.5", float | None, 0.5),
    ],
)
def test_text_is_read_as_the_annotated_type(text, annotation, value):
    found = understand(text, annotation)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("value", "annotation"), [("abc", int), ("maybe", bool), ("green", Literal["red"]), ("1.5", int)]
)
def test_text_that_does_not_fit_is_refused(value, annotation):
    with pytest.raises(ValueError, match="is not"):
        understand(value, annotation)


def inputs(**types):
    return [Input(name, kind, "", True, None, False) for name, kind in types.items()]


def test_the_more_specific_source_wins(tmp_path, monkeypatch):
    file = tmp_path / "p.yaml"
    file.write_text("a: 1\nb: 1\nc: 1\n")
    monkeypatch.setenv("FAIRLEAD_PARAM_B", "2")
    monkeypatch.setenv("FAIRLEAD_PARAM_a", "2")
    found, misfits = gather(
        inputs(a=int, b=int, c=int, d=int), given={"a": "3"}, file=file, environment={"c": 0, "d": 0, "other": 1}
    )
    assert found == {"a": 3, "b": 2, "c": 1, "d": 0} and not misfits


def test_every_value_that_does_not_fit_is_told_with_its_source(monkeypatch):
    monkeypatch.setenv("FAIRLEAD_PARAM_B", "x")
    _, misfits = gather(inputs(a=int, b=int), given={"a": "y"})
    assert list(misfits) == ["b", "a"] and misfits["b"].startswith("FAIRLEAD_PARAM_b: 'x'")


@pytest.mark.parametrize(("name", "text"), [("p.json", '{"a": 1}'), ("p.toml", "a = 1"), ("p.yaml", "a: 1")])
def test_files_of_every_kind(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert read_params_file(tmp_path / name) == {"a": 1}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [("p.json", "{", "cannot be read as json"), ("p.yaml", "- 1", "is a mapping"), ("p.yaml", "1: 2", "is a mapping")],
)
def test_files_that_are_no_parameters(tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    with pytest.raises(DefinitionError, match=said):
        read_params_file(tmp_path / name)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(NotFound, match="cannot read the parameters file"):
        read_params_file(tmp_path / "none.yaml")
