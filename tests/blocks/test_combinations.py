"""Blocks in every combination mean what the same code means as plain Python, and any subset of facts leads there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairlead import Environment, RunFailed
from fairlead.config.services import open_services
from fairlead.model.events import Attempt
from fairlead.model.fold import fold
from fairlead.model.run import Run
from tests.blocks.programs import programs, workflow_of

_FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def memory(place) -> Iterator[Environment]:
    yield Environment(name="memory", executor={"type": "in_process"}, store={"type": "memory"})


def outcome(call) -> object:
    try:
        return call()
    except ValueError as error:
        return str(error)


@_FEW
@given(programs, st.integers(0, 3))
def test_a_graph_gives_what_its_code_gives_as_plain_python(memory, program, x):
    main = workflow_of(program)
    plainly = outcome(lambda: main.fn(x))
    run = main(x).run(memory, check=False)
    if isinstance(plainly, str):
        assert run.get_status() == "failed"
        with pytest.raises(RunFailed, match=r"\d+ is odd"):  # of several, plain Python meets one only
            run.get_results()
    else:
        assert run.get_results() == plainly
        assert all(one.status in {"succeeded", "failed", "skipped"} for one in run.get_tasks())


@_FEW
@given(programs, st.integers(0, 3), st.data())
def test_whatever_part_of_the_facts_is_there_the_rest_follows(memory, program, x, data):
    run = workflow_of(program)(x).run(memory, check=False)
    record, attempts, epoch = recorded(memory, run.id)
    kept = [one for one in attempts if data.draw(st.booleans())]
    whole, rest = fold(record, attempts, epoch=epoch), fold(record, kept, epoch=epoch)
    known = {one.path: one for one in attempts}
    while (live := rest.next(0.0)) is not None:
        fact = known[live.path]
        if live.opens:
            rest.opened(live, fact.outputs or [])
        else:
            rest.ended(live, fact)
    assert rest.finished
    assert rest.counts == whole.counts
    assert rest.failed == whole.failed or set(rest.failed) == set(whole.failed)
    if not whole.root.failed:
        assert rest.results() == whole.results()


def recorded(memory: Environment, run_id: str) -> tuple[Run, list[Attempt], int]:
    store = open_services(memory).store
    return store.get(run_id), list(store.attempts(run_id)), store.summary(run_id).epoch


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(programs, st.integers(0, 3))
def test_worker_processes_give_the_same(place, program, x):
    main = workflow_of(program)
    plainly = outcome(lambda: main.fn(x))
    run = main(x).run("local", check=False)
    if isinstance(plainly, str):
        assert run.get_status() == "failed"
    else:
        assert run.get_results() == plainly
