"""What the other processes of the run store contract do; run by `python -c`, so no pytest in here.

Each job says `ready`, waits for a line on its standard input so that all start at the same moment,
works on the store it was given, and prints what the contract compares.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterable

from fairlead.errors import RunBusy, RunExists, StaleEpoch, StoreError
from fairlead.model.events import Attempt
from fairlead.model.run import Group, Run
from fairlead.model.values import Inline
from fairlead.model.workflow import Workflow
from fairlead.ports import Commit, RunStore

__all__ = [
    "attempts",
    "create_one",
    "drive",
    "hold",
    "hold_and_fork",
    "look_for_ever",
    "make_run",
    "write_and_fork",
    "write_for_ever",
    "write_part",
]


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


def write_part(store: RunStore, run_id: str, epoch: int, name: str, commits: int, size: int) -> None:
    """Append facts of one task to a run that others write to as well."""
    _wait_for_start()
    for number in range(commits):
        done = (number + 1) * size
        facts = attempts(range(number * size, done), name=name)
        store.append(run_id, epoch, Commit(facts, groups=[Group(name, counts={"succeeded": done})]))
    store.close()
    _say("done")


def hold_and_fork(store: RunStore, run_id: str) -> None:
    """Take the run up, fork a child that does nothing, tell its number, and wait until killed."""
    store.lease(run_id)
    store.open(run_id, 1.0)
    up, told = os.pipe()
    child = os.fork()
    if not child:
        # The test reads its parent's output to the end.
        os.close(1)
        os.write(told, b"up")
        time.sleep(60)
        os._exit(0)
    os.read(up, 2)  # by then, what is done in the child of a fork has been done
    _say("ready")
    _say(str(child))
    sys.stdin.readline()


def write_and_fork(store: RunStore, run_id: str, children: int) -> None:
    """Write from threads while children are forked that write as well; then see whether the lease is still held."""
    lease = store.lease(run_id)
    epoch = store.open(run_id, 1.0)
    _wait_for_start()

    def write(thread: int) -> None:
        for number in range(5):
            store.append(run_id, epoch, Commit(attempts([5 * thread + number], name="parent")))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    codes = [_in_child(store, run_id, epoch, number) for number in range(children)]
    for thread in threads:
        thread.join()
    _say(f"children: {' '.join(map(str, codes))}")
    try:
        store.lease(run_id)
    except RunBusy:
        _say("holds" if not store.cancel_asked(run_id) else "asked")
    lease.release()


def _in_child(store: RunStore, run_id: str, epoch: int, number: int) -> int:
    child = os.fork()
    if not child:
        code = 1
        try:
            store.append(run_id, epoch, Commit(attempts([number], name="child")))
            code = 0 if store.attempts(run_id, path=f"child[{number}]") else 2
        except StoreError:
            code = 3
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _wait_for_start() -> None:
    _say("ready")
    sys.stdin.readline()
