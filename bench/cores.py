"""64 tasks of 50 ms of Python on two cores: how much of both cores the tasks themselves get.

A task burns processor time, not wall time, so that what a neighbour on the machine takes shows up as
lost for everybody. On a busy machine even ratios of such shares say little: who has more sessions gets
more of the processors. So there is a second figure, in which a neighbour hardly counts: of all the processor
time that a side takes, with everything that it has started, the part that is its tasks'.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from bench.floor import Workers
from bench.parts import Figure, Side, Target, Work

__all__ = ["WORK"]

_WARM = "warm"
_START = "start"
_WARM_SPENT = "warm-spent"
_START_SPENT = "start-spent"
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
    figures = {}
    run = None
    for share, spent in ((_START, _START_SPENT), (_WARM, _WARM_SPENT)):
        before, start = _processor_seconds(), time.perf_counter()
        run = run or begin()
        inside = sum(run(tasks))
        figures[share] = inside / 2 / (time.perf_counter() - start)
        figures[spent] = inside / (_processor_seconds() - before)
    yield figures


def _processor_seconds() -> float:
    """Give what this process and all that live below it have taken so far."""
    seconds, left = 0.0, [str(os.getpid())]
    while left:
        for thread in Path(f"/proc/{left.pop()}/task").iterdir():
            seconds += int((thread / "schedstat").read_text().split()[0]) / 1e9
            left += (thread / "children").read_text().split()
    return seconds


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
        Figure(_WARM_SPENT, "tasks' part of all processor time, warm", "part", "floor", more=True, digits=3),
        Figure(_START_SPENT, "with the start of the workers", "part", "floor", more=True, digits=3),
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
