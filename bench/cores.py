"""64 tasks of 50 ms of Python on two cores: how much of both cores the tasks themselves get.

A task burns processor time, not wall time, so that what a neighbour on the machine takes shows up as
lost for everybody, and ratios stay true.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor

from bench.floor import Workers
from bench.parts import Figure, Side, Target, Work

__all__ = ["WORK"]

_WARM = "warm"
_START = "start"
_TASK = 0.05


def burn(seconds: float) -> float:
    """Compute for so many seconds of processor time; give what it was."""
    start = time.thread_time()
    while (spent := time.thread_time() - start) < seconds:
        pass
    return spent


def _share(begin: Callable[[], Callable[[list[float]], list[float]]], n: int) -> Iterator[dict[str, float]]:
    """Measure once with the start of the workers, then a second time without."""
    tasks = [_TASK] * n
    start = time.perf_counter()
    run = begin()
    spent = run(tasks)
    first = sum(spent) / 2 / (time.perf_counter() - start)
    start = time.perf_counter()
    spent = run(tasks)
    yield {_START: first, _WARM: sum(spent) / 2 / (time.perf_counter() - start)}


def floor(n: int) -> Iterator[dict[str, float]]:
    """Fork two processes and send each a number as soon as it is free."""

    def begin() -> Callable[[list[float]], list[float]]:
        workers = Workers(2, burn, ahead=2)
        return lambda tasks: [result for *_, result in workers.map(tasks)]

    yield from _share(begin, n)


def fairlead(n: int) -> Iterator[dict[str, float]]:
    """Run a recorded map; the workers start with the first run of a process."""
    from flows import burning

    yield from _share(lambda: lambda tasks: burning(tasks).run("local").get_results(), n)


def pool(n: int) -> Iterator[dict[str, float]]:
    """Use the standard library's pool."""

    def begin() -> Callable[[list[float]], list[float]]:
        executor = ProcessPoolExecutor(2)
        return lambda tasks: list(executor.map(burn, tasks))

    yield from _share(begin, n)


def joblib(n: int) -> Iterator[dict[str, float]]:
    """Use joblib's default pool."""
    from joblib import Parallel, delayed

    yield from _share(lambda: lambda tasks: Parallel(n_jobs=2)(delayed(burn)(task) for task in tasks), n)


WORK = Work(
    name="cores",
    title="64 tasks of 50 ms of Python on 2 cores: share of both cores used",
    sides=(
        Side("floor", floor, 64, fresh=True),
        Side("fairlead", fairlead, 64, records="everything, durable", fresh=True),
        Side("ProcessPoolExecutor", pool, 64, quick=0, fresh=True),
        Side("joblib", joblib, 64, venv="joblib", fresh=True),
    ),
    figures=(
        Figure(_WARM, "share of 2 cores, warm", "share", "floor", more=True, digits=3),
        Figure(_START, "with the start of the workers", "share", "floor", more=True, digits=3),
    ),
    targets=(
        Target(_WARM, 0.97),
        Target(_START, 0.92),
        Target(_WARM, 0.98, over="floor", wish=True),
        Target(_START, 0.95, over="floor", wish=True),
    ),
    rounds=4,
    quick_rounds=2,
)
