"""Drivers die at every single write, while another one waits for the run: exhaustively, in memory.

Whatever dies and wherever: the run can be resumed, its result is right, nothing whose success is recorded
is executed again, only one driver records in an epoch, and epochs only grow. On SQLite the same is done
to processes that really end, at some of the writes.
"""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fairlead import current_run, task, workflow
from fairlead.api.launch import Carriage, carry
from fairlead.api.making import make_run
from fairlead.api.runs import WorkflowRun
from fairlead.config.environment import Environment
from fairlead.config.services import Services
from fairlead.errors import NotFound, RunBusy, RunExists, StaleEpoch, StoreError
from fairlead.model.run import Run
from fairlead.ports import ArtifactStore, RunStore
from fairlead.stores import folder as folders
from fairlead.stores.artifacts import FolderArtifacts, MemoryArtifacts
from fairlead.stores.memory import MemoryStore
from fairlead.stores.sqlite import SqliteStore
from fairlead.testing.faults import Died, FaultPoints
from tests.reliability.arena import ROUNDS

PAD = "x" * 5000
"""Makes a result too large for the record: its bytes are written, too."""

MOST = 60
"""Writes that such a run has at most: where counting ends that would go on for ever."""

FIRST, LAST = 6, 15
"""The writes of a run that commits each fact: opening it, and closing it. Before them its sources are kept."""

SOME = 2 if ROUNDS == 1 else 1
"""At every how many writes a process is ended."""


def _note(name: str) -> None:
    fd = os.open("executed", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(fd, f"{name}\n".encode())
    os.close(fd)


@task
def square(i: int):
    _note(current_run().path)
    return [i * i, PAD]


@task(retries=1)
def join(squares):
    _note(current_run().path)
    if current_run().attempt % 2:
        raise ConnectionError("the first time never works")
    return sum(number for number, _ in squares)


@workflow
def small():
    return join(square.map([1, 2, 3]))


class Witness:
    """A store that writes down who opened which epoch, and who recorded in it."""

    def __init__(self, store: RunStore, name: str, seen: list[tuple[str, str, int]]) -> None:
        self._store = store
        self._name = name
        self._seen = seen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def open(self, run_id: str, at: float) -> int:
        epoch = self._store.open(run_id, at)
        self._seen.append((self._name, "open", epoch))
        return epoch

    def append(self, run_id: str, epoch: int, commit: Any) -> None:
        self._store.append(run_id, epoch, commit)
        self._seen.append((self._name, "append", epoch))


class World:
    """What is kept, and the run that is carried."""

    def __init__(self, folder: Path, durability: str, store: RunStore, artifacts: ArtifactStore) -> None:
        self.environment = Environment(name="in_process", executor={"type": "in_process"}, durability=durability)  # type: ignore[arg-type]
        self.folder = folders.make(folder)
        self.store = store
        self.artifacts = artifacts
        self.seen: list[tuple[str, str, int]] = []
        self.functions: Any = small().build().functions

    def services(self, name: str, faults: FaultPoints) -> Services:
        store = faults.run_store(Witness(self.store, name, self.seen))  # type: ignore[arg-type]
        return Services(self.environment, self.folder, store, faults.artifact_store(self.artifacts))

    def drive(self, name: str, faults: FaultPoints) -> str:
        """Make the run if there is none, and carry it as soon as nobody else does; gives how that went."""
        services = self.services(name, faults)
        try:
            run = self._made(services)
            until = time.monotonic() + 20
            while time.monotonic() < until:
                try:
                    return carry(services, run, Carriage(functions=self.functions)).get_status()
                except RunBusy:
                    time.sleep(0.0005)
        except Died:
            return "died"
        raise AssertionError("the run was busy for 20 s")

    def _made(self, services: Services) -> Run:
        run = make_run(services, small().build(), run_id="r")
        try:
            services.store.create(run)
        except RunExists:
            return services.store.get("r")
        return run

    def recorded(self) -> dict[str, int]:
        """Task runs whose success is recorded, and how often they were executed by now."""
        if not self.exists():
            return {}
        executed = self.executed()
        return {one.path: executed[one.path] for one in self.store.attempts("r") if one.outcome == "succeeded"}

    def executed(self) -> Counter[str]:
        path = Path("executed")
        return Counter(path.read_text().splitlines() if path.exists() else [])

    def exists(self) -> bool:
        try:
            self.store.summary("r")
        except NotFound:
            return False
        return True

    def check(self) -> None:
        """Everything that must hold once the run has ended."""
        summary = self.store.summary("r")
        assert summary.status == "succeeded"
        assert WorkflowRun(self.services("reader", FaultPoints()), "r").get_results() == 14
        assert summary.counts == {"succeeded": 4}
        owner: dict[int, str] = {}
        newest = 0
        for name, what, epoch in self.seen:
            if what == "open":
                assert epoch == newest + 1, self.seen
                newest, owner[epoch] = epoch, name
            else:
                assert owner[epoch] == name, self.seen
        assert [one.path for one in self.store.attempts("r") if one.outcome == "succeeded"] == [
            "join",
            *(f"square[{i}]" for i in range(3)),
        ]


def _in_memory(folder: Path, durability: str) -> World:
    os.chdir(folder)
    Path("executed").unlink(missing_ok=True)
    return World(folder, durability, MemoryStore(), MemoryArtifacts())


def _points(drive: Callable[[FaultPoints], bool]) -> Iterator[str]:
    """Go through every write, before and after, until one is never reached; `drive` gives whether it died."""
    for at in range(1, MOST):
        for when in ("before", "after"):
            faults = FaultPoints(at=at, when=when)  # type: ignore[arg-type]
            if not drive(faults):
                return
            yield f"{when} {at}: {faults.names[at - 1]}"
    raise AssertionError(f"more than {MOST} writes")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("durability", ["each", "grouped"])
def test_a_driver_may_die_at_any_write_and_the_next_one_goes_on(place: Path, durability: str):
    def drive(faults: FaultPoints) -> bool:
        world = _in_memory(place, durability)
        died = world.drive("first", faults) == "died"
        kept = world.recorded()
        if died and kept:
            assert world.store.summary("r").status in ("interrupted", "succeeded")
        assert world.drive("second", FaultPoints()) == "succeeded"
        executed = world.executed()
        assert {path: executed[path] for path in kept} == kept, faults.names
        world.check()
        return died

    points = list(_points(drive))
    assert {"create", "open", "append", "put"} == {point.rpartition(" ")[2] for point in points}
    if durability == "each":
        places = [point.split()[1:] for point in points if point.startswith("before")]
        assert [name for _, name in places[FIRST - 1 : FIRST + 1]] == ["open", "append"]
        assert len(places) == LAST


@pytest.mark.parametrize("durability", ["each", "grouped"])
def test_of_two_that_die_one_after_the_other_the_third_goes_on(place: Path, durability: str):
    """The second dies at every write, too, after the first died at some."""
    for first in (5, 6, 8, 11, 14):

        def drive(faults: FaultPoints, first: int = first) -> bool:
            world = _in_memory(place, durability)
            world.drive("first", FaultPoints(at=first, when="after"))
            before = world.recorded()
            died = world.drive("second", faults) == "died"
            kept = {**world.recorded(), **before}
            assert world.drive("third", FaultPoints()) == "succeeded"
            executed = world.executed()
            assert {path: executed[path] for path in kept} == kept
            world.check()
            return died

        assert list(_points(drive))


@pytest.mark.parametrize("durability", ["each", "grouped"])
def test_of_two_that_compete_either_may_die_anywhere(place: Path, durability: str):
    def drive(faults: FaultPoints) -> bool:
        world = _in_memory(place, durability)
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
        # Each task ran at most once more than its driver died: only what was not recorded.
        assert all(times <= 2 for path, times in executed.items() if path != "join"), executed
        return ended["first"] == "died"

    for _ in range(2 * ROUNDS):
        list(_points(drive))


@pytest.mark.parametrize("at", range(FIRST, LAST + 1))
def test_a_driver_that_was_given_up_and_wakes_up_again_records_nothing(place: Path, at: int):
    """As when a machine sleeps and its lease runs out: another takes over while the first one is at a write."""
    world = _in_memory(place, "each")
    faults = FaultPoints()
    services = world.services("sleeper", faults)
    run = world._made(services)
    leases: list[Any] = []
    lease_of = world.store.lease

    def sleep_through(name: str, action: Callable[[], Any]) -> Any:
        faults.names.append(name)
        if len(faults.names) == at:
            leases.pop().release()
            assert world.drive("other", FaultPoints()) == "succeeded"
        return action()

    def lease(run_id: str) -> Any:
        found = lease_of(run_id)
        leases.append(found)
        return found

    world.store.lease = lease  # type: ignore[method-assign]
    faults._write = sleep_through  # type: ignore[method-assign]
    try:
        carry(services, run, Carriage(functions=world.functions))
    except StoreError as error:
        assert isinstance(error, StaleEpoch)
    world.check()
    opened = [name for name, what, _ in world.seen if what == "open"]
    last = next(i for i, (name, what, _) in enumerate(world.seen) if (name, what) == ("other", "open"))
    if opened[-1] == "other":
        assert not [entry for entry in world.seen[last:] if entry[0] == "sleeper"]


# --- processes that really end -------------------------------------------------------------------------


def _fork(action: Callable[[], object]) -> int:
    pid = os.fork()
    if not pid:
        code = 99
        try:
            action()
            code = 0
        finally:
            os._exit(code)
    return pid


def _exit_code(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("at", range(FIRST - 1, LAST + 1, SOME))
def test_processes_that_end_at_a_write_leave_a_run_that_another_finishes(place: Path, at: int, when: Any):
    def world() -> World:
        return World(place, "each", SqliteStore(place / "runs.db"), FolderArtifacts(place / "artifacts"))

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


@pytest.mark.parametrize("at", range(FIRST - 1, LAST + 1, SOME))
def test_what_a_process_recorded_before_it_ended_is_not_executed_again(place: Path, at: int):
    def world() -> World:
        return World(place, "each", SqliteStore(place / "runs.db"), FolderArtifacts(place / "artifacts"))

    code = _exit_code(_fork(lambda: world().drive("first", FaultPoints(at=at, when="after", then="exit"))))
    assert code == 137
    here = world()
    kept = here.recorded()
    assert here.store.summary("r").status in ("created", "interrupted", "succeeded")
    assert _exit_code(_fork(lambda: world().drive("second", FaultPoints()))) == 0
    executed = here.executed()
    assert {path: executed[path] for path in kept} == kept
    here.check()
    here.store.close()
