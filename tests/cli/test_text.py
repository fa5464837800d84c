import io

import pytest

from fairlead.cli.text import Column, Span, cells, colour_wanted, fit, paint, plain, table, terminal_width


class Terminal(io.StringIO):
    def isatty(self):
        return True


def text(lines):
    return paint(lines, colour=False)


def test_columns_are_as_wide_as_their_widest_cell():
    rows = [("a", "1"), ("long name", "22")]
    assert (
        text(table((Column("name"), Column("n", right=True)), rows)) == "name        n\na           1\nlong name  22\n"
    )


def test_a_column_in_which_nothing_stands_is_left_out():
    assert text(table((Column("a"), Column("b"), Column("c")), [("1", "", "3")])) == "a  c\n1  3\n"


def test_a_table_without_titles_has_no_head():
    assert text(table((Column(""), Column("")), [("a", "b")], indent=2)) == "  a  b\n"


def test_no_rows_give_nothing():
    assert table((Column("a"), Column("b")), []) == []


def test_only_elastic_columns_give_way_on_a_narrow_terminal():
    rows = [("an-id-that-stays-whole", "words that may be cut off at the end")]
    lines = text(table((Column("id"), Column("words", elastic=True)), rows, width=40)).splitlines()
    assert lines[1] == "an-id-that-stays-whole  words that may …"
    assert all(len(line) <= 40 for line in lines)


def test_an_elastic_column_keeps_a_few_letters_however_narrow_the_terminal_is():
    lines = text(table((Column("id"), Column("words", elastic=True)), [("x" * 50, "words and words")], width=20))
    assert "words a…" in lines


def test_nothing_is_cut_without_a_width():
    long = "x" * 500
    assert long in text(table((Column("", elastic=True),), [(long,)]))


@pytest.mark.parametrize(("word", "width"), [("abc", 3), ("日本", 4), ("é", 1), ("e\u0301", 1), ("", 0)])
def test_cells_are_counted_as_a_terminal_does(word, width):
    assert cells(word) == width


@pytest.mark.parametrize(
    ("word", "width", "cut"), [("abcdef", 6, "abcdef"), ("abcdef", 4, "abc…"), ("日本語", 5, "日本…"), ("abc", 0, "")]
)
def test_texts_are_cut_with_a_sign(word, width, cut):
    assert fit(word, width) == cut


def test_styles_become_colours_only_where_they_are_welcome():
    line = [[Span("x", "bad"), Span("y")]]
    assert paint(line, colour=True) == "\x1b[31mx\x1b[0my\n"
    assert paint(line, colour=False) == "xy\n"


def test_trailing_spaces_are_not_written():
    assert paint([[Span("x  ")]], colour=False) == "x\n"


def test_plain_keeps_the_lines_of_a_text():
    assert text(plain("a\n  b", indent=2)) == "  a\n    b\n"


@pytest.mark.parametrize(
    ("environment", "stream", "wanted"),
    [
        ({}, Terminal(), True),
        ({}, io.StringIO(), False),
        ({"NO_COLOR": "1"}, Terminal(), False),
        ({"NO_COLOR": ""}, Terminal(), True),
        ({"TERM": "dumb"}, Terminal(), False),
        ({"FORCE_COLOR": "1"}, io.StringIO(), True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, Terminal(), False),
    ],
)
def test_colours_are_for_terminals_unless_somebody_says_otherwise(monkeypatch, environment, stream, wanted):
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert colour_wanted(stream) is wanted


def test_what_is_no_terminal_has_no_width():
    assert terminal_width(io.StringIO()) is None
