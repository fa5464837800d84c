"""The executor `local`: its contract, its books, and what is left when parts of it are killed."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from fairlead.errors import FairleadError
from fairlead.executors import processes
from fairlead.executors.local import Local, warm
from fairlead.executors.local.forkserver import Ready
from fairlead.executors.processes import children, descendants, marked
from fairlead.model.run import Code, SourceFile
from fairlead.model.task import Resources
from fairlead.ports import Brief
from fairlead.testing.contracts.executor import ExecutorContract
from fairlead.testing.contracts.executor_harness import Harness, failure, is_alive, record_of, result, until
from fairlead.testing.contracts.executor_processes import ProcessExecutorContract


@pytest.fixture(scope="module", autouse=True)
def nothing_left():
    yield
    warm.close_parked()
    assert not [pid for pid in children(os.getpid()) if is_alive(pid)]


@pytest.fixture
def make_executor():
    made = []

    def make(**options):
        made.append(Local(**{"max_workers": 2, "grace": 1.0, **options}))
        return made[-1]

    yield make
    for executor in made:
        executor.close()


@pytest.fixture
def on(make_executor, tmp_path):
    return Harness(make_executor(), tmp_path)


class TestContract(ExecutorContract, ProcessExecutorContract):
    @pytest.fixture
    def make_executor(self, make_executor):
        return make_executor


def worker_pids(executor):
    return sorted(worker.pid for worker in executor._pool.workers.values())


# --- warm pools -----------------------------------------------------------------------------------


def pids_of_run(make_executor, tmp_path, run, code=None):
    on = Harness(make_executor(), tmp_path)
    on.task("nap", "seconds")
    on.open(run)
    if code is not None:
        on.executor.close()
        on.executor.open(Brief(run, tuple(on.tasks), code, str(tmp_path / run), {"url": str(tmp_path / "artifacts")}))
    jobs = [on.job(f"t[{number}]", seconds=0.05) for number in range(4)]
    on.submit(*jobs)
    found = {result(report) for report in on.finish(*(job.path for job in jobs))}
    on.executor.close()
    return found


def test_the_next_run_finds_warm_workers(make_executor, tmp_path):
    warm.close_parked()
    first = pids_of_run(make_executor, tmp_path, "first")
    assert len(first) == 2
    assert pids_of_run(make_executor, tmp_path, "second") == first


def test_a_pool_that_was_warmed_up_is_the_one_that_the_run_uses(make_executor, tmp_path):
    warm.close_parked()
    early = make_executor()
    early.warm_up()
    early.warm_up()
    (pools,) = warm._PARKED.values()
    (pool,) = pools
    on = Harness(make_executor(), tmp_path)
    on.task("nap", "seconds")
    on.open("r")
    assert on.executor._pool is pool
    on.executor.close()


def test_a_run_of_other_code_gets_fresh_workers(make_executor, tmp_path):
    def code(digest):
        return Code(modules={"helpers": SourceFile(str(tmp_path / "helpers.py"), digest)})

    first = pids_of_run(make_executor, tmp_path, "first", code("a"))
    assert pids_of_run(make_executor, tmp_path, "second", code("a")) == first
    assert not pids_of_run(make_executor, tmp_path, "third", code("b")) & first


def test_a_run_under_another_environment_gets_fresh_workers(make_executor, tmp_path, monkeypatch):
    first = pids_of_run(make_executor, tmp_path, "first")
    monkeypatch.setenv("FAIRLEAD_TEST", "here")
    monkeypatch.delenv("HOME", raising=False)
    on = Harness(make_executor(), tmp_path)
    on.task("environment", "name")
    on.task("pid")
    on.open("second")
    assert result(on.go(0, name="FAIRLEAD_TEST")) == "here"
    assert result(on.go(0, name="HOME")) is None
    assert result(on.go(1)) not in first


def test_a_pool_that_has_ended_meanwhile_is_replaced(make_executor, tmp_path):
    pids_of_run(make_executor, tmp_path, "first")
    (pool,) = [pool for parked in warm._PARKED.values() for pool in parked]
    os.kill(pool.pid, signal.SIGKILL)
    until(lambda: not marked(pool.mark))
    assert pids_of_run(make_executor, tmp_path, "second")


def test_a_pool_that_nobody_uses_ends_by_itself(make_executor, tmp_path, monkeypatch):
    warm.close_parked()
    monkeypatch.setattr("fairlead.executors.local.pool.WARM", 0.1)
    pids = pids_of_run(make_executor, tmp_path, "first")
    (pool,) = [pool for parked in warm._PARKED.values() for pool in parked]
    until(lambda: not marked(pool.mark) and not any(is_alive(pid) for pid in pids), 5)
    assert pids_of_run(make_executor, tmp_path, "second")


def test_runs_in_several_threads_have_pools_of_their_own(make_executor, tmp_path):
    found = []

    def run(number):
        on = Harness(make_executor(), tmp_path)
        on.task("add_one", "x")
        on.open(f"run-{number}")
        jobs = [on.job(f"t[{turn}]", x=number * 1000 + turn) for turn in range(200)]
        on.submit(*jobs)
        found.append([result(report) - number * 1000 for report in on.finish(*(job.path for job in jobs))])
        on.executor.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == [list(range(1, 201))] * 3


def test_a_forked_child_of_the_driver_keeps_no_pool(make_executor, tmp_path):
    pids_of_run(make_executor, tmp_path, "first")
    pid = os.fork()
    if not pid:
        os._exit(len(warm._PARKED))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert warm._PARKED


# --- the books ------------------------------------------------------------------------------------


def test_workers_are_started_as_they_are_needed(on):
    warm.close_parked()
    on.task("add_one", "x")
    on.open()
    on.go(0, x=1)
    assert len(on.executor._pool.workers) == 1


def test_room_has_an_end(on):
    on.task("nap", "seconds")
    on.open()
    room = on.executor.room()
    on.submit(*(on.job(f"t[{number}]", seconds=0.0) for number in range(room)))
    assert on.executor.room() == 0
    on.finish(*(f"t[{number}]" for number in range(room)))
    assert on.executor.room() == room


def test_large_jobs_take_more_room(on, monkeypatch):
    monkeypatch.setattr("fairlead.executors.local.executor.MOST_BYTES", 100_000)
    on.task("length", "data")
    on.open()
    on.submit(*(on.job(f"t[{number}]", data="x" * 50_000) for number in range(4)))
    assert on.executor.room() == 0
    on.finish(*(f"t[{number}]" for number in range(4)))


def test_more_jobs_than_the_kernel_holds_wait_with_the_driver(on):
    on.task("length", "data")
    on.open()
    jobs = [on.job(f"t[{number}]", data="x" * 30_000) for number in range(200)]
    on.submit(*jobs)
    assert on.executor._line.waiting
    assert {result(report) for report in on.finish(*(job.path for job in jobs))} == {30_000}


def test_files_of_large_jobs_are_removed(on):
    on.task("length", "data")
    on.open()
    on.go(0, data="x" * 300_000)
    on.submit(on.job("a", data="x" * 300_000))
    on.executor.cancel([("a", 1)], 0)
    on.finish("a")
    assert not list((on.scratch / "run").glob("job-*"))


def test_a_job_that_got_lost_on_its_way_is_given_back(on, monkeypatch):
    monkeypatch.setattr("fairlead.executors.local.executor.VANISHED", 0.1)
    on.task("nap", "seconds")
    on.open()
    on.go(0, seconds=0.0)
    on.submit(on.job("a", seconds=0.2), on.job("b", seconds=0.2))
    on.until_running("a")
    on.until_running("b")
    on.submit(on.job("lost", seconds=0.0))
    (stolen,) = on.executor._line.lane(on.tasks[0]).group.take_back()
    assert stolen
    while not any(report.status == "returned" for report in on.reports):
        on.poll()
    assert [report.path for report in on.reports if report.status == "returned"] == ["lost"]
    on.submit(on.job("lost", seconds=0.0))
    assert result(on.finish("lost")[0])


def test_many_environments_do_not_add_up(on):
    for number in range(8):
        on.task("environment", "name", env_vars={"N": str(number)})
    on.open()
    assert [result(on.go(number, name="N")) for number in range(8)] == [str(number) for number in range(8)]
    until(lambda: (on.poll(0.01), len(on.executor._pool.workers) <= 4)[1], 5)
    assert result(on.go(0, name="N")) == "0"


def test_half_a_processor_lets_twice_as_many_run(on):
    on.task("nap", "seconds", resources=Resources(cpu=0.5))
    on.open()
    jobs = [on.job(f"t[{number}]", seconds=0.3) for number in range(4)]
    begun = time.monotonic()
    on.submit(*jobs)
    assert len({result(report) for report in on.finish(*(job.path for job in jobs))}) == 4
    assert time.monotonic() - begun < 2


# --- when parts are killed ------------------------------------------------------------------------


def test_when_the_fork_server_is_killed_another_carries_on(on, tmp_path):
    pids = tmp_path / "pids"
    on.task("nap_with_children", "seconds", "pids")
    on.task("add_one", "x")
    on.open()
    others = [on.job(f"t[{number}]", 1, x=number) for number in range(100)]
    on.submit(on.job("a", seconds=30.0, pids=str(pids)), on.job("b", seconds=30.0, pids=str(tmp_path / "more")))
    on.submit(*others)
    on.until_running("a")
    on.until_running("b")
    until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    before = worker_pids(on.executor)
    os.kill(on.executor._pool.pid, signal.SIGKILL)
    assert {failure(report).reason for report in on.finish("a", "b")} == {"lost"}
    assert [result(report) for report in on.finish(*(job.path for job in others))] == list(range(1, 101))
    until(lambda: not any(is_alive(pid) for pid in [*before, *map(int, pids.read_text().split())]), 2)


def test_a_fork_server_that_cannot_start_is_an_error_with_its_command(make_executor, tmp_path):
    on = Harness(make_executor(command=[sys.executable, "-c", "raise SystemExit(1)"]), tmp_path)
    on.task("pid")
    on.open()
    on.submit(on.job("a"))
    with pytest.raises(FairleadError, match=r"worker processes cannot be started: .*SystemExit"):
        on.finish("a")


def test_workers_that_cannot_start_are_an_error(make_executor, tmp_path, monkeypatch):
    warm.close_parked()
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    on = Harness(make_executor(), tmp_path)
    on.task("pid")
    on.open()
    getcwd = os.getcwd()
    folder.rmdir()
    monkeypatch.setattr("os.getcwd", lambda: getcwd)
    on.submit(on.job("a"))
    with pytest.raises(FairleadError, match="worker processes end at once"):
        on.finish("a")
    monkeypatch.undo()


def test_a_fork_that_fails_is_an_error_when_there_is_no_other_worker(on, monkeypatch):
    on.task("nap", "seconds")
    on.open()
    on.submit(on.job("a", seconds=0.0))
    pool = on.executor._pool
    worker = next(iter(pool.workers.values()))
    with pytest.raises(FairleadError, match="no worker process can be started: no memory"):
        pool._ready(Ready(worker.id, 0, "no memory"))


DRIVER = """
import sys, time
from pathlib import Path
from fairlead.executors.local import Local
from fairlead.testing.contracts.executor_harness import Harness
on = Harness(Local(max_workers=2), Path(sys.argv[1]))
on.task("nap_with_children", "seconds", "pids")
on.open()
for name in "ab":
    on.submit(on.job(name, seconds=60.0, pids=f"{sys.argv[1]}/{name}"))
on.until_running("a"); on.until_running("b")
notes = [Path(sys.argv[1], name) for name in "ab"]
while not all(note.exists() and len(note.read_text().split()) == 2 for note in notes):
    time.sleep(0.01)
print("ready", on.executor._pool.mark, flush=True)
if sys.argv[2] == "leave":
    sys.exit()
while True:
    on.poll(1)
"""


@pytest.fixture
def driver(tmp_path):
    """A driver process with two busy workers, and everything below it."""
    started = []

    def start(how="stay"):
        process = subprocess.Popen(
            [sys.executable, "-c", DRIVER, str(tmp_path), how], stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        word, mark = process.stdout.readline().split()
        assert word == "ready"
        family = {*marked(mark), *descendants(process.pid)}
        family |= {int(pid) for name in "ab" for pid in (tmp_path / name).read_text().split()}
        if how == "stay":
            assert len(family) >= 7
        return process, mark, family

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_nothing_is_left_when_the_driver_is_killed(driver):
    process, mark, family = driver()
    process.kill()
    until(lambda: not any(is_alive(pid) for pid in family) and not marked(mark), 2)


def test_nothing_is_left_when_the_driver_leaves(driver):
    process, mark, family = driver("leave")
    assert process.wait(5) == 0
    until(lambda: not any(is_alive(pid) for pid in family) and not marked(mark), 2)


def test_nothing_is_left_when_the_driver_and_a_worker_are_killed_at_once(driver):
    process, mark, family = driver()
    (guardian,) = children(process.pid)
    (server,) = children(guardian)
    os.kill(children(server)[0], signal.SIGKILL)
    process.kill()
    until(lambda: not any(is_alive(pid) for pid in family) and not marked(mark), 2)


def test_nothing_is_left_when_a_driver_that_is_stopped_is_killed(driver):
    process, mark, family = driver()
    process.send_signal(signal.SIGSTOP)
    process.kill()
    until(lambda: not any(is_alive(pid) for pid in family) and not marked(mark), 2)


@pytest.mark.parametrize("other", ["the fork server", "its guardian"])
def test_nothing_is_left_when_the_driver_and_another_are_killed_at_once(driver, other):
    process, mark, family = driver()
    (guardian,) = children(process.pid)
    (server,) = children(guardian)
    os.kill(server if other == "the fork server" else guardian, signal.SIGKILL)
    process.kill()
    until(lambda: not any(is_alive(pid) for pid in family) and not marked(mark), 2)


def test_workers_end_when_everything_above_them_is_killed_at_once(driver):
    process, mark, _ = driver()
    (guardian,) = children(process.pid)
    (server,) = children(guardian)
    workers = children(server)
    for pid in (process.pid, guardian, server):
        os.kill(pid, signal.SIGSTOP)
    for pid in (guardian, server, process.pid):
        os.kill(pid, signal.SIGKILL)
    until(lambda: not any(is_alive(pid) for pid in workers), 2)
    for pid in marked(mark):
        os.kill(pid, signal.SIGKILL)  # nobody is left who could: the docs say so


def test_killing_workers_again_and_again_loses_no_job(on, tmp_path):
    on.task("append_and_nap", "path", "word", "seconds")
    on.open()
    words = str(tmp_path / "words")
    wanted = {
        f"t[{number}]": on.job(f"t[{number}]", path=words, word=str(number), seconds=0.002) for number in range(150)
    }
    on.submit(*wanted.values())
    attempt = dict.fromkeys(wanted, 1)
    succeeded, killed = set(), 0
    end = time.monotonic() + 20
    while len(succeeded) < len(wanted):
        assert time.monotonic() < end
        pids = [pid for pid in worker_pids(on.executor) if pid]
        if pids and killed < 40:
            processes.kill([pids[killed % len(pids)]])
            killed += 1
        for report in on.poll(0.02):
            if report.status == "running":
                continue
            if report.record is not None:
                assert record_of(report).outcome == "succeeded", (
                    report.record.failure.traceback or report.record.failure
                )
                assert report.path not in succeeded
                succeeded.add(report.path)
            else:
                assert failure(report).reason == "killed"
                attempt[report.path] += 1
                number = report.path[2:-1]
                on.submit(on.job(report.path, 0, attempt[report.path], path=words, word=number, seconds=0.002))
    assert set(Path(words).read_text().split()) == {str(number) for number in range(150)}
    assert killed >= 5
