"""Connections to PostgreSQL that are cut anywhere lose nothing, and write nothing twice."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from fairlead.errors import RunBusy, StaleEpoch, StoreError
from fairlead.model.events import Attempt
from fairlead.model.run import Group, RunFilter
from fairlead.ports import Commit, RunStore
from fairlead.testing.contracts.run_store_jobs import attempts, make_run
from tests.engines.cutting import CuttingProxy
from tests.engines.postgres import Database, wait_until

POINTS = 40
"""At how many places a connection is cut."""


@pytest.fixture
def store(database: Database) -> Iterator[Any]:
    store = database.store()
    store.list(RunFilter())
    yield store
    store.close()


def carry(store: RunStore, name: str) -> None:
    """Do what a driver does, with facts that are merged."""
    store.create(make_run(name), [Group("a")])
    lease = store.lease(name)
    epoch = store.open(name, 1.0)
    begun = [Attempt(f"a[{n}]", 1, epoch, started=1.0, worker="w") for n in range(5)]
    store.append(name, epoch, Commit(begun, {"running": 5}))
    assert not store.cancel_asked(name)
    ended = [Attempt(f"a[{n}]", 1, epoch, ended=2.0, outcome="succeeded", key=f"{name}-{n}") for n in range(5)]
    store.append(name, epoch, Commit(ended, {"succeeded": 5}, [Group("a", 5), Group("b")]))
    store.append(name, epoch, Commit([], status="succeeded", at=3.0))
    assert len(store.attempts(name)) == 5
    lease.release()


def check(store: RunStore, name: str) -> None:
    """Everything is there, once, and nobody holds the run."""
    summary = store.summary(name)
    assert (summary.status, summary.epoch, summary.counts, summary.ended) == ("succeeded", 1, {"succeeded": 5}, 3.0)
    assert store.attempts(name) == [
        Attempt(f"a[{n}]", 1, 1, None, 1.0, 2.0, outcome="succeeded", key=f"{name}-{n}", worker="w") for n in range(5)
    ]
    assert [group.name for group in store.groups(name)] == ["a", "b"]
    store.lease(name).release()


@pytest.mark.parametrize("half", [False, True], ids=["both ends", "near end only"])
def test_a_cut_at_any_byte_loses_nothing_and_writes_nothing_twice(database: Database, store: Any, half: bool) -> None:
    with CuttingProxy(database.server.port) as proxy:
        through = database.store(port=proxy.port)
        carry(through, "whole")
        through.close()
        total = proxy.passed
    check(store, "whole")
    step = total // POINTS
    for after in range(random.randrange(step), total, step):
        with CuttingProxy(database.server.port, after=after, half=half) as proxy:
            through = database.store(port=proxy.port, patience=20.0)
            carry(through, f"cut-{after}")
            through.close()
            assert proxy.cuts, after
        check(store, f"cut-{after}")


def test_an_administrator_may_end_all_sessions_at_any_time(database: Database, store: Any) -> None:
    over = threading.Event()

    def disturb() -> None:
        while not over.wait(0.05):
            database.server.end_sessions()

    disturbing = threading.Thread(target=disturb)
    disturbing.start()
    try:
        for name in ("one", "two", "three"):
            store.create(make_run(name))
            lease = store.lease(name)
            epoch = store.open(name, 1.0)
            assert epoch == 1
            for part in range(20):
                store.append(name, epoch, Commit(attempts(range(part * 5, part * 5 + 5)), {"succeeded": part * 5 + 5}))
                assert not store.cancel_asked(name)
            store.append(name, epoch, Commit([], status="succeeded", at=2.0))
            lease.release()
    finally:
        over.set()
        disturbing.join()
    for name in ("one", "two", "three"):
        assert len(store.attempts(name)) == 100
        assert (store.summary(name).status, store.summary(name).counts) == ("succeeded", {"succeeded": 100})


def test_a_server_that_crashes_and_comes_back_is_waited_for(database: Database, store: Any) -> None:
    store.create(make_run("r"))
    lease = store.lease("r")
    epoch = store.open("r", 1.0)
    done: list[int] = []

    def write() -> None:
        for number in range(60):
            store.append("r", epoch, Commit(attempts([number]), {"succeeded": number + 1}))
            done.append(number)

    writing = threading.Thread(target=write)
    writing.start()
    wait_until(lambda: len(done) > 5, 20, "some commits")
    database.server.restart()
    writing.join(60)
    assert len(done) == 60
    assert len(store.attempts("r")) == 60
    with pytest.raises(RunBusy):
        database.store().lease("r")
    lease.release()


def test_a_server_that_stays_away_is_told_after_a_bounded_time(database: Database) -> None:
    with CuttingProxy(database.server.port) as proxy:
        store = database.store(port=proxy.port, patience=0.5)
        store.create(make_run("r"))
        lease = store.lease("r")
        epoch = store.open("r", 1.0)
        proxy.close()
        begin = time.monotonic()
        with pytest.raises(StoreError, match=r"cannot use postgresql://fairlead@127\.0\.0\.1:\d+/postgres: .*refused"):
            store.append("r", epoch, Commit(attempts([1])))
        assert 0.3 < time.monotonic() - begin < 10
        lease.release()


def test_a_driver_that_gives_up_does_not_wait_for_what_is_still_being_tried(database: Database) -> None:
    with CuttingProxy(database.server.port) as proxy:
        store = database.store(port=proxy.port, patience=60.0)
        store.create(make_run("r"))
        lease = store.lease("r")
        epoch = store.open("r", 1.0)
        proxy.close()
        said: list[BaseException] = []

        def write() -> None:
            try:
                store.append("r", epoch, Commit(attempts([1])))
            except StoreError as error:
                said.append(error)

        writing = threading.Thread(target=write)
        writing.start()
        time.sleep(0.3)
        begin = time.monotonic()
        lease.release()
        writing.join(20)
        assert time.monotonic() - begin < 15
        assert "was let go before everything of it was written" in str(said[0])


# --- the lease ---------------------------------------------------------------------------------------------


def test_a_lease_that_was_cut_is_taken_again_before_anything_is_written(database: Database, store: Any) -> None:
    store.create(make_run("r"))
    lease = store.lease("r")
    epoch = store.open("r", 1.0)
    assert database.server.end_sessions("fairlead driver%") == 1
    other = database.store()
    assert other.summary("r").status == "interrupted"
    store.append("r", epoch, Commit(attempts([1])))
    assert other.summary("r").status == "running"
    with pytest.raises(RunBusy, match=r"carried by process \d+ on "):
        other.lease("r")
    lease.release()
    other.lease("r").release()
    other.close()


def test_a_driver_that_only_waits_notices_the_cut_when_it_looks_whether_to_stop(database: Database, store: Any) -> None:
    store.create(make_run("r"))
    lease = store.lease("r")
    store.open("r", 1.0)
    database.server.end_sessions("fairlead driver%")
    assert store.summary("r").status == "interrupted"
    assert not store.cancel_asked("r")
    assert store.summary("r").status == "running"
    lease.release()


@pytest.mark.parametrize("then", ["holds it", "has let it go"])
def test_a_driver_whose_run_was_taken_over_while_it_was_cut_writes_nothing(
    database: Database, store: Any, then: str
) -> None:
    store.create(make_run("r"))
    lease = store.lease("r")
    epoch = store.open("r", 1.0)
    store.append("r", epoch, Commit(attempts([1])))
    database.server.end_sessions("fairlead driver%")
    other = database.store()
    others = other.lease("r")
    if then == "has let it go":
        assert other.open("r", 2.0) == epoch + 1
        others.release()
    for action in (lambda: store.cancel_asked("r"), lambda: store.append("r", epoch, Commit(attempts([2])))):
        with pytest.raises(StaleEpoch, match=r"run 'r' .*another driver|run 'r' was taken over by process \d+"):
            action()
    lease.release()
    if then == "holds it":
        with pytest.raises(RunBusy):
            store.lease("r")
        others.release()
    store.lease("r").release()
    assert len(other.attempts("r")) == 1
    other.close()


def test_a_lease_of_a_session_that_the_server_does_not_know_to_be_gone_is_freed(database: Database) -> None:
    """The client's end is gone, and its server process still waits for it, with the lock and a transaction."""
    with CuttingProxy(database.server.port, half=True) as proxy:
        store = database.store(port=proxy.port)
        store.create(make_run("r"))
        lease = store.lease("r")
        epoch = store.open("r", 1.0)
        proxy.cut()
        store.append("r", epoch, Commit(attempts([1])))
        proxy.cut()
        lease.release()
        store.lease("r").release()
        store.close()


def test_a_session_that_vanishes_without_a_word_is_ended_by_the_server_after_some_seconds(
    database: Database, store: Any
) -> None:
    store.create(make_run("r"))
    lease = store.lease("r")
    settings = dict(
        lease._session.rows(
            "SELECT name, setting FROM pg_settings WHERE name LIKE 'tcp_%%' OR name LIKE 'idle_in_transaction%%'"
        )
    )
    dead_after = int(settings["tcp_keepalives_idle"]) + 3 * int(settings["tcp_keepalives_interval"])
    assert dead_after <= 15
    assert 0 < int(settings["tcp_user_timeout"]) <= 15_000
    assert 0 < int(settings["idle_in_transaction_session_timeout"]) <= 30_000
    lease.release()
