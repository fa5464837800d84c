"""How many requests things take, in memory: that is what a bucket costs, in money and in time."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fairlead.errors import RunBusy, StaleEpoch
from fairlead.model.events import Attempt
from fairlead.model.run import Group, RunFilter, RunSummary
from fairlead.ports import Commit
from fairlead.stores import object_lease
from fairlead.stores.bucket import Bucket, Entry
from fairlead.stores.object_index import Index
from fairlead.stores.object_records import Live, stem_of
from fairlead.stores.object_store import ObjectStore
from fairlead.testing.contracts.run_store_jobs import attempts, make_run

stores = pytest.importorskip("obstore.store", reason="the extra 'object' is not installed")


class Counted(Bucket):
    """Counts requests; a listing is one for every thousand entries."""

    def __init__(self, store: Any) -> None:
        super().__init__(store, "memory://")
        self.requests: Counter[str] = Counter()
        self._counting = threading.Lock()

    def _ask(self, doing: str, work: Callable[..., Any], *arguments: Any) -> Any:
        with self._counting:
            self.requests[doing.partition(" ")[0]] += 1
        return super()._ask(doing, work, *arguments)

    def list(self, folder: str = "", *, after: str = "") -> Iterator[Entry]:
        for number, entry in enumerate(super().list(folder, after=after)):
            if number % 1000 == 0:
                self.requests["list"] += 1
            yield entry

    def taken(self) -> int:
        """How many requests there were since the last question."""
        count = self.requests.total()
        self.requests.clear()
        return count


@pytest.fixture
def bucket() -> Counted:
    return Counted(stores.MemoryStore())


def summary(number: int, status: Any = "succeeded") -> RunSummary:
    return RunSummary(f"run-{number}", "even" if number % 2 == 0 else "odd", status, float(number), epoch=1)


def filled(bucket: Counted, count: int) -> Index:
    index = Index(bucket)
    for number in range(count):
        uid = f"{number:024x}"
        index.note(Live(uid, stem_of(float(number), float(number), uid), summary(number)))
        if number % 32 == 31:
            index.tidy(lambda live: None)
    return index


def never(live: Live) -> RunSummary:
    raise AssertionError(f"{live.summary.id} has ended: nobody need look")


def test_ten_thousand_runs_are_listed_in_few_requests(bucket: Counted) -> None:
    index = filled(bucket, 10_000)
    bucket.taken()
    every = index.runs(RunFilter(limit=None), never)
    assert [run.id for run in every] == [f"run-{number}" for number in reversed(range(10_000))]
    assert bucket.taken() < 200
    newest = index.runs(RunFilter(), never)
    assert [run.id for run in newest] == [f"run-{number}" for number in range(9_999, 9_949, -1)]
    assert bucket.taken() < 150
    some = index.runs(RunFilter(workflow="even", limit=3, since=100.0, id_prefix="run-1"), never)
    assert [run.id for run in some] == ["run-1998", "run-1996", "run-1994"]
    assert bucket.taken() < 200


def test_making_the_list_takes_few_requests_per_run(bucket: Counted) -> None:
    filled(bucket, 3_000)
    assert bucket.taken() / 3_000 < 4.0


def test_a_run_that_is_resumed_counts_for_more_than_its_place_in_a_block(bucket: Counted) -> None:
    index = filled(bucket, 160)
    uid = f"{5:024x}"
    again = Live(uid, stem_of(5.0, 5.0, uid), summary(5, "running"))
    again.summary.epoch = 2
    index.note(again)
    found = index.runs(RunFilter(limit=None), lambda live: live.summary)
    assert [(run.epoch, run.status) for run in found if run.id == "run-5"] == [(2, "running")]
    assert len(found) == 160
    again.summary.status = "failed"
    index.note(again)
    for number in range(1000, 1160):
        index.note(Live(f"{number:024x}", stem_of(float(number), 0.0, f"{number:024x}"), summary(number)))
    index.tidy(lambda live: None)
    found = index.runs(RunFilter(limit=None), never)
    assert [(run.epoch, run.status) for run in found if run.id == "run-5"] == [(2, "failed")]
    assert len(found) == 320


def carried(store: ObjectStore, commits: int, size: int = 10) -> int:
    store.create(make_run("r"))
    epoch = store.open("r", 1.0)
    for number in range(commits):
        counts = {"succeeded": (number + 1) * size}
        facts = attempts(range(number * size, (number + 1) * size))
        store.append("r", epoch, Commit(facts, counts, [Group("train", counts=counts)]))
    return epoch


def test_a_commit_is_one_request(bucket: Counted) -> None:
    store = ObjectStore(bucket)
    epoch = carried(store, 10)
    bucket.taken()
    for number in range(10):
        store.append("r", epoch, Commit(attempts([number], name="other")))
    assert bucket.taken() == 10


def test_a_small_run_takes_a_dozen_requests(bucket: Counted) -> None:
    store = ObjectStore(bucket)
    store.create(make_run("r"))
    lease = store.lease("r")
    store.summary("r")
    epoch = store.open("r", 1.0)
    store.append("r", epoch, Commit(attempts(range(3)), {"succeeded": 3}, [Group("train")]))
    store.append("r", epoch, Commit([], status="succeeded", at=2.0))
    lease.release()
    assert bucket.taken() <= 15


def test_a_run_that_has_ended_is_read_in_few_requests_however_large_it_was(bucket: Counted) -> None:
    store = ObjectStore(bucket)
    epoch = carried(store, 1000, 20)
    reader = ObjectStore(bucket)
    bucket.taken()
    assert len(reader.attempts("r")) == 20_000
    assert bucket.taken() < 100, "while it goes on, commits that are not put together yet are read one by one"
    store.append("r", epoch, Commit([], status="succeeded", at=2.0))
    reader = ObjectStore(bucket)
    bucket.taken()
    assert len(reader.attempts("r")) == 20_000
    assert bucket.taken() <= 5
    reader = ObjectStore(bucket)
    assert [one.path for one in reader.attempts("r", path="train[777]")] == ["train[777]"]
    assert len(reader.attempts("r", group="train", limit=3)) == 3
    assert [one.path for one in reader.attempts("r", under="train")][:1] == ["train[0]"]
    assert reader.attempts("r", outcome="failed") == []
    assert reader.groups("r")[0].counts == {"succeeded": 20_000}
    assert bucket.taken() <= 15


def test_part_of_a_large_run_is_read_by_itself(bucket: Counted) -> None:
    store = ObjectStore(bucket)
    epoch = carried(store, 40, 1000)
    store.append("r", epoch, Commit([], status="succeeded", at=2.0))
    reader = ObjectStore(bucket)
    read = list[int]()
    part = bucket.part
    bucket.part = lambda key, start, end: read.append(end - start) or part(key, start, end)  # type: ignore[method-assign]
    whole = sum(entry.size for entry in bucket.list("runs") if "/facts/" in entry.key)
    assert [one.outputs for one in reader.attempts("r", path="train[77]")]
    assert sum(read) < whole / 2 + 70_000


def test_whoever_asks_all_the_time_whether_to_stop_asks_the_bucket_once_a_second(bucket: Counted) -> None:
    store = ObjectStore(bucket)
    store.create(make_run("r"))
    lease = store.lease("r")
    store.open("r", 1.0)
    bucket.taken()
    for _ in range(100):
        assert not store.cancel_asked("r")
    assert bucket.taken() == 1
    ObjectStore(bucket).ask_cancel("r", 2.0)
    deadline = time.monotonic() + 3
    while not store.cancel_asked("r"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    lease.release()


# --- holds ------------------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory tells the time exactly, and has the clock of who looks."""
    monkeypatch.setattr(object_lease, "_COARSE", 0.0)
    monkeypatch.setattr(object_lease, "_SKEW", 0.0)


def test_a_hold_lasts_as_long_as_it_is_renewed(quick: None, bucket: Counted) -> None:
    store, other = ObjectStore(bucket, ttl=0.3), ObjectStore(bucket)
    store.create(make_run("r"))
    lease = store.lease("r")
    store.open("r", 1.0)
    time.sleep(1.0)
    assert other.summary("r").status == "running"
    with pytest.raises(RunBusy, match="'r' is carried by process"):
        other.lease("r")
    lease.release()
    assert other.summary("r").status == "interrupted"
    other.lease("r").release()


class Unplugged(Bucket):
    """A bucket that does not answer while its plug is out."""

    out = False

    def _ask(self, doing: str, work: Callable[..., Any], *arguments: Any) -> Any:
        if self.out:
            raise object_lease.StoreError("nothing answers")
        return super()._ask(doing, work, *arguments)


def test_a_driver_that_could_not_renew_its_hold_makes_sure_of_it_before_it_writes(quick: None) -> None:
    memory = stores.MemoryStore()
    holds = Unplugged(memory, "memory://")
    store, other = ObjectStore(Bucket(memory, "memory://"), ttl=0.2, holds=holds), ObjectStore(Bucket(memory, "m://"))
    store.create(make_run("r"))
    lease = store.lease("r")
    epoch = store.open("r", 1.0)
    holds.out = True
    time.sleep(0.4)
    assert other.summary("r").status == "interrupted"
    with pytest.raises(object_lease.StoreError, match="nothing answers"):
        store.append("r", epoch, Commit([Attempt("a", 1)]))
    holds.out = False
    store.append("r", epoch, Commit([Attempt("a", 1)]))
    assert other.summary("r").status == "running", "nobody had taken it meanwhile"
    holds.out = True
    time.sleep(0.4)
    taken = other.lease("r")
    holds.out = False
    with pytest.raises(StaleEpoch, match="could not be renewed"):
        store.append("r", epoch, Commit([Attempt("b", 1)]))
    lease.release()
    assert [one.path for one in other.attempts("r")] == ["a"]
    with pytest.raises(RunBusy):
        ObjectStore(Bucket(memory, "m://")).lease("r")
    taken.release()
