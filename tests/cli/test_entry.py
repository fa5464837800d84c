"""What becomes of errors that no command expects."""

import click
import pytest

from fairlead.errors import StoreError


def broken(error):
    def diagnose(env=None):
        raise error

    return diagnose


def test_a_bug_of_ours_is_short_and_says_how_to_get_the_traceback(fairlead, monkeypatch):
    monkeypatch.setattr("fairlead.cli.keeping.diagnose", broken(ZeroDivisionError("by zero")))
    done = fairlead("doctor")
    assert done.code == 1
    assert done.err.splitlines() == [
        "error: a bug in Fairlead: ZeroDivisionError: by zero",
        "  please report it, with the traceback that the same command prints with -v",
    ]


@pytest.mark.parametrize("words", [("doctor", "-v"), ("-v", "doctor")])
def test_the_traceback_is_for_those_who_ask(fairlead, monkeypatch, words):
    monkeypatch.setattr("fairlead.cli.keeping.diagnose", broken(ZeroDivisionError("by zero")))
    assert "Traceback (most recent call last)" in fairlead(*words).err


def test_a_pipe_that_breaks_inside_is_a_bug_and_not_a_reader_who_left(fairlead, monkeypatch):
    monkeypatch.setattr("fairlead.cli.keeping.diagnose", broken(BrokenPipeError("worker")))
    assert "a bug in Fairlead: BrokenPipeError" in fairlead("doctor").err


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (click.Abort(), 130, "interrupted"),
        (click.ClickException("no"), 2, "no"),
        (StoreError("vanished\nreally"), 4, "vanished\n  really"),
    ],
)
def test_every_kind_of_error_has_its_exit_code(fairlead, monkeypatch, error, code, said):
    monkeypatch.setattr("fairlead.cli.keeping.diagnose", broken(error))
    done = fairlead("doctor")
    assert (done.code, done.err) == (code, f"error: {said}\n")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("run", "jobs.py", "n=4", "k=1"), "parameters are given with -p: -p n=4"),
        (("run", "jobs.py", "other"), "'fairlead run --help' says what it takes"),
        (("runs", "n=4"), "'fairlead runs --help' says what it takes"),
        (("show",), "'fairlead runs' lists the runs that there are, newest first"),
    ],
)
def test_a_word_too_many_or_too_few_is_told_with_what_helps(fairlead, words, hint):
    done = fairlead(*words)
    assert done.code == 2
    assert hint in done.err
