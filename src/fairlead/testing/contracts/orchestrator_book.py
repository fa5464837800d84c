"""Workflows of every shape that an orchestrator can be given, small enough to be read whole.

The names of `GOOD` and `BAD` say what each is about; those of `BAD` fail.
"""

from __future__ import annotations

from pathlib import Path
from time import sleep
from typing import Any

from fairlead import Parallel, Pipeline, PythonTask, repeat, switch, task, workflow

__all__ = ["ALWAYS", "BAD", "EVERY", "GOOD", "NAMES", "one_by_one"]


@task
def numbers(n: int) -> list[int]:
    return list(range(n))


@task
def square(x: int) -> int:
    return x * x


@task
def total(xs: list[int]) -> int:
    return sum(xs)


@task
def add(a: int, b: int) -> int:
    return a + b


@task
def grid(n: int) -> list[list[int]]:
    return [list(range(k)) for k in range(n)]


@task
def side(n: int) -> str:
    return "heads" if n % 2 else "tails"


@task
def heads(n: int) -> str:
    return f"heads {n}"


@task
def tails(n: int) -> str:
    return f"tails {n}"


@task
def told(text: str, n: int) -> str:
    return f"{text}: {n}"


@task
def broken(x: int) -> int:
    raise ValueError(f"no {x}")


@task
def odd_only(x: int) -> int:
    if x % 2 == 0:
        raise ValueError(f"{x} is even")
    return x


@task
def instead(x: int) -> int:
    return -x


@task(retries=2)
def third_time(x: int) -> int:
    from fairlead import current_run

    if current_run().attempt < 3:
        raise RuntimeError("not yet")
    return x


@task(outputs=("i", "done"))
def step(i: int) -> Any:
    return i + 1, i + 1 >= 3


@workflow
def sequence(n: int = 2) -> Any:
    return total(numbers(n))


@workflow
def parallel(n: int = 3) -> Any:
    return add(square(n), total(numbers(n)))


@workflow
def mapped(n: int = 3) -> Any:
    return total(square.map(numbers(n)))


@workflow
def empty(n: int = 0) -> Any:
    return total(square.map(numbers(n)))


@workflow
def chunked(n: int = 5) -> Any:
    return total(square.options(chunk=2).map(numbers(n)))


@workflow
def inner(xs: list[int]) -> Any:
    return total(square.map(xs))


@workflow
def nested(n: int = 3) -> Any:
    return total(inner.map(grid(n)))


@workflow
def switched(n: int = 3) -> Any:
    return told(switch(side(n), {"heads": heads, "tails": tails})(n), n)


@workflow
def retried(n: int = 4) -> Any:
    return square(third_time(n))


@workflow
def handled(n: int = 4) -> Any:
    return square(broken.on_failure(instead)(n))


@workflow
def handled_in_vain(n: int = 4) -> Any:
    return square(broken.on_failure(broken)(n))


@workflow
def failing(n: int = 4) -> Any:
    return add(square(broken(n)), total(numbers(n)))


@workflow
def partly_failing(n: int = 4) -> Any:
    return total(odd_only.map(numbers(n)))


@workflow
def enough(n: int = 4) -> Any:
    return total(odd_only.options(min_success=0.5, max_parallel=2).map(numbers(n)))


@workflow
def too_few(n: int = 4) -> Any:
    return total(odd_only.options(min_success=3).map(numbers(n)))


@workflow
def looped(n: int = 0) -> Any:
    i, _ = repeat(step, until="done", max_iterations=5, i=n)
    return square(i)


def left() -> int:
    return 1


def right() -> int:
    return 2


def both(a: int, b: int) -> int:
    return a + b


beside = Pipeline(
    name="beside",
    steps=[
        Parallel(
            name="p",
            branches={
                "one": Pipeline(steps=[PythonTask(function=left, returns=["a"])]),
                "two": Pipeline(steps=[PythonTask(function=right, returns=["b"])]),
            },
        ),
        PythonTask(function=both, returns=["sum"]),
    ],
)

NAMES = ("a b", "a-b", "a_b", "A_b", "ü", "'q'", '"', "$(x)", "&", "x" * 90, "x" * 90 + "y")
"""Names of tasks that others take for words of theirs, cannot spell, or cannot tell apart."""


def one() -> int:
    return 1


awkward_names = Pipeline(
    name="Awkward names: ü",
    steps=[PythonTask(function=one, name=name, returns=[f"value {number}"]) for number, name in enumerate(NAMES)],
)


@task
def echo(text: str) -> str:
    return text


_AWKWARD = "- 'x': \"y\" $HOME $(date) `id` %s \\n\n\tü 🦊 # &a *b"


@workflow
def awkward_values(
    text: str = "- 'x': \"y\" $HOME $(date) `id` %s \\n\n\tü 🦊 # &a *b", said: str = "{{workflow.name}}"
) -> Any:
    return add_texts(echo(text), echo.options(name="again")(said))


@task
def add_texts(a: str, b: str) -> str:
    return a + b


@task
def alone(x: int, folder: str) -> int:
    """Fail where another of its kind is at work."""
    lock = Path(folder) / "lock"
    lock.mkdir()
    sleep(0.5)  # processes that are started together do not get here together
    lock.rmdir()
    return x


@workflow
def _one_by_one(folder: str) -> Any:
    return total(alone.map(numbers(3), folder=folder))


def one_by_one(folder: Path) -> Any:
    """Give a workflow whose items fail where two of them run at once."""
    return _one_by_one(str(folder))


GOOD = {
    "sequence": sequence,
    "parallel": parallel,
    "mapped": mapped,
    "empty": empty,
    "chunked": chunked,
    "nested": nested,
    "switched": switched,
    "retried": retried,
    "handled": handled,
    "looped": looped,
    "enough": enough,
    "beside": beside,
    "awkward_names": awkward_names,
    "awkward_values": awkward_values,
}
BAD = {
    "failing": failing,
    "partly_failing": partly_failing,
    "handled_in_vain": handled_in_vain,
    "too_few": too_few,
}
EVERY = {**GOOD, **BAD}

ALWAYS = ("sequence", "parallel", "retried", "failing", "awkward_names", "awkward_values")
"""What every orchestrator takes: those are of tasks alone, without blocks."""
