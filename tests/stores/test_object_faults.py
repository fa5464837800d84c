"""Drivers die, or are overtaken, at every single request that changes a bucket: exhaustively, in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fairlead.errors import NotFound, RunExists, StaleEpoch, StoreError
from fairlead.model.events import Attempt
from fairlead.model.run import Group, RunFilter
from fairlead.ports import Commit
from fairlead.stores import object_index, object_log
from fairlead.stores.bucket import Bucket
from fairlead.stores.object_store import ObjectStore
from fairlead.testing.contracts.run_store_jobs import make_run
from fairlead.testing.faults import Died

stores = pytest.importorskip("obstore.store", reason="the extra 'object' is not installed")

_WRITES = ("create", "update", "put", "remove")


class Struck(Bucket):
    """Does something at the n-th request that changes the bucket, before it or after it."""

    def __init__(self, store: Any, at: int = 0, when: str = "before", then: Callable[[], None] | None = None) -> None:
        super().__init__(store, "memory://")
        self.writes: list[str] = []
        self._at, self._when, self._then = at, when, then
        for name in _WRITES:
            setattr(self, name, self._counted(name, getattr(super(), name)))

    def _counted(self, name: str, action: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any) -> Any:
            if self._at and len(self.writes) >= self._at and self._then is None:
                raise Died("it is dead")
            self.writes.append(f"{name} {args[:1]}")
            if len(self.writes) == self._at and self._when == "before":
                self._strike()
            result = action(*args)
            if len(self.writes) == self._at and self._when == "after":
                self._strike()
            return result

        return counted

    def _strike(self) -> None:
        if self._then is None:
            raise Died(self.writes[-1])
        self._then()


def told(store: ObjectStore, done: list[int], epoch: int, commits: range) -> None:
    """Append a few facts at a time, and say which were taken."""
    for number in commits:
        facts = [Attempt(f"a[{number}]", 1, epoch, ended=float(number), outcome="succeeded", key=f"k{number}")]
        facts.append(Attempt(f"b[{number}]", 1, epoch, started=1.0))
        counts = {"succeeded": number + 1}
        store.append("r", epoch, Commit(facts, counts, [Group("a", counts=counts)]))
        done.append(number)


def drive(store: ObjectStore, done: list[int]) -> None:
    """What a driver does with a run, from its making to its end."""
    store.create(make_run("r"), [Group("a")])
    epoch = store.open("r", 1.0)
    told(store, done, epoch, range(9))
    store.append("r", epoch, Commit([], status="succeeded", at=9.0))


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put together and gather as often as can be, so that a short run has it all."""
    monkeypatch.setattr(object_log, "_TOGETHER", 2)
    monkeypatch.setattr(object_log, "_LEVEL", 2)
    monkeypatch.setattr(object_log, "_FEW", 0)
    monkeypatch.setattr(object_index, "_LOOSE", 1)
    monkeypatch.setattr("fairlead.stores.object_store._ONE_IN", 1)


def writes_of(scenario: Callable[[ObjectStore], None], memory: Any) -> int:
    bucket = Struck(memory)
    scenario(ObjectStore(bucket, holds=Bucket(memory, "memory://")))
    return len(bucket.writes)


def sound(store: ObjectStore, done: list[int], *, more: int = 0, unkeyed: frozenset[int] = frozenset()) -> None:
    """Everything that was told is there, in whole commits, and nothing leads to what is not."""
    kept = {attempt.path for attempt in store.attempts("r") if attempt.path[0] in "ab"}
    numbers = {int(path[2:-1]) for path in kept}
    assert set(done) <= numbers <= {*range(len(done) + more)}
    assert kept == {f"{name}[{number}]" for name in "ab" for number in numbers}
    found = store.find([f"k{number}" for number in range(9)])
    assert {f"k{number}" for number in set(done) - unkeyed} <= found.keys()
    assert found.keys() <= {f"k{number}" for number in numbers}
    for group, path in (("a", "a[0]"), ("b", "b[0]")):
        assert {one.path for one in store.attempts("r", group=group)} == {one for one in kept if one[0] == group}
        assert [one.path for one in store.attempts("r", path=path)] == [path] * (path in kept)
    summary = store.summary("r")
    assert summary.counts.get("succeeded", 0) == len(numbers)
    assert [run.id for run in store.list(RunFilter())] == ["r"]
    assert store.list(RunFilter())[0] == summary
    assert [group.counts.get("succeeded", 0) for group in store.groups("r")] == [len(numbers)]


def test_a_driver_may_die_at_every_request() -> None:
    count = writes_of(lambda store: drive(store, []), stores.MemoryStore())
    assert count > 40
    for at in range(1, count + 1):
        for when in ("before", "after"):
            memory, done = stores.MemoryStore(), list[int]()
            with pytest.raises(Died):
                drive(ObjectStore(Struck(memory, at, when)), done)
            again = ObjectStore(Bucket(memory, "memory://"))
            try:
                summary = again.summary("r")
            except NotFound:
                assert not done
                assert again.list(RunFilter()) == []
                again.create(make_run("r"), [Group("a")])
            else:
                with pytest.raises(RunExists):
                    again.create(make_run("r"))
                sound(again, done, more=1)
                assert summary.status in ("created", "interrupted", "succeeded")
            # A commit came through as its driver died: its key may be missing, which costs a task run elsewhere.
            unkeyed = frozenset(range(len(done), len(again.attempts("r", group="a"))))
            if again.summary("r").status != "succeeded":
                epoch = again.open("r", 2.0)
                told(again, done, epoch, range(len(done), 9))
                again.append("r", epoch, Commit([], status="succeeded", at=9.0))
            sound(again, done, unkeyed=unkeyed)
            assert again.summary("r").status == "succeeded"


def test_a_driver_that_is_overtaken_at_any_request_writes_no_more() -> None:
    count = writes_of(lambda store: drive(store, []), stores.MemoryStore())
    stale = 0
    for at in range(1, count + 1):
        for when in ("before", "after"):
            memory, done = stores.MemoryStore(), list[int]()
            other = ObjectStore(Bucket(memory, "memory://"))
            epochs = list[int]()

            def overtake(other: ObjectStore = other, epochs: list[int] = epochs) -> None:
                try:
                    epochs.append(other.open("r", 5.0))
                except NotFound:
                    return
                other.append("r", epochs[0], Commit([Attempt("mine", 1, epochs[0])]))

            store = ObjectStore(Struck(memory, at, when, overtake))
            try:
                drive(store, done)
            except StaleEpoch:
                stale += 1
                assert epochs
                other.append("r", epochs[0], Commit([Attempt("mine", 2)], status="failed", at=7.0))
                assert other.summary("r").status == "failed"
            paths = [attempt.path for attempt in other.attempts("r")]
            assert paths.count("mine") == (0 if not epochs else 2 if other.summary("r").status == "failed" else 1)
            # What was told is there; of the commit in which it was overtaken all, or nothing.
            ended = {int(path[2:-1]) for path in paths if path.startswith("a")}
            assert set(done) <= ended
            assert len(ended) <= len(done) + 1
            assert [run.id for run in other.list(RunFilter())] == ["r"]
            assert other.list(RunFilter())[0].epoch == other.summary("r").epoch
    assert stale > count


def test_a_removal_that_breaks_off_is_not_seen_and_is_ended_by_the_next_gathering() -> None:
    def scenario(store: ObjectStore) -> None:
        store.remove("r")

    def made() -> Any:
        memory = stores.MemoryStore()
        store = ObjectStore(Bucket(memory, "memory://"))
        drive(store, [])
        store.create(make_run("stays"))
        epoch = store.open("stays", 1.0)
        facts = [Attempt("x", 1, ended=0.5, outcome="succeeded", key="k3")]
        store.append("stays", epoch, Commit(facts, status="succeeded", at=2.0))
        return memory

    count = writes_of(scenario, made())
    assert count > 5
    for at in range(1, count + 1):
        for when in ("before", "after"):
            memory = made()
            with pytest.raises(Died):
                scenario(ObjectStore(Struck(memory, at, when), holds=Bucket(memory, "memory://")))
            store = ObjectStore(Bucket(memory, "memory://"))
            listed = {run.id for run in store.list(RunFilter())}
            assert "stays" in listed
            if "r" in listed:
                assert store.summary("r").status == "succeeded", "nothing of it is gone"
                continue
            # Whoever ends the next run finishes it.
            store.create(make_run("later"))
            store.append("later", store.open("later", 1.0), Commit([], status="succeeded", at=3.0))
            assert {run.id for run in store.list(RunFilter())} == {"stays", "later"}
            with pytest.raises(NotFound):
                store.summary("r")
            assert store.find(["k3"])["k3"][0].run == "stays"
            assert store.find(["k4"]) == {}
            store.create(make_run("r"))
            assert store.attempts("r") == []


def test_commits_that_are_gone_are_told() -> None:
    bucket = Bucket(stores.MemoryStore(), "memory://")
    drive(ObjectStore(bucket), [])
    for entry in list(bucket.list("runs")):
        if "/facts/" not in entry.key and "/log/" in entry.key:
            continue
        bucket.remove(entry.key)
    bucket.put(f"runs/{ObjectStore(bucket)._of('r').log.made.uid}/facts/9999999990-3", b"")
    with pytest.raises(StoreError, match="commits up to 3 of a run are gone"):
        ObjectStore(bucket).attempts("r")
