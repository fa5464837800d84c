"""Processes of their own below a Ray worker, without Ray: this process is the worker."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from fairlead.leftovers import sweep

WORKER = """
import os, signal, sys
from pathlib import Path
from fairlead.executors.ray.alone import Alone
from fairlead.executors.ray.messages import Order
from fairlead.model.run import Code, TaskCode
from fairlead.model.task import TaskDefinition
from fairlead.ports import Brief, Job

task = TaskDefinition(name="getpid", target="os:getpid")
scratch = Path(sys.argv[1])
brief = Brief("run", (task,), Code(tasks=(TaskCode(""),)), str(scratch), {"url": str(scratch / "artifacts")})
alone = Alone(brief, tell=lambda beat: Order(), sends_output=False, cwd="")
print(*[record.outcome for record in alone.run(1, [Job("run", "a", 1, 0, {})]).records], flush=True)
if sys.argv[2] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
alone.close()
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    return place


def worker(tmp_path: Path, how: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "run" / "artifacts").mkdir(parents=True)
    command = [sys.executable, "-c", textwrap.dedent(WORKER), str(tmp_path / "run"), how]
    return subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)


def folders(place: Path) -> list[Path]:
    return [path for parent in place.iterdir() for path in parent.iterdir()]


def test_a_worker_that_is_done_with_a_run_leaves_nothing(tmp_path: Path, temporary: Path) -> None:
    done = worker(tmp_path, "closed")
    assert (done.stdout, done.returncode) == ("succeeded\n", 0), done.stderr
    assert folders(temporary) == []


def test_what_a_killed_worker_leaves_is_found_and_removed(tmp_path: Path, temporary: Path) -> None:
    done = worker(tmp_path, "killed")
    assert (done.stdout, done.returncode) == ("succeeded\n", -signal.SIGKILL), done.stderr
    assert any(path.name.startswith("ray-") for path in folders(temporary))
    sweep()
    assert folders(temporary) == []
