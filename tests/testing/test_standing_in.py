"""What `current_run()` gives in a task function that a test calls."""

import asyncio

import pytest

from fairlead import FairleadError, NotFound, current_run
from fairlead.testing import running
from tests.testing import jobs


def test_what_the_function_says_can_be_looked_at():
    with running() as run:
        assert jobs.report(3) == "test-run/task#1"
    assert run.metrics == {"n": 3.0}
    assert run.artifacts == {"note": {"n": 3}}


def test_it_is_who_the_test_says():
    with running("calm-otter", "report[2]", attempt=4) as run:
        assert jobs.report(1) == "calm-otter/report[2]#4"
    assert repr(run) == "<StandIn calm-otter/report[2]#4>"


def test_secrets_are_those_of_the_test():
    with running(secrets={"KEY": "k"}) as run:
        assert current_run().secret("KEY") == "k"
        with pytest.raises(NotFound, match=r"gives no secret 'OTHER'; write running\(secrets="):
            run.secret("OTHER")


def test_a_metric_that_is_no_number_is_refused_as_in_a_run():
    with running() as run, pytest.raises(TypeError, match="metric 'n' must be a number, and str is not"):
        run.log_metric("n", "three")


def test_outside_of_it_there_is_no_task():
    with running():
        pass
    with pytest.raises(FairleadError, match="outside of a task"):
        current_run()


def test_the_innermost_counts():
    with running(path="outer"):
        with running(path="inner"):
            assert current_run().path == "inner"
        assert current_run().path == "outer"


def test_coroutines_have_it():
    async def ask():
        await asyncio.sleep(0)
        return current_run().path

    with running(path="async"):
        assert asyncio.run(ask()) == "async"


def test_a_run_inside_has_its_own(fairlead_env, fairlead_run):
    run = jobs.reporting(1).run()
    assert run.get_results() == f"{run.id}/report#1"
    assert fairlead_run.metrics == {}
    assert current_run() is fairlead_run
