"""What a store of runs must do where several processes use it, and some of them are killed.

    class TestMyStore(RunStoreContract, RunStoreProcessContract):
        @pytest.fixture
        def elsewhere(self, tmp_path):
            return f"from my_plugin import MyStore; store = MyStore({...!r})"

Everything here happens in real processes; the tests read back what is left.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fairlead.errors import RunBusy
from fairlead.model.run import RunFilter
from fairlead.ports import Commit, RunStore
from fairlead.testing.contracts.run_store_jobs import attempts, make_run

__all__ = ["RunStoreProcessContract"]

Start = Callable[..., "subprocess.Popen[str]"]


class RunStoreProcessContract:
    """Tests for stores that other processes of this host can open."""

    noticed_within: float = 0.0
    """Seconds after which the death of a driver shows to others at the latest; 0: with its process."""

    kills: int = 8
    """How often a writer is killed, at moments of chance."""
    forks: bool = True
    """Whether a child that was forked from a process that uses the store can use it as well; or is refused."""

    @pytest.fixture
    def elsewhere(self) -> str:
        """Give Python source that opens the same store as `store` in another process."""
        raise NotImplementedError("override the 'elsewhere' fixture")

    @pytest.fixture
    def start(self, elsewhere: str) -> Iterator[Start]:
        """Start a job of `run_store_jobs` in a process of its own."""
        started: list[subprocess.Popen[str]] = []

        def start(job: str, *arguments: Any) -> subprocess.Popen[str]:
            call = f"jobs.{job}(store, *{arguments!r})"
            source = f"from fairlead.testing.contracts import run_store_jobs as jobs\n{elsewhere}\n{call}\n"
            process = subprocess.Popen(
                [sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            started.append(process)
            return process

        yield start
        for process in started:
            process.kill()
            process.communicate()

    def test_twenty_processes_make_and_drive_twenty_runs_at_once(self, store: RunStore, start: Start) -> None:
        drivers = [start("drive", f"run-{number}", 10, 20) for number in range(20)]
        for driver in drivers:
            assert _line(driver) == "ready"
        for driver in drivers:
            _go(driver)
        assert [_line(driver) for driver in drivers] == ["done"] * 20
        runs = store.list(RunFilter())
        assert [(run.status, run.counts) for run in runs] == [("succeeded", {"succeeded": 200})] * 20
        for run in runs:
            assert len(store.attempts(run.id)) == 200

    def test_one_of_many_processes_makes_a_run_and_one_holds_it(self, store: RunStore, start: Start) -> None:
        rivals = [start("create_one", "r") for _ in range(8)]
        for rival in rivals:
            assert _line(rival) == "ready"
        for rival in rivals:
            _go(rival)
        said = [(_line(rival), _line(rival)) for rival in rivals]
        assert sorted(made for made, _ in said) == ["exists"] * 7 + ["made"]
        assert sorted(held for _, held in said) == ["busy"] * 7 + ["holds"]
        assert store.get("r") == make_run("r")

    def test_the_run_of_a_killed_driver_is_interrupted_at_once(self, store: RunStore, start: Start) -> None:
        store.create(make_run("r"))
        holder = start("hold", "r")
        assert _line(holder) == "ready"
        assert store.summary("r").status == "running"
        with pytest.raises(RunBusy):
            store.lease("r")
        holder.kill()
        holder.wait()
        assert self.status_of(store, "r") == "interrupted"
        assert [run.status for run in store.list(RunFilter())] == ["interrupted"]
        store.lease("r").release()

    def test_readers_who_look_all_the_time_do_not_keep_a_driver_out(self, store: RunStore, start: Start) -> None:
        store.create(make_run("r"))
        store.open("r", 1.0)
        readers = [start("look_for_ever", "r") for _ in range(2)]
        for reader in readers:
            assert _line(reader) == "ready"
            _go(reader)
        for _ in range(100):
            store.lease("r").release()
            time.sleep(0.001)

    def test_a_killed_writer_loses_nothing_that_append_returned_for(self, store: RunStore, start: Start) -> None:
        chance = random.Random(7)  # noqa: S311 - moments, not secrets
        store.create(make_run("r"))
        for _ in range(self.kills):
            writer = start("write_for_ever", "r")
            assert _line(writer) == "ready"
            _go(writer)
            time.sleep(chance.uniform(0.0, 0.04))
            writer.kill()
            said = writer.communicate()[0].split()
            told = int(said[-1]) if said else 0
            kept = store.attempts("r")
            assert len(kept) >= told
            assert len(kept) % 10 == 0, "a commit is there as a whole or not at all"
            assert {attempt.path for attempt in kept} == {f"train[{n}]" for n in range(len(kept))}
            assert self.status_of(store, "r") == "interrupted"
            summary = store.summary("r")
            assert summary.counts.get("succeeded", 0) <= len(kept)

    def test_a_driver_that_was_overtaken_is_refused(self, store: RunStore, start: Start) -> None:
        store.create(make_run("r"))
        writer = start("write_for_ever", "r")
        assert _line(writer) == "ready"
        _go(writer)
        assert _line(writer) == "10"
        epoch = store.open("r", 2.0)
        store.append("r", epoch, Commit(attempts([1], name="mine")))
        assert writer.communicate(timeout=30)[0].split()[-1] == "stale"
        assert store.summary("r").epoch == epoch

    def test_several_processes_write_to_one_run_at_once(self, store: RunStore, start: Start) -> None:
        store.create(make_run("r"))
        epoch = store.open("r", 1.0)
        writers = [start("write_part", "r", epoch, f"part-{number}", 10, 5) for number in range(4)]
        for writer in writers:
            assert _line(writer) == "ready"
        for writer in writers:
            _go(writer)
        assert [_line(writer) for writer in writers] == ["done"] * 4
        assert len(store.attempts("r")) == 200
        for number in range(4):
            assert len(store.attempts("r", group=f"part-{number}")) == 50
        assert {group.name: group.counts for group in store.groups("r")} == {
            f"part-{number}": {"succeeded": 50} for number in range(4)
        }

    def test_a_forked_child_keeps_no_lease_alive(self, store: RunStore, start: Start) -> None:
        store.create(make_run("r"))
        parent = start("hold_and_fork", "r")
        assert _line(parent) == "ready"
        child = int(_line(parent))
        try:
            assert store.summary("r").status == "running"
            parent.kill()
            parent.wait()
            assert self.status_of(store, "r") == "interrupted"
            store.lease("r").release()
        finally:
            os.kill(child, signal.SIGKILL)

    def test_forked_children_use_the_store_beside_their_parent(self, store: RunStore, start: Start) -> None:
        store.create(make_run("r"))
        parent = start("write_and_fork", "r", 5)
        assert _line(parent) == "ready"
        _go(parent)
        assert _line(parent) == ("children: 0 0 0 0 0" if self.forks else "children: 3 3 3 3 3")
        assert _line(parent) == "holds"
        assert len(store.attempts("r", group="child")) == (5 if self.forks else 0)
        assert len(store.attempts("r", group="parent")) == 15

    def test_what_others_commit_is_seen_at_once(self, store: RunStore, start: Start) -> None:
        store.create(make_run("r"))
        store.attempts("r")
        writer = start("write_for_ever", "r")
        assert _line(writer) == "ready"
        _go(writer)
        for _ in range(20):
            told = int(_line(writer))
            assert len(store.attempts("r")) >= told
        assert store.ask_cancel("r", 3.0)
        assert store.cancel_asked("r")

    def status_of(self, store: RunStore, run_id: str) -> str:
        """Give a run's status when the death of its driver must have shown."""
        until = time.monotonic() + self.noticed_within
        while (status := store.summary(run_id).status) == "running" and time.monotonic() < until:
            time.sleep(0.005)
        return status


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()
