"""Parameters that a stored definition is given as text."""

import datetime
import pathlib

import pytest

from fairlead.config.given import understood
from fairlead.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "annotation", "value"),
    [
        ("3", "int", 3),
        ("3", "float", 3.0),
        ("34", "str", "34"),
        ("34", "str | None", "34"),
        ("null", "int | None", None),
        ("[1, 2]", "list[int]", [1, 2]),
        ("yes", "bool", True),
        ("2026-11-21", "datetime.date", datetime.date(2026, 11, 21)),
        ("2026-11-21", "date", datetime.date(2026, 11, 21)),
        ("a/b", "Path", pathlib.Path("a/b")),
        ("a/b", "pathlib.Path", pathlib.Path("a/b")),
        ("left", "Literal['left', 'right']", "left"),
        ("3", "", 3),
        ("abc", "", "abc"),
        ("3", "MyOwn", 3),
        ("3", "not a type (", 3),
    ],
)
def test_text_is_read_as_a_command_line_reads_it(text, annotation, value):
    found = understood("x", text, annotation)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "annotation"), [("abc", "int"), ("up", "Literal['left', 'right']"), ("[x]", "list[int]")]
)
def test_what_does_not_fit_is_told_by_name(text, annotation):
    with pytest.raises(ConfigurationError, match=r"parameter 'x': .* is not"):
        understood("x", text, annotation)
