import pytest

from fairlead.model.values import Inline, Pick, Rows, Stored, Tree
from fairlead.model.words import (
    ago,
    cut,
    done,
    duration,
    leading,
    number,
    one_line,
    plural,
    said_counts,
    short,
    size,
    symbol,
    tone,
)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-1, "?"),
        (0, "0 s"),
        (0.0004, "0.4 ms"),
        (0.0123, "12 ms"),
        (0.0994, "99 ms"),
        (0.0999, "0.10 s"),
        (0.21, "0.21 s"),
        (0.999, "1.0 s"),
        (12.34, "12.3 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (125, "2 min 05 s"),
        (3600, "1 h 00 min"),
        (3780, "1 h 03 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_durations_have_the_digits_that_matter(seconds, said):
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "just now"),
        (0.4, "just now"),
        (12, "12 s ago"),
        (200, "3 min ago"),
        (7300, "2 h ago"),
        (200_000, "2 d ago"),
    ],
)
def test_the_past_is_told_in_one_unit(seconds, said):
    assert ago(seconds) == said


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (99_600, "100 kB"),
        (2_500_000, "2.5 MB"),
        (3e9, "3.0 GB"),
        (5e15, "5,000 TB"),
    ],
)
def test_sizes_are_told_in_powers_of_a_thousand(amount, said):
    assert size(int(amount)) == said


def test_numbers_are_grouped_and_nouns_follow_them():
    assert number(12345) == "12,345"
    assert plural(1, "task") == "1 task"
    assert plural(2000, "task") == "2,000 tasks"


def test_counts_are_told_by_what_matters_most():
    counts = {"succeeded": 7, "failed": 1, "waiting": 0, "running": 2}
    assert said_counts(counts) == "1 failed, 2 running, 7 succeeded"
    assert said_counts(counts, without=("succeeded",)) == "1 failed, 2 running"
    assert said_counts({}) == ""


@pytest.mark.parametrize(
    ("counts", "status"),
    [
        ({}, "waiting"),
        ({"succeeded": 3, "failed": 1}, "failed"),
        ({"succeeded": 3, "running": 1}, "running"),
        ({"succeeded": 3, "waiting": 1}, "running"),
        ({"waiting": 1}, "waiting"),
        ({"queued": 2}, "waiting"),
        ({"succeeded": 3}, "succeeded"),
        ({"reused": 3}, "reused"),
        ({"reused": 3, "succeeded": 1}, "succeeded"),
        ({"skipped": 3}, "skipped"),
        ({"cancelled": 1, "succeeded": 1}, "cancelled"),
    ],
)
def test_one_status_stands_for_a_group(counts, status):
    assert leading(counts) == status


def test_done_counts_what_has_ended_in_whatever_way():
    assert done({"succeeded": 1, "failed": 2, "skipped": 3, "reused": 4, "cancelled": 5, "running": 9, "lost": 9}) == 15


def test_every_status_has_a_tone_and_a_symbol():
    assert tone("succeeded") == "good"
    assert tone("created") == "quiet"
    assert symbol("failed") == "✗"


def test_the_first_line_that_says_something():
    assert one_line("\n  \n hello \nworld") == "hello"
    assert one_line("") == ""
    assert cut("abc", 3) == "abc"
    assert cut("abcd", 3) == "ab…"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (Inline("json", b"null"), "None"),
        (Inline("json", b"true"), "True"),
        (Inline("json", b'"data.csv"'), "'data.csv'"),
        (Inline("json", b"[1,2]"), "[1, 2]"),
        (Inline("pickle", b"x", "d", ("app.models:Fit",)), "<app.models.Fit>"),
        (Inline("pickle", b"x"), "<pickle>"),
        (Stored("k", "arrow", 1_200_000, "", ("pandas:DataFrame",)), "<pandas.DataFrame, 1.2 MB>"),
        (Rows([Inline("json", b"1")] * 1200), "<list of 1,200>"),
        (Tree("tuple", (Inline("json", b"1"),)), "(1,)"),
        (Tree("tuple", (Inline("json", b"1"), Inline("json", b"2"))), "(1, 2)"),
        (Tree("list", (Inline("json", b"1"),)), "[1]"),
        (Tree("dict", (Inline("json", b"1"),), (Inline("json", b'"a"'),)), "{'a': 1}"),
        (Pick(Stored("k", "pickle", 10), ("a", 1)), "<pickle, 10 B>['a'][1]"),
    ],
)
def test_recorded_values_are_told_in_short(value, said):
    assert short(value) == said


def test_long_values_are_cut():
    assert short(Inline("json", b'"' + b"x" * 500 + b'"'), 20) == "'" + "x" * 18 + "…"
