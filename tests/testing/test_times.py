"""A clock that a test moves."""

import threading
import time

import pytest

from fairlead import ConfigurationError, RunFailed, list_workflow_runs
from fairlead.testing import VirtualClock, memory_env, virtual_clock
from fairlead.testing.times import START
from tests.testing import jobs


@pytest.fixture(autouse=True)
def _quick(fairlead_env):
    begun = time.perf_counter()
    yield
    assert time.perf_counter() - begun < 5


def attempts(run):
    return [(one.started - START, one.ended - START, one.seconds, one.outcome) for one in run.get_tasks()[0].attempts]


def test_delays_before_retries_pass_at_once_and_are_recorded(fairlead_clock):
    run = jobs.patient(2).run()
    assert attempts(run) == [(0, 0, 0, "failed"), (7200, 7200, 0, "failed"), (14400, 14400, 0, "succeeded")]
    assert fairlead_clock.now() == START + 14400


def test_the_run_itself_has_the_clocks_times(fairlead_clock):
    summary = jobs.patient(1).run().summary()
    assert (summary.created, summary.started, summary.ended) == (START, START, START + 7200)


def test_sleeping_in_a_task_lets_the_clock_go_on(fairlead_clock):
    run = jobs.slow(599).run()
    assert attempts(run) == [(0, 599, 599, "succeeded")]


def test_a_task_that_sleeps_past_its_time_limit_is_ended_there(fairlead_clock):
    run = jobs.slow(3600).run(check=False)
    assert attempts(run) == [(0, 600, 600, "failed")]
    failure = run.get_tasks()[0].attempts[0].failure
    assert (failure.reason, failure.message) == ("timeout", "took longer than its 600 s")
    assert "in sleepy" in failure.traceback
    with pytest.raises(RunFailed, match="took longer"):
        run.get_results()


def test_tasks_see_the_time_of_the_clock(fairlead_clock):
    assert jobs.waiting(7200).run().get_results() == (START + 7200, 7200)


def test_the_test_may_let_time_go_by(fairlead_clock):
    fairlead_clock.advance(86400)
    assert jobs.slow(1).run().summary().created == START + 86400


def test_two_runs_take_the_same_times():
    def once():
        with virtual_clock():
            return attempts(jobs.patient(3).run())

    assert once() == once()


def test_a_run_that_is_stopped_by_its_task_notices(fairlead_clock):
    run = jobs.stopping().run(check=False)
    assert run.get_status() == "cancelled"
    assert run.summary().counts == {"succeeded": 1, "cancelled": 1}


def test_time_is_real_again_afterwards():
    before = time.time, time.monotonic, time.sleep
    with virtual_clock():
        assert time.time() == START
    assert (time.time, time.monotonic, time.sleep) == before
    assert abs(list_workflow_runs.__globals__["time"].time() - time.time()) < 5


def test_other_threads_sleep_really(fairlead_clock):
    begun = time.perf_counter()
    thread = threading.Thread(target=lambda: time.sleep(0.05))
    thread.start()
    thread.join()
    assert time.perf_counter() - begun >= 0.05
    assert fairlead_clock.now() == START


def test_tasks_in_other_processes_are_refused():
    with memory_env("local"), virtual_clock(), pytest.raises(ConfigurationError, match="does not reach"):
        jobs.slow(1).run()


def test_alarms_go_off_in_order_at_their_time():
    clock = VirtualClock(0)
    heard = []
    with clock.alarm(5, lambda: heard.append(("late", clock.now()))), clock.alarm(2, lambda: heard.append(clock.now())):
        with clock.alarm(1, lambda: heard.append("never")):
            pass
        clock.sleep(4)
        assert heard == [2]
        clock.advance(4)
    assert heard == [2, ("late", 5)]
    assert (clock.now(), clock.ticks()) == (8, 8)


def test_sleeping_for_less_than_no_time_is_refused_as_ever():
    with pytest.raises(ValueError, match="non-negative"):
        VirtualClock().sleep(-1)


def test_several_executors_go_by_the_same_clock():
    settings = {"executor": "in_process", "executors": {"other": "mock"}, "tasks": {"sleepy": {"executor": "other"}}}
    with memory_env(**settings), virtual_clock() as clock:
        run = jobs.patient(1).run()
    assert [one.started - START for one in run.get_tasks()[0].attempts] == [0, 7200]
    assert clock.now() == START + 7200
