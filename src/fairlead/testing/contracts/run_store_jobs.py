"""What the other processes of the run store contract do; run by `python -c`, so no pytest in here.

Each job says `ready`, waits for a line on its standard input so that all start at the same moment,
works on the store it was given, and prints what the contract compares.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable

from fairlead.errors import RunBusy, RunExists, StaleEpoch
from fairlead.model.events import Attempt
from fairlead.model.run import Group, Run
from fairlead.model.values import Inline
from fairlead.model.workflow import Workflow
from fairlead.ports import Commit, RunStore

__all__ = ["attempts", "create_one", "drive", "hold", "look_for_ever", "make_run", "write_for_ever"]


def make_run(run_id: str, *, workflow: str = "training", created: float = 1000.0) -> Run:
    """Make the record of a small run."""
    return Run(run_id, Workflow(workflow), created)


def attempts(numbers: Iterable[int], *, name: str = "train") -> list[Attempt]:
    """Make successful attempts of mapped task runs, with an output each."""
    return [
        Attempt(f"{name}[{n}]", 1, 1, 1.0, 2.0, 3.0, 0.5, "succeeded", [Inline("json", b"%d" % n)]) for n in numbers
    ]


def drive(store: RunStore, run_id: str, commits: int, size: int) -> None:
    """Carry one run from its making to its end, as a driver would."""
    _wait_for_start()
    store.create(make_run(run_id))
    lease = store.lease(run_id)
    epoch = store.open(run_id, time.time())
    for number in range(commits):
        done = (number + 1) * size
        facts = attempts(range(number * size, done))
        store.append(run_id, epoch, Commit(facts, {"succeeded": done}, [Group("train", counts={"succeeded": done})]))
    store.append(run_id, epoch, Commit([], status="succeeded", at=time.time()))
    lease.release()
    store.close()
    _say("done")


def create_one(store: RunStore, run_id: str) -> None:
    """Try to be the one that makes the run, then the one that carries it."""
    _wait_for_start()
    try:
        store.create(make_run(run_id))
        _say("made")
    except RunExists:
        _say("exists")
    try:
        lease = store.lease(run_id)
    except RunBusy:
        _say("busy")
    else:
        _say("holds")
        sys.stdin.readline()
        lease.release()


def hold(store: RunStore, run_id: str) -> None:
    """Take the run up, and do nothing more until killed or told."""
    store.lease(run_id)
    store.open(run_id, 1.0)
    _wait_for_start()


def look_for_ever(store: RunStore, run_id: str) -> None:
    """Ask how the run is, without a pause, until killed."""
    _wait_for_start()
    while True:
        store.summary(run_id)


def write_for_ever(store: RunStore, run_id: str) -> None:
    """Append commits of ten facts, telling each one that is done, until killed or overtaken."""
    store.lease(run_id)
    epoch = store.open(run_id, 1.0)
    _wait_for_start()
    number = 0
    try:
        while True:
            done = number * 10 + 10
            groups = [Group("train", counts={"succeeded": done})]
            store.append(run_id, epoch, Commit(attempts(range(done - 10, done)), {"succeeded": done}, groups))
            number += 1
            _say(str(done))
    except StaleEpoch:
        _say("stale")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _wait_for_start() -> None:
    _say("ready")
    sys.stdin.readline()
