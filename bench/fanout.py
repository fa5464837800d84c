"""A map over many small items and a join, on two warm worker processes.

What it costs to hand an item to another process and to write down what became of it; whether that
grows with the number of items; and how much memory the driver needs for each.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from bench.floor import Journal, Workers
from bench.parts import CPU, Figure, Side, Target, Work

__all__ = ["WORK"]

_TIME = "map"
_MEMORY = "memory"


def square(number: int) -> int:
    """Do next to nothing."""
    return number * number


def _per_item(start: float, n: int, result: object) -> dict[str, float]:
    seconds = time.perf_counter() - start
    expected = sum(number * number for number in range(n))
    if result != expected:
        raise AssertionError(f"the sum of squares is {expected}, not {result!r}")
    return {_TIME: seconds / n * 1e6}


def floor(n: int) -> Iterator[dict[str, float]]:
    """Send numbers down two pipes and keep a row per answer."""
    workers = Workers(2, square)
    journal = Journal("floor.db")
    try:
        while True:
            start = time.perf_counter()
            results = [0] * n
            for index, began, ended, result in workers.map(range(n)):
                results[index] = result
                journal.add(f"square[{index}]", began, ended, str(result))
            journal.commit()
            yield _per_item(start, n, sum(results))
    finally:
        workers.close()


def fairlead(n: int) -> Iterator[dict[str, float]]:
    """Run the map; the memory is what the first run adds to the driver's peak."""
    from flows import squares

    squares(list(range(10))).run("local").get_results()
    before, figures = _peak(), {}
    while True:
        numbers = list(range(n))
        start = time.perf_counter()
        run = squares(numbers).run("local")
        timed = _per_item(start, n, run.get_results())
        figures = figures or {_MEMORY: max(0, _peak() - before) / n}
        yield timed | figures


def _peak() -> float:
    """Give the most memory that this process has held at once, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0


def pool(n: int) -> Iterator[dict[str, float]]:
    """Use the standard library's pool as it comes: one item a message."""
    with ProcessPoolExecutor(2) as executor:
        while True:
            start = time.perf_counter()
            yield _per_item(start, n, sum(executor.map(square, range(n), chunksize=1)))


def joblib(n: int) -> Iterator[dict[str, float]]:
    """Send each item by itself, as we do; by default joblib puts quick ones together."""
    from joblib import Parallel, delayed

    with Parallel(n_jobs=2, batch_size=1) as parallel:
        while True:
            start = time.perf_counter()
            yield _per_item(start, n, sum(parallel(delayed(square)(number) for number in range(n))))


def joblib_batches(n: int) -> Iterator[dict[str, float]]:
    """Let joblib put items together: fewer messages, and one failure or retry for the lot."""
    from joblib import Parallel, delayed

    with Parallel(n_jobs=2) as parallel:
        while True:
            start = time.perf_counter()
            yield _per_item(start, n, sum(parallel(delayed(square)(number) for number in range(n))))


def distributed(n: int) -> Iterator[dict[str, float]]:
    """Map over a local cluster of two processes and join there."""
    from dask.distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        while True:
            start = time.perf_counter()
            futures = client.map(square, range(n), pure=False)
            yield _per_item(start, n, client.submit(sum, futures, pure=False).result())


def ray(n: int) -> Iterator[dict[str, float]]:
    """Submit n tasks to a local Ray and join here."""
    import os

    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
    import ray

    scratch = Path("r").absolute()
    ray.init(
        num_cpus=2, include_dashboard=False, log_to_driver=False, _temp_dir=str(scratch), _node_ip_address="127.0.0.2"
    )
    remote = ray.remote(square)
    try:
        while True:
            start = time.perf_counter()
            yield _per_item(start, n, sum(ray.get([remote.remote(number) for number in range(n)])))
    finally:
        ray.shutdown()


WORK = Work(
    name=_TIME,
    title="map over small items and a join, 2 warm workers",
    sides=(
        Side("floor", floor, 1_000, records="a row per task, durable"),
        Side("fairlead", fairlead, 1_000, records="everything, durable"),
        Side("ProcessPoolExecutor", pool, 1_000),
        Side("joblib", joblib, 1_000, venv="joblib"),
        Side("joblib, in batches", joblib_batches, 1_000, venv="joblib"),
        Side("fairlead, 10,000", fairlead, 10_000, records="everything, durable", rounds=4),
        Side("fairlead, 100,000", fairlead, 100_000, quick=30_000, records="everything, durable", rounds=2),
        Side("dask distributed", distributed, 1_000, venv="dask", apart=True, rounds=4),
        Side("Ray", ray, 1_000, venv="ray", apart=True, rounds=4),
    ),
    figures=(
        Figure(_TIME, "map and join, local", "µs/item", "ProcessPoolExecutor"),
        Figure(CPU, "the driver's processor time", "µs/item", "ProcessPoolExecutor"),
        Figure(_MEMORY, "the driver's memory", "bytes/item", "fairlead, 10,000", digits=0),
    ),
    targets=(
        Target(_TIME, 0.6, over="ProcessPoolExecutor"),
        Target(_TIME, 70),
        Target(CPU, 0.6, over="ProcessPoolExecutor", wish=True),
        Target(_TIME, 1.3, side="fairlead, 10,000", over="fairlead"),
        Target(_TIME, 1.3, side="fairlead, 100,000", over="fairlead"),
        Target(_MEMORY, 1_536, side="fairlead, 100,000"),
    ),
)
