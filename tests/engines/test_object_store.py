"""The run store in a bucket of a real S3 API: the contract, in this process and among many."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from fairlead.errors import RunBusy, RunExists, StaleEpoch
from fairlead.model.events import Attempt
from fairlead.model.run import Group, RunFilter
from fairlead.ports import Commit
from fairlead.stores.object_store import ObjectStore
from fairlead.testing.contracts.run_store import RunStoreContract
from fairlead.testing.contracts.run_store_jobs import attempts, make_run
from fairlead.testing.contracts.run_store_processes import RunStoreProcessContract
from fairlead.testing.threads import in_threads
from tests.engines.buckets import TTL
from tests.engines.buckets import runs as opened
from tests.engines.faulty import Fault, proxy
from tests.engines.s3 import S3


class TestS3Store(RunStoreContract):
    keys = 200

    @pytest.fixture
    def store(self, s3: S3, s3_bucket: str) -> Iterator[ObjectStore]:
        store = opened(s3_bucket, s3.endpoint, ttl=30.0)
        yield store
        store.close()


class TestS3StoreAmongProcesses(RunStoreProcessContract):
    noticed_within = TTL + 5.0
    kills = 3
    forks = False

    @pytest.fixture
    def store(self, s3: S3, s3_bucket: str) -> Iterator[ObjectStore]:
        store = opened(s3_bucket, s3.endpoint)
        yield store
        store.close()

    @pytest.fixture
    def elsewhere(self, s3: S3, s3_bucket: str) -> str:
        return f"from tests.engines.buckets import runs\nstore = runs({s3_bucket!r}, {s3.endpoint!r})"


@pytest.mark.parametrize("fault", ["before", "after", "500", "503", "slow"])
def test_every_third_request_may_break(s3: S3, s3_bucket: str, fault: Fault) -> None:
    with proxy(s3.endpoint) as broken:
        broken.delay = 0.1
        seen = [0]

        def faults(method: str, path: str) -> Fault:
            seen[0] += 1
            return fault if seen[0] % 3 == 0 else ""

        broken.faults = faults
        store = opened(s3_bucket, broken.endpoint, ttl=30.0)
        store.create(make_run("r"), [Group("train")])
        with pytest.raises(RunExists):
            opened(s3_bucket, broken.endpoint).create(make_run("r"))
        lease = store.lease("r")
        with pytest.raises(RunBusy):
            opened(s3_bucket, broken.endpoint).lease("r")
        epoch = store.open("r", 1.0)
        assert epoch == 1
        for number in range(12):
            facts = [replace(one, key=f"k{number}") for one in attempts([number])]
            store.append("r", epoch, Commit(facts, {"succeeded": number + 1}))
        assert store.ask_cancel("r", 3.0)
        store.append("r", epoch, Commit([], status="cancelled", at=9.0))
        lease.release()
        clean = opened(s3_bucket, s3.endpoint)
        assert [one.path for one in clean.attempts("r")] == sorted(f"train[{n}]" for n in range(12))
        summary = clean.summary("r")
        assert (summary.status, summary.epoch, summary.counts) == ("cancelled", 1, {"succeeded": 12})
        assert list(clean.list(RunFilter())) == [summary]
        assert len(clean.find([f"k{number}" for number in range(12)])) == 12
        again = clean.open("r", 10.0)
        with pytest.raises(StaleEpoch):
            store.append("r", epoch, Commit([Attempt("late", 1)]))
        assert again == 2


def test_of_many_drivers_that_open_a_run_at_once_each_has_an_epoch_of_its_own(s3: S3, s3_bucket: str) -> None:
    opened(s3_bucket, s3.endpoint).create(make_run("r"))
    epochs, kept = list[int](), list[int]()

    def work(number: int) -> None:
        store = opened(s3_bucket, s3.endpoint)
        epochs.append(epoch := store.open("r", float(number)))
        try:
            store.append("r", epoch, Commit([Attempt(f"by-{epoch}", 1, epoch)]))
            kept.append(epoch)
        except StaleEpoch:
            pass  # overtaken already, which is told

    in_threads(8, work)
    assert sorted(epochs) == [*range(1, 9)]
    store = opened(s3_bucket, s3.endpoint)
    assert {one.path for one in store.attempts("r")} == {f"by-{epoch}" for epoch in kept}
    assert store.summary("r").epoch == 8
    assert [run.epoch for run in store.list(RunFilter())] == [8]
