"""One task of a recorded run once more."""

import pytest

from fairlead import NotFound
from fairlead.testing import inputs_of, run_task
from tests.testing import jobs


@pytest.fixture
def run(fairlead_env):
    return jobs.training("data.csv").run()


def test_the_inputs_of_a_task_run_are_those_that_it_had(run):
    assert inputs_of(run, "train[1]") == {"chunk": 2, "rate": 0.5}
    assert inputs_of(run.id, "total") == {"scores": [0.5, 1.0, 1.5]}


def test_a_task_is_called_with_the_inputs_that_it_had(run):
    assert run_task(jobs.train, run=run.id, path="train[2]") == 1.5


def test_some_inputs_can_be_others(run):
    assert run_task(jobs.train, run=run, path="train[2]", inputs={"rate": 10}) == 30


def test_the_path_may_be_left_out_where_there_is_one(run):
    assert run_task(jobs.total, run=run) == 3.0


def test_a_plain_function_is_taken_as_well(run):
    def total(scores):
        return len(scores)

    assert run_task(total, run=run) == 3


def test_where_there_are_several_the_path_is_asked_for(run):
    with pytest.raises(NotFound, match=r"3 task runs of 'train'; say which: path='train\[0\]'"):
        run_task(jobs.train, run=run)


def test_a_task_that_the_run_has_not_is_told_with_those_that_it_has(run):
    with pytest.raises(NotFound, match="has no task 'report'; it has load, train, total"):
        run_task(jobs.report, run=run)


def test_a_run_that_is_not_there_is_told(fairlead_env):
    with pytest.raises(NotFound, match="no run 'nowhere'"):
        run_task(jobs.train, run="nowhere", path="train[0]")


def test_the_exception_is_the_functions_own(fairlead_env):
    run = jobs.failing(7).run(check=False)
    with pytest.raises(LookupError, match="no 7 here") as raised:
        run_task(jobs.fail, run=run)
    assert raised.traceback[-1].name == "fail"


def test_what_it_asks_for_is_what_it_had(fairlead_env):
    run = jobs.reporting(2).run()
    assert run_task(jobs.report, run=run) == f"{run.id}/report#1" == run.get_results()
    assert run.get_metrics() == {"report": {"n": 2.0}}


def test_every_kind_of_parameter_gets_its_arguments(fairlead_env):
    run = jobs.spreading().run()
    assert run_task(jobs.spread, run=run) == [1, [2, 3], True, {"x": 4}] == run.get_results()


def test_a_coroutine_function_is_awaited(fairlead_env):
    assert run_task(jobs.slowly, run=jobs.awaiting(1).run()) == 2
