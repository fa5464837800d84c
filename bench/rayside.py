"""Tasks on Ray: what it costs that they are recorded, beside Ray used by hand.

A process that uses both does so in turn, on one cluster of this machine, so that a ratio is of one moment:
a cluster that idles beside another is not idle.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

from bench.parts import ON_RAY, Figure, Side, Target, Work

__all__ = ["ARRAY", "MAP"]

_TASK, _CHUNKED, _VALUES = "ray", "ray-chunked", "ray-array"
_TASKS = 5
_STARTS = 3
"""How often a cluster is started before it is given up."""


def _cluster() -> tuple[Any, Any]:
    """Start a cluster; gives Ray, and the environment that joins it."""
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
    import ray

    from fairlead import Environment

    for left in reversed(range(_STARTS)):
        try:
            _start(ray)
            break
        except Exception as error:  # Ray raises just that
            # It gives its own processes 30 s, in which a busy machine may not start them.
            ray.shutdown()
            if not left or "timed out" not in str(error):
                raise
    return ray, Environment(executor={"type": "ray", "address": ray.get_runtime_context().gcs_address})


def _start(ray: Any) -> None:
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=3_000_000_000,
        _temp_dir=str(Path("r").absolute()),
        _node_ip_address="127.0.0.2",
    )


def _timed(call: Callable[[], object], expected: object) -> float:
    start = time.perf_counter()
    result = call()
    seconds = time.perf_counter() - start
    if result != expected:
        raise AssertionError(f"it gives {result!r}, and should give {expected!r}")
    return seconds


def map_of(n: int) -> Iterator[dict[str, float]]:
    """Map over n numbers three times: by hand, recorded, and recorded with fifty to a job."""
    from flows import squares, squares_in_chunks

    from bench.fanout import square

    ray, environment = _cluster()
    remote = ray.remote(square)
    numbers = list(range(n))
    expected = sum(number * number for number in numbers)
    try:
        while True:
            by_hand = _timed(lambda: sum(ray.get([remote.remote(number) for number in numbers])), expected)
            ours = _timed(lambda: squares(numbers).run(environment).get_results(), expected)
            chunked = _timed(lambda: squares_in_chunks(numbers).run(environment).get_results(), expected)
            yield {"by-hand": by_hand / n * 1e6, _TASK: ours / by_hand, _CHUNKED: chunked / by_hand}
    finally:
        ray.shutdown()


def array_of(n: int) -> Iterator[dict[str, float]]:
    """Pass an array through five tasks twice: by hand, and recorded."""
    from flows import five

    from bench.array import first, ones, plus_one, touch

    ray, environment = _cluster()
    remote = {function: ray.remote(function) for function in (ones, plus_one, first)}

    def by_hand(value: float) -> float:
        arrays = [remote[ones].remote(n, value)]
        for _ in range(_TASKS - 1):
            arrays.append(remote[plus_one].remote(arrays[-1]))
        given: float = ray.get(remote[first].remote(arrays[-1]))
        return given

    try:
        for begin in count():
            value, home = float(begin), Path.cwd()
            plain = _timed(lambda value=value: by_hand(value), value + _TASKS - 1)  # type: ignore[misc]
            folder = home / f"array-on-ray-{begin}"
            (folder / ".fairlead").mkdir(parents=True)
            # Ray's memory has been used before, and no page of a new file has.
            touch(_TASKS * n * 8 * 2)
            os.chdir(folder)
            ours = _timed(lambda value=value: five(n, value).run(environment).get_results(), value + _TASKS - 1)  # type: ignore[misc]
            os.chdir(home)
            shutil.rmtree(folder)
            yield {_VALUES: ours / plain}
    finally:
        ray.shutdown()


MAP = Work(
    name="ray",
    title="1,000 small tasks on Ray, recorded, over the same by hand",
    sides=(Side("fairlead", map_of, 1_000, venv=ON_RAY, records="everything, durable", apart=True, rounds=5),),
    figures=(
        Figure("by-hand", "a task of Ray's own", "µs", "fairlead"),
        Figure(_TASK, "recorded, over Ray by hand", "times", "fairlead", digits=2),
        Figure(_CHUNKED, "recorded, 50 to a job, over Ray by hand", "times", "fairlead", digits=2),
    ),
    targets=(Target(_TASK, 1.25), Target(_CHUNKED, 0.25)),
    service=True,
)

ARRAY = Work(
    name="ray-array",
    title="200 MB through 5 tasks on Ray, recorded, over the same by hand",
    sides=(
        Side(
            "fairlead",
            array_of,
            25_000_000,
            quick=8_000_000,
            venv=ON_RAY,
            records="every array, as a file",
            apart=True,
            rounds=5,
        ),
    ),
    figures=(Figure(_VALUES, "array through 5 Ray tasks, over Ray by hand", "times", "fairlead", digits=2),),
    targets=(Target(_VALUES, 1.2),),
    service=True,
)
