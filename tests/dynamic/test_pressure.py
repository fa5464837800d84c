"""Dynamic runs beside each other, in threads, in numbers, and over stores that give up."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from fairlead import Environment, RunFailed, StoreError, WorkflowRun, task, workflow
from fairlead.config.services import open_services
from fairlead.testing.faults import FaultPoints


@task
def add(x, y=1):
    return x + y


@task
def bad(x):
    raise ValueError(x)


@workflow(dynamic=True)
def count(n: int):
    x = 0
    while x < n:
        x = add(x)
    print("counted to", x)
    return x


@workflow(dynamic=True)
async def group(n: int):
    async with asyncio.TaskGroup() as together:
        made = [together.create_task(one(i)) for i in range(n)]
    return [each.result() for each in made]


async def one(i):
    return await (bad(i) if i == 3 else add(i))


def test_runs_beside_each_other_in_threads_keep_apart(env):
    runs = {}

    def carry(n):
        runs[n] = count(n).run(env)

    threads = [threading.Thread(target=carry, args=(n,)) for n in (3, 5, 8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n, run in runs.items():
        assert run.get_results() == n
        assert len(run.get_tasks()) == n
        assert list(run.get_logs(".")) == [(".", f"counted to {n}\n")]


def test_a_task_group_is_ended_by_the_failure_of_one(env):
    assert group(3).run(env).get_results() == [1, 2, 3]
    run = group(5).run(env, check=False)
    assert run.get_status() == "failed"
    assert run.summary().error == "bad"


@pytest.mark.parametrize("kind", ["in_process", "local"])
def test_a_store_that_is_full_ends_the_body_and_loses_nothing(kind):
    environment = Environment(executor=kind, store={"type": "sqlite", "path": f"full-{kind}.db"})
    services = open_services(environment)
    store = services.store
    faults = FaultPoints(at=5, then="full")
    services.store = faults.run_store(store)
    try:
        with pytest.raises(StoreError, match="full"):
            count(100_000).run(environment, id=f"full-{kind}")
    finally:
        services.store = store
    run = WorkflowRun.by_id(f"full-{kind}", environment)
    assert run.get_status() == "interrupted"


def test_many_calls_are_made_and_replayed_in_time_that_grows_with_their_number():
    def spent(n):
        begun = time.process_time()
        run = stopping(n).run("in_process", check=False)
        made = time.process_time()
        run.resume(check=False)
        return made - begun, time.process_time() - made

    spent(100)
    small, large = spent(500), spent(4000)
    assert large[0] < 20 * small[0]
    assert large[1] < 20 * small[1]


@workflow(dynamic=True)
def stopping(n: int):
    for i in range(n):
        add(i % 7)
    raise RuntimeError("stop here")


def test_a_body_in_a_memory_store_and_one_that_fails_at_once():
    @workflow(dynamic=True)
    def nothing():
        raise LookupError("at once")

    with pytest.raises(RunFailed, match="at once"):
        nothing().run(Environment(executor="in_process", store="memory"))


def test_an_async_body_runs_where_a_loop_runs_already(env):
    async def notebook():
        return group(3).run(env)

    assert asyncio.run(notebook()).get_results() == [1, 2, 3]
