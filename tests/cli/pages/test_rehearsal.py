"""How a rehearsal is told."""

from __future__ import annotations

from fairlead.api.compiling import Compiled
from fairlead.api.rehearsing import Rehearsal, Row, Side
from fairlead.cli.pages.rehearsal import rehearsal_page
from fairlead.cli.text import paint
from fairlead.orchestration import Rehearsed

GOOD = Side("succeeded", ("succeeded",), ("abc",))
OTHER = Side("succeeded", ("failed", "succeeded"), ("abd",))
BAD = Side("failed", ("failed",), (), "ValueError: no")


def page(*rows: Row, status="succeeded", here="succeeded", succeeded=True, said=None) -> str:
    rehearsed = Rehearsed("rehearsed", "Succeeded" if succeeded else "Failed", succeeded, 7, said or {})
    done = Rehearsal(Compiled("definitions/a", {}, []), rehearsed, status, here, list(rows))
    return paint(rehearsal_page("training", done), colour=False)


def test_what_is_equal_is_told_so():
    text = page(Row("load", GOOD, GOOD))
    assert "training  1 task run, 7 processes" in text
    assert "  load  succeeded  succeeded   equal" in text
    assert text.endswith("equal: both runs have succeeded\n")


def test_a_difference_is_told_with_both_sides():
    text = page(
        Row("load", OTHER, GOOD), Row("train", BAD, GOOD), status="failed", succeeded=False, said={"r.train": "x\ny\n"}
    )
    assert "succeeded (attempt 2)" in text
    assert "differs: attempts (failed, succeeded against succeeded), outputs" in text
    assert "failure (ValueError: no against none)" in text
    assert "r.train: y" in text
    assert text.endswith("2 task runs of 2 differ\n")


def test_what_only_one_side_knows_is_told():
    assert "unknown" in page(Row("extra", Side("", (), ()), GOOD))


def test_another_end_is_told_even_where_all_task_runs_are_equal():
    text = page(Row("load", GOOD, GOOD), succeeded=False)
    assert text.endswith("the rehearsed run has succeeded (Failed), the one in this process succeeded\n")


def test_of_very_many_those_that_differ_are_listed():
    rows = [Row(f"train[{number}]", GOOD, GOOD) for number in range(300)]
    assert "train[0]" not in page(*rows)
    assert "train[300]" in page(*rows, Row("train[300]", BAD, GOOD))
