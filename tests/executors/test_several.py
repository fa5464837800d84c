"""Several executors as one: its contract, and that none of them keeps another from its work."""

import time

import pytest

from fairlead.config.benches import open_bench
from fairlead.executors.in_process import InProcess
from fairlead.executors.local import Local
from fairlead.executors.several import Several
from fairlead.node.capture import TeeLog
from fairlead.testing.contracts.executor import ExecutorContract
from fairlead.testing.contracts.executor_harness import Harness, failure, result
from fairlead.testing.contracts.executor_processes import ProcessExecutorContract


def bench(brief):
    return open_bench(brief, TeeLog(brief.scratch), sets_env=True)


@pytest.fixture
def make_executor():
    made = []

    def make(**others):
        made.append(Several({"": Local(max_workers=2, grace=1.0), **others}))
        return made[-1]

    yield make
    for executor in made:
        executor.close()


class TestContract(ExecutorContract, ProcessExecutorContract):
    @pytest.fixture
    def make_executor(self, make_executor):
        return make_executor


class Deaf(InProcess):
    """Runs one job at a time, and holds no more."""

    def room(self):
        return 1 - len(self._jobs)


@pytest.fixture(params=["local", "in_process", "deaf"])
def on(request, make_executor, tmp_path):
    other = {"local": Local(max_workers=1), "in_process": InProcess(bench), "deaf": Deaf(bench)}[request.param]
    return Harness(make_executor(other=other, unused=Local(max_workers=1)), tmp_path)


def test_every_task_runs_where_it_says(on):
    here, there = on.task("pid"), on.task("pid", executor="other")
    on.open()
    on.submit(*(on.job(f"t[{number}]", (here, there)[number % 2]) for number in range(60)))
    reports = on.finish(*(f"t[{number}]" for number in range(60)))
    pids = [{result(report) for report in reports[start::2]} for start in (0, 1)]
    assert not pids[0] & pids[1]
    assert on.executor.members["unused"].offers.parallel == 1


def test_one_that_is_full_keeps_no_other_from_its_work(make_executor, tmp_path):
    on = Harness(make_executor(other=Local(max_workers=1)), tmp_path)
    slow, quick = on.task("nap", "seconds", executor="other"), on.task("add_one", "x")
    on.open()
    on.submit(*(on.job(f"slow[{number}]", slow, seconds=0.2) for number in range(400)))
    assert on.executor.room() > 0
    begun = time.monotonic()
    on.submit(on.job("quick", quick, x=1))
    assert result(on.finish("quick")[0]) == 2
    assert time.monotonic() - begun < 5
    on.executor.cancel([(f"slow[{number}]", 1) for number in range(400)], 0.0)
    reports = on.finish(*(f"slow[{number}]" for number in range(400)))
    assert sum(report.record is None and failure(report).reason == "cancelled" for report in reports) > 300


def test_waiting_for_several_takes_no_time_of_the_processor(make_executor, tmp_path):
    on = Harness(make_executor(other=Local(max_workers=1)), tmp_path)
    here, there = on.task("nap", "seconds"), on.task("nap", "seconds", executor="other")
    on.open()
    on.submit(on.job("a", here, seconds=1.0), on.job("b", there, seconds=1.0))
    on.until_running("a")
    before = time.process_time()
    on.finish("a", "b")
    assert time.process_time() - before < 0.3
