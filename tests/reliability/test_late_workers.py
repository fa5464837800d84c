"""Workers that start late, as they do on a machine that has much to do, and fork servers that go early."""

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from fairlead.executors.local import Local, warm
from fairlead.executors.local.forkserver import Fork
from fairlead.executors.local.pool import Pool
from fairlead.executors.processes import children, marked
from fairlead.testing.contracts.executor_harness import Harness


@pytest.mark.parametrize("limit", [None, 0.3])
def test_a_job_whose_worker_starts_late_is_seen_and_its_time_limit_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: float | None
):
    late: list[tuple[Fork, list[int]]] = []
    order = Pool._order

    def withhold(pool: Pool, what: Fork, fds: Sequence[int] = ()) -> None:
        if isinstance(what, Fork) and len(pool.workers) > 0:
            late.append((what, [os.dup(fd) for fd in fds]))
        else:
            order(pool, what, fds)

    warm.close_parked()
    executor = Local(max_workers=2, grace=0.5)
    try:
        on = Harness(executor, tmp_path)
        on.task("nap", "seconds")
        on.task("nap", "seconds", **({} if limit is None else {"timeout": limit}))
        on.open()
        monkeypatch.setattr(Pool, "_order", withhold)
        on.submit(on.job("early", 0, seconds=60.0), on.job("late", 1, seconds=60.0))
        on.until_running("early")
        until = time.monotonic() + 0.2
        while time.monotonic() < until:
            on.poll(0.05)
        assert [report.path for report in on.reports if report.status == "running"] == ["early"]
        assert executor._pool is not None
        ((fork, fds),) = late
        order(executor._pool, fork, fds)
        for fd in fds:
            os.close(fd)
        begun = time.monotonic()
        on.until_running("late")
        assert time.monotonic() - begun < 5
        if limit is not None:
            report = on.finish("late", seconds=10)[0]
            failure = report.failure or (report.record and report.record.failure)
            assert failure is not None and failure.reason == "timeout"
    finally:
        executor.close()


@pytest.mark.parametrize("whom", ["guardian", "server"])
def test_a_fork_server_that_is_killed_while_a_run_closes_keeps_nobody_from_closing_it(tmp_path: Path, whom: str):
    executor = Local(max_workers=2)
    on = Harness(executor, tmp_path)
    on.task("nap", "seconds")
    on.open()
    on.submit(on.job("a", seconds=60.0), on.job("b", seconds=60.0))
    on.until_running("a")
    assert executor._pool is not None
    guardian, mark = executor._pool.pid, executor._pool.mark
    (server,) = children(guardian)
    os.kill(guardian if whom == "guardian" else server, signal.SIGKILL)
    executor.close()
    assert not marked(mark)
