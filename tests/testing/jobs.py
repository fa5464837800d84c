"""Workflows that the tests of `fairlead.testing` look at and run."""

import os
import time

from fairlead import WorkflowRun, current_run, task, workflow


@task
def load(path):
    return [1, 2, 3]


@task
def train(chunk, rate=0.5):
    return chunk * rate


@task
def total(scores):
    return sum(scores)


@workflow
def training(path, rate=0.5):
    return total(train.map(load(path), rate=rate))


@task
def report(n):
    current_run().log_metric("n", n)
    current_run().log_artifact("note", {"n": n})
    return f"{current_run().run_id}/{current_run().path}#{current_run().attempt}"


@workflow
def reporting(n):
    return report(n)


@task
def fail(n):
    raise LookupError(f"no {n} here")


@workflow
def failing(n):
    return fail(n)


@task(retries=3, retry_delay=7200)
def flaky(tries):
    if current_run().attempt <= tries:
        raise OSError("not yet")
    return current_run().attempt


@workflow
def patient(tries):
    return flaky(tries)


@task(timeout=600)
def sleepy(seconds):
    time.sleep(seconds)
    return seconds


@workflow
def slow(seconds):
    return sleepy(seconds)


@task
def spread(first, /, *rest, flag=False, **more):
    return [first, list(rest), flag, more]


@workflow
def spreading():
    return spread(1, 2, 3, flag=True, x=4)


@task
async def slowly(n):
    return n + 1


@workflow
def awaiting(n):
    return slowly(n)


@task
def pid():
    return os.getpid()


@workflow
def pids():
    return pid()


@task
def wait_until(seconds):
    begun = time.monotonic()
    end = time.time() + seconds
    while time.time() < end:
        time.sleep(60)
    return time.time(), time.monotonic() - begun


@workflow
def waiting(seconds):
    return wait_until(seconds)


@task
def stop_run():
    WorkflowRun.by_id(current_run().run_id).stop()
    return 1


@workflow
def stopping():
    return report(stop_run())
