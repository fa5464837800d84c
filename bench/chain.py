"""A chain of tasks that add one, in one process: what a task costs when it does nothing.

Building counts as much as running, as a workflow is built each time a program starts.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from bench.floor import Journal
from bench.parts import CPU, Figure, Side, Target, Work

__all__ = ["WORK"]

_BENCH = "chain"
_ROWS = "rows"


def _per_task(start: float, n: int, result: object, expected: object) -> dict[str, float]:
    seconds = time.perf_counter() - start
    if result != expected:
        raise AssertionError(f"the chain gave {result!r}, not {expected!r}")
    return {_BENCH: seconds / n * 1e6}


def add_one(value: int) -> int:
    """Do as little as a task can."""
    return value + 1


def floor(n: int) -> Iterator[dict[str, float]]:
    """Run a plain loop that keeps a row per call."""
    journal = Journal("floor.db")
    while True:
        start = time.perf_counter()
        value = 0
        for index, task in enumerate([add_one] * n):
            began = time.time()
            value = task(value)
            journal.add(f"add_one_{index}", began, time.time(), str(value))
        journal.commit()
        yield _per_task(start, n, value, n)


def fairlead(n: int) -> Iterator[dict[str, float]]:
    """Build the workflow and run it; its result is asked for, so its records are committed."""
    from flows import chain

    while True:
        start = time.perf_counter()
        run = chain(0, n).run("in_process")
        yield _per_task(start, n, run.get_results(), n)


def dask_sync(n: int) -> Iterator[dict[str, float]]:
    """Build dask's own kind of graph and hand it to its scheduler for one thread."""
    import dask

    while True:
        start = time.perf_counter()
        graph: dict[str, object] = {"add_one_0": (add_one, 0)}
        for index in range(1, n):
            graph[f"add_one_{index}"] = (add_one, f"add_one_{index - 1}")
        yield _per_task(start, n, dask.get(graph, f"add_one_{n - 1}"), n)


def hamilton(n: int) -> Iterator[dict[str, float]]:
    """Build a driver over a module of n functions, each named in the next one's signature, and execute it."""
    from hamilton import ad_hoc_utils, driver, telemetry

    telemetry.disable_telemetry()
    sys.setrecursionlimit(20_000)  # it follows a chain by recursion
    source = "".join(f"def v{index + 1}(v{index}: int) -> int:\n    return v{index} + 1\n\n" for index in range(n))
    place = Path("hamilton_chain.py")
    place.write_text(source, encoding="utf-8")
    import hamilton_chain

    functions = [getattr(hamilton_chain, f"v{index + 1}") for index in range(n)]
    for number in count():
        module = ad_hoc_utils.create_temporary_module(*functions, module_name=f"chain_{number}")
        start = time.perf_counter()
        built = driver.Builder().with_modules(module).build()
        result = built.execute([f"v{n}"], inputs={"v0": 0})
        yield _per_task(start, n, result[f"v{n}"], n)


def redun(n: int) -> Iterator[dict[str, float]]:
    """Nest n calls of a task and let the scheduler reduce them, with a SQLite database behind it."""
    logging.disable(logging.INFO)
    from redun import Scheduler, task
    from redun.config import Config

    plus_one = task(name="plus_one", namespace="bench")(add_one)
    scheduler = Scheduler(config=Config({"backend": {"db_uri": "sqlite:///redun.db"}}))
    scheduler.load()
    # Another start each time: the same calls would be taken from its cache.
    for begin in count(0, 1_000_000):
        start = time.perf_counter()
        expression = begin
        for _ in range(n):
            expression = plus_one(expression)
        yield _per_task(start, n, scheduler.run(expression), begin + n)


_RUNNABLE = """
from runnable import Pipeline, PythonTask

def zero():
    return 0

def step(x: int):
    return x + 1

def chain(n=LENGTH):  # it calls this again by itself, without arguments, to learn the graph
    steps = [PythonTask(name="zero", function=zero, returns=["x"])]
    steps += [PythonTask(name=f"step {index}", function=step, returns=["x"]) for index in range(n - 1)]
    pipeline = Pipeline(steps=steps)
    pipeline.execute()
    return pipeline
"""


def runnable(n: int) -> Iterator[dict[str, float]]:
    """Execute a pipeline of Python steps, once: a second time in one process does nothing."""
    logging.disable(logging.WARNING)
    # It takes functions from files below the working directory only.
    Path("steps.py").write_text(_RUNNABLE.replace("LENGTH", str(n)), encoding="utf-8")
    import steps

    logs = Path(".run_log_store")
    before = set(logs.glob("*.json"))
    start = time.perf_counter()
    steps.chain()
    figures = _per_task(start, n, 0, 0)
    (log,) = set(logs.glob("*.json")) - before
    result = json.loads(log.read_text(encoding="utf-8"))["parameters"]["x"]["value"]
    if result != n - 1:
        raise AssertionError(f"the run log says {result!r}")
    yield figures


def dbos(n: int) -> Iterator[dict[str, float]]:
    """Call n steps from a durable workflow, in SQLite."""
    from dbos import DBOS

    DBOS(config={"name": "bench", "system_database_url": "sqlite:///dbos.db", "log_level": "ERROR"})
    plus_one = DBOS.step()(add_one)

    @DBOS.workflow()
    def chain(length: int) -> int:
        value = 0
        for _ in range(length):
            value = plus_one(value)
        return value

    DBOS.launch()
    try:
        while True:
            start = time.perf_counter()
            yield _per_task(start, n, chain(n), n)
    finally:
        DBOS.destroy()


def prefect(n: int) -> Iterator[dict[str, float]]:
    """Call n tasks from a flow, with the server that Prefect starts for itself."""
    os.environ |= {
        "PREFECT_HOME": str(Path("prefect").absolute()),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "DO_NOT_TRACK": "1",
    }
    from prefect import flow, task
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
    from prefect.testing.utilities import prefect_test_harness

    plus_one = task(add_one)

    @flow
    def chain(length: int) -> int:
        value = 0
        for _ in range(length):
            value = plus_one(value)
        return value

    async def recorded(run: object) -> int:
        mine = FlowRunFilter(id=FlowRunFilterId(any_=[run]))
        async with get_client() as client:
            return len(await client.read_task_runs(flow_run_filter=mine, limit=200))

    with prefect_test_harness(server_startup_timeout=90):
        while True:
            start = time.perf_counter()
            state = chain(n, return_state=True)
            figures = _per_task(start, n, state.result(), n)
            yield figures | {_ROWS: asyncio.run(recorded(state.state_details.flow_run_id))}


WORK = Work(
    name=_BENCH,
    title="chain of tasks that add one, in process, build and run",
    sides=(
        Side("floor", floor, 1_000, records="a row per task, durable"),
        Side("fairlead", fairlead, 1_000, records="everything, durable"),
        Side("dask.get sync", dask_sync, 1_000, venv="dask"),
        Side("Hamilton", hamilton, 1_000, venv="hamilton"),
        Side("DBOS", dbos, 1_000, venv="dbos", records="each step, SQLite", apart=True, rounds=3),
        Side("redun", redun, 100, venv="redun", records="each call, SQLite", apart=True, rounds=3),
        Side("runnable", runnable, 30, venv="runnable", records="run log, JSON", fresh=True, apart=True, rounds=3),
        Side("Prefect", prefect, 100, venv="prefect", records="each task, server", apart=True, rounds=3),
    ),
    figures=(
        Figure(_BENCH, "chain, in process", "µs/task", "dask.get sync"),
        Figure(CPU, "processor time", "µs/task", "dask.get sync"),
        Figure(_ROWS, "Prefect's task records right after", "records", "Prefect", digits=0),
    ),
    targets=(
        Target(_BENCH, 1.5, over="dask.get sync"),
        Target(_BENCH, 50),
        Target(CPU, 1.5, over="dask.get sync", wish=True),
    ),
)
