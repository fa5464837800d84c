"""How dynamic runs end before their time: stopped, interrupted from the keyboard, killed."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter

import pytest

from tests.reliability.arena import Arena, kill, wait_until

JOBS = """
    import time
    from concurrent.futures import ThreadPoolExecutor
    from fairlead import task, workflow
    from notes import note

    @task
    def step(i, seconds=0.0):
        note("executed", f"step-{i}")
        time.sleep(seconds)
        return i + 1

    @task
    def hang():
        note("executed", "hang")
        time.sleep(60)

    @workflow(dynamic=True)
    def chain(n: int = 60, seconds: float = 0.01):
        x = 0
        while x < n:
            x = step(x, seconds)
        return x

    @workflow(dynamic=True)
    def wide(n: int = 60, seconds: float = 0.01):
        with ThreadPoolExecutor(4) as threads:
            first = list(threads.map(lambda i: step(i, seconds) + step(1000 + i), range(n // 2)))
        return sum(first) + sum(step.map(range(5000, 5000 + n // 2)))

    @workflow(dynamic=True)
    def hanging():
        step(0)
        try:
            hang()
        except Exception:
            note("executed", "swallowed")
        finally:
            note("executed", "cleaned")

    @workflow(dynamic=True)
    def busy():
        step(0)
        note("executed", "busy")
        for _ in range(600):  # a signal just before a sleep begins is seen when it ends
            time.sleep(0.1)
"""


@pytest.fixture
def arena(tmp_path, monkeypatch):
    (tmp_path / ".fairlead").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FAIRLEAD_ENV", raising=False)
    arena = Arena(tmp_path)
    arena.write("jobs.py", JOBS)
    yield arena
    arena.clear()


@pytest.fixture(params=["in_process", "local"])
def env(request):
    return request.param


@pytest.mark.parametrize("body", ["chain", "wide"])
def test_a_killed_run_is_resumed_without_executing_again_what_was_recorded(arena, env, body):
    driver = arena.begin("-m", "fairlead", "run", f"jobs.py:{body}", "--env", env, "--id", "killed", "-o", "json")
    wait_until(lambda: len(arena.lines()) > 5, 20, "beginning")
    time.sleep(random.uniform(0.0, 0.2))
    kill([driver.pid])
    driver.communicate()
    assert arena.summary("killed").status == "interrupted"
    store = arena.store()
    recorded = [one for one in store.attempts("killed") if one.outcome == "succeeded"]
    store.close()
    before = Counter(arena.lines())
    done = arena.call("resume", "killed", "--env", env, "-o", "json")
    assert done.returncode == 0, done.stderr
    again = Counter(arena.lines()) - before
    for one in recorded:
        name = f"step-{one.call.args['i'].data.decode()}"
        assert again[name] == 0, f"{name} was recorded, and executed again"
    assert max(Counter(arena.lines()).values()) <= 2


def test_ctrl_c_ends_the_body_where_it_waits(arena, env):
    driver = arena.begin("-m", "fairlead", "run", "jobs.py:hanging", "--env", env, "--id", "held")
    wait_until(lambda: "hang" in arena.lines(), 20, "hanging")
    time.sleep(0.2)
    driver.send_signal(signal.SIGINT)
    _, err = driver.communicate(timeout=20)
    assert driver.returncode == 130, err
    assert arena.summary("held").status == "cancelled"
    assert arena.lines() == ["step-0", "hang", "cleaned"]


def test_ctrl_c_ends_a_body_that_is_busy_itself(arena, env):
    driver = arena.begin("-m", "fairlead", "run", "jobs.py:busy", "--env", env, "--id", "busy")
    wait_until(lambda: "busy" in arena.lines(), 20, "being busy")
    driver.send_signal(signal.SIGINT)
    _, err = driver.communicate(timeout=20)
    assert driver.returncode == 130, err
    assert arena.summary("busy").status == "cancelled"


@pytest.mark.parametrize("body", ["hanging", "busy"])
def test_a_run_is_stopped_from_another_process(arena, env, body):
    driver = arena.begin("-m", "fairlead", "run", f"jobs.py:{body}", "--env", env, "--id", "stopped")
    wait_until(lambda: {"hang", "busy"} & set(arena.lines()), 20, "being at it")
    time.sleep(0.2)
    assert arena.call("stop", "stopped", "--wait").returncode == 0
    _, err = driver.communicate(timeout=20)
    assert driver.returncode == 130, err
    assert arena.summary("stopped").status == "cancelled"
    assert "swallowed" not in arena.lines()


def test_a_detached_run_goes_on_without_whoever_started_it(arena):
    started = arena.call("run", "jobs.py:wide", "--detach", "--env", "local")
    run_id = started.stdout.strip()
    assert arena.call("results", run_id, "--wait", "-o", "json").returncode == 0
    assert arena.summary(run_id).counts == {"succeeded": 90}
