import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, cast

import pytest

from fairlead.errors import StoreError
from fairlead.model.run import RunFilter
from fairlead.ports import ArtifactStore, Commit, RunStore
from fairlead.stores.memory import MemoryStore
from fairlead.stores.sqlite import SqliteStore
from fairlead.testing.contracts.run_store_jobs import attempts, make_run
from fairlead.testing.faults import Died, FaultPoints


class Shelf:
    """The smallest artifact store that can be counted on."""

    reach = "process"

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def put(self, key: str, chunks: Any) -> int:
        self.kept[key] = b"".join(chunks)
        return len(self.kept[key])

    def exists(self, key: str, size: int | None = None) -> bool:
        return key in self.kept


def drive(store: RunStore, shelf: ArtifactStore) -> None:
    store.create(make_run("r"))
    store.lease("r")
    epoch = store.open("r", 1.0)
    for number in range(2):
        shelf.put(f"k{number}", [b"x"])
        assert shelf.exists(f"k{number}")
        store.append("r", epoch, Commit(attempts([number])))
    store.append("r", epoch, Commit([], status="succeeded", at=2.0))


def made() -> tuple[RunStore, ArtifactStore]:
    return MemoryStore(), cast(ArtifactStore, Shelf())


def test_writes_are_counted_over_all_stores_and_reads_are_not() -> None:
    faults = FaultPoints()
    store, shelf = made()
    drive(faults.run_store(store), faults.artifact_store(shelf))
    assert faults.names == ["create", "open", "put", "append", "put", "append", "append"]
    assert faults.writes == 7
    assert store.summary("r").status == "succeeded"
    assert faults.run_store(store).reach == "process"


@pytest.mark.parametrize("at", range(1, 8))
@pytest.mark.parametrize("when", ["before", "after"])
def test_it_dies_at_the_chosen_write(at: int, when: Literal["before", "after"]) -> None:
    faults = FaultPoints(at=at, when=when)
    store, shelf = made()
    with pytest.raises(Died, match=f"died {when} write {at}"):
        drive(faults.run_store(store), faults.artifact_store(shelf))
    assert faults.dead
    done = at if when == "after" else at - 1
    runs = store.list(RunFilter())
    assert len(runs) == (done >= 1)
    if runs:
        expected = "created" if done < 2 else "succeeded" if done == 7 else "interrupted"
        assert runs[0].status == expected
        assert len(store.attempts("r")) == (done >= 4) + (done >= 6)
        store.lease("r").release()  # whoever died holds nothing


def test_the_dead_do_nothing_more() -> None:
    faults = FaultPoints(at=1)
    store, _ = made()
    wrapped = faults.run_store(store)
    actions: list[Callable[[], object]] = [
        lambda: wrapped.create(make_run("r")),
        lambda: wrapped.create(make_run("s")),
        lambda: wrapped.list(RunFilter()),
        lambda: wrapped.lease("r"),
    ]
    for action in actions:
        with pytest.raises(Died):
            action()
    wrapped.close()
    assert faults.writes == 1
    assert store.list(RunFilter()) == []


def test_died_is_not_caught_by_those_who_catch_exceptions() -> None:
    assert not issubclass(Died, Exception)


def test_a_full_disk_refuses_writes_until_it_is_freed() -> None:
    faults = FaultPoints(at=3, then="full")
    store, shelf = made()
    runs, files = faults.run_store(store), faults.artifact_store(shelf)
    runs.create(make_run("r"))
    files.put("a", [b"1"])
    for write in (lambda: runs.open("r", 1.0), lambda: files.put("b", [b"2"])):
        with pytest.raises(StoreError, match="the disk is full") as caught:
            write()
        assert isinstance(caught.value.__cause__, OSError)
    assert runs.summary("r").epoch == 0
    assert not files.exists("b")
    faults.free_disk()
    assert runs.open("r", 1.0) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_process_can_really_end_there(tmp_path: Path, when: Literal["before", "after"]) -> None:
    store = SqliteStore(tmp_path / "runs.db")
    child = os.fork()
    if child == 0:
        try:
            faults = FaultPoints(at=4, when=when, then="exit")
            drive(faults.run_store(store), faults.artifact_store(cast(ArtifactStore, Shelf())))
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 137
    assert store.summary("r").status == "interrupted"
    assert len(store.attempts("r")) == (when == "after")
    store.close()
