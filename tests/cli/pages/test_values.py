import enum
from pathlib import Path, PurePosixPath

import pytest

from fairlead.cli.output import dumps
from fairlead.cli.pages.documents import jsonable
from fairlead.cli.pages.values import readable, results_page
from fairlead.cli.text import paint


class Broken:
    def __repr__(self):
        raise RuntimeError("no words")


class Word(str):
    pass


class Colour(enum.IntEnum):
    RED = 1


def text(lines):
    return paint(lines, colour=False)


def test_one_result_is_written_as_python_writes_it():
    assert text(results_page({"result": 41})) == "41\n"
    assert text(results_page({"result": "two\nlines"})) == "two\nlines\n"
    assert text(results_page({"result": ""})) == ""


def test_several_results_have_names():
    assert text(results_page({"a": 1, "b": "x"})) == "a = 1\nb = 'x'\n"
    shown = text(results_page({"a": {"key" * 10: "value" * 10, "other" * 5: "value" * 10}, "b": 1}, width=50))
    assert shown.startswith("a =\n  {")
    assert shown.endswith("\nb = 1\n")


def test_long_results_are_whole_unless_a_limit_is_given():
    many = {"result": list(range(5000))}
    assert text(results_page(many)).count("\n") > 100
    assert text(results_page(many, limit=20)) == "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ...]  (5,000 items)\n"
    lines = text(results_page({"result": "\n".join(map(str, range(50)))}, limit=20)).splitlines()
    assert len(lines) == 21
    assert lines[-1] == "… 30 more lines; 'fairlead results' prints them all"


def test_a_long_value_that_only_goes_on_to_other_tasks_is_said_to_be_there():
    table = {"key" * 10: "value" * 10, "other" * 5: "value" * 10}
    page = results_page({"df": table, "n": 1, "last": table}, width=50, limit=20, brief={"df", "n"})
    first, second, third, *_ = text(page).splitlines()
    assert (first, second, third) == ("df = … (dict, 2 lines; 'fairlead results' prints them)", "n = 1", "last =")


def test_a_repr_that_raises_is_told_in_its_place():
    assert readable(Broken()) == "<Broken whose repr raises RuntimeError>"
    assert readable([Broken()]) == "<list whose repr raises RuntimeError>"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (None, None),
        (True, True),
        (Colour.RED, 1),
        (Word("x"), "x"),
        (0.5, 0.5),
        ((1, [2, {"a": None}]), [1, [2, {"a": None}]]),
        ({"a": {"b": 1}}, {"a": {"b": 1}}),
    ],
)
def test_what_json_can_say_stays(value, kept):
    told: list[str] = []
    assert jsonable(value, told) == kept
    assert told == []
    assert dumps(jsonable(value, told), pretty=False)


@pytest.mark.parametrize(
    ("value", "kept", "said"),
    [
        (1 + 2j, "(1+2j)", "result (complex)"),
        ({1: 2}, "{1: 2}", "result (dict)"),
        ([{"x": {1}}], [{"x": "{1}"}], "result[0]['x'] (set)"),
        (float("inf"), "inf", "result (float)"),
        (b"x", "b'x'", "result (bytes)"),
    ],
)
def test_what_json_cannot_say_becomes_text_and_is_named(value, kept, said):
    told: list[str] = []
    assert jsonable(value, told) == kept
    assert told == [said]


def test_a_path_is_written_as_it_is():
    assert readable(Path("a b/c.txt")) == "a b/c.txt"
    assert readable([PurePosixPath("x")]) == "[PurePosixPath('x')]"
