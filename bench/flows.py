"""The workflows of our side, as a user would write them; copied into the folder that a bench run works in.

`fairlead run flows.py:one` and the works' modules use the same file. Nothing here knows of the bench.
"""

from pathlib import Path
from time import thread_time

from fairlead import Static, task, workflow


@task
def add_one(value: int) -> int:
    return value + 1


@workflow
def add_to_each(values: list[int]):
    return add_one.map(values)


@workflow
def chain(value: int, n: Static[int]):
    for _ in range(n):
        value = add_one(value)
    return value


@task
def square(number: int) -> int:
    return number * number


@task(chunk=50)
def square_in_chunks(number: int) -> int:
    return number * number


@task
def total(numbers: list[int]) -> int:
    return sum(numbers)


@workflow
def squares(numbers: list[int]):
    return total(square.map(numbers))


@workflow
def squares_in_chunks(numbers: list[int]):
    return total(square_in_chunks.map(numbers))


@task
def burn(seconds: float) -> float:
    start = thread_time()
    while (spent := thread_time() - start) < seconds:
        pass
    return spent


@workflow
def burning(seconds: list[float]):
    return burn.map(seconds)


@task
def ones(count: int, value: float):
    import numpy as np

    return np.full(count, value)


@task
def plus_one(array):
    return array + 1.0


@task
def first(array) -> float:
    return float(array[0])


@workflow
def five(count: int, value: float):
    array = ones(count, value)
    for _ in range(4):
        array = plus_one(array)
    return first(array)


@task
def fragile(number: int) -> int:
    if number == 500 and not Path("mended").exists():
        raise ValueError("not mended yet")
    return number


@workflow
def fragiles(numbers: list[int]):
    return total(fragile.map(numbers))


@workflow
def one():
    return add_one(41)
