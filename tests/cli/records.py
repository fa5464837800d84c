"""Small records by hand, for tests of what is shown of them."""

from __future__ import annotations

import msgspec

from fairlead.model.events import Attempt, Failure, LogRange, Origin
from fairlead.model.run import Group, Run, RunSummary
from fairlead.model.task import Place, TaskDefinition
from fairlead.model.values import Inline
from fairlead.model.workflow import After, MapNode, Parameter, ParamRef, Ref, TaskNode, Workflow

NOW = 1_772_461_000.0

TRACEBACK = """\
Traceback (most recent call last):
  File "/home/u/jobs.py", line 12, in train
    return float(chunk)
ValueError: could not convert string to float: 'abc'"""


def json(value: object) -> Inline:
    return Inline("json", msgspec.json.encode(value))


def summary(status="succeeded", **fields) -> RunSummary:
    known = {
        "id": "calm-otter",
        "workflow": "training",
        "created": NOW - 200,
        "started": NOW - 180,
        "ended": None if status in ("created", "running", "interrupted") else NOW - 160,
        "epoch": 1,
        "target": "/home/u/jobs.py:training",
        "counts": {"succeeded": 3},
    }
    return RunSummary(status=status, **{**known, **fields})


def failed(path="train[3]", **fields) -> Attempt:
    failure = Failure(
        "exception",
        "could not convert string to float: 'abc'",
        type="builtins.ValueError",
        traceback=TRACEBACK,
        arguments={"chunk": "'abc'", "rate": "0.1"},
        place=Place("/home/u/jobs.py", 12),
    )
    known = {"attempt": 1, "outcome": "failed", "failure": failure, "ended": NOW - 165, "started": NOW - 166}
    return Attempt(path, **{**known, **fields})


def ok(path="load", **fields) -> Attempt:
    known = {"attempt": 1, "outcome": "succeeded", "queued": NOW - 180.5, "started": NOW - 180, "ended": NOW - 178}
    return Attempt(path, seconds=2.0, log=LogRange("w1", 0, 1200), **{**known, **fields})


def reused(path="load", run="brave-fox") -> Attempt:
    return Attempt(path, 1, outcome="reused", origin=Origin(run, path, 1), ended=NOW - 179)


def study() -> Workflow:
    """Parameters, several outputs, a flat map, a map with a body, an effect, one result."""
    tasks = tuple(
        TaskDefinition(name=name, outputs=outputs, place=Place("/x/jobs.py", 7), doc=f"Does {name}.\n\nMore.")
        for name, outputs in (
            ("load", ("images", "labels")),
            ("split", ("result",)),
            ("fit", ("result",)),
            ("score", ("result",)),
            ("picture", ("result",)),
            ("best", ("result",)),
            ("tell", ("result",)),
        )
    )
    body = Workflow(
        "each",
        parameters=(Parameter("fold"), Parameter("images")),
        nodes=(
            TaskNode("fit", 2, {"fold": ParamRef("fold"), "images": ParamRef("images")}),
            TaskNode("score", 3, {"model": Ref(0)}),
        ),
        results={"result": Ref(1)},
    )
    flat = Workflow("picture", parameters=(Parameter("score"),), nodes=(TaskNode("picture", 4),), results={"r": Ref(0)})
    return Workflow(
        "study",
        parameters=(Parameter("folds", "int", required=False, default=0),),
        nodes=(
            TaskNode("load", 0),
            TaskNode("split", 1, {"labels": Ref(0, 1), "n": ParamRef("folds")}),
            MapNode("train", body, over={"fold": Ref(1)}, whole={"images": Ref(0, 0)}),
            MapNode("picture", flat, over={"score": Ref(2)}, flat=True),
            TaskNode("choose", 5, {"scores": Ref(2)}),
            TaskNode("tell", 6, after=(After(4), After(3), After(0))),
        ),
        results={"result": Ref(4)},
        tasks=tasks,
    )


def study_groups() -> list[Group]:
    return [
        Group("load", 1, {"succeeded": 1}, 0.4, NOW - 10, NOW - 9.6),
        Group("split", 1, {"reused": 1}),
        Group("train.fit", 20, {"succeeded": 14, "failed": 1, "running": 2, "ready": 3}, 12.0),
        Group("train.score", 20, {"succeeded": 14, "waiting": 5, "skipped": 1}, 0.8),
        Group("picture", None, {}),
        Group("choose", 1, {"waiting": 1}),
    ]


def record(**fields) -> Run:
    known = {"parameters": {"path": json("data.csv"), "rate": json(0.1)}, "target": "/home/u/jobs.py:training"}
    return Run("calm-otter", study(), NOW - 200, **{**known, **fields})
