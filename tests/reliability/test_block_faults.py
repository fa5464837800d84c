"""Drivers die at every single write of a workflow that has every block: exhaustively, in memory.

What fails does so the first time only, so that a driver that comes after another one finds another world.
Whatever dies and wherever, all that follows from one result agrees about it, what succeeded is not executed
again, and a failure that a handler dealt with is not tried again.
"""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fairlead import current_run, repeat, switch, task, workflow
from fairlead.api.launch import Carriage, carry
from fairlead.api.making import make_run
from fairlead.api.runs import WorkflowRun
from fairlead.config.environment import Environment
from fairlead.config.services import Services
from fairlead.errors import NotFound, RunExists
from fairlead.stores import folder as folders
from fairlead.stores.artifacts import MemoryArtifacts
from fairlead.stores.memory import MemoryStore
from fairlead.testing.faults import Died, FaultPoints
from tests.reliability.arena import ROUNDS

MOST = 150
"""Writes that such a run has at most."""

EVERY = 3 if ROUNDS == 1 else 1
"""At every how many writes a driver dies."""


def _note() -> int:
    """Write down that a task run is executed; gives how often it was before."""
    path = current_run().path
    fd = os.open("executed", os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    before = os.read(fd, 1_000_000).decode().splitlines().count(path)
    os.write(fd, f"{path}\n".encode())
    os.close(fd)
    return before


@task
def numbers(count: int) -> list[int]:
    _note()
    return list(range(count))


@task
def once(i: int) -> int:
    if not _note() and i % 2:
        raise ConnectionError("the first time never works")
    return i


@task
def prepare(i: int, failure: dict) -> str:
    _note()
    return failure["task"]


@task
def instead(i: int, where: str) -> int:
    _note()
    return 100 + i


def handler(i: int, failure: dict):
    return instead(i, prepare(i, failure))


@task
def keep(x: Any) -> Any:
    _note()
    return x


@task(outputs=("n", "done"))
def grow(n: int, i: int):
    _note()
    return n + 1, i >= 1


@task
def together(*parts: Any) -> list[Any]:
    _note()
    return list(parts)


@workflow
def item(i: int):
    value = once.on_failure(handler)(i)
    return together(value, keep(value))


@workflow
def blocks(count: int = 3):
    pairs = item.map(numbers(count))
    left = once.options(min_success=1).map([0, 1])
    size = switch(keep(count), {3: keep, 4: once})(count)
    n, _ = repeat(grow, until="done", max_iterations=5, index_as="i", n=size)
    return together(pairs, left, keep(left), n, keep(n))


class World:
    """What is kept, and the run that drivers carry one after the other."""

    def __init__(self, folder: Path, durability: str) -> None:
        os.chdir(folder)
        Path("executed").unlink(missing_ok=True)
        self.environment = Environment(name="in_process", executor={"type": "in_process"}, durability=durability)  # type: ignore[arg-type]
        self.folder = folders.make(folder)
        self.store = MemoryStore()
        self.artifacts = MemoryArtifacts()
        self.functions: Any = blocks().build().functions
        self.kept: dict[str, int] = {}
        self.handled: dict[str, int] = {}

    def services(self, faults: FaultPoints) -> Services:
        return Services(
            self.environment, self.folder, faults.run_store(self.store), faults.artifact_store(self.artifacts)
        )

    def drive(self, faults: FaultPoints) -> bool:
        """Carry the run, and note what is recorded then; gives whether the driver died."""
        services = self.services(faults)
        try:
            run = make_run(services, blocks().build(), run_id="r")
            try:
                services.store.create(run)
            except RunExists:
                run = services.store.get("r")
            carry(services, run, Carriage(functions=self.functions))
        except Died:
            return True
        finally:
            self._look()
        return False

    def executed(self) -> Counter[str]:
        path = Path("executed")
        return Counter(path.read_text().splitlines() if path.exists() else [])

    def _look(self) -> None:
        try:
            self.store.summary("r")
        except NotFound:
            return
        executed = self.executed()
        recorded = {one.path for one in self.store.attempts("r") if one.outcome == "succeeded"}
        for path in recorded:
            self.kept.setdefault(path, executed[path])
        for path in executed:
            if f"{path}.on_failure.instead" in recorded:
                self.handled.setdefault(path, executed[path])

    def check(self) -> None:
        summary = self.store.summary("r")
        assert summary.status == "succeeded"
        pairs, left, also, n, same = WorkflowRun(self.services(FaultPoints()), "r").get_results()
        assert [value % 100 for value, _ in pairs] == [0, 1, 2]
        assert [value for value, kept in pairs if value != kept] == []
        assert left == also and left in ([0], [0, 1])
        assert n == same == 5
        executed = self.executed()
        for known in (self.kept, self.handled):
            assert {path: executed[path] for path in known if path in executed} == {
                path: times for path, times in known.items() if path in executed
            }


def _points(start: int = 1) -> Iterator[FaultPoints]:
    for at in range(start, MOST, EVERY):
        for when in ("before", "after"):
            yield FaultPoints(at=at, when=when)  # type: ignore[arg-type]
    raise AssertionError(f"more than {MOST} writes")


@pytest.mark.parametrize("durability", ["each", "grouped"])
def test_a_driver_may_die_at_any_write_of_any_block(tmp_path: Path, monkeypatch, durability: str):
    monkeypatch.chdir(tmp_path)
    for faults in _points():
        world = World(tmp_path, durability)
        died = world.drive(faults)
        if died and world.kept:
            assert world.store.summary("r").status in ("interrupted", "succeeded")
        assert not world.drive(FaultPoints())
        world.check()
        if not died:
            return


@pytest.mark.parametrize("first", [10, 20, 30])
def test_a_third_driver_goes_on_after_two_that_died(tmp_path: Path, monkeypatch, first: int):
    monkeypatch.chdir(tmp_path)
    for faults in _points(start=2):  # the first is making the run, which is there
        world = World(tmp_path, "each")
        world.drive(FaultPoints(at=first, when="after"))
        died = world.drive(faults)
        assert not world.drive(FaultPoints())
        world.check()
        if not died:
            return
