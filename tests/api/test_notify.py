"""Whatever an observer does, the run is the same, and takes no longer."""

import logging
import threading
import time
from itertools import pairwise

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


def test_one_that_fails_is_told_again_and_the_others_hear_everything(warnings):
    hears, fails = Hears(), Fails()
    run = doubled().run(Environment(executor="in_process", observers=[fails, hears]))
    assert run.get_results() == [0, 2, 4, 6, 8]
    assert len([event for event in hears.heard if isinstance(event, TaskEnded)]) == 5
    assert isinstance(hears.heard[0], Opened) and isinstance(hears.heard[-1], Closed)
    assert fails.calls == 2, "the beginning, and after a pause that the end of the run has cut short, the end"
    assert warnings() == [
        f"observer 'Fails' failed, and is told again of what comes later: ValueError: nobody listens (run {run.id})",
        f"observer 'Fails' failed 2 times in all, at last with ValueError: nobody listens (run {run.id})",
    ]


def ended(number):
    return TaskEnded(Attempt(f"double[{number}]", 1, outcome="succeeded"))


class FailsAt(Hears):
    """Raises at the calls with these numbers, counted from 0."""

    def __init__(self, *numbers, error=ValueError):
        super().__init__()
        self.numbers, self.error, self.calls = numbers, error, 0

    def notify(self, run, event):
        self.calls += 1
        if self.calls - 1 in self.numbers:
            raise self.error("not now")
        self.heard.append(event)


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt])
def test_one_that_failed_once_hears_the_rest(warnings, monkeypatch, error):
    monkeypatch.setattr(notify, "_REST", 0.01)
    once = FailsAt(1, error=error)
    bulletin = notify.Bulletin(RUN, (), [("once", once)])
    for event in (Opened(SUMMARY, []), ended(0), ended(1)):
        bulletin.tell(event)
    while once.calls < 3:
        time.sleep(0.001)
    bulletin.tell(ended(2))
    bulletin.tell(Closed(SUMMARY))
    bulletin.close()
    assert [type(event).__name__ for event in once.heard] == ["Opened", "TaskEnded", "TaskEnded", "Closed"]
    assert [event.attempt.path for event in once.heard[1:3]] == ["double[1]", "double[2]"]
    assert len(warnings()) == 1


def test_one_that_goes_on_failing_is_left_alone_for_longer_and_longer(warnings, monkeypatch):
    monkeypatch.setattr(notify, "_REST", 0.02)
    times = []

    class Notes:
        def notify(self, run, event):
            times.append(time.monotonic())
            raise OSError("no")

    bulletin = notify.Bulletin(RUN, (), [("notes", Notes())])
    for number in range(100):
        bulletin.tell(ended(number))
    while len(times) < 5:
        time.sleep(0.005)
    bulletin.tell(Closed(SUMMARY))
    begun = time.monotonic()
    bulletin.close()
    assert time.monotonic() - begun < 1, "the end does not wait for pauses"
    pauses = [after - before for before, after in pairwise(times[:5])]
    assert all(pause >= 0.02 * 2**place for place, pause in enumerate(pauses))
    assert len(times) <= 7, "of 95 that are left at the end it is told the last"
    assert len(warnings()) == 2


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
    assert len([text for text in speaks.heard if isinstance(text, str)]) == 2
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
