"""What every observer must do: take whatever it is told of a run, in whatever order runs really go.

A plugin's test file says:

    class TestMyObserver(ObserverContract):
        @pytest.fixture
        def make_observer(self):
            ...  # gives a function that makes an observer whose other side is there

What it does with what it is told is for tests of its own.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from fairlead.model.events import Attempt, Failure, Origin
from fairlead.model.notices import Closed, Notice, Opened, Output, Plan, Progress, TaskEnded
from fairlead.model.run import Group, Run, RunStatus, RunSummary
from fairlead.model.task import Place, TaskDefinition
from fairlead.model.values import Inline, Stored, Value
from fairlead.model.workflow import Workflow
from fairlead.ports import Observer

__all__ = ["ObserverContract"]

MakeObserver = Callable[[], Observer]

_ODD = "ümläut \x1b[31m \u2028 'quoted' \"twice\" % {run} \n second line \x00 🦊"


def _run(**more: object) -> Run:
    parameters: dict[str, Value] = {"path": Inline("json", b'"data.csv"'), "rate": Inline("json", b"0.5")}
    parameters["big"] = Stored("sha256/ab/abc", "file", 9)
    workflow = Workflow("study", tasks=(TaskDefinition(name="fit"),))
    run = Run("calm-otter", workflow, 1_000.0, parameters=parameters, environment={"name": "prod"})
    return msgspec.structs.replace(run, **{"tags": ("nightly", "team=ml"), "host": "h", "user": "u", **more})


def _summary(status: RunStatus = "running", *, epoch: int = 1) -> RunSummary:
    ended = None if status in ("running", "interrupted") else 1_009.0
    return RunSummary("calm-otter", "study", status, 1_000.0, 1_001.0, ended, epoch, counts={"failed": 1, "reused": 1})


def _failed(message: str = "no") -> Attempt:
    failure = Failure("exception", message, "builtins.ValueError", message, {"x": message}, Place("jobs.py", 3))
    return Attempt("fit[1]", 2, 1, 1_002.0, 1_003.0, 1_004.0, 1.0, "failed", failure=failure)


def _whole(status: RunStatus) -> list[Notice]:
    """Everything that a run may tell, once."""
    good = Attempt("fit[0]", 1, 1, None, 1_002.0, 1_003.0, 1.0, "succeeded", metrics={"loss": 0.5, "odd": float("nan")})
    kept = Attempt("fit[2]", 1, 1, ended=1_003.0, outcome="reused", origin=Origin("other", "fit[2]", 1))
    groups = [Group("fit", 3, {"succeeded": 1})]
    return [
        Opened(_summary(), groups, Plan(1, {"fit": "its code changed"}, "other", 2)),
        Output("fit[0]", b"hello\n\xff\x00"),
        TaskEnded(good),
        TaskEnded(_failed(), final=False),
        Progress(groups, {"succeeded": 1}),
        TaskEnded(kept),
        TaskEnded(_failed()),
        TaskEnded(Attempt("fit[3]", 1, 1, ended=1_004.0, outcome="lost")),
        Closed(_summary(status)),
    ]


class ObserverContract:
    """Tests for any observer."""

    @pytest.fixture
    def make_observer(self) -> MakeObserver:
        """Give a function that makes an observer; override this."""
        raise NotImplementedError("override the 'make_observer' fixture")

    @pytest.mark.parametrize("status", ["succeeded", "failed", "cancelled", "interrupted", "running"])
    def test_it_takes_everything_that_a_run_tells(self, make_observer: MakeObserver, status: RunStatus) -> None:
        observer, run = make_observer(), _run()
        before = msgspec.msgpack.encode(run)
        told = _whole(status)
        _tell(observer, run, told)
        assert msgspec.msgpack.encode(run) == before, "an observer must leave what it is told as it is"
        assert msgspec.msgpack.encode(told) == msgspec.msgpack.encode(_whole(status))

    def test_it_takes_a_run_that_ends_before_it_was_taken_up(self, make_observer: MakeObserver) -> None:
        _tell(make_observer(), _run(), [Closed(_summary("cancelled"))])

    def test_it_takes_a_run_that_goes_on(self, make_observer: MakeObserver) -> None:
        opened = Opened(_summary(epoch=2), [], Plan(1, {}))
        _tell(make_observer(), _run(), [opened, TaskEnded(_failed()), Closed(_summary("failed", epoch=2))])

    def test_it_takes_the_rest_of_what_it_has_partly_missed(self, make_observer: MakeObserver) -> None:
        """One that was too slow, or has raised, goes on with what comes later, and is told nothing twice."""
        told = _whole("failed")
        for missed in ([0], [0, 1, 2], [2, 5, 7], list(range(len(told) - 1))):
            _tell(make_observer(), _run(), [event for place, event in enumerate(told) if place not in missed])

    def test_it_takes_any_text(self, make_observer: MakeObserver) -> None:
        run = _run(tags=(_ODD,), parameters={"text": Inline("json", msgspec.json.encode(_ODD))})
        told: list[Notice] = [Opened(_summary(), []), TaskEnded(_failed(_ODD * 2_000)), Closed(_summary("failed"))]
        _tell(make_observer(), run, told)

    def test_each_run_has_an_observer_of_its_own(self, make_observer: MakeObserver) -> None:
        for _ in range(2):
            _tell(make_observer(), _run(), _whole("succeeded"))


def _tell(observer: Observer, run: Run, told: list[Notice]) -> None:
    together = getattr(observer, "notify_all", None)
    if together is not None:
        together(run, told[:2])
        told = told[2:]
        if told:
            together(run, told)
        return
    for notice in told:
        observer.notify(run, notice)
