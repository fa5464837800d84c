"""A project with a few workflows and a few runs, and the command line called in this process."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from fairlead.__main__ import main

JOBS = '''
import sys
from fairlead import task, workflow, current_run

@task
def load(path: str) -> list[int]:
    """Read the numbers."""
    print("loading", path)
    return [1, 2, 3]

@task
def square(x, rate=1.0):
    print("squaring", x)
    if x == 2 and rate == 0:
        raise ValueError(f"bad item {x}")
    current_run().log_metric("x", x)
    return x * x * rate

@task(outputs=("total", "text"))
def total(xs):
    current_run().log_artifact("page", "<h1>hello</h1>")
    return sum(xs), "so many"

@workflow
def study(path: str, rate: float = 1.0):
    """Square the numbers in a file and add them.

    The second paragraph.
    """
    value, text = total(square.map(load(path), rate=rate))
    return {"total": value, "text": text}

@task(cache=True)
def steady():
    return 41

@workflow
def single():
    return steady()

@workflow
def nothing():
    quiet()

@task
def quiet():
    return None

@workflow
def odd():
    return strange()

@task
def strange():
    return {"z": 1 + 2j, "list": list(range(200)), "nan": float("nan")}
'''


class Done(NamedTuple):
    """What came of a command."""

    code: int
    out: str
    err: str


Fairlead = Callable[..., Done]


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "pyproject.toml").write_text("")
    (folder / "cli_jobs.py").write_text(JOBS)
    return folder


@pytest.fixture(autouse=True)
def _at_home(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setenv("FAIRLEAD_ENV", "in_process")
    monkeypatch.setenv("NO_COLOR", "1")
    for name in [name for name in os.environ if name.startswith("FAIRLEAD_PARAM_") or name == "FORCE_COLOR"]:
        monkeypatch.delenv(name)


@pytest.fixture
def fairlead(capsys: pytest.CaptureFixture[str]) -> Fairlead:
    def call(*words: str) -> Done:
        capsys.readouterr()
        code = main(words)
        return Done(code, *capsys.readouterr())

    return call


@pytest.fixture
def run_of(fairlead: Fairlead, project: Path) -> Callable[..., str]:
    """Make sure that a run is there, once for all tests."""

    def make(run_id: str, *words: str, code: int = 0) -> str:
        if fairlead("show", run_id).code == 3:
            done = fairlead("run", *words, "--id", run_id, "-q")
            assert done.code == code, done.err
        return run_id

    return make


@pytest.fixture
def good(run_of: Callable[..., str]) -> str:
    return run_of("good", "cli_jobs.py:study", "-p", "path=a.csv", "--tag", "nightly")


@pytest.fixture
def bad(run_of: Callable[..., str]) -> str:
    return run_of("bad", "cli_jobs.py:study", "-p", "path=a.csv", "-p", "rate=0", code=1)
