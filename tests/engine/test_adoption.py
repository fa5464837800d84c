"""A run is taken up again while jobs of its earlier driver go on: they are waited for, not run again."""

from __future__ import annotations

from typing import ClassVar

from fairlead.engine.adoption import adopted
from fairlead.engine.driver import Driver, Gear
from fairlead.engine.reuse import Finder, Keys
from fairlead.engine.writer import Ledger
from fairlead.model.events import Attempt, Failure
from fairlead.model.fold import fold
from fairlead.ports import Holds, Report
from fairlead.testing.fakes import ScriptedExecutor
from tests.engine.test_driver import Stage, mapped, two
from tests.model.builders import json


class Keeper(ScriptedExecutor):
    """Has jobs already when it is opened, and tells of them when it is asked to wait."""

    jobs: ClassVar[dict] = {}

    def __init__(self, answer, clock, *, room=2):
        super().__init__(answer, clock, room=room)
        self._outer = dict(self.jobs)
        self._told = False

    def held(self):
        return list(self._outer)

    def room(self):
        return max(0, super().room() - len(self._outer))

    def poll(self, timeout):
        if not self._told:
            self._told = True
            outer, self._outer = self._outer, {}
            return [self._tell(*job) for job in outer]
        return super().poll(timeout)

    def _tell(self, path, attempt):
        what = self.jobs[path, attempt]
        if isinstance(what, Failure):
            return Report(path, attempt, "ended", failure=what)
        return Report(
            path, attempt, "ended", Attempt(path, attempt, ended=2.0, outcome="succeeded", outputs=[json(what)])
        )

    def cancel(self, jobs, grace):
        jobs = list(jobs)
        for job in jobs:
            self._outer.pop(job, None)
        super().cancel(jobs, grace)


def keeper(**jobs):
    found = {}
    for name, what in jobs.items():
        path, _, attempt = name.partition("__")
        found[path, int(attempt or 1)] = what
    return type("Kept", (Keeper,), {"jobs": found})


def taken_up(stage, kind, *recorded):
    """Carry a run whose earlier driver has recorded so much."""
    store, run = stage.store, stage.run
    store.create(run)
    with_epoch = store.open(run.id, 1.0)
    from fairlead.ports import Commit

    store.append(run.id, with_epoch, Commit(list(recorded), status="running", at=1.0))
    epoch = store.open(run.id, 2.0)
    attempts = store.attempts(run.id)
    state = fold(run, attempts, epoch=epoch)
    stage.executor = kind(stage.answer, stage.clock)
    finder = Finder(run, Keys(run, stage.values), store, stage.values, stage.previous)
    gear = Gear(store, stage.values, stage.executor, finder, stage.clock, stage.notices.append, None, 0.001)
    assert isinstance(stage.executor, Holds)
    gear.held = adopted(stage.executor, attempts)
    stage.driver = Driver(run, state, gear, epoch=epoch, ledger=Ledger(state, {}))
    return stage.driver.carry()


def test_a_job_that_goes_on_is_not_submitted_again():
    stage = Stage(two(), 5)
    status = taken_up(stage, keeper(a=40), Attempt("a", 1, started=1.0))
    assert status == "succeeded"
    assert stage.executor.seen == [("b", 1)]
    assert stage.recorded == {("a", 1): "succeeded", ("b", 1): "succeeded"}


def test_what_ended_while_nobody_listened_counts_also_when_all_room_is_taken():
    stage = Stage(mapped(), [1, 2, 3, 4], answer=lambda job: [json(0)])
    kind = keeper(**{f"f[{item}]": item for item in range(4)})
    assert taken_up(stage, kind) == "succeeded"
    assert stage.executor.seen == [("total", 1)]


def test_what_is_told_before_its_turn_waits_for_it():
    stage = Stage(two(), 5)
    assert taken_up(stage, keeper(b=41)) == "succeeded"
    assert stage.executor.seen == [("a", 1)]
    assert stage.recorded["b", 1] == "succeeded"


def test_a_held_job_that_fails_is_tried_again_as_the_next_attempt():
    stage = Stage(two(retries=1), 5)
    kind = keeper(a=Failure("exception", "no"))
    assert taken_up(stage, kind, Attempt("a", 1, started=1.0)) == "succeeded"
    assert stage.executor.seen == [("a", 2), ("b", 1)]


def test_a_held_job_that_is_gone_after_all_runs_again():
    stage = Stage(two(), 5)
    assert taken_up(stage, keeper(a=Failure("lost", "its node went away"))) == "succeeded"
    assert stage.executor.seen == [("a", 2), ("b", 1)]


def test_jobs_whose_end_is_recorded_are_let_go():
    stage = Stage(two(), 5)
    done = Attempt("a", 1, ended=1.0, outcome="succeeded", outputs=[json(5)])
    assert taken_up(stage, keeper(a=40, b__1=1, b__2=2), done) == "succeeded"
    assert stage.executor.cancelled == [("a", 1), ("b", 1)]
    assert stage.executor.seen == []


def test_a_reused_result_ends_the_job_that_works_on_it():
    definition = two(cache=True)
    first = Stage(definition, 5)
    assert first.carry() == "succeeded"
    again = Stage(definition, 5, store=first.store)
    again.run.id = "again"
    again.values = first.values
    assert taken_up(again, keeper(a=40)) == "succeeded"
    assert again.executor.cancelled == [("a", 1)]
    assert again.recorded["a", 1] == "reused"


def test_stopping_reaches_jobs_whose_turn_has_not_come():
    stage = Stage(two(), 5, answer=lambda job: None)
    kind = keeper(b=41)
    original = kind.poll

    def poll(self, timeout):
        stage.store.ask_cancel(stage.run.id, 3.0)
        stage.clock.advance(1.0)
        return original(self, timeout)

    kind.poll = poll
    assert taken_up(stage, kind) == "cancelled"
    assert ("b", 1) in stage.executor.cancelled
