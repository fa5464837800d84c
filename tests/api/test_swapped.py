"""What stands at a path counts, however it came there; a decorated function is called as in plain Python."""

from __future__ import annotations

import functools
import time
from pathlib import Path

import pytest

from fairlead import task, workflow

TICK = 0.05
"""Seconds: the clock of the file system is coarser than ours."""


@task
def read(path: Path) -> str:
    return path.read_text()


@task
def last(text: str) -> str:
    if not Path("go").exists():
        raise ValueError("not yet")
    return text


@workflow
def job(path: Path):
    return last(read(path))


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".fairlead").mkdir()
    for name, text in (("data", "old"), ("data2", "new")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.txt").write_text(text)
    return tmp_path


def test_a_folder_swapped_for_another_is_noticed_by_a_resume(here):
    first = job(Path("data/x.txt")).run("in_process", check=False)
    time.sleep(TICK)
    (here / "data").rename(here / "data_old")
    (here / "data2").rename(here / "data")
    (here / "go").touch()
    assert job(Path("data/x.txt")).run("in_process", resume=first).get_results() == "new"


def test_a_link_pointed_elsewhere_is_noticed_by_a_resume(here):
    (here / "current").symlink_to("data")
    first = job(Path("current/x.txt")).run("in_process", check=False)
    time.sleep(TICK)
    (here / "current").unlink()
    (here / "current").symlink_to("data2")
    (here / "go").touch()
    assert job(Path("current/x.txt")).run("in_process", resume=first).get_results() == "new"


def traced(function):
    @functools.wraps(function)
    def inside(*args):
        return function(*args) + 1

    return inside


@task
@traced
def add(x: int, y: int = 10) -> int:
    return x + y


@workflow
def sums(x: int = 1):
    return [add(x), add(x, 2), add(y=3, x=x)]


@pytest.mark.parametrize("env", ["in_process", "local"])
def test_a_decorator_that_takes_positions_works_as_in_a_plain_call(here, env):
    assert sums(1).run(env).get_results() == [12, 4, 5]
