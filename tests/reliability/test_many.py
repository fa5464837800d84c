"""Many at once: processes on one store, threads in one process, and two that want the same run."""

import json
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from fairlead import list_workflow_runs, task, workflow
from tests.reliability.arena import ROUNDS, Arena, wait_until

RUNS = 20

JOBS = """
    import time
    from fairlead import current_run, task, workflow
    from notes import note

    @task
    def square(i, seconds):
        note("executed", f"{current_run().run_id}/{i}", current_run().attempt)
        time.sleep(seconds)
        return i * i

    @task
    def total(squares, plus):
        return sum(squares) + plus

    @workflow
    def job(items: int = 10, plus: int = 0, seconds: float = 0.0):
        return total(square.map([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], seconds=seconds), plus)
"""


@pytest.mark.parametrize("env", ["in_process", "local"])
def test_twenty_processes_on_one_store_give_twenty_right_results(arena: Arena, env: str):
    arena.write("jobs.py", JOBS)
    for turn in range(ROUNDS):
        drivers = [
            arena.begin(
                *["-m", "fairlead", "run", "jobs.py", "--env", env, "--id", f"run-{turn}-{i}", "-o", "json"],
                *["-p", f"plus={i}"],
            )
            for i in range(RUNS)
        ]
        said = [driver.communicate(timeout=60) for driver in drivers]
        assert [driver.returncode for driver in drivers] == [0] * RUNS, [err for _, err in said if "rror" in err]
        assert [json.loads(out)["results"] for out, _ in said] == [285 + i for i in range(RUNS)]
    assert {run.get_status() for run in list_workflow_runs(limit=None)} == {"succeeded"}
    assert len(list_workflow_runs(limit=None)) == RUNS * ROUNDS
    assert set(arena.executed().values()) == {1}
    wait_until(lambda: not arena.processes(), 3, "the end of all processes")


@task
def add(a, b):
    return a + b


@task
def together(values):
    return sum(values), os.getpid()


@workflow
def adding(values, b):
    return together(add.map(values, b=b))


@pytest.mark.parametrize("env", ["in_process", "local"])
def test_eight_threads_run_several_each_and_all_are_right(arena: Arena, env: str):
    def several(thread: int) -> list[tuple[int, bool]]:
        found = []
        for turn in range(4 * ROUNDS):
            total, pid = adding([thread, turn, 1], 10).run(env).get_results()
            found.append((total, pid == os.getpid()))
        return found

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(several, range(8)))
    assert found == [[(thread + turn + 31, env == "in_process") for turn in range(4 * ROUNDS)] for thread in range(8)]
    runs = list_workflow_runs(limit=None)
    assert Counter(run.get_status() for run in runs) == {"succeeded": 32 * ROUNDS}
    assert len({run.id for run in runs}) == 32 * ROUNDS


RESUMES = """
    import sys
    from fairlead import RunBusy, WorkflowRun

    run = WorkflowRun.by_id(sys.argv[1])
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        print(run.resume().get_results())
    except RunBusy as busy:
        print("busy:", busy)
"""


@pytest.mark.parametrize("turn", range(2 * ROUNDS))
def test_of_two_that_resume_the_same_run_one_carries_it_and_the_other_is_told(arena: Arena, turn: int):
    arena.write("jobs.py", JOBS)
    driver = arena.begin("-m", "fairlead", "run", "jobs.py", "--id", "calm-otter", "-p", "seconds=0.1")
    wait_until(lambda: len(arena.lines()) >= 3, 20, "the third task")
    driver.kill()
    driver.communicate()
    assert arena.summary("calm-otter").status == "interrupted"
    arena.write("resumes.py", RESUMES)
    two = [arena.begin("resumes.py", "calm-otter", stdin=-1) for _ in range(2)]
    for one in two:
        assert one.stdout is not None and one.stdout.readline() == "ready\n"
    for one in two:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    said = sorted(one.communicate(timeout=30) for one in two)
    assert [one.returncode for one in two] == [0, 0], said
    assert said[0][0] == "285\n"
    assert said[1][0].startswith("busy: ") and "calm-otter" in said[1][0]
    assert arena.summary("calm-otter").epoch == 2


def test_two_commands_that_resume_the_same_run_agree_on_who_does(arena: Arena):
    arena.write("jobs.py", JOBS)
    driver = arena.begin("-m", "fairlead", "run", "jobs.py", "--id", "calm-otter", "-p", "seconds=0.1")
    wait_until(lambda: len(arena.lines()) >= 3, 20, "the third task")
    driver.kill()
    driver.communicate()
    two = [arena.begin("-m", "fairlead", "resume", "calm-otter") for _ in range(2)]
    said = [one.communicate(timeout=30) for one in two]
    codes = sorted(one.returncode for one in two)
    assert codes == [0, 4], said
    assert "calm-otter" in next(err for one, (_, err) in zip(two, said, strict=True) if one.returncode == 4)
    # Who came second did not make another run in its place.
    assert [run.id for run in list_workflow_runs()] == ["calm-otter"]


def test_the_same_id_is_given_to_one_of_many(arena: Arena):
    arena.write("jobs.py", JOBS)
    drivers = [
        arena.begin("-m", "fairlead", "run", "jobs.py", "--env", "in_process", "--id", "calm-otter") for _ in range(4)
    ]
    said = [driver.communicate(timeout=60) for driver in drivers]
    assert sorted(driver.returncode for driver in drivers) == [0, 4, 4, 4], said
    assert "Traceback" not in str(said)
    assert set(arena.executed().values()) == {1}
    assert not arena.processes()
