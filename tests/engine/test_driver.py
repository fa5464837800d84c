"""A run is carried: what was decided is done, what came of it is recorded."""

from __future__ import annotations

import signal

import pytest

from fairlead.engine.driver import Driver, Gear
from fairlead.engine.reuse import Finder, Keys, index
from fairlead.engine.writer import Ledger
from fairlead.errors import StoreError
from fairlead.model.events import Attempt, Failure, LogRange
from fairlead.model.fold import fold
from fairlead.model.notices import Opened, Output, Progress, TaskEnded
from fairlead.model.run import Code, TaskCode
from fairlead.model.state import State
from fairlead.ports import Report
from fairlead.stores.artifacts import MemoryArtifacts
from fairlead.stores.memory import MemoryStore
from fairlead.stores.values import StoredValues
from fairlead.testing.fakes import ScriptedExecutor, VirtualClock
from tests.model.builders import (
    After,
    Const,
    MapNode,
    Parameter,
    ParamRef,
    Ref,
    TaskNode,
    Workflow,
    json,
    plain,
    run_of,
    task,
    workflow,
)


class Stage:
    """Everything around a driver, in memory."""

    def __init__(
        self, definition, *constants, answer=None, store=None, previous=None, codes=None, delay=0.001, **parameters
    ):
        self.run = run_of(definition, [json(one) for one in constants], {k: json(v) for k, v in parameters.items()})
        digests = codes or ["c"] * len(definition.tasks)
        self.run.code = Code(tasks=tuple(TaskCode(digest) for digest in digests))
        self.clock = VirtualClock()
        self.store = store or MemoryStore()
        self.values = StoredValues(MemoryArtifacts())
        self.notices = []
        self.answer = answer or (lambda job: [json(sum(plain(value) for value in job.args.values()))])
        self.previous = previous or {}
        self.delay = delay
        self.executor = None
        self.make = ScriptedExecutor
        self.tail = None

    def carry(self, *, create=True, run=None):
        run = run or self.run
        if create:
            self.store.create(run)
        lease = self.store.lease(run.id)
        try:
            epoch = self.store.open(run.id, self.clock.now())
            state = (
                fold(run, self.store.attempts(run.id), epoch=epoch)
                if epoch > 1
                else State(run.workflow, run.constants, run.parameters)
            )
            self.executor = self.make(self.answer, self.clock)
            finder = Finder(run, Keys(run, self.values), self.store, self.values, self.previous)
            gear = Gear(
                self.store, self.values, self.executor, finder, self.clock, self.notices.append, self.tail, self.delay
            )
            self.driver = Driver(run, state, gear, epoch=epoch, ledger=Ledger(state, {}))
            return self.driver.carry()
        finally:
            lease.release()

    @property
    def recorded(self):
        return {(one.path, one.attempt): one.outcome for one in self.store.attempts(self.run.id)}

    @property
    def summary(self):
        return self.store.summary(self.run.id)


def two(**options):
    return workflow(
        TaskNode("a", 0, {"x": Const(0)}), TaskNode("b", 1, {"x": Ref(0)}), tasks=(task("a", **options), task("b"))
    )


def failed(job, reason="exception", **more):
    return Attempt(
        job.path, job.attempt, outcome="failed", ended=more.pop("ended", 1.0), failure=Failure(reason, "no"), **more
    )


def mapped(source=None):
    body = Workflow("f", (Parameter("x"),), (TaskNode("f", 1, {"x": ParamRef("x")}),), {"result": Ref(0)})
    return workflow(MapNode("f", body, {"x": source or Const(0)}, flat=True), TaskNode("total", 2, {"xs": Ref(0)}))


def test_a_run_succeeds_and_is_recorded():
    stage = Stage(two(), 5)
    assert stage.carry() == "succeeded"
    assert stage.recorded == {("a", 1): "succeeded", ("b", 1): "succeeded"}
    assert stage.summary.status == "succeeded" and stage.summary.counts == {"succeeded": 2}
    assert [group.name for group in stage.store.groups("r")] == ["a", "b"]
    assert plain(stage.driver.state.results()["result"]) == 5
    assert stage.executor.closed


def test_a_failure_closes_the_run_as_failed_and_names_the_task():
    stage = Stage(two(), 5, answer=failed)
    assert stage.carry() == "failed"
    assert stage.summary.error == "a" and stage.summary.counts == {"failed": 1, "skipped": 1}


def test_retries_wait_for_their_delay_without_the_clock_of_the_wall():
    stage = Stage(two(retries=1, retry_delay=30.0), 5)
    start = stage.clock.now()
    stage.answer = lambda job: (
        failed(job, ended=stage.clock.now()) if (job.path, job.attempt) == ("a", 1) else [json(1)]
    )
    assert stage.carry() == "succeeded"
    assert stage.clock.now() - start >= 29.999
    assert stage.recorded == {("a", 1): "failed", ("a", 2): "succeeded", ("b", 1): "succeeded"}


def test_a_lost_worker_costs_no_retry_and_three_in_a_row_fail_the_task():
    stage = Stage(
        two(), 5, answer=lambda job: Report(job.path, job.attempt, "ended", failure=Failure("killed", "kill -9"))
    )
    assert stage.carry() == "failed"
    assert stage.recorded == {("a", number): "lost" for number in (1, 2, 3)}


def cancelled(job, how):
    failure = Failure("cancelled", "stopped while it ran")
    if how == "report":
        return Report(job.path, job.attempt, "ended", failure=failure)
    return Attempt(job.path, job.attempt, outcome="cancelled", ended=1.0, failure=failure)


@pytest.mark.parametrize("how", ["report", "record"])
def test_a_job_that_was_cancelled_and_nobody_asked_for_that_is_lost_and_runs_again(how):
    stage = Stage(two(), 5)
    stage.answer = lambda job: cancelled(job, how) if (job.path, job.attempt) == ("a", 1) else [json(1)]
    assert stage.carry() == "succeeded"
    assert stage.recorded == {("a", 1): "lost", ("a", 2): "succeeded", ("b", 1): "succeeded"}


def test_a_job_that_is_cancelled_by_others_time_and_again_fails():
    stage = Stage(two(), 5, answer=lambda job: cancelled(job, "record"))
    assert stage.carry() == "failed"
    assert stage.recorded == {("a", number): "lost" for number in (1, 2, 3)}
    assert stage.driver.state.failed == ["a"]
    (told,) = [one.failure for one in stage.store.attempts("r") if one.attempt == 3]
    assert (told.reason, told.message) == ("killed", "it was ended, and nobody had asked for that")


def test_a_job_that_knows_of_a_stop_before_its_driver_does_is_cancelled():
    stage = Stage(two(), 5)

    def answer(job):
        stage.store.ask_cancel("r", 1.0)
        return cancelled(job, "record")

    stage.answer = answer
    assert stage.carry() == "cancelled"
    assert stage.recorded == {("a", 1): "cancelled"}


def test_an_executor_that_says_only_that_it_ended_has_lost_the_job():
    stage = Stage(two(), 5)
    stage.answer = lambda job: (
        Report(job.path, job.attempt, "ended") if (job.path, job.attempt) == ("a", 1) else [json(1)]
    )
    assert stage.carry() == "succeeded"
    assert stage.recorded[("a", 1)] == "lost"


def test_a_job_that_is_handed_back_starts_again_as_the_same_attempt():
    stage = Stage(two(), 5)
    times = []

    def answer(job):
        times.append(job.path)
        return Report(job.path, job.attempt, "returned") if len(times) == 1 else [json(1)]

    stage.answer = answer
    assert stage.carry() == "succeeded"
    assert times == ["a", "a", "b"] and stage.recorded[("a", 1)] == "succeeded"


def test_reports_of_jobs_that_nobody_waits_for_change_nothing():
    stage = Stage(two(), 5)
    stage.answer = lambda job: (
        Report("ghost", 1, "ended") if not stage.executor._reports and job.path == "ghost" else [json(1)]
    )
    stage.carry()
    stage.driver._take(Report("a", 1, "ended"))
    assert stage.recorded == {("a", 1): "succeeded", ("b", 1): "succeeded"}


def test_stopping_ends_what_runs_and_keeps_what_finished():
    stage = Stage(two(), 5)

    def answer(job):
        if job.path == "a":
            return [json(1)]
        assert stage.store.ask_cancel("r", 1.0)
        return None

    stage.answer = answer
    assert stage.carry() == "cancelled"
    assert stage.recorded == {("a", 1): "succeeded", ("b", 1): "cancelled"}
    assert stage.executor.cancelled == [("b", 1)]
    assert stage.store.ask_cancel("r", 2.0) is False


def test_a_keyboard_interrupt_is_recorded_as_cancelled_and_raised_again():
    stage = Stage(two(), 5)

    def answer(job):
        signal.raise_signal(signal.SIGINT)

    stage.answer = answer
    with pytest.raises(KeyboardInterrupt):
        stage.carry()
    assert stage.summary.status == "cancelled"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_executor_that_does_not_answer_is_not_waited_for_for_ever():
    stage = Stage(two(), 5)
    stage.answer = lambda job: stage.store.ask_cancel("r", 1.0) and None
    ScriptedDeaf = type("ScriptedDeaf", (ScriptedExecutor,), {"cancel": lambda self, jobs, grace: None})
    stage.make = ScriptedDeaf
    assert stage.carry() == "cancelled"
    assert stage.recorded == {("a", 1): "cancelled"}


def test_a_cancelled_run_goes_on_in_its_next_epoch():
    stage = Stage(two(), 5)
    stage.answer = lambda job: [json(1)] if job.path == "a" else stage.store.ask_cancel("r", 1.0) and None
    stage.carry()
    stage.answer = lambda job: [json(2)]
    assert stage.carry(create=False) == "succeeded"
    assert stage.executor.seen == [("b", 2)]
    assert stage.summary.epoch == 2


def test_a_store_that_refuses_ends_the_driver_with_its_error_and_lets_go():
    stage = Stage(two(), 5)

    def full(run_id, epoch, commit):
        raise StoreError("the disk is full")

    stage.store.append = full
    with pytest.raises(StoreError, match="disk is full"):
        stage.carry()
    assert stage.executor.closed


def test_each_fact_is_committed_before_anything_follows_when_asked_to():
    stage = Stage(two(), 5, delay=0.0)

    def answer(job):
        if job.path == "b":
            assert stage.recorded[("a", 1)] == "succeeded"
        return [json(1)]

    stage.answer = answer
    assert stage.carry() == "succeeded"


def test_observers_are_told_committed_facts():
    stage = Stage(two(), 5)
    stage.carry()
    kinds = [type(notice) for notice in stage.notices]
    assert kinds[0] is Opened and Progress in kinds
    assert [notice.attempt.path for notice in stage.notices if type(notice) is TaskEnded] == ["a", "b"]
    assert all(notice.final for notice in stage.notices if type(notice) is TaskEnded)


def test_an_attempt_that_is_followed_by_another_is_not_final():
    stage = Stage(two(retries=1), 5)
    stage.answer = lambda job: failed(job) if (job.path, job.attempt) == ("a", 1) else [json(1)]
    stage.carry()
    ended = [(notice.attempt.path, notice.final) for notice in stage.notices if type(notice) is TaskEnded]
    assert ended == [("a", False), ("a", True), ("b", True)]


def test_a_map_over_a_stored_list_is_opened_and_its_length_recorded():
    stage = Stage(mapped(), answer=lambda job: [json(1)])
    stage.run.constants = [stage.values.encode((1, 2, 3))]
    assert stage.carry() == "succeeded"
    assert stage.recorded[("f", 1)] == "succeeded"
    assert stage.summary.counts == {"succeeded": 4}


@pytest.mark.parametrize(("value", "message"), [(7, "not something to go through"), ({"a": 1}, None)])
def test_a_map_over_what_is_no_list_says_so(value, message):
    stage = Stage(mapped(), value, answer=lambda job: [json(0)])
    status = stage.carry()
    if message is None:
        assert status == "succeeded"
        return
    assert status == "failed"
    (attempt,) = stage.store.attempts("r")
    assert attempt.failure.reason == "definition" and message in attempt.failure.message


def test_lists_of_unequal_length_fail_the_map_with_their_lengths():
    body = Workflow(
        "f",
        (Parameter("x"), Parameter("y")),
        (TaskNode("f", 1, {"x": ParamRef("x"), "y": ParamRef("y")}),),
        {"result": Ref(0)},
    )
    stage = Stage(workflow(MapNode("f", body, {"x": Const(0), "y": Const(1)}, flat=True)), [1, 2, 3], [1, 2])
    assert stage.carry() == "failed"
    (attempt,) = stage.store.attempts("r")
    assert attempt.failure.message == "the lists mapped over by 'f' are of unequal length: 'x' has 3, 'y' has 2"


class Pages:
    """A tail that tells what it was told."""

    def __init__(self):
        self.told = []

    def started(self, path, log):
        self.told.append(("started", path, log.start))

    def ended(self, path, log):
        self.told.append(("ended", path, log and log.end))

    def read(self):
        return [("a", b"hello\n")]


def test_what_tasks_write_is_followed_and_told():
    stage = Stage(two(), 5)
    stage.tail = Pages()

    def answer(job):
        if job.path == "b":
            return [json(2)]
        log = LogRange("w1.log", 3, 9)
        return Attempt(job.path, 1, outcome="succeeded", outputs=[json(1)], log=log, ended=1.0)

    stage.answer = answer
    assert stage.carry() == "succeeded"
    assert stage.tail.told == [("ended", "a", 9), ("ended", "b", None)]
    assert Output("a", b"hello\n") in stage.notices


def test_a_task_that_runs_for_a_while_is_followed_from_its_start():
    stage = Stage(two(), 5)
    stage.tail = Pages()
    reports = []

    def answer(job):
        if job.path == "a" and not reports:
            reports.append(1)
            stage.executor._reports.append(
                Report("a", 1, "running", at=5.0, log_file="w1.log", log_start=3, worker="here")
            )
            return Report("a", 1, "ended", failure=Failure("killed", "kill -9"), at=6.0, log_file="w1.log", log_start=3)
        return [json(1)]

    stage.answer = answer
    assert stage.carry() == "succeeded"
    assert stage.tail.told == [("started", "a", 3), ("ended", "a", -1), ("ended", "a", None), ("ended", "b", None)]


def test_a_task_that_wrote_nothing_is_followed_no_longer_than_it_runs():
    stage = Stage(two(), 5)
    stage.tail = Pages()
    reports = []

    def answer(job):
        if job.path == "a" and not reports:
            reports.append(Report("a", 1, "running", at=5.0, log_file="w1.log", log_start=3, worker="here"))
            stage.executor._reports += reports
        return [json(1)]

    stage.answer = answer
    assert stage.carry() == "succeeded"
    assert stage.tail.told == [("started", "a", 3), ("ended", "a", None), ("ended", "b", None)]


def test_an_executor_may_refuse_a_job():
    stage = Stage(two(), 5)
    refusal = Report("a", 1, "ended", failure=Failure("refused", "needs 9 processors"))
    stage.make = type("Refuses", (ScriptedExecutor,), {"submit": lambda self, jobs: [refusal]})
    assert stage.carry() == "failed"
    assert stage.recorded == {("a", 1): "failed"}


# --- reuse ------------------------------------------------------------------------------------------------


def again(stage, definition=None, **more):
    """A second run on the same store, as another id."""
    other = Stage(definition or stage.run.workflow, *(plain(c) for c in stage.run.constants), store=stage.store, **more)
    other.values = stage.values
    other.run.id = "r2"
    return other


def test_cached_tasks_are_reused_by_a_later_run():
    stage = Stage(two(cache=True), 5)
    stage.carry()
    other = again(stage)
    assert other.carry() == "succeeded"
    assert other.recorded == {("a", 1): "reused", ("b", 1): "succeeded"}
    (first,) = stage.store.attempts("r2", path="a")
    assert (first.origin.run, first.origin.path) == ("r", "a")


@pytest.mark.parametrize("change", ["code", "input", "option"])
def test_a_change_in_what_a_task_depends_on_makes_it_run_again(change):
    stage = Stage(two(cache=True), 5)
    stage.carry()
    definition = two(cache=True, env_vars={"A": "1"}) if change == "option" else None
    other = again(stage, definition, codes=["other", "c"] if change == "code" else None)
    if change == "input":
        other.run.constants = [json(6)]
    other.carry()
    assert other.recorded[("a", 1)] == "succeeded"


def test_a_result_whose_bytes_are_gone_is_not_reused():
    stage = Stage(two(cache=True), 5, answer=lambda job: [stage.values.encode("x" * 100_000)])
    stage.carry()
    other = again(stage, answer=lambda job: [json(1)])
    for key, _ in list(stage.values.artifacts.list()):
        stage.values.artifacts.remove(key)
    other.carry()
    assert other.recorded[("a", 1)] == "succeeded"


def test_a_resumed_run_finds_map_items_by_content():
    stage = Stage(mapped(), [1, 2, 3], answer=lambda job: [json(7)])
    stage.carry()
    previous = index(stage.run, list(stage.store.attempts("r")), 1, stage.values)
    other = again(stage, previous=previous, answer=lambda job: [json(7)])
    other.run.constants = [json([3, 9, 1])]
    other.carry()
    assert {path: outcome for (path, _), outcome in other.recorded.items()} == {
        "f[0]": "reused",
        "f[1]": "succeeded",
        "f[2]": "reused",
        "total": "reused",
    }


def test_what_a_task_was_ordered_after_is_part_of_its_key():
    def ordered(codes):
        definition = workflow(
            TaskNode("prepare", 0, {"x": Const(0)}),
            TaskNode("train", 1, after=(After(0),)),
            tasks=(task("prepare", cache=True), task("train", cache=True)),
        )
        return definition, codes

    definition, _ = ordered(None)
    stage = Stage(definition, 5, answer=lambda job: [json(None)])
    stage.carry()
    other = again(stage, codes=["changed", "c"], answer=lambda job: [json(None)])
    other.carry()
    assert set(other.recorded.values()) == {"succeeded"}
    third = again(stage, answer=lambda job: [json(None)])
    third.run.id = "r3"
    third.carry()
    assert {one.outcome for one in third.store.attempts("r3")} == {"reused"}
