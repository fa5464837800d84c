"""Resuming a dynamic run: the body runs again, and what was recorded is given to it where it asks for it."""

from __future__ import annotations

import asyncio
import itertools
import random
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairlead import Environment, RunDiverged, RunFailed, TaskFailed, WorkflowRun, task, workflow
from fairlead.config.services import open_services
from fairlead.testing.faults import Died, FaultPoints

_SERIAL = itertools.count()
MADE = []
"""What tasks have really run, in this process."""
SWITCH = {}


@task
def step(name, x=0):
    MADE.append((name, x))
    if name in SWITCH["bad"]:
        raise ValueError(f"{name} is bad")
    return x + 1


@task
def other(name):
    MADE.append((name,))
    return name


@pytest.fixture(autouse=True)
def _fresh():
    MADE.clear()
    SWITCH.update(bad=(), way="left")


def new_id():
    return f"run-{next(_SERIAL)}"


@workflow(dynamic=True)
def small(n: int = 3):
    x = step("first")
    for _ in range(n):
        x = step("same", 5) + x
    try:
        step("caught", x)
    except TaskFailed:
        x = -x
    return inner(x), step.map(["m1", "m2"], x=x)


@workflow(dynamic=True)
def inner(x):
    return step("inside", x) + step("inside", x)


def interrupted_at(n, when, definition, run_id):
    """Carry a run in process until the store has died at its n-th write; False when it ended before."""
    # Every fact is a write of its own.
    services = open_services(Environment(executor="in_process", durability="each"))
    faults = FaultPoints(at=n, when=when)
    store = services.store
    services.store = faults.run_store(store)
    try:
        definition.run(services.environment, id=run_id)
    except Died:
        return True
    finally:
        services.store = store
    return False


@pytest.mark.parametrize("bad", [(), ("caught",)])
def test_a_run_that_died_at_any_write_goes_on_to_the_same_end(bad):
    SWITCH["bad"] = bad
    expected = small().run("in_process").get_results()
    each = MADE.copy()
    MADE.clear()
    for n in itertools.count(3):
        run_id = new_id()
        died = interrupted_at(n, "after", small(), run_id)
        before = MADE.copy()
        MADE.clear()
        if not died:
            break
        run = WorkflowRun.by_id(run_id, "in_process")
        recorded = len([one for one in run._attempts() if one.outcome in {"succeeded", "failed"} and one.path != "."])
        assert run.resume().get_results() == expected
        # What was recorded is not executed again, and nothing is left out.
        assert sorted(before[:recorded] + MADE) == sorted(each)
        MADE.clear()
    assert n > 8


@workflow(dynamic=True)
def wide(orders, stop: bool = True):
    """Threads make calls in whatever order they come to them."""

    def one(i):
        x = step(f"a{i % 2}", i)
        return step("b", x) + step("same")

    with ThreadPoolExecutor(len(orders)) as threads:
        sent = [threads.submit(one, i) for i in orders]
        found = [each.result() for each in sent]
    if SWITCH["way"] == "stop":
        raise RuntimeError("stop here")
    return sum(found)


@workflow(dynamic=True)
async def gathered(orders):
    async def one(i):
        for _ in range(random.Random(SWITCH["seed"] + i).randrange(3)):
            await asyncio.sleep(0)
        x = await step(f"a{i % 2}", i)
        return await step("b", x) + await step("same")

    found = await asyncio.gather(*(one(i) for i in orders))
    if SWITCH["way"] == "stop":
        raise RuntimeError("stop here")
    return sum(found)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 3), min_size=2, max_size=5), st.integers(0, 1000), st.sampled_from([wide, gathered]))
def test_calls_made_at_the_same_time_find_their_results_in_any_order(numbers, seed, body):
    SWITCH.update(way="stop", seed=seed)
    MADE.clear()
    run = body(numbers).run("in_process", id=new_id(), check=False)
    assert run.get_status() == "failed"
    assert len(MADE) == 3 * len(numbers)
    SWITCH.update(way="left", seed=seed + 7)
    MADE.clear()
    sys.setswitchinterval(1e-5)
    try:
        assert run.resume().get_results() == sum(n + 3 for n in numbers)
    finally:
        sys.setswitchinterval(5e-3)
    assert MADE == []


@workflow(dynamic=True)
def wandering(n: int = 2):
    step("first")
    step(SWITCH["way"])
    x = step("last")
    if SWITCH["way"] == "left":
        raise RuntimeError("stop here")
    return x


@workflow(dynamic=True)
def fails_later():
    step("first")
    step(SWITCH["way"])
    if SWITCH["way"] != "left":
        step("more")
    if SWITCH["way"] in ("left", "right"):
        raise RuntimeError(SWITCH["way"])
    return 1


@workflow(dynamic=True)
def less():
    future = step.submit("gone") if SWITCH["way"] == "left" else None
    if future is not None:
        raise RuntimeError("stop here")
    return 1


@workflow(dynamic=True)
def stubborn():
    try:
        step(SWITCH["way"])
    except Exception:
        return "caught"
    raise RuntimeError("stop here")


@workflow(dynamic=True)
def thrice():
    found = [step("same") for _ in range(3)]
    if SWITCH["way"] == "left":
        raise RuntimeError("stop here")
    return [*found, step("same")]


def test_a_body_that_takes_another_way_is_told_what_was_expected():
    run = wandering().run("in_process", check=False)
    MADE.clear()
    SWITCH["way"] = "right"
    with pytest.raises(RunDiverged) as told:
        run.resume()
    assert "it calls step(name='right') (test_resuming.py:" in str(told.value)
    assert "where it made step#2(name='left')" in str(told.value)
    assert f"fairlead resume {run.id} --diverged new" in str(told.value)
    assert MADE == []
    assert run.get_status() == "failed"


def test_another_way_can_be_accepted():
    run = wandering().run("in_process", check=False)
    MADE.clear()
    SWITCH["way"] = "right"
    assert run.resume(diverged="accept").get_results() == 1
    assert MADE == [("right", 0)]
    assert run.get_task("step#2").inputs == {"name": "left"}


def test_what_was_accepted_stays_accepted():
    run = fails_later().run("in_process", check=False)
    SWITCH["way"] = "right"
    fails_later().run("in_process", resume=run, diverged="accept", check=False)
    MADE.clear()
    with pytest.raises(RunFailed, match="RuntimeError: right"):
        run.resume()
    assert MADE == []


def test_another_way_can_be_a_new_run_that_reuses_what_is_valid():
    run = wandering().run("in_process", check=False)
    MADE.clear()
    SWITCH["way"] = "right"
    new = wandering().run("in_process", resume=run, diverged="new")
    assert new.id != run.id
    assert new.record.parent == run.id
    assert MADE == [("right", 0)]


def test_a_body_that_ends_without_its_calls_has_taken_another_way():

    run = less().run("in_process", check=False)
    SWITCH["way"] = "right"
    with pytest.raises(RunDiverged, match=r"it has ended, where it made step\(name='gone'\)"):
        run.resume()


def test_a_way_that_is_caught_by_the_body_fails_the_run_all_the_same():

    run = stubborn().run("in_process", check=False)
    SWITCH["way"] = "right"
    with pytest.raises(RunDiverged, match="it calls step"):
        run.resume()


def test_a_failure_that_ended_the_body_is_tried_again(env):
    SWITCH["bad"] = ("last",)

    @workflow(dynamic=True)
    def one():
        step("first")
        try:
            return step("last")
        finally:
            other("cleaned")

    run = one().run("in_process", check=False)
    assert run.summary().error == "step#2"
    SWITCH["bad"] = ()
    MADE.clear()
    assert run.resume().get_results() == 1
    assert MADE == [("last", 0)]
    assert [attempt.outcome for attempt in run.get_task("step#2").attempts] == ["failed", "succeeded"]


def test_a_failure_that_the_body_caught_is_not_tried_again():
    SWITCH["bad"] = ("maybe", "last")

    @workflow(dynamic=True)
    def one():
        try:
            x = step("maybe")
        except ValueError:
            x = step("instead")
        return step("last", x)

    run = one().run("in_process", check=False)
    SWITCH["bad"] = ()
    MADE.clear()
    assert run.resume().get_results() == 2
    assert MADE == [("last", 1)]


def test_identical_calls_are_told_apart_by_their_occurrence():

    run = thrice().run("in_process", check=False)
    SWITCH["way"] = "right"
    MADE.clear()
    assert run.resume().get_results() == [1, 1, 1, 1]
    assert MADE == [("same", 0)]


def test_changed_code_of_one_task_makes_a_new_run_that_reuses_the_rest(place, env):
    text = """
        from fairlead import task, workflow

        @task
        def load():
            return 1

        @task
        def scale(x):
            return x * {factor}

        @workflow(dynamic=True)
        def job(x: int = 1):
            found = scale(load())
            if found < 10:
                raise RuntimeError("too small")
            return found
    """
    name = f"changing_{env}"
    place.write(f"{name}.py", text.replace("{factor}", "2"))
    said = place.python(f"""
        import {name}
        print({name}.job().run({env!r}, id="{name}", check=False).get_status())
    """)
    assert said == "failed"
    place.write(f"{name}.py", text.replace("{factor}", "20"))
    said = place.python(f"""
        from fairlead.api import resume_run
        run = resume_run("{name}")
        print(run.id != "{name}", run.get_results(), [(one.id, one.status) for one in run.get_tasks()])
    """)
    assert said == "True 20 [('load', 'reused'), ('scale', 'succeeded')]"


def test_results_are_reused_among_runs_where_a_task_says_so():
    cached = step.options(cache=True)

    @workflow(dynamic=True)
    def one(seed):
        return cached("kept", seed) + cached("kept", seed)

    seed = random.randrange(10**9)
    one(seed).run("in_process")
    MADE.clear()
    run = one(seed).run("in_process")
    assert MADE == []
    assert {each.status for each in run.get_tasks()} == {"reused"}


def test_from_a_task_its_calls_are_made_again():
    @workflow(dynamic=True)
    def one():
        return other("kept"), step("again")

    run = one().run("in_process")
    MADE.clear()
    one().run("in_process", resume=run, from_task="step")
    assert MADE == [("again", 0)]


def test_what_resuming_does_is_told_first():
    class Listening:
        def notify(self, run, event):
            if type(event).__name__ == "Opened":
                plans.append(event.plan)

    plans = []
    run = wandering().run("in_process", check=False)
    wandering().run("in_process", resume=run, observers=[Listening()], check=False)
    assert (plans[0].reused, plans[0].run) == (3, 0)
