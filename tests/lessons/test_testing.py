"""What is wrong with today's tools where workflows are tested: mocks that are not there, and tests that wait."""

import time

import pytest

from tests.lessons.project import Project

JOBS = """
    from pathlib import Path
    from fairlead import task, workflow

    @task
    def load(path):
        Path("real").write_text("the real one ran")
        return [1, 2, 3]

    @task(cache=True)
    def train(chunk, rate=0.5):
        return chunk * rate

    @task(retries=2, retry_delay=7200)
    def publish(scores):
        raise OSError("not today")

    @workflow
    def training(path: str = "data.csv"):
        return publish(train.map(load(path)))
"""

FIXTURES = """
    def fake_load(path):
        return [10, 20]

    def fake_publish(scores):
        return sum(scores)

    def other_load(file):
        return []
"""


@pytest.fixture
def jobs(project: Project) -> Project:
    project.write("jobs.py", JOBS)
    project.write("fixtures.py", FIXTURES)
    return project


def mocks(project: Project, text: str) -> None:
    project.write("test.yaml", "executor: in_process\ntasks:\n" + text)


@pytest.mark.parametrize("executor", ["in_process", "local", "mock"])
def test_stand_ins_run_in_place_of_tasks_on_every_executor(jobs, executor):
    jobs.write(
        "test.yaml",
        f"executor: {executor}\ntasks:\n"
        "  load: {mock: 'fixtures:fake_load'}\n"
        "  train: {mock: {value: 4}}\n"
        "  publish: {mock: 'fixtures.py:fake_publish'}\n",
    )
    done = jobs.fairlead("run", "jobs.py", "--env", "test", "--id", "one", "-o", "json", code=0)
    assert '"results"' in done.stdout or '"result"' in done.stdout
    assert jobs.run("one").get_results() == 8
    assert jobs.run("one").get_task("load").mocked == "fixtures:fake_load"
    assert not jobs.read("real")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("  load: {mok: stub}\n", "test.yaml:3:10: tasks.load: unknown key 'mok' (nearest: 'mock')"),
        ("  laod: {mock: stub}\n", "tasks.laod: matches no task (nearest: 'load')"),
        ("  load: {mock: 'fixtures:fake_laod'}\n", "fixtures has no 'fake_laod' (nearest: 'fake_load')"),
        ("  load: {mock: 'fixture:fake_load'}\n", "no module 'fixture'"),
        ("  load: {mock: fake_load}\n", "must be 'module:function', {value: …} or 'stub', and is 'fake_load'"),
        ("  load: {mock: 'fixtures:other_load'}\n", "fixtures:other_load takes no 'path', which the task is given"),
    ],
)
def test_a_misspelt_mock_is_told_with_its_place_and_nothing_runs(jobs, text, told):
    mocks(jobs, text)
    done = jobs.fairlead("run", "jobs.py", "--env", "test", code=2)
    assert told in done.stderr
    assert "test.yaml:3:" in done.stderr
    assert not jobs.read("real")
    assert jobs.fairlead("runs").stdout.strip().count("\n") <= 1


def test_all_that_is_wrong_with_mocks_is_told_at_once(jobs):
    mocks(jobs, "  load: {mock: 'fixtures:other_load'}\n  publish: {mock: 'fixtures:nobody'}\n")
    done = jobs.fairlead("run", "jobs.py", "--env", "test", code=2)
    assert "other_load" in done.stderr
    assert "'nobody'" in done.stderr


def test_mocked_results_are_never_taken_for_real_ones_nor_for_those_of_another_mock(jobs):
    mocks(jobs, "  load: {mock: {value: [1]}}\n  train: {mock: 'fixtures:fake_train'}\n  publish: {mock: stub}\n")
    jobs.write("fixtures.py", "def fake_train(chunk, rate=0.5):\n    return 1\n")
    jobs.fairlead("run", "jobs.py", "--env", "test", "--id", "one", code=0)
    jobs.fairlead("run", "jobs.py", "--env", "test", "--id", "same", code=0)
    jobs.write("fixtures.py", "def fake_train(chunk, rate=0.5):\n    return 1 + 1\n")
    jobs.fairlead("run", "jobs.py", "--env", "test", "--id", "edited", code=0)
    mocks(jobs, "  load: {mock: {value: [1]}}\n  publish: {mock: stub}\n")
    jobs.fairlead("run", "jobs.py", "--env", "test", "--id", "real", code=0)
    found = [(run, jobs.run(run).get_task("train[0]")) for run in ("one", "same", "edited", "real")]
    assert [(name, one.status, one.outputs) for name, one in found] == [
        ("one", "succeeded", 1),
        ("same", "reused", 1),
        ("edited", "succeeded", 2),
        ("real", "succeeded", 0.5),
    ]


def test_who_looks_is_told_what_was_mocked(jobs):
    mocks(jobs, "  load: {mock: 'fixtures:fake_load'}\n  publish: {mock: stub}\n")
    jobs.fairlead("run", "jobs.py", "--env", "test", "--id", "one", code=0)
    assert "fixtures:fake_load stood in for it" in jobs.fairlead("show", "one").stdout
    assert "mocked: fixtures:fake_load stood in for it" in jobs.fairlead("show", "one/load").stdout
    assert "mocked: fixtures:fake_load stood in for it" in jobs.fairlead("explain", "one/load").stdout
    assert "mocked" not in jobs.fairlead("explain", "one/train[0]").stdout


def test_only_some_calls_of_a_task_can_be_mocked(jobs):
    jobs.write(
        "twice.py",
        """
        from fairlead import task, workflow

        @task
        def number():
            return 1

        @workflow
        def flow():
            return [number(), number.options(name="second")()]
        """,
    )
    mocks(jobs, "  second: {mock: {value: 2}}\n")
    jobs.fairlead("run", "twice.py", "--env", "test", "--id", "one", code=0)
    assert jobs.run("one").get_results() == [1, 2]


def test_a_test_of_retries_after_hours_takes_no_time(jobs):
    begun = time.monotonic()
    jobs.write(
        "test_it.py",
        """
        from fairlead.testing import memory_env, virtual_clock
        from jobs import training

        with memory_env(), virtual_clock() as clock:
            run = training("x").run(check=False)
            attempts = run.get_task("publish").attempts
            print([round(attempt.started - attempts[0].started) for attempt in attempts])
        """,
    )
    done = jobs.python("import test_it")
    assert done.stdout.strip() == "[0, 7200, 14400]", done.stderr
    assert time.monotonic() - begun < 20


def test_a_failure_of_last_night_can_be_looked_into_with_its_own_inputs(jobs):
    jobs.write(
        "bad.py",
        "from fairlead import task, workflow\n@task\ndef half(x):\n    return 1 / x\n"
        "@workflow\ndef flow(x: int):\n    return half(x)\n",
    )
    jobs.fairlead("run", "bad.py", "-p", "x=0", "--id", "night", code=1)
    done = jobs.python(
        """
        from fairlead.testing import inputs_of, run_task
        from bad import half

        print(inputs_of("night", "half"))
        try:
            run_task(half, run="night")
        except ZeroDivisionError:
            print("again")
        """
    )
    assert done.stdout.split("\n")[:2] == ["{'x': 0}", "again"], done.stderr
