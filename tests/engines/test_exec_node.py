"""Tasks of one run on several hosts, which share a bucket and nothing else: as pods of an orchestrator do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from fairlead import Environment, WorkflowRun
from tests.engines.s3 import S3

JOBS = """
    from fairlead import task, workflow
    from helpers.scaling import scale

    @task
    def load(n: int) -> list[int]:
        print("loading", n)
        return list(range(n))

    @task
    def fit(x: int):
        print("fitting", x)
        return bytes([x]) * scale(100_000)

    @task
    def total(xs):
        return sum(map(sum, xs))

    @workflow
    def training(n: int):
        return total(fit.map(load(n)))
    """


@pytest.fixture
def environment(s3: S3, s3_bucket: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    monkeypatch.setenv("ENDPOINT", s3.endpoint)
    return {
        "name": "shared",
        "executor": {"type": "in_process"},
        "store": {"type": "object", "url": f"s3://{s3_bucket}/runs", "endpoint": "${ENDPOINT}", "ttl": 2},
        "artifacts": {"url": f"s3://{s3_bucket}/values", "endpoint": "${ENDPOINT}"},
    }


def on_another_host(folder: Path, environment: dict[str, object], *words: str) -> tuple[int, str]:
    """Run a command where nothing is but Python and Fairlead."""
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "fairlead", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={**os.environ, "FAIRLEAD_ENV": json.dumps(environment)},
    )
    return done.returncode, done.stdout + done.stderr


def test_tasks_of_one_run_on_hosts_that_share_a_bucket(tmp_path: Path, environment: dict[str, object]) -> None:
    project = tmp_path / "project"
    (project / "helpers").mkdir(parents=True)  # a namespace package
    (project / "jobs.py").write_text(textwrap.dedent(JOBS))
    (project / "helpers/scaling.py").write_text("def scale(x):\n    return 2 * x\n")
    made = subprocess.run(
        [sys.executable, "-c", "import jobs; print(jobs.training(2).prepare().id)"],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
        env={**os.environ, "FAIRLEAD_ENV": json.dumps(environment), "PYTHONPATH": str(project)},
    )
    run_id = made.stdout.strip()
    project.rename(tmp_path / "away")

    def node(path: str, *more: str) -> tuple[int, str]:
        name = f"host-{len(list(tmp_path.iterdir()))}"
        return on_another_host(tmp_path / name, environment, "exec-node", run_id, path, *more)

    assert node("load") == (0, "loading 2\n")
    assert node("fit[0]", "--chunk", "2") == (0, "fitting 0\nfitting 1\n")
    assert node("total") == (0, "")
    assert node("total") == (0, "fairlead: total has succeeded already\n")
    code, said = on_another_host(tmp_path / "reader", environment, "logs", run_id)
    assert (code, said) == (0, "load | loading 2\nfit[0] | fitting 0\nfit[1] | fitting 1\n")
    (tmp_path / "here").mkdir()
    env = Environment.from_record(environment)
    run = WorkflowRun.by_id(run_id, env)
    assert run.get_status() == "running"
    assert run.summary().counts == {"succeeded": 4}
    assert run.resume().get_results() == 200_000
