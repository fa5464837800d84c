"""Corners of dynamic runs: futures that fail, definitions met on the way, looks at a run that goes on."""

from __future__ import annotations

import concurrent.futures
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from fairlead import (
    DefinitionError,
    Environment,
    NotFound,
    RunDiverged,
    RunFailed,
    TaskFailed,
    WorkflowRun,
    each,
    task,
    workflow,
)

MADE = []
STATE = {}


@task
def add(*numbers, start=0):
    MADE.append(numbers)
    return sum(numbers, start)


@task
def listing(n):
    return list(range(n))


@task
def split(x):
    return x, -x


@task
def bad(x):
    raise ValueError(x)


class Odd(Exception):
    def __new__(cls, code):
        return super().__new__(cls, code)


@task
def raises_odd():
    raise Odd("strange")


@task
def ends_loops():
    raise StopIteration


@task
def write(text):
    path = Path(f"{text}.txt")
    path.write_text(text)
    return [path, text]


@task
def read(paths):
    return [Path(path).read_text() if isinstance(path, Path) else path for path in paths]


@workflow(dynamic=True)
def prepare(x, tag=None):
    return add(x, 1)


@pytest.fixture(autouse=True)
def _fresh():
    MADE.clear()
    STATE.clear()


def ran(body, env="in_process"):
    return workflow(dynamic=True, name="body")(body)().run(env)


def test_a_call_that_waits_for_a_failed_one_is_not_made(env):
    def body():
        first = bad.submit(1)
        then = add.submit(first, 2)
        with pytest.raises(TaskFailed, match="task 'bad' failed"):
            then.result()
        return isinstance(first.exception(), ValueError), then.done(), repr(then)

    assert ran(body, env).get_results() == (True, True, "<future of add: done>")
    assert MADE == []


def test_futures_of_lists_are_mapped_over_without_being_loaded(env):
    def body():
        numbers = listing.submit(3)
        return add.map(numbers, [10, 20, 30], start=100), add.map(listing.submit(0)), prepare.map(listing.submit(2))

    assert ran(body, env).get_results() == ([110, 121, 132], [], [1, 2])


def test_a_future_is_a_result_of_the_body_and_an_argument_of_a_workflow(env):
    def body():
        return {"sum": add.submit(1, 2), "more": [prepare(add.submit(4)), split.options(outputs=["a", "b"]).submit(5)]}

    assert ran(body, env).get_results() == {"sum": 3, "more": [5, (5, -5)]}


def test_files_in_lists_are_what_they_were(env):
    def body():
        given = write("one")
        return read(given), read([given[0], *write("two")]), given

    first, second, given = ran(body, env).get_results()
    assert (first, second) == (["one", "one"], ["one", "two", "two"])
    assert given[0].read_text() == "one"


def test_outputs_of_other_runs_stand_in_lists():
    made = ran(lambda: add(1, 2))
    output = made.output("add")
    assert ran(lambda: read([output, 5])).get_results() == [3, 5]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (lambda: add.map([1, 2], [3]), "unequal length"),
        (lambda: add.map(5), "is no list"),
        (lambda: prepare.map("text"), "is no list"),
        (lambda: prepare.map([1, 2], tag=each([3])), "unequal length"),
        (lambda: prepare(), "is not given 'x'"),
        (lambda: read(paths=1, other=2), "takes no 'other'"),
        (lambda: add(object().__class__.__dict__), "add: argument 'numbers'"),
    ],
)
def test_what_is_wrong_with_a_call_is_told(body, said):
    with pytest.raises(RunFailed, match=said):
        ran(body)


def test_a_workflow_is_given_what_no_task_could_be():
    def body():
        with concurrent.futures.ThreadPoolExecutor(1) as threads:
            return prepare(4, tag=threads)

    assert ran(body).get_results() == 5


def test_exceptions_that_cannot_be_made_are_plain_task_failures():
    def body():
        found = []
        for call in (raises_odd, ends_loops):
            try:
                call()
            except TaskFailed as error:
                found.append((type(error).__name__, error.type.rpartition(".")[2]))
        return found

    assert ran(body).get_results() == [("Odd", "Odd"), ("TaskFailed", "StopIteration")]


@workflow(dynamic=True)
def meeting():
    """Tasks that nobody could see before."""
    found = []
    for factor in (2, 3):
        times = task(name=f"times{factor}")(lambda x, factor=factor: x * factor)
        found.append(times(10))
    if not STATE:
        raise RuntimeError("stop here")
    return found


def test_tasks_met_on_the_way_are_known_again_when_a_run_is_resumed(env):
    run = meeting().run(env, check=False)
    assert [one.id for one in run.get_tasks()] == ["times2", "times3"]
    STATE["go"] = True
    again = meeting().run(env, resume=run)
    assert again.id == run.id
    assert again.get_results() == [20, 30]
    assert [one.attempt for one in again._attempts() if one.path == "times2"] == [1]
    assert set(again.explain()) == {"times2", "times3"}


def test_a_new_run_is_planned_by_what_still_stands():
    class Listening:
        def notify(self, run, event):
            if type(event).__name__ == "Opened":
                plans.append(event.plan)

    plans = []
    run = meeting().run("in_process", check=False)
    STATE["go"] = True
    new = meeting().run("in_process", resume=run, diverged="new", observers=[Listening()])
    assert new.id != run.id
    assert (plans[0].parent, plans[0].reused, plans[0].run) == (run.id, 2, 0)


def test_a_task_that_is_not_there_cannot_be_begun_from():
    run = ran(lambda: add(1))
    with pytest.raises(NotFound, match="no task 'gone'; it has add"):
        prepare(1).run("in_process", resume=run, from_task="gone")


def test_a_choice_that_there_is_not_is_refused():
    run = ran(lambda: add(1))
    with pytest.raises(DefinitionError, match="is none of 'stop', 'accept', 'new'"):
        prepare(1).run("in_process", resume=run, diverged="later")


def test_a_run_that_goes_on_is_looked_at_without_its_body(tmp_path):
    gate = tmp_path / "gate"

    @task
    def waits(gate):
        while not Path(gate).exists():
            time.sleep(0.01)
        return 1

    @workflow(dynamic=True)
    def going():
        return add(1, 2) + waits(str(gate))

    made = going().prepare("local", id="going")
    made.start()
    until = time.monotonic() + 20
    run = WorkflowRun.by_id("going", "local")
    while {one.id: one.status for one in run.get_tasks()} != {"add": "succeeded", "waits": "running"}:
        assert time.monotonic() < until, run.get_tasks()
        time.sleep(0.02)
    assert run.get_task("waits").inputs == {"gate": str(gate)}
    gate.touch()
    assert run.get_results(wait=True, timeout=20) == 4


def test_a_thread_that_outlives_the_body_can_call_nothing():
    errors = []
    ready = threading.Event()

    def late():
        ready.wait(10)
        time.sleep(0.2)
        try:
            add(1, 2)
        except Exception as error:
            errors.append(str(error))

    def body():
        STATE["thread"] = threading.Thread(target=late)
        STATE["thread"].start()
        return add(1)

    run = ran(body)
    ready.set()
    STATE["thread"].join()
    assert "has ended, and nothing can be called" in errors[0]
    assert run.get_results() == 1


def test_an_accepted_way_is_no_error_in_threads_either():
    @workflow(dynamic=True)
    def wandering():
        names = [1, 2] if not STATE else [2, 3]
        found = [add.submit(name) for name in names]
        total = sum(one.result() for one in found)
        if not STATE:
            raise RuntimeError("stop here")
        return total

    run = wandering().run("in_process", check=False)
    STATE["go"] = True
    with pytest.raises(RunDiverged, match="it has ended, where it made add"):
        wandering().run("in_process", resume=run)
    assert wandering().run("in_process", resume=run, diverged="accept").get_results() == 5


def test_a_body_ends_with_the_memory_store():
    env = Environment(executor="in_process", store="memory")
    assert ran(lambda: add(1, 2), env).get_results() == 3


def test_people_are_told_of_the_body_by_what_it_is(place):
    def body():
        raise LookupError("mine")

    workflow(dynamic=True, name="told")(body)().run("in_process", check=False, id="told-of")
    for words, said in (
        (["runs"], "the workflow's own code"),
        (["show", "told-of"], "LookupError: mine"),
        (["show", "told-of/."], "LookupError: mine"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "fairlead", *words], cwd=place.folder, capture_output=True, text=True, check=True
        )
        assert said in done.stdout
