"""Drivers on PostgreSQL die at every single write, and compete: what `tests/reliability` does on other stores."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fairlead.stores.artifacts import FolderArtifacts, MemoryArtifacts
from fairlead.testing.faults import FaultPoints
from tests.engines.postgres import Database
from tests.reliability.test_faults import FIRST, LAST, World, _exit_code, _fork, _points


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def store(database: Database) -> Iterator[Any]:
    store = database.store()
    yield store
    store.close()


def _anew(place: Path, durability: str, store: Any) -> World:
    Path("executed").unlink(missing_ok=True)
    store.remove("r")
    return World(place, durability, store, MemoryArtifacts())


@pytest.mark.parametrize("durability", ["each", "grouped"])
def test_a_driver_may_die_at_any_write_and_the_next_one_goes_on(place: Path, store: Any, durability: str) -> None:
    def drive(faults: FaultPoints) -> bool:
        world = _anew(place, durability, store)
        died = world.drive("first", faults) == "died"
        kept = world.recorded()
        if died and kept:
            assert store.summary("r").status in ("interrupted", "succeeded")
        assert world.drive("second", FaultPoints()) == "succeeded"
        executed = world.executed()
        assert {path: executed[path] for path in kept} == kept, faults.names
        world.check()
        return died

    points = list(_points(drive))
    assert {"create", "open", "append", "put"} == {point.rpartition(" ")[2] for point in points}


def test_of_two_that_compete_either_may_die_anywhere(place: Path, store: Any) -> None:
    def drive(faults: FaultPoints) -> bool:
        world = _anew(place, "each", store)
        ended: dict[str, str] = {}
        dying = threading.Thread(target=lambda: ended.update(first=world.drive("first", faults)))
        waiting = threading.Thread(target=lambda: ended.update(second=world.drive("second", FaultPoints())))
        for thread in (dying, waiting):
            thread.start()
        for thread in (dying, waiting):
            thread.join(30)
            assert not thread.is_alive()
        assert ended["second"] == "succeeded"
        world.check()
        executed = world.executed()
        assert all(times <= 2 for path, times in executed.items() if path != "join"), executed
        return ended["first"] == "died"

    list(_points(drive))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("at", range(FIRST - 1, LAST + 1, 3))
def test_processes_that_end_at_a_write_leave_a_run_that_another_finishes(
    place: Path, database: Database, at: int, when: Any
) -> None:
    def world() -> World:
        return World(place, "each", database.store(), FolderArtifacts(place / "artifacts"))

    dying = _fork(lambda: world().drive("first", FaultPoints(at=at, when=when, then="exit")))
    rival = _fork(lambda: world().drive("second", FaultPoints()))
    codes = _exit_code(dying), _exit_code(rival)
    assert codes[0] in (0, 137) and codes[1] == 0
    here = world()
    assert here.store.summary("r").status == "succeeded"
    here.check()
    executed = here.executed()
    assert all(times <= 2 for path, times in executed.items() if path != "join"), executed
    here.store.close()


def test_a_driver_that_was_stopped_for_a_while_and_overtaken_records_nothing(place: Path, database: Database) -> None:
    """As when a machine sleeps: the server ends its session, another takes over, and the first one wakes up."""
    here = World(place, "each", database.store(), FolderArtifacts(place / "artifacts"))
    sleeping = _fork(lambda: _sleeping(here.folder.path.parent, database))
    while not (place / "asleep").exists():
        assert os.waitpid(sleeping, os.WNOHANG) == (0, 0)
    os.kill(sleeping, signal.SIGSTOP)
    database.server.end_sessions("fairlead driver%")
    assert here.drive("second", FaultPoints()) == "succeeded"
    before = here.store.attempts("r")
    os.kill(sleeping, signal.SIGCONT)
    (place / "asleep").unlink()
    assert _exit_code(sleeping) == 7
    assert here.store.attempts("r") == before
    assert (here.store.summary("r").status, here.store.summary("r").epoch) == ("succeeded", 2)
    here.store.close()


def _sleeping(place: Path, database: Database) -> None:
    """Carry the run, and wait in the middle of its writing to be stopped."""
    from fairlead.errors import StaleEpoch

    world = World(place, "each", database.store(), FolderArtifacts(place / "artifacts"))
    faults = FaultPoints()
    write = faults._write

    def slow(name: str, action: Any) -> Any:
        if name == "append" and not (place / "slept").exists():
            (place / "slept").touch()
            (place / "asleep").touch()
            while (place / "asleep").exists():
                threading.Event().wait(0.01)
        return write(name, action)

    faults._write = slow  # type: ignore[method-assign]
    try:
        world.drive("sleeper", faults)
    except StaleEpoch:
        os._exit(7)
