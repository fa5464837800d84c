"""Looking after a store: what goes, what must stay, and whether this machine can work."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from fairlead import NotFound, WorkflowRun, task, workflow
from fairlead.api import collect, diagnose
from fairlead.config.environment import load
from fairlead.config.services import open_services
from fairlead.ports import Commit


@pytest.fixture(autouse=True)
def _own_store(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text("")
    monkeypatch.chdir(tmp_path)


@task(cache=True)
def text(x, size):
    return f"{x}" * size


@task
def join(parts, extra):
    return len(parts) + len(extra)


@workflow
def study(x, extra):
    return join([text(x, 9_000)], extra)


@workflow
def only_text(x):
    return text(x, 9_000)


def artifacts():
    return dict(open_services(load(None)).artifacts.list())


def age(seconds=7200.0):
    """Make all artifacts look as old as that."""
    for path in Path(".fairlead/artifacts").rglob("*"):
        if path.is_file():
            os.utime(path, (time.time() - seconds, time.time() - seconds))


def test_nothing_goes_unless_told_so():
    run = only_text("a").run("in_process")
    found = collect(0)
    assert [one.id for one in found.runs] == [run.id] and found.artifacts and found.size >= 9_000
    assert len(run.get_results()) == 9_000
    assert collect(0, yes=True)[1:] == found[1:]
    assert not artifacts() and not Path(f".fairlead/logs/{run.id}").exists()
    with pytest.raises(NotFound):
        WorkflowRun.by_id(run.id)


def test_what_a_kept_run_needs_stays_whoever_made_it():
    extra = "e" * 9_000
    old = only_text("b").run("in_process")
    time.sleep(0.02)
    limit = time.time()
    kept = study("b", extra).run("in_process")
    shift = lambda one: one * 2  # noqa: E731 - a function that no other process can import
    pickled = workflow(name="lambdas")(lambda x: task(name="shift")(shift)(x))("b" * 9_000).run("local")
    assert kept.get_tasks(status="reused")
    age()
    found = collect(time.time() - limit, yes=True)
    assert [one.id for one in found.runs] == [old.id]
    assert kept.get_results() == 9_001 and len(kept.get_task("text").outputs) == 9_000
    assert kept.parameters["extra"] == extra and len(pickled.get_results()) == 18_000
    sources = {source.key for source in pickled.record.code.modules.values()}
    assert sources and sources <= artifacts().keys()
    assert collect(3600, yes=True).artifacts == 0, "a second time, nothing is left to remove"


def test_what_a_running_run_may_be_about_to_record_stays():
    run = only_text("c").prepare("in_process")
    services = open_services(load(None))
    lease = services.store.lease(run.id)
    services.store.open(run.id, time.time())
    services.artifacts.put("runs/x/large", [b"1" * 100])
    services.artifacts.put("runs/x/older", [b"1" * 100])
    os.utime(".fairlead/artifacts/runs/x/older", (1, 1))
    found = collect(0, yes=True)
    assert (found.runs, found.artifacts) == ([], 1)
    services.store.append(run.id, 1, Commit([], status="cancelled", at=time.time()))
    lease.release()
    assert collect(0, yes=True).artifacts >= 1


def test_a_run_that_somebody_takes_up_meanwhile_stays():
    run = only_text("d").run("in_process")
    lease = open_services(load(None)).store.lease(run.id)
    assert collect(0, yes=True) == ([], 0, 0)
    lease.release()
    assert len(run.get_results()) == 9_000


def test_what_is_needed_again_counts_as_young():
    run = only_text("e").run("in_process")
    age()
    store = open_services(load(None)).artifacts
    (key,) = [one for one, size in artifacts().items() if size >= 9_000]
    assert store.written(key) < time.time() - 7000
    store.put(key, [b'"' + b"e" * 9_000 + b'"'])
    assert store.written(key) > time.time() - 60 and len(run.get_results()) == 9_000


def test_a_fine_machine_is_told_to_be_fine():
    only_text("f").run("in_process")
    found = {one.name: one for one in diagnose()}
    assert all(one.ok for one in found.values())
    assert found["python"].text.startswith(sys.version.split()[0]) and found["store"].text == "1 runs"


def test_what_is_not_fine_says_what_to_do(monkeypatch):
    assert "no environment 'prodd'" in diagnose("prodd")[-1].text
    Path(".fairlead").mkdir()
    Path(".fairlead/runs.db").write_text("this is no database, and far from one: " * 30)
    assert not diagnose()[-1].ok
