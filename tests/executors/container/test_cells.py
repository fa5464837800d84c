"""What is heard of one container, by the files that it writes."""

import os
import time

import msgspec
import pytest

from fairlead.executors.container import orphans
from fairlead.executors.container.cells import Cell
from fairlead.executors.container.orders import Order, orders_in, write_brief
from fairlead.executors.container.orphans import driver_label, is_orphan
from fairlead.executors.container.specs import DRIVER
from fairlead.model.events import Attempt, Failure, LogRange
from fairlead.model.run import Code
from fairlead.model.task import TaskDefinition
from fairlead.ports import Brief, Job


@pytest.fixture
def order(tmp_path):
    tasks = (TaskDefinition(name="fit", timeout=5.0),)
    write_brief(Brief("run", tasks, Code(), str(tmp_path)), tmp_path / "brief")
    jobs = [Job("run", f"t[{number}]", 1, 0, {}) for number in range(3)]
    return Order.write(tmp_path / "orders" / "fairlead-1", tmp_path / "brief", jobs, foreign=False)


@pytest.fixture
def cell(order, tmp_path):
    return Cell(order, TaskDefinition(name="fit", timeout=5.0), scratch=str(tmp_path), image="x")


def begin(order):
    (order.folder / "records").mkdir()


def end(order, place, **said):
    record = Attempt(f"t[{place}]", 1, **{"outcome": "succeeded", **said})
    (order.folder / "records" / str(place)).write_bytes(msgspec.msgpack.encode(record))


def told(reports):
    return [(report.path, report.status) for report in reports]


def test_an_order_is_read_again_by_the_next_driver(order, tmp_path):
    (tmp_path / "orders" / "half").mkdir()
    (found,) = orders_in(tmp_path / "orders")
    assert (found.name, found.jobs) == ("fairlead-1", order.jobs)
    assert not (tmp_path / "orders" / "half").exists()
    assert msgspec.msgpack.decode((order.folder / "brief").read_bytes(), type=Brief).run == "run"
    order.remove()
    assert orders_in(tmp_path / "orders") == orders_in(tmp_path / "nowhere") == []


def test_nothing_has_begun_before_fairlead_comes_up(cell, order):
    assert not cell.see(time.monotonic())
    begin(order)
    assert cell.see(time.monotonic())
    assert abs(cell.began - time.monotonic()) < 5
    running = cell.running()
    assert (running.path, running.status, running.log_file) == ("t[0]", "running", "fairlead-1.log")
    assert running.worker.endswith(":fairlead-1")


def test_records_are_told_one_after_the_other(cell, order):
    begin(order)
    cell.see(1.0)
    assert told(cell.heard(2.0)) == []
    end(order, 0, log=LogRange("fairlead-1.log", 0, 7))
    end(order, 2)
    assert told(cell.heard(3.0)) == [("t[0]", "ended")]
    assert (cell.began, cell.log_at, cell.job.path) == (3.0, 7, "t[1]")
    end(order, 1)
    assert told(cell.heard(4.0)) == [("t[1]", "ended"), ("t[2]", "ended")]
    assert cell.done


def test_a_process_that_was_ended_from_outside_was_killed(cell, order):
    begin(order)
    cell.see(1.0)
    end(order, 0, outcome="cancelled", failure=Failure("cancelled", "stopped while it ran"))
    (report,) = cell.heard(2.0)
    assert (report.record.outcome, report.record.failure.reason) == ("lost", "killed")
    end(order, 1, outcome="cancelled", failure=Failure("cancelled", "interrupted", type="KeyboardInterrupt"))
    (report,) = cell.heard(3.0)
    assert report.record.outcome == "cancelled"


def test_a_job_that_was_told_to_end_says_why(cell, order):
    begin(order)
    cell.see(1.0)
    cell.verdict = "timeout"
    end(order, 0, outcome="cancelled", failure=Failure("cancelled", "stopped while it ran"))
    (report,) = cell.heard(2.0)
    assert report.record.failure.message == "took longer than its 5 s"


def test_when_a_container_ends_the_jobs_behind_the_one_at_it_are_given_back(cell, order):
    begin(order)
    cell.see(1.0)
    end(order, 0)
    list(cell.heard(2.0))
    reports = list(cell.end(Failure("killed", "no memory")))
    assert told(reports) == [("t[1]", "running"), ("t[1]", "ended"), ("t[2]", "returned")]
    assert reports[1].failure.message == "no memory"
    assert cell.done


def test_jobs_that_have_not_begun_can_be_taken_out(cell, order):
    begin(order)
    cell.see(1.0)
    assert told(cell.cancel({("t[0]", 1), ("t[2]", 1)})) == [("t[2]", "ended")]
    assert not cell.empty
    assert order.record(2).outcome == "cancelled"
    end(order, 0)
    end(order, 1)
    assert told(cell.heard(2.0)) == [("t[0]", "ended"), ("t[1]", "ended")]
    assert cell.done


def test_before_it_has_begun_all_jobs_can_be_taken_out(cell, order):
    assert len(list(cell.cancel({(job.path, 1) for job in order.jobs}))) == 3
    assert cell.empty
    begin(order)
    assert cell.see(1.0)
    assert order.record(1).outcome == "cancelled"
    assert told(cell.end(Failure("killed", "as asked"))) == []


def test_the_end_of_its_log_can_be_quoted(cell, tmp_path):
    assert cell.last_words() == ""
    (tmp_path / "fairlead-1.log").write_text("one\nModuleNotFoundError: x\n")
    assert cell.last_words().endswith("ModuleNotFoundError: x\n")


def test_an_orphan_is_a_container_whose_driver_has_ended():
    import subprocess

    mine = {DRIVER: driver_label()}
    assert not is_orphan(mine)
    ended = subprocess.Popen(["sleep", "60"])
    label = {DRIVER: driver_label(ended.pid)}
    assert not is_orphan(label)
    ended.kill()
    ended.wait()
    assert is_orphan(label)
    host = driver_label().partition(":")[0]
    assert is_orphan({DRIVER: f"{host}:{os.getpid()}:1"})
    assert not is_orphan({DRIVER: f"{os.uname().nodename}/1:{os.getpid()}:1"}), "numbers mean others there"
    assert not is_orphan({DRIVER: "another-host:1:1"})
    assert not is_orphan({})


def test_a_driver_that_is_hidden_is_there(monkeypatch):
    mine = {DRIVER: driver_label()}
    monkeypatch.setattr(orphans, "_start_of", lambda pid: "")  # as where /proc hides what is another user's
    assert not is_orphan(mine)
