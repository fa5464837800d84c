"""The executor `ray` when something dies: workers, nodes, drivers, clusters."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from fairlead.executors.processes import children, descendants, kill
from fairlead.executors.ray.executor import Ray
from fairlead.executors.ray.options import RayOptions
from fairlead.executors.ray.sessions import Unreachable, close_parked
from fairlead.model.task import Resources
from fairlead.testing.contracts.executor_harness import Harness, failure, is_alive, result, until
from tests.engines.ray_cluster import BIG, GPU, Cluster
from tests.engines.test_ray_contract import options


@pytest.fixture(scope="module", autouse=True)
def parked() -> Iterator[None]:
    """Connections serve all tests of the module, and end with it."""
    yield
    close_parked()


@pytest.fixture
def on(ray_cluster: Cluster, tmp_path: Path) -> Iterator[Harness]:
    harness = Harness(
        Ray(options(ray_cluster, placement={"nap": {"resources": {"big": 0.5}}})), tmp_path, patience=60.0
    )
    yield harness
    harness.executor.close()


def test_a_task_that_ends_its_process_takes_no_other_with_it(on: Harness) -> None:
    on.task("exit_hard")
    on.task("crash")
    on.task("add_one", "x")
    on.open()
    on.submit(on.job("a", 0), on.job("b", 1), *(on.job(f"t[{number}]", 2, x=number) for number in range(20)))
    assert [failure(report).reason for report in on.finish("a", "b")] == ["killed", "killed"]
    assert "its worker process ended in the middle of the task" in failure(on.ended["a", 1]).message
    assert [result(report) for report in on.finish(*(f"t[{n}]" for n in range(20)))] == list(range(1, 21))


def test_of_a_chunk_whose_process_ends_only_one_job_fails(on: Harness) -> None:
    on.task("crash_on", "x", "bad", chunk=10)
    on.open()
    on.submit(*(on.job(f"t[{number}]", x=number, bad=4) for number in range(10)))
    reports = on.finish(*(f"t[{number}]" for number in range(10)))
    assert [number for number, report in enumerate(reports) if report.record is None] == [4]
    assert failure(reports[4]).reason == "killed"


def test_jobs_of_a_chunk_are_told_when_each_has_ended(on: Harness) -> None:
    on.task("sleep_for", "seconds", chunk=4)
    on.open()
    on.submit(*(on.job(f"t[{number}]", seconds=1.0) for number in range(4)))
    on.finish("t[0]")
    assert ("t[3]", 1) not in on.ended
    on.executor.cancel([("t[2]", 1), ("t[3]", 1)], 1.0)
    reports = on.finish("t[1]", "t[2]", "t[3]")
    assert result(reports[0]) == 1.0
    assert [failure(report).reason for report in reports[1:]] == ["cancelled", "cancelled"]


def test_what_no_node_can_take_is_refused_at_once(ray_cluster: Cluster, tmp_path: Path) -> None:
    on = Harness(Ray(options(ray_cluster, placement={"quiet": {"resources": {"disk": 1}}})), tmp_path)
    on.task("quiet")
    on.open()
    begun = time.monotonic()
    on.submit(on.job("a"))
    told = failure(on.finish("a")[0])
    on.executor.close()
    assert told.reason == "refused"
    assert "1 of the resource 'disk'" in told.message
    assert "127.0.0.3" in told.message
    assert time.monotonic() - begun < 2


def test_a_node_that_dies_loses_its_jobs_and_no_others(ray_cluster: Cluster, on: Harness) -> None:
    on.task("nap", "seconds")
    on.task("sleep_for", "seconds", resources=Resources(cpu=1, gpu=1))
    on.open()
    on.submit(on.job("a", 0, seconds=60.0), on.job("b", 1, seconds=8.0))
    on.until_running("a")
    os.kill(ray_cluster.raylet(BIG), signal.SIGKILL)
    told = failure(on.finish("a", seconds=60)[0])
    assert told.reason in {"lost", "killed"}
    # Whose only node has gone is told so, and does not wait for ever.
    on.submit(on.job("c", 0, seconds=0.1))
    told = failure(on.finish("c", seconds=60)[0])
    assert told.reason == "refused"
    assert "the resource 'big'" in told.message
    assert result(on.finish("b")[0]) == 8.0
    ray_cluster.kill(BIG)
    ray_cluster.start(BIG)


DRIVER = """
    import sys, time
    from pathlib import Path
    import msgspec
    from fairlead.executors.ray.executor import Ray
    from fairlead.executors.ray.options import RayOptions
    from fairlead.testing.contracts.executor_harness import Harness

    settings, folder, words = sys.argv[1:]
    on = Harness(Ray(msgspec.convert(msgspec.json.decode(settings), RayOptions)), Path(folder))
    on.task("append_and_nap", "path", "word", "seconds")
    on.open()
    on.submit(*(on.job(f"t[{n}]", path=words, word=str(n), seconds=float(n)) for n in (0, 6)))
    on.until_running("t[6]")
    on.finish("t[0]")
    print("running", flush=True)
    time.sleep(100)
"""


def _driver(settings: str, folder: Path, words: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(DRIVER), settings, str(folder), str(words)]
    driver = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert driver.stdout is not None
    assert driver.stdout.readline() == "running\n"
    return driver


def _kill(driver: subprocess.Popen[str]) -> None:
    driver.kill()
    driver.communicate()


def test_another_driver_takes_over_what_a_killed_one_left_on_the_cluster(ray_cluster: Cluster, tmp_path: Path) -> None:
    words = tmp_path / "words"
    chosen = options(ray_cluster)
    settings = msgspec.json.encode(msgspec.structs.asdict(chosen)).decode()
    driver = _driver(settings, tmp_path, words)
    _kill(driver)
    executor = Ray(chosen)
    on = Harness(executor, tmp_path)
    on.task("append_and_nap", "path", "word", "seconds")
    on.open()
    assert sorted(executor.held()) == [("t[0]", 1), ("t[6]", 1)]
    on.finish("t[0]", "t[6]", seconds=60)
    assert sorted(words.read_text().split()) == ["0", "6"]
    on.executor.close()


def test_runs_of_two_projects_with_the_same_id_have_nothing_of_each_other(ray_cluster: Cluster, tmp_path: Path) -> None:
    ours, theirs = (Harness(Ray(options(ray_cluster)), tmp_path / name) for name in ("ours", "theirs"))
    for on in (ours, theirs):
        on.task("append_and_nap", "path", "word", "seconds")
        on.open("nightly")
        assert list(on.executor.held()) == []  # type: ignore[attr-defined]  # it is a Ray
        on.submit(on.job("t", path=str(on.scratch / "words"), word=on.scratch.name, seconds=1.0))
    for on in (ours, theirs):
        on.finish("t")
        assert (on.scratch / "words").read_text().split() == [on.scratch.name]
        on.executor.close()


def test_when_the_owner_of_its_tasks_is_killed_they_are_lost_and_others_run(on: Harness, ray_cluster: Cluster) -> None:
    on.task("sleep_for", "seconds")
    on.task("add_one", "x")
    on.open()
    on.submit(on.job("long", 0, seconds=30.0))
    on.until_running("long")
    owners = [pid for pid in ray_cluster.processes() if _command(pid).startswith("ray::Owner")]
    assert owners
    for owner in owners:  # those of connections that are kept for later runs, too
        os.kill(owner, signal.SIGKILL)
    assert failure(on.finish("long")[0]).reason == "lost"
    assert result(on.go(1, "short", x=1)) == 2


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8").replace("\0", " ")


def test_nothing_stays_of_a_cluster_whose_driver_is_killed(tmp_path: Path) -> None:
    words = tmp_path / "words"
    driver = _driver('{"max_workers": 2}', tmp_path, words)
    bridge = int(Path(f"/proc/{driver.pid}/task/{driver.pid}/children").read_text().split()[0])
    below = [bridge, *descendants(bridge)]
    assert len(below) > 4
    folders = {part for part in Path(f"/proc/{bridge}/fd/1").readlink().parents if part.name.startswith("fl-ray-")}
    assert all(folder.is_dir() for folder in folders)
    _kill(driver)
    until(lambda: not any(is_alive(pid) for pid in below), 30)
    until(lambda: not any(folder.exists() for folder in folders), 5)


def test_no_cluster_is_joined_that_nobody_named(ray_cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", ray_cluster.address)
    executor = Ray(RayOptions(max_workers=1))
    assert executor.offers.cpu == 1
    assert executor.offers.reach == "host"
    executor.close()


def test_a_cluster_that_is_not_there_is_told(tmp_path: Path, ray_cluster: Cluster) -> None:
    away = msgspec.structs.replace(options(ray_cluster), address=f"{GPU}:1")
    with pytest.raises(Unreachable, match=f"cannot join the Ray cluster at {GPU}:1"):
        Harness(Ray(away), tmp_path).open()


def test_the_process_that_is_connected_to_ray_may_die(on: Harness, tmp_path: Path) -> None:
    words = tmp_path / "words"
    on.task("append_and_nap", "path", "word", "seconds")
    on.open()
    on.go(0, "before", path=str(words), word="before", seconds=0.0)
    on.submit(on.job("a", path=str(words), word="a", seconds=4.0))
    on.until_running("a")
    kill(pid for pid in children(os.getpid()) if b"ray.bridge" in Path(f"/proc/{pid}/cmdline").read_bytes())
    on.finish("a")
    on.go(0, "after", path=str(words), word="after", seconds=0.0)
    assert words.read_text().split() == ["before", "a", "after"]
