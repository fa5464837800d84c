"""Where a dynamic run stands, from its records and from what its body calls."""

from __future__ import annotations

import pytest

from fairlead.model.calls import CallState
from fairlead.model.events import Attempt, Call, Failure
from fairlead.model.path import BODY
from fairlead.model.recorded import fold_calls, replayed_calls
from fairlead.model.scope import STATUSES
from fairlead.model.state import MAX_LOSSES
from fairlead.model.workflow import Workflow

from .builders import failed, json, ok, run_of, task

LOAD = Call("load", serial=1)


def dynamic(**options):
    return Workflow("w", (), (), {}, True, (task("load", **options),), dynamic=True)


def tried(outcome, number=1, epoch=1, **more):
    """A record of an attempt; `queued` and `running` are those that have not ended."""
    if outcome in ("queued", "running"):
        begun = 1.0 if outcome == "running" else None
        return Attempt("load", number, epoch, queued=1.0, started=begun, call=LOAD, **more)
    failure = Failure("exception", "no") if outcome in ("failed", "lost") else None
    return Attempt("load", number, epoch, ended=1.0, outcome=outcome, failure=failure, call=LOAD, **more)


def body(epoch, *causes):
    return Attempt(BODY, epoch, epoch, ended=2.0, outcome="failed", call=Call("", causes=causes))


STANDINGS = [
    # records, epoch, what it is now
    ([tried("queued")], 1, "queued"),
    ([tried("running")], 1, "running"),
    ([tried("running")], 2, "waiting"),
    ([tried("succeeded")], 3, "succeeded"),
    ([tried("reused")], 2, "reused"),
    ([tried("failed")], 1, "ready"),
    ([tried("failed"), tried("failed", 2)], 1, "failed"),
    ([tried("failed"), tried("succeeded", 2)], 1, "succeeded"),
    ([tried("failed", retryable=False)], 1, "failed"),
    ([tried("failed"), tried("failed", 2)], 2, "failed"),
    ([tried("failed"), tried("failed", 2), body(1, "load")], 1, "failed"),
    ([tried("failed"), tried("failed", 2), body(1, "load")], 2, "waiting"),
    ([tried("failed"), tried("failed", 2), body(1, "other")], 2, "failed"),
    ([tried("failed"), tried("failed", 2, epoch=2)], 2, "ready"),
    ([tried("cancelled")], 1, "cancelled"),
    ([tried("cancelled")], 2, "waiting"),
    ([tried("lost", n + 1) for n in range(MAX_LOSSES)], 1, "ready"),
    ([tried("lost", n + 1) for n in range(MAX_LOSSES + 1)], 1, "failed"),
    ([tried("lost", n + 1) for n in range(MAX_LOSSES + 1)], 2, "waiting"),
]


@pytest.mark.parametrize(("records", "epoch", "status"), STANDINGS)
def test_how_a_call_stands_follows_from_its_records(records, epoch, status):
    state = fold_calls(run_of(dynamic(retries=1)), records, epoch=epoch, alive=True)
    assert STATUSES[state.calls["load"].status] == status


@pytest.mark.parametrize("outcome", ["queued", "running"])
def test_what_a_driver_left_when_it_was_killed_is_lost(outcome):
    state = fold_calls(run_of(dynamic()), [tried(outcome)], epoch=1)
    assert STATUSES[state.calls["load"].status] == "lost"


def test_the_order_of_records_does_not_count():
    records = [tried("failed"), tried("failed", 2), tried("succeeded", 3)]
    for some in (records, records[::-1]):
        state, last = replayed_calls(run_of(dynamic(retries=2)), some)
        assert [(live.path, record.attempt) for live, record in last] == [("load", 3)]
        assert STATUSES[state.calls["load"].status] == "succeeded"


def test_a_record_that_does_not_say_what_was_called_is_no_call():
    assert not fold_calls(run_of(dynamic()), [Attempt("load", 1, 1)], epoch=1).calls


@pytest.fixture
def state():
    return CallState(dynamic(retries=1, retry_delay=5.0), [], {})


def make(state, key):
    return state.make(Call(key, args={"x": json(1)}), 0, lambda: state.unique("load"))


def counted(state):
    return {name: state.count(place) for place, name in enumerate(state.groups)}


def test_calls_of_one_task_have_paths_of_their_own_and_are_counted_together(state):
    assert [make(state, key).path for key in ("a", "b", "a")] == ["load", "load#2", "load"]
    assert counted(state)["load"]["ready"] == 2


def test_nothing_that_is_called_after_the_run_was_stopped_starts(state):
    state.cancel()
    live = make(state, "a")
    assert (STATUSES[live.status], live.done, state.next(0.0)) == ("cancelled", True, None)
    assert make(state, "a") is live
    assert counted(state)["load"]["cancelled"] == 1


def test_a_call_that_waits_for_its_next_attempt_is_told_as_ended_when_the_run_is_stopped(state):
    live = make(state, "a")
    assert state.next(0.0) is live
    assert not state.ended(live, failed(live), now=10.0)
    assert (state.next(14.0), state.busy) == (None, True)
    state.cancel()
    assert (state.over, STATUSES[live.status], state.busy) == ([live], "cancelled", False)


def test_what_was_called_is_handed_to_the_body_once(state):
    live = make(state, "a")
    state.next(0.0)
    state.ended(live, ok(live, 3), now=1.0)
    assert (state.over, live.outputs) == ([live], [json(3)])
