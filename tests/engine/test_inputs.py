"""One task run from the facts that decide it: the same inputs, and the same standing, as by following the whole run."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead import Environment, repeat, switch, task, workflow
from fairlead.config.services import close_all, open_services
from fairlead.engine.inputs import look
from fairlead.errors import NotFound
from fairlead.model.events import Attempt
from fairlead.model.fold import fold, replayed
from fairlead.model.scope import READY
from fairlead.stores import folder
from tests.blocks.programs import add, check, fail_if_odd, inc, instead, numbers, programs, total, workflow_of


class Recorded:
    """Facts of a run, and how many of them were asked for."""

    def __init__(self, attempts):
        self.attempts = attempts
        self.asked = Counter()

    def of(self, path):
        return self._told([one for one in self.attempts if one.path == path])

    def under(self, path):
        return self._told([one for one in self.attempts if one.path.startswith((f"{path}.", f"{path}["))])

    def _told(self, found):
        self.asked.update((one.path, one.attempt) for one in found)
        return found


@pytest.fixture(scope="module")
def memory(tmp_path_factory):
    with folder.instead(tmp_path_factory.mktemp("inputs")):
        yield Environment(name="memory", executor={"type": "in_process"}, store={"type": "memory"})
        close_all()


def ran(memory, definition, *args):
    """Run it; gives its record and facts."""
    done = definition(*args).run(memory, check=False)
    services = open_services(memory)
    return services.store.get(done.id), list(services.store.attempts(done.id)), services


@settings(max_examples=60, deadline=None)
@given(program=programs, x=st.integers(0, 9), data=st.data())
def test_a_task_run_takes_what_it_takes_in_its_run(memory, program, x, data):
    run, attempts, _ = ran(memory, workflow_of(program), x)
    state, known = replayed(run, attempts)
    for live, record in known:
        if record is None:
            continue
        found = look(run, live.path, Recorded([one for one in attempts if one.path != live.path]), epoch=1)
        assert (found.missing, found.never, found.questions) == ([], "", [])
        rows = live.placed_by().rows if live.item < 0 else ()
        assert found.inputs() == (state.args(live), rows)
        assert found.task == live.task
        # Nor does it matter what is recorded of it, or of what comes after it.
        assert look(run, live.path, Recorded(attempts), epoch=1).inputs() == (state.args(live), rows)


@settings(max_examples=60, deadline=None)
@given(program=programs, x=st.integers(0, 9), data=st.data())
def test_it_may_start_when_its_driver_would_start_it(memory, program, x, data):
    run, attempts, _ = ran(memory, workflow_of(program), x)
    kept = data.draw(st.integers(0, len(attempts)))
    attempts.sort(key=lambda one: one.ended or 0.0)
    some = attempts[:kept]
    state = fold(run, some, epoch=1, keep=True)
    ready = {path for path, live in state.lives.items() if live.status == READY and not live.opens}
    for path in {one.path for one in attempts}:
        try:
            found = look(run, path, Recorded(some), epoch=1)
        except NotFound:
            continue  # a question of a repeat
        if not found.steps[-1].is_task or path in {one.path for one in some}:
            continue
        assert (found.live is not None) == (path in ready), path
        if path in ready:
            assert not found.missing
            assert not found.never
        elif not found.questions:
            assert found.missing or found.never, path


@workflow
def inner(x):
    return inc(total(inc.map(numbers(x, count=3))))


@workflow
def wide(n: int):
    return inc(total(inner.map(numbers(n, count=n))))


@pytest.mark.parametrize(
    ("path", "needed"),
    [
        ("inner[3].numbers", {"numbers"}),
        ("inner[3].inc[1]", {"numbers", "inner[3].numbers"}),
        ("inner[3].total", {"numbers", *(f"inner[3].inc[{item}]" for item in range(3)), "inner[3].numbers"}),
        ("inner[3].inc#2", {"numbers", "inner[3].total"}),
        ("inc", {"total"}),
    ],
)
def test_only_the_facts_that_decide_are_asked_for(memory, path, needed):
    run, attempts, _ = ran(memory, wide, 20)
    facts = Recorded(attempts)
    found = look(run, path, facts, epoch=1)
    assert found.live is not None
    assert {asked for asked, _ in facts.asked} == needed
    assert max(facts.asked.values()) == 1


def test_of_a_wide_map_one_item_is_opened(memory):
    run, attempts, _ = ran(memory, wide, 200)
    found = look(run, "inner[150].numbers", Recorded(attempts), epoch=1)
    assert len(found.state.lives) < 10
    assert found.inputs()[0]["x"].data == b"0"
    assert found.size is None
    assert look(run, "inner[150].inc[2]", Recorded(attempts), epoch=1).size == 3


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (
            "innr[0].inc",
            "no 'innr' in workflow 'wide' (nearest: 'inner'); there is numbers, inner, total, inc",
        ),
        ("inner.inc", "'inner' is a block; name one of its items: inner[0]."),
        ("inner[0]", "names a part of a block; name a task run in it: inner[0].numbers, inner[0].inc"),
        ("inner[0].nums", "there is no 'nums' in 'inner[0]' (nearest: 'inner[0].numbers')"),
        ("numbers.x", "'numbers' is a task, and nothing is inside it"),
        ("inner[x].inc", "there is no 'inner[x]'"),
        ("", "there is no ''"),
    ],
)
def test_a_path_that_is_not_there_is_told_with_what_is(memory, path, said):
    run, attempts, _ = ran(memory, wide, 2)
    with pytest.raises(NotFound) as raised:
        look(run, path, Recorded(attempts), epoch=1)
    assert said in str(raised.value)


@workflow
def all_blocks(side: str, n: int):
    turned = switch(side, {"up": inc, "down": inner})(n)
    value, _ = repeat(check, until="done", max_iterations=6, index_as="index", value=turned, limit=3)
    return [value, fail_if_odd.on_failure(instead)(n), inc.map(odd_list(value))]


@task
def odd_list(x):
    return [complex(x, 0), complex(x, 1)]  # no JSON: a driver has to read it to know how many there are


@pytest.fixture(scope="module")
def blocks_ran(memory):
    run, attempts, _ = ran(memory, all_blocks, "up", 4)
    return run, attempts


@pytest.mark.parametrize(
    ("path", "without", "said"),
    [
        ("switch.down.numbers", (), "never: 'switch' has taken 'up', and not 'down'"),
        ("switch.left.inc", (), "is a choice between up, down, and not 'left'"),
        ("switch.up.inc[0]", (), "'switch.up.inc' is no map, and has no items"),
        ("check[0]", ("switch",), "missing: 'switch' has not ended"),
        ("check[1]", ("check",), "missing: 'check[0]' has not ended"),
        ("check[5]", (), "never: 'check' has ended after 1 times round (succeeded)"),
        ("check", (), "block"),
        ("check[0].x", (), "'check' is a single task, and nothing is inside it"),
        ("fail_if_odd.on_failure.instead", (), "never: 'fail_if_odd' has succeeded (succeeded)"),
        ("fail_if_odd.on_failure.instead", ("fail_if_odd",), "missing: 'fail_if_odd' has not failed"),
        ("inc[7]", (), "never: 'inc' has 2 items, and no item 7"),
    ],
)
def test_why_something_does_not_run_is_told(blocks_ran, path, without, said):
    run, attempts = blocks_ran
    kept = [one for one in attempts if one.path.partition("[")[0].partition(".")[0] not in without]
    try:
        found = look(run, path, Recorded(kept), epoch=1)
    except NotFound as error:
        assert said in str(error)
        return
    if not found.steps[-1].is_task:
        assert said == "block"
        return
    assert found.live is None
    assert said in f"never: {found.never}" or said in f"missing: {'; '.join(found.missing)}"


@workflow
def asks(ratio: float):
    return switch(ratio, {1: inc, 2: add})(1)


def test_where_a_value_must_be_read_first_that_is_asked(memory):
    run, attempts, _ = ran(memory, asks, 1.0)
    (taken,) = [one.path for one in attempts if "." in one.path]
    found = look(run, taken, Recorded([]), epoch=1)
    assert [question.path for question in found.questions] == ["switch"]
    assert (found.live, found.missing) == (None, ["it is not recorded yet how 'switch' goes on"])
    assert look(run, taken, Recorded(attempts), epoch=1).live is not None


def test_what_may_be_tried_again_is_waited_for(memory):
    run, attempts, _ = ran(memory, wide, 2)
    failed = Attempt("numbers", 1, 1, outcome="lost")
    found = look(run, "inner[0].numbers", Recorded([failed]), epoch=1)
    assert found.missing == ["'numbers' has not succeeded, and may be tried again"]
    assert look(run, "inner[0].numbers", Recorded([]), epoch=1).missing == ["nothing is recorded of 'numbers'"]
    begun = Attempt("numbers", 1, 1, started=1.0)
    assert look(run, "inner[0].numbers", Recorded([begun]), epoch=1).missing == ["'numbers' has not ended"]
    assert len(attempts) > 1
