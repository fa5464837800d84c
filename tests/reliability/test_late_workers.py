"""Workers that start late, as they do on a machine that has much to do."""

import time
from pathlib import Path

import pytest

from fairlead.executors.local import Local
from fairlead.executors.local.pool import Group, Pool
from fairlead.testing.contracts.executor_harness import Harness


@pytest.mark.parametrize("limit", [None, 0.3])
def test_a_job_whose_worker_starts_late_is_seen_and_its_time_limit_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: float | None
):
    late: list[Group] = []
    grow = Pool.grow

    def grow_once(pool: Pool, group: Group) -> None:
        if pool.workers:
            late.append(group)
        else:
            grow(pool, group)

    executor = Local(max_workers=2, grace=0.5)
    try:
        on = Harness(executor, tmp_path)
        on.task("nap", "seconds")
        on.task("nap", "seconds", **({} if limit is None else {"timeout": limit}))
        on.open()
        assert executor._pool is not None
        for group in executor._pool.groups.values():
            assert not group.workers
        monkeypatch.setattr(Pool, "grow", grow_once)
        on.submit(on.job("early", 0, seconds=60.0), on.job("late", 1, seconds=60.0))
        on.until_running("early")
        until = time.monotonic() + 0.2
        while time.monotonic() < until:
            on.poll(0.05)
        assert [report.path for report in on.reports if report.status == "running"] == ["early"]
        grow(executor._pool, late[0])
        begun = time.monotonic()
        on.until_running("late")
        assert time.monotonic() - begun < 5
        if limit is not None:
            report = on.finish("late", seconds=10)[0]
            failure = report.failure or (report.record and report.record.failure)
            assert failure is not None and failure.reason == "timeout"
    finally:
        executor.close()
