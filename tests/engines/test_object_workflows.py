"""Whole workflows whose values are in a bucket: as a user's shell runs them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engines.s3 import S3

PROJECT = {
    "jobs.py": """
        from pathlib import Path
        from fairlead import task, workflow
        from scaling import scale

        @task
        def numbers(count):
            return list(range(count))

        @task(cache=True)
        def square(number):
            return {"square": scale(number) * number, "text": "x" * 10_000}

        @task
        def large():
            return bytes(12_000_000)

        @task
        def total(squares, big):
            if Path("fail").exists():
                raise ValueError("told to fail")
            Path("report.txt").write_text("report " * 5000)
            return sum(one["square"] for one in squares) + len(big), Path("report.txt")

        @workflow
        def study(count: int = 10):
            return total(square.map(numbers(count)), large())
        """,
    "scaling.py": "def scale(number):\n    return number\n",
    "bucket.yaml": """
        executor: {type: local, max_workers: 2}
        artifacts: {url: "s3://${BUCKET}/team a/kept", endpoint: "${ENDPOINT}"}
        """,
    "shared.yaml": """
        executor: {type: local, max_workers: 2}
        store: {type: object, url: "s3://${BUCKET}/team b", endpoint: "${ENDPOINT}", ttl: 2}
        """,
    "pyproject.toml": "",
}


@pytest.fixture
def project(tmp_path: Path, s3: S3, s3_bucket: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in PROJECT.items():
        (tmp_path / name).write_text(textwrap.dedent(text).lstrip())
    (tmp_path / ".fairlead").mkdir()
    monkeypatch.setenv("BUCKET", s3_bucket)
    monkeypatch.setenv("ENDPOINT", s3.endpoint)
    monkeypatch.setenv("FAIRLEAD_ENV", "bucket")
    return tmp_path


def fairlead(project: Path, *arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "fairlead", *arguments],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={**os.environ, "PYTHONPATH": str(project)},
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def test_values_code_and_files_go_by_the_bucket(project: Path) -> None:
    (project / "fail").touch()
    fairlead(project, "run", "jobs.py:study", "--id", "first", code=1)
    (project / "fail").unlink()
    fairlead(project, "resume", "first")
    assert fairlead(project, "results", "first").startswith("(12000285,")
    assert not any((project / ".fairlead" / "artifacts").rglob("*")), "nothing is kept on this machine"
    fairlead(project, "run", "jobs.py:study", "--id", "second", "-p", "count=12")
    assert "reused" in fairlead(project, "show", "second")
    # What names the bucket is recorded as it was written.
    recorded = fairlead(project, "show", "second", "-o", "json") + (
        project / ".fairlead" / "runs.db"
    ).read_bytes().decode("latin-1")
    assert "not-a-secret" not in recorded
    assert os.environ["ENDPOINT"] not in recorded
    fairlead(project, "gc", "--keep", "1", "--yes")
    assert "second" in fairlead(project, "runs")
    assert fairlead(project, "results", "second")


def test_runs_are_in_the_bucket_as_well_and_seen_from_any_folder(
    project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRLEAD_ENV", "shared")
    (project / "fail").touch()
    fairlead(project, "run", "jobs.py:study", "--id", "first", code=1)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / ".fairlead").mkdir()
    (elsewhere / "shared.yaml").write_text((project / "shared.yaml").read_text())
    assert "ValueError: told to fail" in fairlead(elsewhere, "show", "first")
    (project / "fail").unlink()
    fairlead(elsewhere, "resume", "first")
    assert fairlead(elsewhere, "results", "first").startswith("(12000285,")
    fairlead(project, "run", "jobs.py:study", "--id", "second", "-p", "count=12", "--detach")
    assert fairlead(elsewhere, "logs", "second", "-f") is not None
    assert "succeeded" in fairlead(elsewhere, "runs")
    assert "reused" in fairlead(elsewhere, "show", "second")
    assert not (project / ".fairlead" / "runs.db").exists()
    assert not any((project / ".fairlead" / "artifacts").rglob("*"))
    fairlead(elsewhere, "gc", "--older-than", "0s", "--yes")
    assert "first" not in fairlead(project, "runs")


def test_the_run_of_a_killed_driver_is_interrupted_and_goes_on_elsewhere(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRLEAD_ENV", "shared")
    (project / "slow.py").write_text(
        "import time\nfrom fairlead import task, workflow\n@task\ndef quick(x):\n    return x\n"
        "@task\ndef slow(x):\n    time.sleep(20 if __import__('os').environ.get('SLOW') else 0)\n    return x\n"
        "@workflow\ndef flow():\n    return slow(quick(1))\n"
    )
    command = [sys.executable, "-m", "fairlead", "run", "slow.py:flow", "--id", "r"]
    driver = subprocess.Popen(command, cwd=project, env={**os.environ, "SLOW": "1"}, start_new_session=True)
    try:
        _until(lambda: "1/2" in fairlead(project, "runs"), 60)
    finally:
        os.killpg(driver.pid, signal.SIGKILL)
        driver.wait()
    assert "running" in fairlead(project, "runs"), "a bucket does not know at once"
    _until(lambda: "interrupted" in fairlead(project, "runs"), 30)
    fairlead(project, "resume", "r")
    told = fairlead(project, "show", "r")
    assert "succeeded" in told


def _until(true: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
