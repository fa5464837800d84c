"""What is done with a case, and how what came of it is held against what is written beside it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from math import isnan
from pathlib import Path
from typing import Any

import pytest

from fairlead import DefinitionError, Environment, RunFailed, WorkflowRun
from tests.conformance.case import Case, statuses
from tests.conformance.columns import Column, cell

__all__ = ["KEY", "conforms", "drive", "same"]

ROOT = Path(__file__).parents[2]
KEY = "esroh-tcerroc"[::-1]
"""The secret of the book, which its files may not hold."""
_PATIENCE = 60.0
"""Seconds after which what must happen soon has not happened."""


def conforms(case: Case, where: Column, name: str, folder: Path, environment: Environment) -> None:
    """Do what a case says, in a folder that all tasks see, and assert that it comes as written."""
    place = folder / name
    place.mkdir()
    if where.executor == "argo":
        _rehearse(case, place, environment)
    elif where.executor in case.refused:
        problems = case.make(str(place)).check(environment)
        assert any(case.refused[where.executor] in problem for problem in problems), problems
        with pytest.raises(DefinitionError):
            case.make(str(place)).run(environment)
    else:
        _WAYS[case.way](case, place, environment)
    _record(name, where, cell(case, where))


def _record(name: str, where: Column, said: str) -> None:
    """Write down what came of a case, for the page."""
    file = os.environ.get("FAIRLEAD_CONFORMANCE")
    if file:
        with open(file, "a", encoding="utf-8") as records:
            records.write(json.dumps({"case": name, "column": where.name, "cell": said}, ensure_ascii=False) + "\n")


def _run(case: Case, place: Path, environment: Environment) -> WorkflowRun:
    run = case.make(str(place)).run(environment, check=False)
    holds(case, run, case.status, case.tasks)
    return run


def _rehearse(case: Case, place: Path, environment: Environment) -> None:
    """What an orchestrator would be given is interpreted, and compared with a run in this process."""
    from fairlead.api.rehearsing import rehearse

    if "argo" in case.refused:
        with pytest.raises(DefinitionError) as caught:
            rehearse(case.make(str(place)), environment)
        assert any(case.refused["argo"] in problem for problem in caught.value.problems), caught.value.problems
        return
    done = rehearse(case.make(str(place)), environment)
    assert [(row.path, row.differs_in) for row in done.rows if not row.equal] == []
    assert (done.status, done.here) == (case.status, case.status)
    assert {row.path: row.rehearsed.status for row in done.rows} == statuses(case.tasks)
    assert done.equal


def _twice(case: Case, place: Path, environment: Environment) -> None:
    _run(case, place, environment)
    again = (case.change or case.make)(str(place)).run(environment, check=False)
    holds(case, again, case.status, case.then, results=case.change is None)


def _resume(case: Case, place: Path, environment: Environment) -> None:
    run = case.make(str(place)).run(environment, check=False)
    assert run.get_status() == case.status
    assert _statuses(run) == statuses(case.tasks)
    (place / "mended").touch()
    holds(case, run.resume(), "succeeded", case.then)


def _stop(case: Case, place: Path, environment: Environment) -> None:
    carrier = threading.Thread(
        target=lambda: case.make(str(place)).run(environment, id=place.name, check=False), daemon=True
    )
    carrier.start()
    _wait_for(place / "begun", carrier.is_alive)
    WorkflowRun.by_id(place.name, environment).stop()
    carrier.join(_PATIENCE)
    assert not carrier.is_alive()
    holds(case, WorkflowRun.by_id(place.name, environment), "cancelled", case.tasks, results=False)


def _kill(case: Case, place: Path, environment: Environment) -> None:
    """The driver dies with SIGKILL once a task has left its mark; whoever looks next sees that, and resumes."""
    program = (
        f"import sys; sys.path[:0] = [{str(ROOT)!r}]\nfrom tests.conformance.ways import drive\ndrive(*sys.argv[1:])\n"
    )
    words = [str(place), environment.source]
    driver = subprocess.Popen([sys.executable, "-c", program, *words], start_new_session=True)
    try:
        _wait_for(place / "begun", lambda: driver.poll() is None)
    finally:
        driver.send_signal(signal.SIGKILL)
        driver.wait()
    run = WorkflowRun.by_id(place.name, environment)
    deadline = time.monotonic() + _PATIENCE
    while run.get_status() == "running" and time.monotonic() < deadline:
        time.sleep(0.1)
    assert run.get_status() == "interrupted"
    # What the driver had no time to write down may run again, and nothing else.
    recorded = {task.id: len(task.attempts) for task in run.get_tasks(status="succeeded")}
    assert set(recorded) <= set(statuses(case.tasks))
    (place / "mended").touch()
    holds(case, run.resume(), "succeeded", case.then)
    assert {path: len(run.get_task(path).attempts) for path in recorded} == recorded


def drive(place: str, source: str) -> None:
    """Be a driver that is going to be killed."""
    from importlib import import_module

    name = Path(place).name
    chapter, _, number = name.rpartition("-")
    case = import_module(f"tests.conformance.book.{chapter}").CASES[int(number)]
    case.make(place).run(Environment.load(source), id=name, check=False)


_WAYS = {"run": _run, "twice": _twice, "resume": _resume, "stop": _stop, "kill": _kill}


def holds(case: Case, run: WorkflowRun, status: str, tasks: str, *, results: bool = True) -> None:
    """Assert that a run's status, task runs and results are as written."""
    said = ""
    try:
        found = run.get_results()
    except Exception as error:
        said = str(error)
        found = None
    assert run.get_status() == status, said
    assert _statuses(run) == statuses(tasks)
    if status == "succeeded" and results:
        expected = case.results() if callable(case.results) else case.results
        assert same(found, expected), f"{found!r:.500} is not {expected!r:.500}"
    if status == "failed":
        with pytest.raises(RunFailed):
            run.get_results()
        assert case.error in said, said
    if case.seen is not None:
        assert case.seen(run) is True


def _statuses(run: WorkflowRun) -> dict[str, str]:
    return {task.id: task.status for task in run.get_tasks()}


def _wait_for(mark: Path, alive: Any) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not mark.exists():
        assert alive(), "it has ended before it had begun"
        assert time.monotonic() < deadline, f"{mark} never came"
        time.sleep(0.01)


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal in type and content: `1` is not `True`, `0.0` is not `-0.0`, and nan is nan."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return repr(one) == repr(other) or (isnan(one) and isnan(other))
    if isinstance(one, dict):
        return len(one) == len(other) and all(
            same(key, name) and same(one[key], other[name]) for key, name in zip(one, other, strict=True)
        )
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if hasattr(one, "dtype") and hasattr(one, "tobytes"):
        return bool(one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes())
    if hasattr(one, "equals"):
        return bool(one.equals(other))
    return bool(one == other)
