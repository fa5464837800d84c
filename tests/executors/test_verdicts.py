"""What the end of a worker means, in words."""

import signal

import pytest

from fairlead.executors.verdicts import ended_by_us, is_quiet, of_death, rewrite
from fairlead.model.events import Attempt, Failure


@pytest.mark.parametrize(
    ("code", "reason", "told"),
    [
        (0, "exit", "exit code 0 (os._exit)"),
        (3, "exit", "exit code 3 (os._exit)"),
        (70, "exit", "could not carry it out"),
        (143, "killed", "SIGTERM"),
        (-signal.SIGTERM, "killed", "SIGTERM"),
        (-signal.SIGSEGV, "exit", "crashed with SIGSEGV"),
        (-signal.SIGKILL, "killed", "SIGKILL), perhaps because memory ran out"),
        (-signal.SIGHUP, "killed", "ended from outside (SIGHUP)"),
        (-250, "killed", "signal 250"),
    ],
)
def test_each_way_to_die_has_its_reason(code, reason, told):
    failure = of_death(code, out_of_memory=False)
    assert failure.reason == reason
    assert told in failure.message


def test_when_the_kernel_ran_out_of_memory_that_is_said():
    assert of_death(-signal.SIGKILL, out_of_memory=True).message.endswith("(SIGKILL): memory ran out")


def test_what_we_have_ended_says_why():
    assert ended_by_us("timeout", 5.0) == Failure("timeout", "took longer than its 5 s")
    assert ended_by_us("cancelled", None).reason == "cancelled"


@pytest.mark.parametrize(("code", "quiet"), [(0, True), (143, True), (-9, True), (-15, True), (1, False), (-11, False)])
def test_a_worker_without_a_job_may_end_in_some_ways(code, quiet):
    assert is_quiet(code) == quiet


def test_a_record_says_what_ended_the_attempt():
    record = Attempt("a", 1, outcome="failed", failure=Failure("killed", "?", traceback="T", arguments={"x": "1"}))
    rewrite(record, "timeout", 2.0)
    assert record.failure == Failure("timeout", "took longer than its 2 s", traceback="T", arguments={"x": "1"})
    rewrite(record, "cancelled", None)
    assert record.outcome == "cancelled"


def test_a_record_of_a_worker_that_somebody_else_ended_is_lost():
    record = Attempt("a", 1, outcome="failed", failure=Failure("killed", "?"))
    rewrite(record, "", None)
    assert record.outcome == "lost"


def test_a_success_stays_one():
    record = Attempt("a", 1, outcome="succeeded")
    rewrite(record, "timeout", 2.0)
    assert record.outcome == "succeeded"
