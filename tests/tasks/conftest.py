"""A project folder per test, with a store of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fairlead.config.services import close_all


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / ".fairlead").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FAIRLEAD_ENV", raising=False)
    yield tmp_path
    close_all()


@pytest.fixture(params=["in_process", "local"])
def env(request: pytest.FixtureRequest) -> str:
    return request.param


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has buried yet counts."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):  # gone before, or while it was read
        return True


def eventually(question: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Ask until the answer is yes, or so many seconds are over."""
    until = time.monotonic() + seconds
    while not question():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def logged(run) -> str:
    """What a run's tasks have written."""
    return "".join(text for _, text in run.get_logs())
