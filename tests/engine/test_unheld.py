"""Runs that nobody carries: what is counted of them, and how they end, from their facts alone."""

import pytest

from fairlead.engine.unheld import closing, tally
from fairlead.model.events import Attempt
from fairlead.model.run import Run
from fairlead.model.task import TaskDefinition
from fairlead.model.values import Inline
from fairlead.model.workflow import MapNode, Ref, TaskNode, Workflow

ONE = Workflow("body", nodes=(TaskNode("fit", 1),), results={"r": Ref(0)})
RUN = Run(
    "r",
    Workflow(
        "w",
        nodes=(
            TaskNode("load", 0),
            MapNode("fit", ONE, {"x": Ref(0)}, flat=True),
            TaskNode("total", 2, {"xs": Ref(1)}),
        ),
        tasks=(TaskDefinition(name="load"), TaskDefinition(name="fit"), TaskDefinition(name="total")),
    ),
    1.0,
)


def fact(path, outcome="succeeded", started=10.0, output=b"1"):
    ended = None if outcome is None else started + 2
    outputs = [Inline("json", output)] if outcome == "succeeded" else None
    return Attempt(path, 1, 1, None, started, ended, 2.0 if ended else 0.0, outcome, outputs)


LOADED = fact("load", output=b"[1,2]")


@pytest.mark.parametrize(
    ("facts", "counts", "groups"),
    [
        ([], {"ready": 1, "waiting": 1}, {"load": {"ready": 1}, "fit": {}, "total": {"waiting": 1}}),
        (
            [LOADED, fact("fit[0]", None), fact("other")],
            {"succeeded": 1, "running": 1, "ready": 1, "waiting": 1},
            {"load": {"succeeded": 1}, "fit": {"running": 1, "ready": 1}, "total": {"waiting": 1}},
        ),
        (
            [LOADED, fact("fit[0]", started=5.0), fact("fit[1]", "failed")],
            {"succeeded": 2, "failed": 1, "skipped": 1},
            {"load": {"succeeded": 1}, "fit": {"succeeded": 1, "failed": 1}, "total": {"skipped": 1}},
        ),
    ],
)
def test_task_runs_are_counted_by_group(facts, counts, groups):
    told, found = tally(RUN, facts, epoch=1)
    assert told == counts
    assert {group.name: group.counts for group in found} == groups


def test_times_are_summed_up():
    _, groups = tally(
        RUN, [LOADED, fact("fit[0]", started=5.0), fact("fit[1]", "failed"), fact("total", None)], epoch=1
    )
    assert [(one.seconds, one.started, one.ended) for one in groups] == [
        (2.0, 10.0, 12.0), (4.0, 5.0, 12.0), (0.0, None, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "stopped", "status", "error"),
    [
        ([LOADED, fact("fit[0]"), fact("fit[1]"), fact("total")], False, "succeeded", ""),
        ([LOADED, fact("fit[0]"), fact("fit[1]"), fact("total")], True, "succeeded", ""),
        ([LOADED, fact("fit[0]"), fact("fit[1]", "failed")], False, "failed", "fit[1]"),
        ([LOADED, fact("fit[0]")], False, "failed", ""),
        ([LOADED, fact("fit[0]")], True, "cancelled", ""),
        ([], True, "cancelled", ""),
    ],
)
def test_a_run_ends_as_its_facts_say(facts, stopped, status, error):
    commit = closing(RUN, facts, epoch=1, stopped=stopped, at=99.0)
    assert (commit.status, commit.error, commit.at) == (status, error, 99.0)
    assert commit.counts == {
        status: sum(one.counts.get(status, 0) for one in commit.groups) for status in commit.counts
    }
