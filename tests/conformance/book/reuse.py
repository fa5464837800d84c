"""What is reused: results whose inputs, code and options are the same."""

from __future__ import annotations

from pathlib import Path

from fairlead import task, workflow
from tests.conformance.case import Case


@task(cache=True)
def cached(x: int, rate: int = 1) -> int:
    return x * rate


@task
def fresh(xs: list[int]) -> int:
    return sum(xs)


@workflow
def reused(xs: list[int], rate: int = 1):
    return fresh(cached.map(xs, rate=rate))


@task(cache=True)
def read(path: Path) -> str:
    return path.read_text()


@workflow
def reading(path: Path):
    return read(path)


def of_a_file(place: str, text: str = "first"):
    path = Path(place, "read.txt")
    path.write_text(text)
    return reading(path)


@task
def first(x: int) -> int:
    return x + 1


@task
def mended(x: int, mark: str) -> int:
    if not Path(mark).exists():
        raise ValueError("not yet")
    return x


@task
def last(x: int) -> int:
    return 10 * x


@workflow
def resumed(mark: str):
    return last(mended(first(1), mark))


@workflow
def resumed_in_a_map(mark: str):
    return last.map(mended_items.map([1, 2, 3], mark=mark))


@task
def mended_items(x: int, mark: str) -> int:
    if x == 2 and not Path(mark).exists():
        raise ValueError("not yet")
    return x


CASES = [
    Case(
        "the same again",
        lambda _: reused([1, 2, 3], 101),
        606,
        tasks="cached[0-2] fresh",
        way="twice",
        then="cached[0-2]=reused fresh",
        core=True,
    ),
    Case(
        "a list with one item more, in another order",
        lambda _: reused([1, 2], 102),
        306,
        tasks="cached[0-1] fresh",
        way="twice",
        change=lambda _: reused([3, 2, 1], 102),
        then="cached[0] cached[1-2]=reused fresh",
    ),
    Case(
        "another parameter",
        lambda _: reused([1, 2], 103),
        309,
        tasks="cached[0-1] fresh",
        way="twice",
        change=lambda _: reused([1, 2], 104),
        then="cached[0-1] fresh",
    ),
    Case(
        "a file with another content",
        of_a_file,
        "first",
        tasks="read",
        way="twice",
        change=lambda place: of_a_file(place, "second"),
        then="read",
    ),
    Case(
        "a resume after a failure",
        lambda place: resumed(f"{place}/mended"),
        20,
        status="failed",
        tasks="first mended=failed last=skipped",
        way="resume",
        then="first mended last",
        core=True,
    ),
    Case(
        "a resume of a map",
        lambda place: resumed_in_a_map(f"{place}/mended"),
        [10, 20, 30],
        status="failed",
        tasks="mended_items[0] mended_items[1]=failed mended_items[2] last=skipped",
        way="resume",
        then="mended_items[0-2] last[0-2]",
    ),
]
