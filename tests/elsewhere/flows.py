"""Workflows that tests carry without a driver, one `exec-node` after the other."""

import ctypes
import os
import time
from pathlib import Path

from fairlead import Catalog, Component, Runner, current_run, repeat, shell, switch, task, workflow


@task
def load(n: int) -> list[int]:
    print("loading", n)
    return list(range(n))


@task(retries=1)
def fit(x, rate=1.0):
    print("fitting", x)
    if x == 2:
        raise ValueError(f"bad item {x}")
    current_run().log_metric("x", x)
    current_run().log_artifact("double", 2 * x)
    return x * rate


@task
def total(xs):
    return sum(xs)


@workflow
def training(n: int, rate: float = 2.0):
    return total(fit.map(load(n), rate=rate))


@task
def pickled(n) -> list:
    return [complex(x, 0) for x in range(n)]


@task
def real(x):
    return x.real


@task
def inc(x):
    return x + 1


@task(outputs=("value", "done"))
def step(value, index):
    return value * 2, index >= 2


@task
def fail(x):
    raise ValueError(f"no {x}")


@task
def instead(x, failure):
    return [x, failure["type"]]


@workflow
def each(x):
    return inc(real(x))


@workflow
def everything(n: int, side: str):
    items = each.map(pickled(n))
    turned = switch(side, {"heads": inc, "tails": fit})(n)
    value, _ = repeat(step, until="done", max_iterations=5, index_as="index", value=turned)
    return {"items": items, "value": value, "handled": fail.on_failure(instead)(n)}


@workflow
def asks(ratio: float):
    return switch(ratio, {1: inc, 2: fit})(41)


@task(timeout=0.5)
def slow_python(x):
    while True:
        time.sleep(0.01)


@task(timeout=0.5)
def slow_in_c(x):
    ctypes.CDLL(None).poll(None, 0, 60_000)


@task(timeout=0.5)
def stuck_in_c(x):
    mutex = ctypes.create_string_buffer(64)  # all zeros: PTHREAD_MUTEX_INITIALIZER
    for _ in range(2):
        ctypes.CDLL(None).pthread_mutex_lock(mutex)  # no signal ends the second one


@task
def nap(file):
    Path(file).write_text(str(os.getpid()))
    time.sleep(60)


@task
def write_and_nap(file):
    """Ends only when somebody says so, and says how often it ran."""
    with Path(f"{file}.starts").open("a") as starts:
        starts.write("x")
    while not Path(file).exists():
        time.sleep(0.02)
    return os.getpid()


@task(env_vars={"COLOUR": "red"})
def colour(x):
    return os.environ["COLOUR"]


@task(secrets=["API_KEY"])
def tell_secret(x):
    value = current_run().secret("API_KEY")
    print("the key is", value)
    if x:
        raise ValueError(value)
    return len(value)


@task
def here(x):
    return str(Path.cwd())


@task(workdir="private")
def private(x):
    return [str(Path.cwd()), sorted(path.name for path in Path.cwd().iterdir())]


@task(cache=True)
def cached(x):
    print("really")
    return x * 10


@task(catalog=Catalog(put=["*.txt"]))
def put(x):
    Path("a.txt").write_text(str(x))


@task(catalog=Catalog(get=["*.txt"]))
def get(x):
    return Path("a.txt").read_text() + str(x)


@task
def large(n):
    return bytes(n)


@task
def length(data):
    return len(data)


@workflow
def files(x: int):
    return get(put(x))


@workflow
def bytes_of(n: int):
    return length(large(n))


count = shell("export n=$(( x + 1 )); echo counting >&2", outputs=["n"], name="count")


@workflow
def shelled(x: int):
    return count(x=x)


class Source(Component):
    def load(self): ...


class Numbers(Source):
    count: int = 3

    def load(self):
        return list(range(self.count))


class Jobs(Runner):
    source: Source = Numbers(count=4)

    @workflow
    def go(self):
        return total(self.source.load())
