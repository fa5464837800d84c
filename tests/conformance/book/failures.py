"""What fails, and what becomes of the rest."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

from fairlead import Parallel, Pipeline, current_run, task, workflow
from tests.conformance.case import Case


@task
def good(x: int) -> int:
    return x


@task
def bad(x: int) -> int:
    raise ValueError(f"no {x}")


@task
def both(a: int, b: int) -> int:
    return a + b


@workflow
def failing():
    return both(good(1), bad(2))


@task
def leave(code: int):
    sys.exit(code)


@workflow
def leaving():
    return leave(3)


@task
def die():
    os.kill(os.getpid(), signal.SIGKILL)


@workflow
def dying():
    return good(die())


@task
def lock():
    return threading.Lock()


@workflow
def unstorable():
    return lock()


@task(retries=2, retry_delay=0.01)
def third_time(x: int) -> int:
    if current_run().attempt < 3:
        raise OSError("not yet")
    return x * current_run().attempt


@workflow
def retried():
    return third_time(5)


@task(retries=1, retry_delay=0.01)
def never(x: int) -> int:
    raise OSError(f"attempt {current_run().attempt}")


@workflow
def given_up():
    return never(5)


@task(timeout=0.5)
def slow() -> None:
    time.sleep(30)


@workflow
def too_slow():
    return slow()


@workflow
def some_of_a_map():
    return bad_items.map([1, 2, 3])


@task
def bad_items(x: int) -> int:
    if x == 2:
        raise ValueError("two")
    return x


@task(outputs=("a", "b"))
def one_too_few():
    return (1,)


@workflow
def miscounted():
    a, _ = one_too_few()
    return a


def left():
    raise ValueError("left")


def right():
    high = 2
    return high


def after(high):
    more = high + 1
    return more


BRANCHES = Pipeline([Parallel("p", {"l": [left], "r": [right, after]})], "branches")


CASES = [
    Case(
        "an exception, and what waits for it",
        lambda _: failing(),
        status="failed",
        error="ValueError: no 2",
        tasks="good bad=failed both=skipped",
        core=True,
    ),
    Case(
        "one item of a map: the others finish",
        lambda _: some_of_a_map(),
        status="failed",
        error="ValueError: two",
        tasks="bad_items[0] bad_items[1]=failed bad_items[2]",
    ),
    Case(
        "one branch of two: the other finishes",
        lambda _: BRANCHES.bound_to({}),
        status="failed",
        error="ValueError: left",
        tasks="p.l.left=failed p.r.right p.r.after",
    ),
    Case(
        "sys.exit in a task", lambda _: leaving(), status="failed", error="SystemExit", tasks="leave=failed", core=True
    ),
    Case(
        "a task that is killed",
        lambda _: dying(),
        status="failed",
        error="task 'die' failed",
        tasks="die=failed good=skipped",
        core=True,
        left_out=dict.fromkeys(
            ("in_process", "argo"),
            "the task's process would be that of the driver (of a rehearsal: of the run beside it)",
        ),
    ),
    Case("a result that cannot be kept", lambda _: unstorable(), status="failed", error="lock", tasks="lock=failed"),
    Case(
        "fewer results than outputs",
        lambda _: miscounted(),
        status="failed",
        error="declares 2 outputs",
        tasks="one_too_few=failed",
    ),
    Case("retries, of which the last succeeds", lambda _: retried(), 15, tasks="third_time", core=True),
    Case("retries that are used up", lambda _: given_up(), status="failed", error="attempt 2", tasks="never=failed"),
    Case("a time limit", lambda _: too_slow(), status="failed", error="0.5 s", tasks="slow=failed", core=True),
]
