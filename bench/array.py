"""200 MB of NumPy through five tasks in separate processes, every intermediate kept.

One task makes the array, four add one to it, and a last small one reads a number. Megabytes per second
are five arrays over the whole time, whatever was kept, copied or sent on the way.
"""

from __future__ import annotations

import mmap
import os
import pickle
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

from bench.floor import Workers
from bench.parts import Figure, Side, Target, Work

__all__ = ["WORK", "first", "ones", "plus_one", "touch"]

_RATE = "array"
_POPULATE_WRITE = 23
"""As in <linux/mman.h>; the mmap module does not have it."""
_TASKS = 5


def ones(size: int, value: float) -> Any:
    """Make an array."""
    import numpy as np

    return np.full(size, value)


def plus_one(array: Any) -> Any:
    """Give a new array."""
    return array + 1.0


def first(array: Any) -> float:
    """Look at one element."""
    return float(array[0])


def _rate(start: float, n: int, result: float, value: float) -> dict[str, float]:
    seconds = time.perf_counter() - start
    if result != value + _TASKS - 1:
        raise AssertionError(f"the array holds {result!r}")
    return {_RATE: _TASKS * n * 8 / 1e6 / seconds}


# --- floors --------------------------------------------------------------------------------------


def _save(place: str, array: Any) -> str:
    """Keep the array as a protocol-5 pickle whose one buffer stands behind it."""
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(array, 5, buffer_callback=buffers.append)
    with Path(place).open("xb") as file:
        file.write(len(head).to_bytes(8, "little") + head.ljust(4088))
        for buffer in buffers:
            file.write(buffer.raw())
    return place


def _load(place: str) -> Any:
    with Path(place).open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    size = int.from_bytes(mapped[:8], "little")
    return pickle.loads(mapped[8 : 8 + size], buffers=[memoryview(mapped)[4096:]])


def _file_task(call: tuple[str, Any, Any, str]) -> Any:
    name, given, value, place = call
    if name == "ones":
        return _save(place, ones(given, value))
    if name == "plus_one":
        return _save(place, plus_one(_load(given)))
    return first(_load(given))


def _map_task(call: tuple[str, Any, Any, str]) -> Any:
    """Do the same inside maps of files that are there already: nothing is allocated."""
    import numpy as np

    name, given, value, place = call
    if name == "ones":
        np.memmap(place, float, "r+")[:] = value
        return place
    source = np.memmap(given, float, "r")
    if name == "plus_one":
        np.add(source, 1.0, out=np.memmap(place, float, "r+"))
        return place
    return first(source)


def _floor(n: int, task: Callable[[Any], Any], *, reuse: bool) -> Iterator[dict[str, float]]:
    if not reuse:
        touch(_TASKS * n * 8 * 2)
    folder = Path(f"floor-{os.getpid()}")
    folder.mkdir()
    places = [str(folder / str(index)) for index in range(_TASKS)]
    if reuse:
        for place in places:
            _blank(place, n)
    workers = Workers(2, task)

    def call(*arguments: Any) -> Any:
        return next(workers.map([arguments]))[-1]

    try:
        for begin in count():
            start = time.perf_counter()
            given = call("ones", n, float(begin), places[0])
            for place in places[1:]:
                given = call("plus_one", given, None, place)
            yield _rate(start, n, call("first", given, None, ""), begin)
            for place in () if reuse else places:
                Path(place).unlink()
    finally:
        workers.close()
        shutil.rmtree(folder)


def touch(size: int) -> None:
    """Use memory once: on a virtual machine a page's first use is twenty times as slow as any later one."""
    with mmap.mmap(-1, size) as memory:
        try:
            memory.madvise(_POPULATE_WRITE)  # in one go: a third of the time
        except OSError:  # a kernel before 5.14
            for place in range(0, size, mmap.PAGESIZE):
                memory[place] = 1


def _blank(place: str, n: int) -> None:
    with Path(place).open("wb") as file:
        for _ in range(8):
            file.write(bytes(n))


def floor_maps(n: int) -> Iterator[dict[str, float]]:
    """Write into files that are mapped and were written before."""
    yield from _floor(n, _map_task, reuse=True)


def floor_files(n: int) -> Iterator[dict[str, float]]:
    """Write each array to a new file; map it where it is used."""
    yield from _floor(n, _file_task, reuse=False)


# --- the others ----------------------------------------------------------------------------------


def fairlead(n: int) -> Iterator[dict[str, float]]:
    """Run the workflow, each time in a new folder with a store of its own; the last one is removed.

    As the floor does: right before the next one, so that no memory has gone back to the host meanwhile.
    """
    from flows import five, one

    touch(_TASKS * n * 8 * 2)
    home = Path.cwd()
    one().run("local")
    for begin in count():
        folder = home / f"array-{os.getpid()}-{begin}"
        shutil.rmtree(home / f"array-{os.getpid()}-{begin - 1}", ignore_errors=True)
        (folder / ".fairlead").mkdir(parents=True)
        os.chdir(folder)
        start = time.perf_counter()
        run = five(n, float(begin)).run("local")
        figures = _rate(start, n, run.get_results(), begin)
        os.chdir(home)
        yield figures


def _chain(call: Callable[..., Any], n: int) -> Iterator[dict[str, float]]:
    for begin in count():
        start = time.perf_counter()
        array = call(ones, n, float(begin))
        for _ in range(_TASKS - 1):
            array = call(plus_one, array)
        yield _rate(start, n, call(first, array), begin)


def pool(n: int) -> Iterator[dict[str, float]]:
    """Send the array to a pool's process and back, five times."""
    with ProcessPoolExecutor(2) as executor:
        yield from _chain(lambda *call: executor.submit(*call).result(), n)


def joblib(n: int) -> Iterator[dict[str, float]]:
    """Let joblib map what goes there, and send what comes back."""
    from joblib import Parallel, delayed

    with Parallel(n_jobs=2) as parallel:
        yield from _chain(lambda function, *given: parallel([delayed(function)(*given)])[0], n)


def ray(n: int) -> Iterator[dict[str, float]]:
    """Keep the arrays in Ray's shared memory and pass references."""
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
    import ray

    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=3_000_000_000,
        _temp_dir=str(Path("r").absolute()),
        _node_ip_address="127.0.0.2",
    )
    remote = {function: ray.remote(function) for function in (ones, plus_one, first)}
    try:
        for begin in count():
            start = time.perf_counter()
            arrays = [remote[ones].remote(n, float(begin))]
            for _ in range(_TASKS - 1):
                arrays.append(remote[plus_one].remote(arrays[-1]))
            yield _rate(start, n, ray.get(remote[first].remote(arrays[-1])), begin)
            arrays.clear()
    finally:
        ray.shutdown()


_SIZE = 25_000_000

WORK = Work(
    name=_RATE,
    title="200 MB NumPy array through 5 tasks in separate processes",
    sides=(
        Side("floor, new files", floor_files, _SIZE, records="every array, as a file"),
        Side("floor, reused maps", floor_maps, _SIZE, records="every array, in old files"),
        Side("fairlead", fairlead, _SIZE, records="every array, as a file"),
        Side("ProcessPoolExecutor", pool, _SIZE, quick=0, apart=True, rounds=1),
        Side("joblib", joblib, _SIZE, venv="joblib", apart=True, rounds=1),
        Side("Ray", ray, _SIZE, venv="ray", records="every array, in memory", apart=True, rounds=3),
    ),
    figures=(Figure(_RATE, "array through 5 tasks", "MB/s", "floor, new files", more=True, digits=0),),
    targets=(Target(_RATE, 2_000), Target(_RATE, 0.8, over="floor, new files", wish=True)),
    rounds=5,
    quick_rounds=2,
)
