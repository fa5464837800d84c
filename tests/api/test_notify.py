"""Whatever an observer does, the run is the same, and takes no longer."""

import logging
import threading
import time

import pytest

from fairlead import Environment, task, workflow
from fairlead.api import notify
from fairlead.model.events import Attempt
from fairlead.model.notices import Closed, Opened, TaskEnded
from fairlead.model.run import Run, RunSummary
from fairlead.model.workflow import Workflow


@task
def double(x: int) -> int:
    return 2 * x


@workflow
def doubled(n: int = 5):
    return double.map(list(range(5)))


RUN = Run("calm-otter", Workflow("doubled"), 0.0)
SUMMARY = RunSummary("calm-otter", "doubled", "succeeded", 0.0)


class Hears:
    def __init__(self):
        self.heard = []

    def notify(self, run, event):
        self.heard.append(event)


class Fails:
    def __init__(self):
        self.calls = 0

    def notify(self, run, event):
        self.calls += 1
        raise ValueError("nobody listens\nhere")


class Hangs:
    grace = 0.3

    def __init__(self):
        self.go = threading.Event()

    def notify(self, run, event):
        self.go.wait(20)


@pytest.fixture
def warnings(caplog):
    caplog.set_level(logging.WARNING, "fairlead")
    return lambda: [record.getMessage() for record in caplog.records]


def test_one_that_fails_is_told_of_once_and_the_others_hear_everything(warnings):
    hears, fails = Hears(), Fails()
    run = doubled().run(Environment(executor="in_process", observers=[fails, hears]))
    assert run.get_results() == [0, 2, 4, 6, 8]
    assert len([event for event in hears.heard if isinstance(event, TaskEnded)]) == 5
    assert isinstance(hears.heard[0], Opened) and isinstance(hears.heard[-1], Closed)
    assert fails.calls == 1
    assert warnings() == [
        f"observer 'Fails' failed and is told nothing more: ValueError: nobody listens (run {run.id})"
    ]


def test_one_that_hangs_is_cut_off_after_its_grace(warnings):
    hangs = Hangs()
    begun = time.monotonic()
    run = doubled().run(Environment(executor="in_process", observers=[hangs]))
    took = time.monotonic() - begun
    assert run.get_status() == "succeeded" and took < 5
    assert warnings() == [f"observer 'Hangs' did not hear the end within 0.3 s and was cut off (run {run.id})"]
    hangs.go.set()


def test_those_that_hang_share_one_time_of_grace(warnings):
    hanging = [Hangs() for _ in range(5)]
    bulletin = notify.Bulletin(RUN, (), [(f"slow{place}", one) for place, one in enumerate(hanging)])
    bulletin.tell(Closed(SUMMARY))
    begun = time.monotonic()
    bulletin.close()
    assert time.monotonic() - begun < 1.0
    assert len(warnings()) == 5
    for one in hanging:
        one.go.set()


def test_what_one_that_is_slow_has_to_hear_is_bounded_and_the_end_is_always_told(warnings, monkeypatch):
    monkeypatch.setattr(notify, "LIMIT", 3)
    go, heard = threading.Event(), []

    class Slow:
        def notify(self, run, event):
            go.wait(20)
            heard.append(event)

    bulletin = notify.Bulletin(RUN, (), [("slow", Slow())])
    bulletin.tell(Opened(SUMMARY, []))
    while bulletin._listeners[0]._waiting:  # until it is under way
        time.sleep(0.001)
    for number in range(10):
        bulletin.tell(TaskEnded(Attempt(f"double[{number}]", 1, outcome="succeeded")))
    bulletin.tell(Closed(SUMMARY))
    go.set()
    bulletin.close()
    assert [type(event).__name__ for event in heard] == ["Opened", *["TaskEnded"] * 3, "Closed"]
    assert warnings() == ["observer 'slow' was too slow, and was not told of 7 task runs (run calm-otter)"]


def test_warnings_are_told_by_the_callers_own_observer_where_it_can(warnings):
    class Speaks(Hears):
        def warn(self, text):
            self.heard.append(text)

    speaks = Speaks()
    doubled().run(Environment(executor="in_process", observers=[Fails()]), observers=[speaks])
    assert len([text for text in speaks.heard if isinstance(text, str)]) == 1
    assert warnings() == []


def test_one_that_takes_them_together_gets_all_that_came_in_while_it_paused():
    lots = []

    class Together:
        pause = 30.0

        def notify_all(self, run, events):
            lots.append(events)

    run = doubled().run(Environment(executor="in_process", observers=[Together()]))
    assert run.get_status() == "succeeded"
    assert len(lots) == 1 and isinstance(lots[0][-1], Closed)
