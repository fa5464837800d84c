"""Whole workflows whose values are in a bucket: as a user's shell runs them."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
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
