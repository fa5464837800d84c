"""What is told while a run goes on, off a terminal and on one."""

from __future__ import annotations

import io
import time

import pytest

from fairlead.model.events import Attempt, Failure, Origin
from fairlead.model.notices import Closed, Opened, Output, Plan, Progress, TaskEnded
from fairlead.model.run import Group, Run, RunSummary
from fairlead.model.task import Place
from fairlead.model.workflow import Workflow
from fairlead.observers.live import LiveTable, chosen
from fairlead.observers.standing import Standing
from fairlead.observers.terminal import Terminal

RUN = Run("calm-otter", Workflow("training"), 0.0)
FAILURE = Failure("exception", "no such column\nreally", type="builtins.KeyError", place=Place("/x/jobs.py", 12))


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def summary(status="running", **fields):
    return RunSummary("calm-otter", "training", status, 0.0, **{"epoch": 1, **fields})


@pytest.fixture
def told():
    stream = io.StringIO()
    clock = Clock()

    def make(**options):
        terminal = Terminal(stream, clock=clock, **options)
        return terminal, clock, stream.getvalue

    return make


def opened(*groups, plan=None, **fields):
    return Opened(summary(**fields), list(groups), plan)


def test_plain_lines_tell_the_start_each_finished_name_and_the_end(told):
    terminal, clock, text = told()
    terminal.notify(RUN, opened(Group("load", 1), Group("train", 2)))
    terminal.notify(RUN, Progress([Group("load", 1, {"running": 1}, 0.0, 10.0)], {"running": 1, "waiting": 2}))
    terminal.notify(
        RUN, Progress([Group("load", 1, {"succeeded": 1}, 2.0, 10.0, 12.0)], {"succeeded": 1, "waiting": 2})
    )
    terminal.notify(
        RUN, Progress([Group("load", 1, {"succeeded": 1}, 2.0, 10.0, 12.0)], {"succeeded": 1, "waiting": 2})
    )
    terminal.notify(RUN, Progress([Group("train", 2, {"reused": 2})], {"succeeded": 1, "reused": 2}))
    clock.now += 3
    terminal.notify(RUN, Closed(summary("succeeded", counts={"succeeded": 1, "reused": 2})))
    assert text() == (
        "calm-otter: training\n"
        "load: 1 succeeded in 2.0 s\n"
        "train: 2 reused\n"
        "calm-otter succeeded: 3 tasks in 3.0 s (1 succeeded, 2 reused)\n"
    )
    assert terminal.closed is not None
    assert terminal.closed.status == "succeeded"


def test_how_far_a_long_run_is_is_told_every_few_seconds_when_something_changed(told):
    terminal, clock, text = told()
    terminal.notify(RUN, opened())
    for step in range(1, 21):
        clock.now += 1
        terminal.notify(RUN, Progress([], {"succeeded": step // 10, "running": 1, "failed": 1}))
    assert [line for line in text().splitlines() if "done" in line] == [
        "1 of 2 done, 1 failed, 1 running after 5.0 s",
        "2 of 3 done, 1 failed, 1 running after 10.0 s",
        "3 of 4 done, 1 failed, 1 running after 20.0 s",
    ]


def test_the_plan_of_a_resumed_run_comes_first(told):
    terminal, _, text = told()
    plan = Plan(41, {"train": "features.py: scale changed", "total": ""}, "brave-fox", 3)
    terminal.notify(RUN, opened(plan=plan, epoch=3))
    assert text() == (
        "calm-otter: training, taken up again (2 before)\n"
        "resumes brave-fox: reuse 41, run 3: train (features.py: scale changed), total\n"
    )
    terminal.notify(RUN, opened(plan=Plan(3, {})))
    assert text().endswith("reuse 3, run nothing\n")


def test_failures_are_told_when_they_happen(told):
    terminal, _, text = told()
    terminal.notify(RUN, opened())
    for attempt, final in (
        (Attempt("train[3]", 1, outcome="failed", failure=FAILURE), False),
        (Attempt("train[3]", 2, outcome="failed", failure=FAILURE), True),
        (Attempt("train[4]", 1, outcome="lost"), True),
        (Attempt("train[5]", 1, outcome="failed", failure=Failure("timeout", "took longer than 5 s")), True),
        (Attempt("train[6]", 1, outcome="succeeded"), True),
    ):
        terminal.notify(RUN, TaskEnded(attempt, final))
    assert text().splitlines()[1:] == [
        "✗ train[3]: KeyError: no such column (jobs.py:12); it is tried again",
        "✗ train[3]: KeyError: no such column (jobs.py:12)",
        "✗ train[4]: lost",
        "✗ train[5]: took longer than 5 s",
    ]


def test_a_thousand_failures_are_not_told_one_by_one(told):
    terminal, _, text = told()
    terminal.notify(RUN, opened())
    for place in range(1000):
        terminal.notify(RUN, TaskEnded(Attempt(f"t[{place}]", 1, outcome="failed", failure=FAILURE)))
    assert len(text().splitlines()) == 22
    assert text().endswith("further failures are not told here; 'fairlead show calm-otter' has them\n")


def test_a_louder_one_tells_every_task_run_and_a_quiet_one_nothing(told):
    loud, _, text = told(loudness=1)
    loud.notify(RUN, opened())
    loud.notify(RUN, TaskEnded(Attempt("load", 1, outcome="succeeded", seconds=0.5)))
    loud.notify(RUN, TaskEnded(Attempt("load", 1, outcome="reused", origin=Origin("brave-fox", "load", 1))))
    loud.notify(RUN, TaskEnded(Attempt("load", 1, outcome="reused")))
    assert text().splitlines()[1:] == [
        "✓ load: succeeded in 0.50 s",
        "↺ load: reused from brave-fox",
        "↺ load: reused",
    ]
    before = text()
    quiet, _, _ = told(loudness=-1)
    quiet.notify(RUN, opened())
    quiet.notify(RUN, TaskEnded(Attempt("x", 1, outcome="failed", failure=FAILURE)))
    quiet.notify(RUN, Closed(summary("failed")))
    assert text() == before


def test_what_tasks_print_names_the_task(told):
    terminal, _, text = told()
    terminal.notify(RUN, opened())
    terminal.notify(RUN, Output("load", b"one\ntw"))
    terminal.notify(RUN, Output("load", b"o\nthree"))
    terminal.notify(RUN, TaskEnded(Attempt("load", 1, outcome="succeeded")))
    terminal.notify(RUN, Output("end", b"four"))
    terminal.notify(RUN, Closed(summary("succeeded")))
    assert text().splitlines()[1:] == [
        "load | one",
        "load | two",
        "load | three",
        "end | four",
        "calm-otter succeeded: 0 tasks in 0 s",
    ]


def test_a_run_that_was_never_taken_up_has_no_last_line(told):
    terminal, _, text = told()
    terminal.notify(RUN, Closed(summary("running")))
    assert text() == ""


def test_whoever_reads_may_leave():
    class Gone(io.StringIO):
        writes = 0

        def write(self, text):
            self.writes += 1
            raise BrokenPipeError

    stream = Gone()
    terminal = Terminal(stream)
    terminal.notify(RUN, opened())
    terminal.notify(RUN, Output("load", b"x\n"))
    terminal.notify(RUN, Closed(summary("succeeded")))
    assert stream.writes == 1


def test_a_short_run_on_a_terminal_paints_no_table(told, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal, _, text = told(live=True)
    terminal.notify(RUN, opened(Group("load", 1)))
    terminal.notify(RUN, Closed(summary("succeeded", counts={"succeeded": 1})))
    assert text() == "calm-otter: training\n\x1b[32mcalm-otter succeeded: 1 task in 0 s (1 succeeded)\x1b[0m\n"


def test_a_longer_one_paints_a_table_and_leaves_it_there(told, monkeypatch):
    monkeypatch.setattr("fairlead.observers.terminal._PATIENCE", 0.0)
    monkeypatch.setenv("NO_COLOR", "1")
    terminal, _, text = told(live=True)
    terminal.notify(RUN, opened(Group("load", 1), Group("train", 4)))
    until = time.monotonic() + 10
    while terminal._painter is None:
        assert time.monotonic() < until
        time.sleep(0.01)
    terminal.notify(RUN, Output("load", b"hello [/x] [bold]\n"))
    terminal.notify(RUN, Progress([Group("train", 4, {"succeeded": 1, "failed": 1, "running": 2})], {"running": 2}))
    terminal.notify(RUN, Closed(summary("failed", counts={"succeeded": 1, "failed": 1})))
    terminal.close()
    assert "load | hello [/x] [bold]\n" in text()
    assert "calm-otter failed" in text()
    assert "\x1b[3" not in text()


def test_tasks_in_this_process_have_the_terminal_to_themselves(told):
    terminal, _, _ = told(live=True)
    terminal.notify(Run("r", Workflow("w"), 0.0, environment={"executor": {"type": "in_process"}}), opened())
    assert terminal._timer is None
    terminal.close()


def painted(*groups, counts=None, width=80, wall=100.0):
    stream = io.StringIO()
    standing = Standing({group.name: group for group in groups}, counts or {}, 100.0)
    table = LiveTable(stream, standing, colour=False, clock=lambda: 103.5, wall=lambda: wall)
    try:
        table._console.width = width
        with table._console.capture() as capture:
            table._console.print(table.picture())
        return [line.rstrip() for line in capture.get().splitlines()]
    finally:
        table.stop()


def test_the_table_has_a_line_for_each_task_name():
    assert painted(
        Group("load", 1, {"succeeded": 1}, 2.0, 10.0, 12.0),
        Group("train", 20, {"succeeded": 9, "failed": 1, "running": 2, "ready": 8}, 9.0, 90.0),
        Group("more", None, {}),
        Group("same", 3, {"reused": 3}, 0.0, 10.0, 12.0),
        Group("end", 1, {"waiting": 1}),
        counts={"succeeded": 10, "failed": 1, "running": 2, "waiting": 9},
    ) == [
        "✓ load                           1/1   2.0 s",
        "✗ train  ━━━━━━━━━━──────────  10/20  10.0 s  1 failed, 2 running",
        "· more                           0/?",
        "↺ same   ━━━━━━━━━━━━━━━━━━━━    3/3          3 reused",
        "· end                            0/1",
        "11 of 22 done, 1 failed, 2 running  3.5 s",
    ]


def test_one_failure_of_very_many_is_seen():
    (line, _) = painted(Group("train", 10_000, {"succeeded": 9999, "failed": 1}, 1.0, 10.0, 20.0))
    assert "10,000/10,000  10.0 s  1 failed" in line


def test_without_maps_there_is_no_column_for_bars():
    assert painted(Group("a", 1, {"succeeded": 1}, 1.5), counts={"succeeded": 1}) == [
        "✓ a    1/1  1.5 s",
        "1 of 1 done  3.5 s",
    ]


def test_where_there_is_no_room_for_all_what_runs_or_failed_is_shown():
    groups = [Group(f"t{place}", 1, {"succeeded": 1}) for place in range(20)]
    groups[3] = Group("t3", 1, {"failed": 1})
    groups[12] = Group("t12", 1, {"running": 1})
    groups[15] = Group("t15", 1, {"waiting": 1})
    assert [group.name for group in chosen(groups, 4)] == ["t0", "t3", "t12", "t15"]
    assert chosen(groups, 20) == groups
