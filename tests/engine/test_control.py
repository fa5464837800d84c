"""What steers an orchestrator, worked out from what a run in this process recorded."""

from __future__ import annotations

import pytest

from fairlead import Environment
from fairlead.config.services import close_all, open_services
from fairlead.engine import control
from fairlead.engine.control import Block, NotYet, ending
from fairlead.errors import NotFound
from fairlead.model.events import Attempt
from fairlead.testing.contracts import orchestrator_book as book


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Run a workflow of the book once, and give its record, its facts, and what reads its values."""
    known = {}
    folder = tmp_path_factory.mktemp("control")
    (folder / ".fairlead").mkdir()

    def run(name: str):
        if name not in known:
            environment = Environment(executor="in_process", store={"type": "sqlite", "path": str(folder / "r.db")})
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(folder)
                done = book.EVERY[name].bound_to({}).run(environment, id=name, check=False)
                services = open_services(environment)
            known[name] = services.store.get(done.id), services.store.attempts(done.id), services
        return known[name]

    yield run
    close_all()


def before(attempts, *paths: str) -> list[Attempt]:
    """The facts of these task runs and no others."""
    return [one for one in attempts if one.path in paths]


class Known:
    """Facts, as a store gives them."""

    def __init__(self, attempts) -> None:
        self.attempts = attempts

    def of(self, path: str) -> list[Attempt]:
        return [one for one in self.attempts if one.path == path]

    def under(self, path: str) -> list[Attempt]:
        return [one for one in self.attempts if one.path.startswith((f"{path}.", f"{path}["))]


def find_block(run, attempts, path: str, **more) -> Block:
    return control.find_block(run, Known(attempts), path, **more)


def test_a_map_has_as_many_items_as_its_list(runs):
    run, attempts, _ = runs("mapped")
    block = find_block(run, before(attempts, "numbers"), "square", epoch=1)
    assert block.question is None
    assert block.size == 3
    assert not block.good
    assert find_block(run, attempts, "square", epoch=1, whole=True).good


def test_an_empty_map_has_none_and_is_good(runs):
    run, attempts, _ = runs("empty")
    block = find_block(run, before(attempts, "numbers"), "square", epoch=1)
    assert block.size == 0
    assert block.good


def test_what_a_map_waits_for_must_be_recorded(runs):
    run, _, _ = runs("mapped")
    with pytest.raises(NotYet, match="nothing is recorded of 'numbers'"):
        _ = find_block(run, [], "square", epoch=1).size


def test_maps_inside_of_maps_are_found_by_their_numbers(runs):
    run, attempts, _ = runs("nested")
    known = before(attempts, "grid")
    assert find_block(run, known, "inner", epoch=1).size == 3
    assert [find_block(run, known, f"inner[{n}].square", epoch=1).size for n in range(3)] == [0, 1, 2]


def test_a_map_behind_a_failure_has_no_items():
    from fairlead import workflow

    @workflow
    def behind():
        return book.square.map(book.numbers(book.broken(1)))

    environment = Environment(executor="in_process", store="memory")
    done = behind().run(environment, check=False)
    record = done._services.store.get(done.id)
    assert find_block(record, done._services.store.attempts(done.id), "square", epoch=1).size == 0


def test_a_choice_names_its_branch(runs):
    run, attempts, _ = runs("switched")
    assert find_block(run, before(attempts, "side"), "switch", epoch=1).branch == "heads"


def test_a_choice_that_nobody_has_to_make_has_no_branch():
    from fairlead import switch, workflow

    @workflow
    def behind(n: int = 1):
        return switch(book.told("heads", book.broken(n)), {"heads": book.heads, "tails": book.tails})(n)

    done = behind().run(Environment(executor="in_process", store="memory"), check=False)
    run = done._services.store.get(done.id)
    assert find_block(run, done._services.store.attempts(done.id), "switch", epoch=1).branch == "none"


def test_a_loop_goes_on_until_it_is_done(runs):
    run, attempts, _ = runs("looped")
    for index, goes_on in enumerate([True, True, False]):
        known = before(attempts, *(f"step[{n}]" for n in range(index + 1)))
        assert find_block(run, known, "step", epoch=1, index=index).goes_on(index) is goes_on


def test_blocks_in_what_was_left_out_are_left_out():
    from fairlead import switch, workflow

    @workflow
    def deep(n: int = 1):
        return switch(book.side(n), {"heads": book.mapped, "tails": book.switched, "edge": book.looped})(n)

    done = deep().run(Environment(executor="in_process", store="memory"), check=False)
    run, attempts = done._services.store.get(done.id), done._services.store.attempts(done.id)
    assert find_block(run, attempts, "switch.heads.square", epoch=1).size == 1
    assert find_block(run, attempts, "switch.tails.switch", epoch=1).branch == "none"
    assert not find_block(run, attempts, "switch.edge.step", epoch=1, index=0).goes_on(0)


def test_a_value_that_must_be_read_is_read_and_the_answer_recorded():
    from fairlead import workflow

    @workflow
    def strange():
        return book.square.map(pairs())

    done = strange().run(Environment(executor="in_process", store="memory"), check=False)
    services = done._services
    run, attempts = services.store.get(done.id), services.store.attempts(done.id)
    known = before(attempts, "pairs")
    block = find_block(run, known, "square", epoch=1)
    assert block.question is not None
    fact = block.answer(services.values(), run, 1)
    assert (fact.path, fact.outcome) == ("square", "succeeded")
    answered = find_block(run, [*known, fact], "square", epoch=1)
    assert (answered.question, answered.size) == (None, 2)


def test_a_value_that_makes_no_sense_fails_the_block():
    from fairlead import workflow

    @workflow
    def strange():
        return book.square.map(nothing())

    done = strange().run(Environment(executor="in_process", store="memory"), check=False)
    services = done._services
    run, attempts = services.store.get(done.id), services.store.attempts(done.id)
    block = find_block(run, before(attempts, "nothing"), "square", epoch=1)
    fact = block.answer(services.values(), run, 1)
    assert fact.outcome == "failed"
    assert "is not something to go through" in fact.failure.message
    assert block.size == 0


@pytest.mark.parametrize(
    ("path", "ask", "said"),
    [
        ("square", "branch", "'square' is no switch"),
        ("nope", "size", "there is no 'nope'"),
        ("numbers", "size", "'numbers' is no map"),
    ],
)
def test_another_kind_of_block_is_told(runs, path, ask, said):
    run, attempts, _ = runs("mapped")
    with pytest.raises(NotFound, match=said):
        getattr(find_block(run, attempts, path, epoch=1), ask)


# --- the end --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", book.EVERY)
def test_a_run_ends_as_its_records_say(runs, name):
    run, attempts, services = runs(name)
    summary = services.store.summary(name)
    end = ending(run, attempts, epoch=1, cancelled=False)
    assert (end.status, end.missing, end.commit.error) == (summary.status, [], summary.error)
    assert end.commit.counts == summary.counts
    groups = {one.name: (one.total, one.counts) for one in services.store.groups(name)}
    assert {one.name: (one.total, one.counts) for one in end.commit.groups} == groups


def test_an_item_without_a_record_fails_the_run(runs):
    run, attempts, _ = runs("mapped")
    end = ending(run, [one for one in attempts if one.path not in ("square[1]", "total")], epoch=1, cancelled=False)
    assert (end.status, end.missing, end.commit.error) == ("failed", ["square[1]"], "square[1]")


def test_a_task_that_began_and_did_not_end_fails_the_run(runs):
    run, attempts, _ = runs("sequence")
    begun = Attempt("total", 1, 1, started=1.0)
    end = ending(run, [*before(attempts, "numbers"), begun], epoch=1, cancelled=False)
    assert (end.status, end.missing) == ("failed", ["total"])
    assert end.commit.counts == {"succeeded": 1, "lost": 1}


def test_a_run_that_was_to_stop_is_cancelled(runs):
    run, attempts, _ = runs("sequence")
    end = ending(run, before(attempts, "numbers"), epoch=1, cancelled=True)
    assert (end.status, end.commit.error) == ("cancelled", "")
    assert ending(run, attempts, epoch=1, cancelled=True).status == "succeeded"


class Pair:
    def __iter__(self):
        return iter([1, 2])


@book.task
def pairs():
    return Pair()


@book.task
def nothing():
    return 1.5
