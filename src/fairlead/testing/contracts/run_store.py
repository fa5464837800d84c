"""What every store of runs must do: the sentences of `fairlead.ports.RunStore`, one test each.

A plugin's test file says:

    class TestMyStore(RunStoreContract):
        @pytest.fixture
        def store(self, tmp_path):
            store = MyStore(...)
            yield store
            store.close()

and, where other processes can use the store, mixes in `RunStoreProcessContract` as well.
"""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from fairlead.errors import NotFound, RunBusy, RunExists, StaleEpoch, StoreError
from fairlead.model.events import Attempt, Origin
from fairlead.model.run import FINAL, Group, RunFilter, RunStatus
from fairlead.ports import Commit, RunStore
from fairlead.testing.contracts.run_store_facts import RunStoreFacts, keyed
from fairlead.testing.contracts.run_store_jobs import attempts, make_run
from fairlead.testing.contracts.run_store_samples import AWKWARD_NAMES, LARGE_RUN
from fairlead.testing.threads import in_threads

__all__ = ["RunStoreContract"]


class RunStoreContract(RunStoreFacts):
    """Tests that need no other process."""

    @pytest.fixture
    def store(self) -> RunStore:
        """Give an empty store; override this, and close the store after the test."""
        raise NotImplementedError("override the 'store' fixture")

    # --- runs ---

    def test_a_run_comes_back_as_it_was_created(self, store: RunStore) -> None:
        store.create(LARGE_RUN, [Group("load", 1), Group("each")])
        assert store.get("large") == LARGE_RUN
        summary = store.summary("large")
        assert (summary.id, summary.workflow, summary.status, summary.created) == ("large", "w", "created", 1.0)
        assert (summary.parent, summary.tags, summary.target) == ("parent", ("nightly", "v1"), "/p/a.py:w")
        assert (summary.epoch, summary.started, summary.ended, summary.cancel_asked) == (0, None, None, None)

    def test_an_id_can_be_taken_once(self, store: RunStore) -> None:
        store.create(make_run("r"), [Group("a")])
        with pytest.raises(RunExists, match="'r'"):
            store.create(make_run("r", workflow="other"), [Group("b")])
        assert store.summary("r").workflow == "training"
        assert [group.name for group in store.groups("r")] == ["a"]

    @pytest.mark.parametrize("ask", ["get", "summary", "groups", "attempts", "cancel_asked"])
    def test_asking_for_a_run_that_is_not_there_says_so(self, store: RunStore, ask: str) -> None:
        store.create(make_run("calm-otter"))
        with pytest.raises(NotFound, match=r"no run 'calm-oter'.*nearest: 'calm-otter'"):
            getattr(store, ask)("calm-oter")

    def test_writing_to_a_run_that_is_not_there_says_so(self, store: RunStore) -> None:
        for write in (lambda: store.open("x", 1.0), lambda: store.append("x", 0, Commit([])),
                      lambda: store.ask_cancel("x", 1.0)):  # fmt: skip
            with pytest.raises(NotFound, match="no run 'x'"):
                write()

    @pytest.mark.parametrize("name", AWKWARD_NAMES)
    def test_any_name_is_a_name(self, store: RunStore, name: str) -> None:
        store.create(replace(make_run(name, workflow=name), tags=(name,)), [Group(name)])
        lease = store.lease(name)
        epoch = store.open(name, 1.0)
        store.append(name, epoch, Commit([Attempt(name, 1, epoch, outcome="succeeded", key=name)]))
        assert store.get(name).id == name
        assert store.summary(name).status == "running"
        assert [attempt.path for attempt in store.attempts(name, path=name)] == [name]
        assert [summary.id for summary in store.list(RunFilter(workflow=name, tags=(name,)))] == [name]
        assert store.find([name])[name][0] == Origin(name, name, 1)
        lease.release()

    def test_a_list_is_newest_first_and_filtered(self, store: RunStore) -> None:
        for number, (workflow, tags) in enumerate([("a", ("x",)), ("b", ("x", "y")), ("a", ()), ("a", ("y",))]):
            store.create(replace(make_run(f"run-{number}", workflow=workflow, created=float(number)), tags=tags))
        _end(store, "run-2", "failed")

        def ids(**wanted: Any) -> list[str]:
            return [summary.id[4:] for summary in store.list(RunFilter(**wanted))]

        assert ids() == ["3", "2", "1", "0"]
        assert ids(limit=2) == ["3", "2"]
        assert ids(limit=None, workflow="a") == ["3", "2", "0"]
        assert ids(since=2.0) == ["3", "2"]
        assert ids(tags=("x",)) == ["1", "0"]
        assert ids(tags=("x", "y")) == ["1"]
        assert ids(tags=("x",), limit=1) == ["1"]
        assert ids(tags=(",",)) == ids(tags=("",)) == ids(tags=('x","y',)) == []
        assert ids(id_prefix="run-") == ["3", "2", "1", "0"]
        assert ids(id_prefix="run-1") == ["1"]
        assert ids(id_prefix="un-1") == []
        assert ids(status="failed") == ["2"]
        assert ids(status="created", limit=2) == ["3", "1"]

    def test_of_runs_made_at_one_moment_the_later_comes_first(self, store: RunStore) -> None:
        for name in ("b", "a", "c"):
            store.create(make_run(name))
        assert [summary.id for summary in store.list(RunFilter())] == ["c", "a", "b"]

    # --- leases and statuses ---

    def test_a_run_has_one_driver_at_a_time(self, store: RunStore) -> None:
        store.create(make_run("r"))
        store.create(make_run("other"))
        lease = store.lease("r")
        with pytest.raises(RunBusy, match="'r'"):
            store.lease("r")
        store.lease("other").release()
        lease.release()
        lease.release()
        again = store.lease("r")
        lease.release()  # an old lease says nothing about the new one
        with pytest.raises(RunBusy):
            store.lease("r")
        again.release()

    def test_a_running_run_that_nobody_holds_is_interrupted(self, store: RunStore) -> None:
        store.create(make_run("r"))
        lease = store.lease("r")
        assert store.summary("r").status == "created"
        store.open("r", 5.0)
        assert store.summary("r").status == "running"
        assert store.summary("r").started == 5.0
        assert [run.id for run in store.list(RunFilter(status="running"))] == ["r"]
        lease.release()
        assert store.summary("r").status == "interrupted"
        assert [run.id for run in store.list(RunFilter(status="interrupted"))] == ["r"]
        assert store.list(RunFilter(status="running")) == []
        assert [run.status for run in store.list(RunFilter())] == ["interrupted"]

    @pytest.mark.parametrize("status", sorted(FINAL))
    def test_a_final_status_stays_until_the_run_is_opened_again(self, store: RunStore, status: RunStatus) -> None:
        store.create(make_run("r"))
        epoch = _end(store, "r", status)
        summary = store.summary("r")
        assert (summary.status, summary.ended, summary.error) == (status, 9.0, "why")
        others: list[RunStatus] = ["running", "succeeded", "failed", "cancelled"]
        for other in others:
            if other == status:
                continue
            with pytest.raises(StoreError, match=f"has {status}"):
                store.append("r", epoch, Commit([Attempt("late", 1)], status=other, at=10.0))
        store.append("r", epoch, Commit([], status=status, at=10.0))  # saying it twice is no contradiction
        assert store.summary("r") == summary
        assert store.attempts("r") == []
        assert store.open("r", 20.0) == epoch + 1
        summary = store.summary("r")
        assert (summary.ended, summary.error, summary.started, summary.epoch) == (None, "", 1.0, epoch + 1)

    def test_an_older_epoch_can_write_no_more(self, store: RunStore) -> None:
        store.create(make_run("r"), [Group("a")])
        first = store.open("r", 1.0)
        store.append("r", first, Commit([Attempt("a", 1, first)], {"running": 1}))
        second = store.open("r", 2.0)
        assert second == first + 1
        stale = Commit([Attempt("b", 1)], {"x": 1}, [Group("z")], "failed", "no", 3.0)
        with pytest.raises(StaleEpoch, match="'r'"):
            store.append("r", first, stale)
        assert [attempt.path for attempt in store.attempts("r")] == ["a"]
        assert store.summary("r").counts == {"running": 1}
        assert store.summary("r").error == ""
        assert [group.name for group in store.groups("r")] == ["a"]
        store.append("r", second, Commit([Attempt("b", 1)]))

    def test_a_run_that_is_carried_elsewhere_needs_no_lease(self, store: RunStore) -> None:
        store.create(make_run("r"))
        epoch = store.open("r", 5.0)
        store.append("r", epoch, Commit([], status="elsewhere", at=6.0))
        store.append("r", epoch, Commit([], status="elsewhere", at=7.0))
        summary = store.summary("r")
        assert (summary.status, summary.started, summary.ended, summary.epoch) == ("elsewhere", 5.0, None, epoch)
        assert [run.status for run in store.list(RunFilter())] == ["elsewhere"]
        assert [run.id for run in store.list(RunFilter(status="elsewhere"))] == ["r"]
        assert store.list(RunFilter(status="running")) == store.list(RunFilter(status="interrupted")) == []
        assert store.ask_cancel("r", 8.0)
        assert store.cancel_asked("r")
        store.append("r", epoch, Commit([Attempt("a", 1, epoch)], {"succeeded": 1}, status="succeeded", at=9.0))
        summary = store.summary("r")
        assert (summary.status, summary.ended, summary.counts) == ("succeeded", 9.0, {"succeeded": 1})

    def test_a_driver_can_take_over_a_run_that_was_carried_elsewhere(self, store: RunStore) -> None:
        store.create(make_run("r"))
        epoch = store.open("r", 5.0)
        store.append("r", epoch, Commit([], status="elsewhere", at=6.0))
        lease = store.lease("r")
        assert store.open("r", 7.0) == epoch + 1
        assert store.summary("r").status == "running"
        with pytest.raises(StaleEpoch):
            store.append("r", epoch, Commit([Attempt("a", 1, epoch)]))
        lease.release()
        assert store.summary("r").status == "interrupted"

    # --- cancelling ---

    def test_asking_to_cancel_is_seen_until_the_run_is_opened_again(self, store: RunStore) -> None:
        store.create(make_run("r"))
        store.open("r", 1.0)
        assert not store.cancel_asked("r")
        assert store.ask_cancel("r", 5.0)
        assert store.ask_cancel("r", 6.0)
        assert store.cancel_asked("r")
        assert store.summary("r").cancel_asked == 5.0
        store.open("r", 7.0)
        assert not store.cancel_asked("r")
        assert store.summary("r").cancel_asked is None

    @pytest.mark.parametrize("status", sorted(FINAL))
    def test_asking_an_ended_run_to_cancel_changes_nothing(self, store: RunStore, status: RunStatus) -> None:
        store.create(make_run("r"))
        _end(store, "r", status)
        before = store.summary("r")
        assert not store.ask_cancel("r", 5.0)
        assert not store.cancel_asked("r")
        assert store.summary("r") == before

    # --- the rest ---

    def test_what_is_given_out_is_the_callers_own(self, store: RunStore) -> None:
        store.create(make_run("r"), [Group("a")])
        mine = Attempt("a", 1, queued=1.0)
        store.append("r", 0, Commit([mine], {"ready": 1}, [Group("a", counts={"ready": 1})]))
        mine.queued = 5.0
        store.attempts("r")[0].queued = 6.0
        store.groups("r")[0].counts["ready"] = 7
        store.summary("r").counts["ready"] = 8
        assert store.attempts("r")[0].queued == 1.0
        assert store.groups("r")[0].counts == store.summary("r").counts == {"ready": 1}

    def test_a_removed_run_is_gone_and_its_id_is_free(self, store: RunStore) -> None:
        store.create(make_run("r"), [Group("a")])
        store.create(make_run("stays"))
        store.append("r", 0, Commit([keyed("a", 1.0, "k")]))
        store.append("stays", 0, Commit([keyed("a", 0.5, "k")]))
        store.remove("r")
        store.remove("r")
        with pytest.raises(NotFound):
            store.summary("r")
        assert store.find(["k"])["k"][0].run == "stays"
        store.create(make_run("r"))
        assert store.attempts("r") == []
        assert store.groups("r") == []
        store.append("r", 0, Commit([keyed("b", 1.0, "")]))
        assert len(store.attempts("r")) == len(store.attempts("stays")) == 1

    def test_a_run_that_is_carried_cannot_be_removed(self, store: RunStore) -> None:
        store.create(make_run("r"))
        lease = store.lease("r")
        with pytest.raises(RunBusy):
            store.remove("r")
        assert store.summary("r").id == "r"
        lease.release()
        store.remove("r")

    def test_many_threads_may_use_one_store(self, store: RunStore) -> None:
        def work(number: int) -> None:
            name = f"run-{number}"
            store.create(make_run(name))
            lease = store.lease(name)
            epoch = store.open(name, 1.0)
            for part in range(5):
                store.append(name, epoch, Commit(attempts(range(part * 10, part * 10 + 10)), {"succeeded": part * 10}))
                assert len(store.attempts(name)) == part * 10 + 10
                store.list(RunFilter())
            store.append(name, epoch, Commit([], status="succeeded", at=2.0))
            lease.release()

        in_threads(8, work)
        assert [run.status for run in store.list(RunFilter())] == ["succeeded"] * 8

    def test_of_many_threads_one_gets_the_lease(self, store: RunStore) -> None:
        store.create(make_run("r"))
        got: list[object] = []

        def work(number: int) -> None:
            del number
            try:
                got.append(store.lease("r"))
            except RunBusy:
                got.append(None)

        in_threads(8, work)
        assert sum(lease is not None for lease in got) == 1


def _end(store: RunStore, run_id: str, status: RunStatus) -> int:
    epoch = store.open(run_id, 1.0)
    store.append(run_id, epoch, Commit([], status=status, error="why", at=9.0))
    return epoch
