"""Runs whose driver is a Ray job: started, looked at and stopped from outside, through the stores."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fairlead import WorkflowRun
from fairlead.executors.ray.launcher import JobLauncher
from fairlead.ports import Launch
from tests.engines.ray_cluster import Cluster
from tests.engines.s3 import S3
from tests.engines.test_ray_contract import options

JOBS = """
    import os, time
    from pathlib import Path
    from fairlead import task, workflow

    @task
    def double(x: int) -> int:
        print("doubling", x)
        return 2 * x

    @task
    def slow(x: int, gate: str) -> int:
        while not Path(gate).exists():
            time.sleep(0.05)
        return x

    @workflow
    def quick(x: int = 4) -> int:
        return double(double(x))

    @workflow
    def long(gate: str, x: int = 4) -> int:
        return slow(double(x), gate)
    """


@pytest.fixture
def project(tmp_path: Path, ray_cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".fairlead").mkdir()
    (tmp_path / "jobs.py").write_text(textwrap.dedent(JOBS))
    executor = {**ray_cluster.settings, "detach": "job", "dashboard": f"http://127.0.0.1:{ray_cluster.dashboard}"}
    # What other machines would not have: the driver finds both by itself.
    bucket: dict[str, Any] = {"type": "object", "url": "s3://${BUCKET}/team", "endpoint": "${ENDPOINT}", "ttl": 3}
    names = ("BUCKET", "ENDPOINT", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")
    variables = {name: f"${{{name}}}" for name in names}
    environments = {
        "shared": {"executor": {**executor, "shared_files": True}},
        "bucket": {"executor": {**executor, "runtime_env": {"env_vars": variables}}, "store": bucket},
        "unseen": {"executor": executor},
    }
    for name, said in environments.items():
        (tmp_path / f"{name}.yaml").write_text(json.dumps(said))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fairlead(project: Path, *arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "fairlead", *arguments],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
        env={**os.environ, "PYTHONPATH": str(project)},
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def jobs_of(cluster: Cluster, run: str) -> list[dict[str, Any]]:
    """What Ray knows of the jobs of a run."""
    listed: list[dict[str, Any]] = asked(cluster, "/api/jobs/")
    return [one for one in listed if (one.get("metadata") or {}).get("fairlead_run") == run]


def asked(cluster: Cluster, path: str, method: str = "GET") -> Any:
    headers = {"Authorization": f"Bearer {cluster.token.read_text()}"}
    request = urllib.request.Request(f"http://127.0.0.1:{cluster.dashboard}{path}", headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def until(true: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


def submit_again(run: WorkflowRun, cluster: Cluster) -> None:
    """Do what a driver's start does, for the same epoch."""
    launcher = JobLauncher(options(cluster, dashboard=f"http://127.0.0.1:{cluster.dashboard}", shared_files=True))
    launcher.start(Launch(run=run.id, made=run.record.created, epoch=1, words=["--version"], cwd="/"))
    assert launcher.ended() is None
    launcher.close()


def test_a_driver_on_the_cluster_carries_a_run_by_stores_that_it_reaches(
    project: Path, s3: S3, s3_bucket: str, ray_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUCKET", s3_bucket)
    monkeypatch.setenv("ENDPOINT", s3.endpoint)
    name = f"heron-{project.stat().st_ino}"
    fairlead(project, "run", "jobs.py:quick", "--env", "bucket", "--detach", "--id", name)
    run = WorkflowRun.by_id(name, "bucket.yaml")
    assert run.get_results(wait=True, timeout=30) == 16
    assert [text for _, text in run.get_logs("double")] == ["doubling 4\n", "doubling 8\n"]
    (job,) = jobs_of(ray_cluster, name)
    assert "${BUCKET}" in job["entrypoint"]
    assert s3_bucket not in job["entrypoint"]
    assert not any((project / ".fairlead" / "logs").rglob("*.log")), "its driver worked in this project's folder"


def test_a_driver_that_could_not_see_the_stores_is_refused_before_the_run_is_recorded(project: Path) -> None:
    refused = fairlead(project, "run", "jobs.py:quick", "--env", "unseen", "--detach", code=2)
    assert "the run store can be seen from this host only, and a Ray job is to carry the run" in refused
    assert "shared_files: true" in refused
    assert "no runs" in fairlead(project, "runs")


def test_a_run_whose_job_is_killed_goes_on_in_another_one_and_can_be_stopped(
    project: Path, ray_cluster: Cluster
) -> None:
    name = f"wren-{project.stat().st_ino}"  # a cluster that is kept knows runs of before
    gate = f"gate={project / 'gate'}"
    fairlead(project, "run", "jobs.py:long", "--env", "shared", "--detach", "--id", name, "-p", gate)
    run = WorkflowRun.by_id(name, "shared.yaml")
    until(lambda: any(one.name == "slow" for one in run.get_tasks("running")), 20)
    submit_again(run, ray_cluster)
    (job,) = jobs_of(ray_cluster, name)
    asked(ray_cluster, f"/api/jobs/{job['submission_id']}/stop", "POST")
    until(lambda: run.get_status() == "interrupted", 20)
    run.start()
    assert run.get_status() == "running"
    assert len(jobs_of(ray_cluster, name)) == 2
    assert run.stop()
    assert run.wait(30) == "cancelled"
    assert [one.status for one in run.get_tasks(name="double")] == ["succeeded"]
