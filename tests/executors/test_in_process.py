"""The executor `in_process`: its contract, and what is only true where tasks run in the caller."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from fairlead.config.benches import open_bench
from fairlead.executors.in_process import InProcess
from fairlead.node.capture import TeeLog
from fairlead.testing.contracts.executor import ExecutorContract
from fairlead.testing.contracts.executor_harness import Harness, failure, record_of, result, until


def bench(brief):
    return open_bench(brief, TeeLog(brief.scratch), sets_env=True)


@pytest.fixture
def make_executor():
    made = []

    def make():
        made.append(InProcess(bench))
        return made[-1]

    yield make
    for executor in made:
        executor.close()


@pytest.fixture
def on(make_executor, tmp_path):
    return Harness(make_executor(), tmp_path)


class TestContract(ExecutorContract):
    @pytest.fixture
    def make_executor(self, make_executor):
        return make_executor


def in_thread(action):
    """Run something in another thread; gives what it gives."""
    found = []
    thread = threading.Thread(target=lambda: found.append(action()))
    thread.start()
    thread.join(20)
    return found[0]


def test_ctrl_c_in_a_task_reaches_the_driver_and_the_job_is_reported_as_cancelled(on):
    on.task("interrupt")
    on.task("add_one", "x")
    on.open()
    on.submit(on.job("a"), on.job("b", 1, x=1))
    on.until_running("a")
    with pytest.raises(KeyboardInterrupt):
        on.poll()
    report = on.finish("a")[0]
    assert record_of(report).outcome == "cancelled"
    assert failure(report).reason == "cancelled"
    assert result(on.finish("b")[0]) == 2


def test_output_reaches_the_terminal_as_well(on, capsys):
    report = on.run("say", text="hello")
    assert on.log(report) == b"hello\nhello, and with an error\nno line end"
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("hello\nno line end", "hello, and with an error\n")


def test_output_of_the_driver_between_tasks_is_not_the_tasks(on, capsys):
    on.task("say", "text")
    on.open()
    on.go(0, text="one")
    print("the driver's own words")
    report = on.go(0, text="two")
    assert b"driver" not in on.log(report)


def test_the_streams_are_as_they_were_after_close(make_executor, tmp_path):
    before = sys.stdout, sys.stderr
    on = Harness(make_executor(), tmp_path)
    on.run("say", text="hello")
    on.executor.close()
    assert (sys.stdout, sys.stderr) == before


def test_cheap_jobs_come_back_in_batches(on):
    on.task("add_one", "x")
    on.open()
    on.go(0, x=0)
    on.submit(*(on.job(f"u[{number}]", x=number) for number in range(10)))
    assert len(on.poll()) > 1


@pytest.mark.parametrize("function", ["busy", "nap"])
def test_time_limits_hold_in_any_thread(make_executor, tmp_path, function):
    def run():
        on = Harness(make_executor(), tmp_path)
        on.task(function, "seconds", timeout=0.2)
        on.open()
        # A sleep in C cannot be interrupted from another thread, so this one is short.
        report = on.go(0, seconds=30.0 if function == "busy" else 0.5)
        on.executor.close()
        return report

    report = in_thread(run)
    if function == "busy":
        assert failure(report).reason == "timeout"
        assert "in busy" in failure(report).traceback


def test_a_job_within_its_time_limit_is_left_alone_in_any_thread(make_executor, tmp_path):
    def run():
        on = Harness(make_executor(), tmp_path)
        on.task("add_one", "x", timeout=20.0)
        on.open()
        return [result(on.go(0, x=number)) for number in range(20)]

    assert in_thread(run) == list(range(1, 21))
    until(lambda: not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)])


def test_an_alarm_of_somebody_else_still_goes_off(on):
    heard = []
    before = signal.signal(signal.SIGALRM, lambda *_: heard.append(time.monotonic()))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        begun = time.monotonic()
        told = failure(on.run("nap", seconds=5.0, options={"timeout": 0.1}))
        assert told.reason == "timeout"
        while not heard and time.monotonic() < begun + 5:
            time.sleep(0.01)
        assert heard[0] - begun >= 0.25
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_task_that_ignores_its_time_limit_is_interrupted_again(on, monkeypatch):
    monkeypatch.setattr("fairlead.executors.in_process.AGAIN", 0.05)
    report = on.run("stubborn", seconds=0.4, begun=os.devnull, options={"timeout": 0.05})
    assert result(report) == "went on"  # it was told many times, and came to an end all the same


def test_runs_in_several_threads_keep_their_output_apart(make_executor, tmp_path):
    def run(number):
        on = Harness(make_executor(), tmp_path)
        on.task("say", "text")
        on.open(f"run-{number}")
        wrote = [on.log(on.go(0, text=f"{number}-{turn}")) for turn in range(20)]
        on.executor.close()
        assert wrote == [f"{number}-{t}\n{number}-{t}, and with an error\nno line end".encode() for t in range(20)]
        return True

    threads = [threading.Thread(target=lambda n=n: done.append(run(n))) for n in range(4)]
    done = []
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert done == [True] * 4


def test_a_debugger_works_in_a_task(tmp_path):
    script = tmp_path / "debug.py"
    script.write_text(
        "import sys, tempfile\n"
        "from pathlib import Path\n"
        "from tests.executors.test_in_process import bench\n"
        "from fairlead.executors.in_process import InProcess\n"
        "from fairlead.testing.contracts.executor_harness import Harness, result\n"
        "on = Harness(InProcess(bench), Path(tempfile.mkdtemp()))\n"
        "print('RESULT', result(on.run('stop_here', x=1)))\n"
        "on.executor.close()\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        input="p x\nx = 41\nc\n",
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
    assert "(Pdb) 1" in done.stdout, done.stdout + done.stderr
    assert "RESULT 42" in done.stdout


FORKS = """
import os
from fairlead import task, workflow

@task
def twice(path: str):
    if not os.fork():
        return "child"
    os.wait()
    return "parent"

@task
def after(said: str, path: str):
    with open(path, "a") as file:
        file.write(said)
    return said

@workflow
def forks(path: str):
    return after(twice(path), path)

if __name__ == "__main__":
    print(forks("said").run("in_process").get_results())
"""


def test_a_child_that_comes_back_out_of_a_task_ends_there(tmp_path):
    (tmp_path / ".fairlead").mkdir()
    (tmp_path / "forks.py").write_text(FORKS)
    done = subprocess.run([sys.executable, "forks.py"], cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (0, "parent\n"), done.stderr
    assert (tmp_path / "said").read_text() == "parent"
