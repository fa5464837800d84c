"""Facts reach the store in groups, in time, or the driver learns why not."""

from __future__ import annotations

import threading
import time

import pytest

from fairlead.engine.writer import Ledger, Writer
from fairlead.errors import StoreError
from fairlead.model.events import Attempt
from fairlead.model.run import Group
from fairlead.model.state import State
from fairlead.ports import Commit
from tests.model.builders import Const, TaskNode, json, workflow


class Notebook:
    """A store that remembers what was appended."""

    def __init__(self):
        self.commits = []
        self.refuse = None
        self.hold = threading.Event()
        self.hold.set()

    def append(self, run_id, epoch, commit):
        self.hold.wait(10)
        if self.refuse is not None:
            raise self.refuse
        self.commits.append(commit)


@pytest.fixture
def state():
    return State(workflow(TaskNode("a", 0, {"x": Const(0)}), TaskNode("b", 1)), [json(1)], {})


@pytest.fixture
def store():
    return Notebook()


def add(writer, *paths):
    with writer.lock:
        for path in paths:
            writer.add(Attempt(path, 1, outcome="succeeded"))


def paths(store):
    return [[one.path for one in commit.attempts] for commit in store.commits]


def test_facts_that_come_together_are_committed_together(state, store):
    writer = Writer(store, "r", 1, Ledger(state, {}), delay=0.05)
    add(writer, "a", "b")
    time.sleep(0.15)
    assert paths(store) == [["a", "b"]]
    writer.close()


def test_whoever_waits_does_not_wait_for_the_delay(state, store):
    writer = Writer(store, "r", 1, Ledger(state, {}), delay=60.0)
    add(writer, "a")
    started = time.monotonic()
    writer.flush()
    assert paths(store) == [["a"]] and time.monotonic() - started < 10
    writer.flush()
    writer.close()


def test_what_comes_while_a_group_is_written_is_in_the_next(state, store):
    writer = Writer(store, "r", 1, Ledger(state, {}), delay=0.01)
    store.hold.clear()
    add(writer, "a")
    time.sleep(0.1)
    add(writer, "b")
    store.hold.set()
    writer.flush()
    assert paths(store) == [["a"], ["b"]]
    writer.close()


def test_closing_writes_what_is_left_together_with_the_last_word(state, store):
    writer = Writer(store, "r", 1, Ledger(state, {}), delay=60.0)
    add(writer, "a")
    writer.close(Commit([], status="succeeded"))
    assert paths(store) == [["a"]]
    assert store.commits[-1].status == "succeeded" and store.commits[-1].counts == {"ready": 2}


def test_a_group_carries_the_counts_as_of_its_facts(state, store):
    writer = Writer(store, "r", 1, Ledger(state, {"a": Group("a", seconds=2.0)}), delay=60.0)
    live = state.next(0)
    with writer.lock:
        attempt = Attempt("a", 1, outcome="succeeded", outputs=[json(1)], started=5.0, ended=6.0, seconds=1.0)
        state.ended(live, attempt)
        writer._ledger.note(live.group, attempt)
        writer.add(attempt)
    writer.close()
    (commit,) = store.commits
    assert commit.counts == {"ready": 1, "succeeded": 1}
    assert commit.groups[0] == Group("a", 1, {"succeeded": 1}, 3.0, 5.0, 6.0)


def test_what_the_store_refuses_reaches_the_driver_at_every_question(state, store):
    store.refuse = StoreError("the disk is full")
    writer = Writer(store, "r", 1, Ledger(state, {}), delay=0.0)
    add(writer, "a")
    with pytest.raises(StoreError, match="full"):
        writer.flush()
    for ask in (writer.check, writer.flush, writer.close):
        with pytest.raises(StoreError, match="full"):
            ask()


def test_an_abandoned_writer_writes_what_it_holds_and_ends(state, store):
    writer = Writer(store, "r", 1, Ledger(state, {}), delay=60.0)
    add(writer, "a")
    writer.abandon()
    writer._thread.join(10)
    assert paths(store) == [["a"]] and not writer._thread.is_alive()


def test_somebody_is_told_after_each_commit(state, store):
    told = []
    writer = Writer(
        store, "r", 1, Ledger(state, {}), delay=0.0, committed=lambda commit: told.append(len(store.commits))
    )
    add(writer, "a")
    writer.close()
    assert told == [1]


def test_the_ledger_keeps_the_earliest_start_and_the_latest_end(state):
    ledger = Ledger(state, {})
    ledger.note(0, Attempt("a", 1, started=5.0, ended=9.0, seconds=4.0))
    ledger.note(0, Attempt("a", 2, started=3.0, ended=4.0, seconds=1.0))
    ledger.note(0, Attempt("a", 3))
    group = ledger.all()[0]
    assert (group.started, group.ended, group.seconds) == (3.0, 9.0, 5.0)
    assert ledger.changed() == []
