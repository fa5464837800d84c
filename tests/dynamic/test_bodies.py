"""Bodies of dynamic workflows: plain Python over real values, the same on every executor."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import sys
import time

import pytest

from fairlead import (
    DefinitionError,
    Environment,
    Resources,
    RunFailed,
    TaskFailed,
    WorkflowRun,
    current_run,
    repeat,
    shell,
    switch,
    task,
    workflow,
)

JOBS = """
    import asyncio
    import concurrent.futures
    import threading
    import time
    from pathlib import Path

    from fairlead import current_run, task, workflow

    class TooSmall(Exception):
        def __init__(self, size, wanted):
            super().__init__(f"{size} is less than {wanted}")

    @task
    def double(x):
        return 2 * x

    @task
    def add(*numbers, start=0):
        return sum(numbers, start)

    @task
    def fails(x):
        raise ValueError(f"{x} is bad")

    @task
    def too_small(x):
        raise TooSmall(x, 9)

    @task(outputs=["low", "high"])
    def bounds(xs):
        return min(xs), max(xs)

    @task
    async def later(x):
        await asyncio.sleep(0)
        return -x

    @task
    def write(text):
        path = Path("written.txt")
        path.write_text(text)
        return path

    @task
    def read(path):
        return Path(path).read_text()

    @task(retries=2)
    def flaky(marks):
        with open(marks, "a") as file:
            file.write("x")
        if len(Path(marks).read_text()) < 3:
            raise RuntimeError("not yet")
        return len(Path(marks).read_text())

    @workflow(dynamic=True)
    def branches(n: int):
        found = []
        while n != 1:
            n = double(n) if len(found) > 2 else add(n, 1)
            found.append(n)
            if n % 2 == 0 and len(found) > 3:
                break
        low, high = bounds(found)
        return {"found": found, "low": low, "high": high}

    @workflow(dynamic=True)
    def catching(x: int = 3):
        said = []
        for one in (fails, too_small):
            try:
                one(x)
            except (ValueError, TooSmall) as error:
                said.append((type(error).__name__, error.path, error.message))
        return said

    @workflow(dynamic=True)
    def uncaught(x: int = 3):
        return fails(double(x))

    @workflow(dynamic=True)
    def own_error(x: int = 3):
        double(x)
        raise KeyError("mine")

    @workflow(dynamic=True)
    def at_once(n: int = 4):
        first = [double.submit(i) for i in range(n)]
        both = add.submit(first[0], first[1])
        listed = bounds.submit([both, *first])
        done = concurrent.futures.wait(first).done
        return both.result(), listed.result(), double.map([one.result() for one in first]), len(done)

    @workflow(dynamic=True)
    def in_threads(n: int = 6):
        with concurrent.futures.ThreadPoolExecutor(3) as threads:
            return list(threads.map(double, range(n)))

    @workflow(dynamic=True)
    async def awaiting(n: int = 4):
        many = await asyncio.gather(*(later(i) for i in range(n)))
        one = await double(n)
        mapped = await double.map(many)
        return many, one, mapped, await helper(one)

    @workflow(dynamic=True)
    async def helper(x):
        return await add(x, x)

    @workflow
    def plainly(x):
        return double(double(x))

    @workflow(dynamic=True)
    def nested(x: int = 1):
        return plainly(x), plainly(x), plainly.map([x, 5]), deep(3)

    @workflow(dynamic=True)
    def deep(n):
        return double(n) if n == 0 else deep(n - 1) + double(n)

    @workflow(dynamic=True)
    def files():
        path = write("hello")
        return read(path), path

    @workflow(dynamic=True)
    def retried(marks):
        return flaky(marks)

    @workflow(dynamic=True)
    def forgotten(x: int = 1):
        fails.submit(x)
        return double(x)

    @workflow(dynamic=True)
    def speaking():
        print("from the body")
        here = current_run()
        here.log_metric("speed", 3)
        return here.run_id, here.path
"""


@pytest.fixture(scope="module")
def jobs(place):
    place.write("dynamic_jobs.py", JOBS)
    sys.path.insert(0, str(place.folder))
    yield __import__("dynamic_jobs")
    sys.path.remove(str(place.folder))
    del sys.modules["dynamic_jobs"]


@task
def double(x):
    return 2 * x


def test_the_body_branches_and_loops_on_real_values(jobs, env):
    results = jobs.branches(5).run(env).get_results()
    assert results == {"found": [6, 7, 8, 16], "low": 6, "high": 16}


def test_a_failure_is_caught_by_the_type_that_the_task_raised(jobs, env):
    run = jobs.catching().run(env)
    assert run.get_status() == "succeeded"
    assert run.get_results() == [
        ("ValueError", "fails", "3 is bad"),
        ("TooSmall", "too_small", "3 is less than 9"),
    ]
    assert run.summary().counts == {"failed": 2}


def test_a_failure_that_nobody_catches_fails_the_run_with_the_tasks_own_error(jobs, env):
    with pytest.raises(RunFailed, match=r"(?s)task 'fails' failed: ValueError: 6 is bad.*with x=6") as caught:
        jobs.uncaught().run(env)
    assert caught.value.task == "fails"


def test_an_exception_of_the_body_fails_the_run_with_its_traceback(jobs, env):
    run = jobs.own_error().run(env, check=False)
    with pytest.raises(RunFailed, match=r"(?s)the workflow's own code failed: KeyError: 'mine'.*raise KeyError"):
        run.get_results()
    assert run.summary().error == "."


def test_submitted_calls_give_futures_that_other_calls_take(jobs, env):
    both, listed, doubled, done = jobs.at_once().run(env).get_results()
    assert (both, listed, doubled, done) == (2, (0, 6), [0, 4, 8, 12], 4)


def test_calls_in_threads_of_the_body_are_calls_of_the_run(jobs, env):
    run = jobs.in_threads().run(env)
    assert run.get_results() == [0, 2, 4, 6, 8, 10]
    assert len(run.get_tasks(name="double")) == 6


def test_an_async_body_awaits_its_calls(jobs, env):
    run = jobs.awaiting().run(env)
    assert run.get_results() == ([0, -1, -2, -3], 8, [0, -2, -4, -6], 16)
    assert [one.id for one in run.get_tasks(name="add")] == ["helper.add"]


def test_workflows_called_in_a_body_have_places_of_their_own(jobs, env):
    run = jobs.nested().run(env)
    assert run.get_results() == (4, 4, [4, 20], 12)
    paths = {one.id for one in run.get_tasks()}
    assert {"plainly.double", "plainly.double#2", "plainly#2.double", "plainly#3[0].double"} <= paths
    assert {"deep.double", "deep.deep.double", "deep.deep.deep.deep.double"} <= paths


def test_a_file_that_a_task_gave_is_given_to_the_next(jobs, env, place):
    run = jobs.files().run(env)
    text, path = run.get_results()
    assert text == "hello"
    assert path.read_text() == "hello"


def test_retries_happen_before_the_body_hears_of_a_failure(jobs, env, tmp_path):
    marks = str(tmp_path / "marks")
    run = jobs.retried(marks).run(env)
    assert run.get_results() == 3
    assert [one.attempt for one in run.get_task("flaky").attempts] == [1, 2, 3]


def test_a_failure_that_nobody_asked_for_fails_the_run(jobs, env):
    run = jobs.forgotten().run(env, check=False)
    assert run.get_status() == "failed"
    assert run.summary().error == "fails"
    assert run.get_task("double").status == "succeeded"


def test_what_the_body_prints_and_measures_is_kept_with_the_run(jobs, env):
    run = jobs.speaking().run(env)
    assert run.get_results() == (run.id, ".")
    assert list(run.get_logs()) == [(".", "from the body\n")]
    assert run.get_metrics() == {".": {"speed": 3.0}}


def test_tasks_made_while_the_body_runs_are_carried_and_recorded(env):
    @workflow(dynamic=True)
    def changing(n: int = 3):
        found = []
        for step in range(n):

            @task(name=f"times{step}")
            def times(x):
                return x * step  # noqa: B023

            found.append(times(10))
            found.append(double.options(name="other", retries=step)(step))
        return found

    run = changing().run(env)
    assert run.get_results() == [0, 0, 10, 2, 20, 4]
    assert [one.name for one in run.get_tasks()][:3] == ["times0", "other", "times1"]
    assert run.get_task("times2").inputs == {"x": 10}


def test_a_task_that_calls_a_task_calls_a_plain_function(env):
    @task
    def outer(x):
        return double(x) + 1

    @workflow(dynamic=True)
    def one():
        return outer(4)

    run = one().run(env)
    assert run.get_results() == 9
    assert [each.id for each in run.get_tasks()] == ["outer"]


def test_the_plain_function_runs_without_a_record():
    @workflow(dynamic=True)
    def plain(n: int = 2):
        future = double.submit(n)
        return double(n), double.map([1, 2]), future.result()

    assert plain.fn(3) == (6, [2, 4], 6)


def test_start_carries_the_body_in_another_process(jobs):
    run = jobs.branches(5).start("local")
    assert run.get_results(wait=True, timeout=30)["found"] == [6, 7, 8, 16]


def test_a_body_without_a_module_is_started_by_its_payload():
    @workflow(dynamic=True)
    def loose(n: int = 2):
        return [double(i) for i in range(n)]

    assert loose().start("local").get_results(wait=True, timeout=30) == [0, 2]


def test_an_output_is_an_argument_of_another_run_without_being_loaded(jobs, env):
    first = jobs.branches(5).run(env)

    @workflow(dynamic=True)
    def second():
        return double(first.output("bounds.high")), double(first.output("add"))

    assert second().run(env).get_results() == (32, 12)


def test_what_is_wrong_with_a_call_is_told_where_it_is_made(env):
    @workflow(dynamic=True)
    def wrong():
        return double(1, 2)

    with pytest.raises(RunFailed, match=r"double: takes 1 positional argument, 2 were given"):
        wrong().run(env)


def test_resources_that_no_machine_has_are_refused_before_anything_runs():
    greedy = double.options(resources=Resources(cpu=1e6))

    @workflow(dynamic=True)
    def wants():
        return greedy(1)

    assert any("processors" in one for one in wants().check("local"))


def test_a_dynamic_workflow_cannot_be_part_of_a_graph():
    @workflow(dynamic=True)
    def inner():
        return double(1)

    @workflow
    def outer():
        return inner()

    with pytest.raises(DefinitionError, match="is dynamic, and a graph cannot hold"):
        outer()


def test_a_graph_has_no_use_for_submit():
    @workflow
    def outer():
        return double.submit(1)

    with pytest.raises(DefinitionError, match=r"double\.submit .* make the workflow dynamic"):
        outer()


def test_a_body_that_returns_what_cannot_be_kept_fails_by_name(env):
    @workflow(dynamic=True)
    def bad():
        double(1)
        return (one for one in [1])

    with pytest.raises(RunFailed, match="what the workflow returned"):
        bad().run(env)


def test_independent_calls_of_threads_run_at_the_same_time():
    @task
    def nap(x):
        time.sleep(0.3)
        return x

    @workflow(dynamic=True)
    def wide():
        nap(0)
        begun = time.perf_counter()
        with concurrent.futures.ThreadPoolExecutor(2) as threads:
            list(threads.map(nap, [1, 2]))
        return time.perf_counter() - begun

    assert wide().run("local", max_workers=2).get_results() < 0.55


def test_debugging_raises_the_bodys_own_exception(jobs):
    with pytest.raises(KeyError, match="mine"):
        jobs.own_error().run(debug=True)


def test_a_task_failure_can_be_looked_into():
    @task
    def bad():
        raise LookupError("gone")

    seen = []

    @workflow(dynamic=True)
    def looking():
        try:
            bad()
        except TaskFailed as error:
            seen.append((error.path, error.type, error.reason, error.message, "LookupError" in error.traceback))
            assert isinstance(error, LookupError)

    looking().run("in_process")
    assert seen == [("bad", "LookupError", "exception", "gone", True)]


def test_runs_are_found_again_with_what_was_called(jobs, env):
    made = jobs.branches(5).run(env)
    run = WorkflowRun.by_id(made.id)
    assert run.graph.dynamic
    assert run.get_task("add#2").inputs == {"numbers": (6, 1)}
    assert [group.name for group in run.groups()] == ["add", "double", "bounds"]
    assert "bounds/low" in run.get_artifacts()
    assert run.explain("bounds") == {"bounds": run.explain()["bounds"]}


def test_an_async_task_in_a_thread_of_an_async_body(jobs, env):
    @workflow(dynamic=True)
    async def mixed():
        blocking = asyncio.to_thread(lambda: 7)
        return await blocking, await double(1), current_run().path

    assert mixed().run(env).get_results() == (7, 2, ".")


@task
def bad_from_two(x):
    if x >= 2:
        raise ValueError(f"{x} is too much")
    return x


@task
def instead(x, failure):
    return [x, failure["type"], failure["message"]]


def test_handlers_and_limits_of_maps_mean_what_they_mean_in_graphs(env):
    careful = bad_from_two.on_failure(instead)
    most = bad_from_two.options(min_success=2, max_parallel=1)

    @workflow(dynamic=True)
    def sync():
        return careful(5), careful.map([1, 2]), most.map(range(4))

    @workflow(dynamic=True)
    async def later():
        return await careful(5), await careful.map([1, 2]), await most.map(range(4))

    @workflow(dynamic=True)
    def strict():
        return most.map([1, 2, 3])

    expected = ([5, "ValueError", "5 is too much"], [1, [2, "ValueError", "2 is too much"]], [0, 1])
    assert sync().run(env).get_results() == expected
    assert later().run(env).get_results() == expected
    with pytest.raises(RunFailed, match="2 is too much"):
        strict().run(env)


def test_switch_and_repeat_are_plain_python_whose_calls_are_recorded(env):
    @workflow(dynamic=True)
    def blocks():
        chosen = switch("b", {"a": bad_from_two, "b": double})(4)
        return chosen, repeat(double, max_iterations=3, x=1)

    run = blocks().run(env)
    assert run.get_results() == (8, 8)
    assert [one.id for one in run.get_tasks()] == ["double", "double#2", "double#3", "double#4"]


def test_a_workflow_with_a_handler_is_guarded_in_a_body(env):
    @workflow(dynamic=True)
    def risky(x):
        return bad_from_two(double(x))

    @workflow(dynamic=True)
    def outer():
        return risky.on_failure(instead)(3)

    assert outer().run(env).get_results() == [3, "ValueError", "6 is too much"]


def test_a_shell_command_is_called_like_any_task(env):
    count = shell("export m=$((n * 2))", outputs=["m"], name="twice")

    @workflow(dynamic=True)
    def commanding():
        return [count(n=n) for n in (1, 2)]

    assert commanding().run(env).get_results() == ["2", "4"]


def fake_double(x):
    return -x


def test_an_environments_patches_count_for_calls_by_their_path():
    @workflow(dynamic=True)
    def inner(x):
        return double(x)

    @workflow(dynamic=True)
    def outer():
        return double(1), inner(2), double.options(name="other")(3)

    env = Environment(
        executor="in_process",
        tasks={"inner.double": {"mock": fake_double}, "other": {"mock": {"value": 5}}, "double": {"retries": 4}},
    )
    run = outer().run(env)
    assert run.get_results() == (2, -2, 5)
    by_path = {one.path: one.call for one in run._attempts() if one.path != "."}
    assert by_path["double"].defined is None
    assert by_path["inner.double"].defined.task.mock


def test_some_calls_run_on_another_executor_of_the_environment():
    @workflow(dynamic=True)
    def outer():
        return where(), where.options(name="here")(), where()

    env = Environment(executor="local", executors={"own": "in_process"}, tasks={"here": {"executor": "own"}})
    elsewhere, here, again = outer().run(env).get_results()
    assert here == os.getpid()
    assert os.getpid() not in (elsewhere, again)


@task
def where():
    return os.getpid()


def test_the_mock_executor_says_that_it_cannot_walk_a_body(jobs):
    assert any("is dynamic" in one for one in jobs.branches(5).check("mock"))


def test_a_task_that_comes_up_late_and_needs_what_there_is_not_is_refused():
    @workflow(dynamic=True)
    def late():
        return double.options(name="greedy", resources=Resources(gpu=9))(1)

    with pytest.raises(RunFailed, match="greedy  needs 9 GPUs  local has none"):
        late().run("local")


def test_a_secret_is_no_argument(monkeypatch):
    monkeypatch.setenv("API_KEY", "tell-nobody-of-this"[::-1])  # a file that holds it would be refused

    @task(secrets=["API_KEY"])
    def ask(key=None):
        return len(current_run().secret("API_KEY"))

    @workflow(dynamic=True)
    def careful():
        return ask()

    @workflow(dynamic=True)
    def careless():
        return ask(os.environ["API_KEY"])

    assert careful().run("in_process").get_results() == 19
    with pytest.raises(RunFailed, match="API_KEY"):
        careless().run("in_process")
