from fairlead.cli.pages.failure import call_of, failed_run_page, failure_page, headline
from fairlead.cli.text import paint
from fairlead.model.events import Attempt, Failure
from fairlead.model.task import Place
from tests.cli.records import failed, summary


def text(lines):
    return paint(lines, colour=False)


def test_the_users_error_comes_first_and_then_what_to_do():
    shown = text(failed_run_page(summary("failed", counts={"failed": 1, "skipped": 3}), [failed()]))
    assert shown == (
        "error: train[3](chunk='abc', rate=0.1) failed\n"
        "  Traceback (most recent call last):\n"
        '    File "/home/u/jobs.py", line 12, in train\n'
        "      return float(chunk)\n"
        "  ValueError: could not convert string to float: 'abc'\n"
        "  3 skipped, because of what came before\n"
        "\n"
        "  fairlead logs 'calm-otter/train[3]'  prints what the task printed\n"
        "  fairlead show 'calm-otter/train[3]'  its attempts, inputs and outputs\n"
        "  fairlead resume calm-otter           goes on; what succeeded is not run again\n"
    )


def test_other_failures_are_named_but_not_told():
    several = [failed(f"train[{place}]") for place in range(12)]
    shown = text(failed_run_page(summary("failed", counts={"failed": 40}), several))
    assert shown.startswith("error: train[0](")
    assert "  39 other tasks failed: train[1], train[2]," in shown
    assert ", …\n" in shown
    assert shown.count("Traceback") == 1


def test_a_run_without_a_failed_task_tells_its_own_error():
    shown = text(failed_run_page(summary("failed", counts={}, error="the list is no list\nreally"), []))
    assert shown.startswith("error: the list is no list\nreally\n\n")
    assert "fairlead resume calm-otter" in shown
    assert text(failed_run_page(summary("failed", counts={}), [])).startswith("\n  fairlead resume")


def test_an_attempt_without_a_failure_is_told_by_its_outcome():
    assert text(failure_page(Attempt("load", 1, outcome="lost"))) == "load lost\n"
    assert text(failure_page(Attempt("load", 1))) == "load has not ended\n"


def test_what_was_no_exception_is_told_in_words_with_its_place():
    slow = Failure("timeout", "took longer than 5 s", arguments={"x": "1"}, place=Place("/j.py", 3))
    shown = text(failure_page(Attempt("load", 3, outcome="failed", failure=slow)))
    assert shown == "load(x=1) failed (attempt 3)\n  took longer than 5 s\n  at /j.py:3\n"
    killed = Failure("killed", "signal 9\nout of memory?", traceback="Traceback …")
    assert text(failure_page(Attempt("load", 1, outcome="failed", failure=killed))) == (
        "load() failed\n  Traceback …\n  signal 9\n"
    )
    silent = Failure("exit", "")
    assert text(failure_page(Attempt("load", 1, outcome="failed", failure=silent))) == "load() failed\n  exit\n"


def test_a_headline_is_one_line():
    assert headline(Failure("exception", "a\nb", type="app.errors:Bad.Worse")) == "Worse: a"
    assert headline(Failure("exception", "", type="builtins.KeyError")) == "KeyError"
    assert headline(Failure("exception", "words")) == "words"


def test_a_call_is_cut_argument_by_argument():
    assert call_of("f", {"a": "x" * 100, "b": "1"}, 10) == "f(a=xxxxxxxxx…, b=1)"
