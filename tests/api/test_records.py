"""Runs as records: compared, looked for, taken from store to store, and let go."""

from __future__ import annotations

import os
import time
import zipfile
from pathlib import Path

import pytest

from fairlead import (
    ConfigurationError,
    Environment,
    NotFound,
    WorkflowRun,
    current_run,
    list_workflow_runs,
    task,
    workflow,
)
from fairlead.api import collect, import_run, list_summaries
from fairlead.config.environment import load
from fairlead.config.services import close_all, open_services
from fairlead.errors import RunBusy, RunExists, StoreError

SCALE = 2


@task(cache=True)
def load_all(n: int) -> list[int]:
    return list(range(n))


@task
def score(x: int, rate: float) -> float:
    current_run().log_metric("loss", x * rate)
    print(f"scoring {x}")
    if x == 2 and not Path("fixed").exists():
        raise ValueError("two is too many")
    return x * rate * SCALE


@task
def text(x: str) -> str:
    return x * 9_000


@workflow
def scored(n: int = 2, rate: float = 0.5):
    return score.map(load_all(n), rate=rate)


@workflow
def only_text(x: str):
    return text(x)


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / ".fairlead").mkdir()
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    close_all()


# --- comparing --------------------------------------------------------------------------------------------


def told(one, other):
    return {(about, name): said for about, name, said in one.differences(other)}


def test_runs_that_are_the_same_do_not_differ():
    first, second = (scored().run("in_process") for _ in range(2))
    assert first.diff(second) == []


def test_parameters_inputs_outputs_statuses_and_environments_are_compared():
    first = scored(2, rate=0.5).run("in_process")
    second = scored(3, rate=0.25).run(Environment(executor={"type": "local", "max_workers": 1}), check=False)
    found = told(first, second)
    assert found["parameter", "n"] == "2 -> 3" and found["parameter", "rate"] == "0.5 -> 0.25"
    assert found["environment", "executor.type"] == "in_process -> local"
    assert found["environment", "executor.max_workers"] == "only in the second: 1"
    assert found["input", "load_all.n"] == "2 -> 3"
    assert found["input", "score[0].rate"] == "0.5 -> 0.25 (and 1 more)"
    assert found["output", "load_all.result"] == "[0, 1] -> [0, 1, 2]"
    assert found["output", "score[1].result"] == "1.0 -> 0.5"
    assert found["status", "score[2]"] == "only in the second"
    assert found["status", ""] == "succeeded -> failed"
    assert first.diff(second)[0] == "parameter 'n': 2 -> 3"


def test_code_is_compared_by_symbol_and_options_by_name(monkeypatch):
    first = scored().run("in_process")
    monkeypatch.setitem(globals(), "SCALE", 3)
    second = scored().run(Environment(executor="in_process", tasks={"load_all": {"retries": 3}}))
    found = told(first, second)
    assert "SCALE" in found["code", "score"] and ("code", "load_all") not in found
    assert found["option", "load_all"].startswith("retries: ")
    assert found["output", "score[1].result"] == "1.0 -> 1.5"


def test_tasks_that_only_one_of_them_has_are_named():
    found = told(scored().run("in_process"), only_text("a").run("in_process"))
    assert found["workflow", ""] == "scored -> only_text"
    assert found["code", "score"] == "only in the first" and found["code", "text"] == "only in the second"


def test_values_that_look_the_same_and_are_not_are_said_to_be():
    found = told(*(only_text(f"{'long ' * 40}{end}").run("in_process") for end in "ab"))
    assert found["parameter", "x"].endswith("with another content")
    assert found["output", "text.result"].endswith("with another content")


def test_packages_and_python_are_compared():
    import msgspec

    from fairlead.api.comparing import differences_of

    first, second = (scored().run("in_process") for _ in range(2))
    tasks = tuple(msgspec.structs.replace(one, packages={"numpy": "2.1"}) for one in second.record.code.tasks)
    code = msgspec.structs.replace(second.record.code, tasks=tasks, python="3.99.0")
    second._record = msgspec.structs.replace(second.record, code=code)
    found = {name: said for about, name, said in differences_of(first, second) if about == "package"}
    assert found["numpy"] == "only in the second: 2.1" and found["Python"].endswith("-> 3.99.0")


# --- looking for --------------------------------------------------------------------------------------------


def test_runs_are_found_by_what_they_were_given_and_what_came_of_it():
    good = scored(2, rate=0.2).run("in_process", tags=["nightly"])
    bad = scored(3, rate=0.4).run("in_process", tags=["nightly", "team=ml"], check=False)

    def found(where, **more):
        return {run.id for run in list_workflow_runs(where=where, **more)}

    assert found("status=failed and tag=nightly and param.rate>0.1") == {bad.id}
    assert found("param.rate<0.3") == {good.id}
    assert found("metric.loss>0.7") == {bad.id}
    assert found("workflow=scored and tasks.failed=0") == {good.id}
    assert found("error=score[2]") == {bad.id}
    assert found("env=in_process and seconds<1h and created>1h and epoch=1 and tasks>=3") == {good.id, bad.id}
    assert found(f"user={good.record.user} and host={good.record.host}", status="failed") == {bad.id}
    assert found("tag=nightly", limit=1) == {bad.id}
    assert [run.id for run in list_summaries(where="parent=x")] == []
    with pytest.raises(ConfigurationError, match="there is no field 'stauts'"):
        list_workflow_runs(where="stauts=failed")


# --- as one file --------------------------------------------------------------------------------------------


def elsewhere(tmp_path, monkeypatch):
    other = tmp_path / "other"
    (other / ".fairlead").mkdir(parents=True)
    monkeypatch.chdir(other)
    return other


def test_a_run_goes_from_one_store_to_another_and_is_resumed_there(project, monkeypatch):
    run = scored(3).run("in_process", tags=["nightly"], check=False)
    run.resume(check=False)
    file = run.export("run.fairlead")
    summary, logs = run.summary(), list(run.get_logs())
    other = elsewhere(project, monkeypatch)

    taken = import_run(project / file)
    assert taken.id == run.id and taken.summary() == summary and taken.groups() == run.groups()
    assert list(taken.get_logs()) == logs and taken.explain() == run.explain()
    assert run.diff(taken) == []
    assert [one.status for one in taken.get_tasks()] == [one.status for one in run.get_tasks()]
    (other / "fixed").touch()
    assert taken.resume().get_results() == [0.0, 1.0, 2.0]
    assert [len(one.attempts) for one in taken.get_tasks(name="score")] == [1, 1, 3]


def test_large_values_and_files_travel_also_into_memory(project, monkeypatch):
    @task
    def page() -> Path:
        Path("page.html").write_text("hello")
        return Path("page.html")

    @workflow
    def both(x: str):
        return text(x), page()

    run = both("a").run("in_process")
    file = run.export("run.fairlead").absolute()
    elsewhere(project, monkeypatch)
    taken = import_run(file, Environment(executor="in_process", store="memory"), run_id="theirs")
    first, second = taken.get_results()
    assert taken.id == "theirs" and first == "a" * 9_000 and second.read_text() == "hello"


@pytest.mark.parametrize("status", ["created", "interrupted", "cancelled"])
def test_runs_that_did_not_end_well_come_as_they_are(project, monkeypatch, status):
    run = scored().prepare("in_process")
    store = open_services(load(None)).store
    if status != "created":
        lease = store.lease(run.id)
        epoch = store.open(run.id, time.time())
        if status == "cancelled":
            from fairlead.ports import Commit

            store.append(run.id, epoch, Commit([], status="cancelled", at=time.time()))
        lease.release()
    file = run.export("run.fairlead").absolute()
    elsewhere(project, monkeypatch)
    assert import_run(file).get_status() == status


def test_nothing_is_overwritten_and_what_goes_on_is_not_exported(project):
    run = scored().run("in_process")
    file = run.export("run.fairlead")
    with pytest.raises(RunExists, match="there is a run"):
        import_run(file)
    assert import_run(file, run_id="copy").get_results() == run.get_results()
    lease = run._services.store.lease(run.id)
    run._services.store.open(run.id, time.time())
    with pytest.raises(RunBusy, match="is running"):
        run.export("again.fairlead")
    lease.release()
    assert not list(project.glob(".again*"))


def rewritten(file, change):
    """A copy of a file in which `change` may replace the bytes of a part, or add parts."""
    copy = Path("changed.fairlead")
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(copy, "w") as new:
        parts = {name: old.read(name) for name in old.namelist()}
        for name, data in change(parts).items():
            new.writestr(name, data)
    return copy


def cut_short(parts):
    return {name: data[:-1] if name.startswith("artifacts/") else data for name, data in parts.items()}


def of_a_newer_form(parts):
    return {**parts, "listing.json": parts["listing.json"].replace(b'"form":1', b'"form":9')}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (cut_short, "not as it was"),
        (lambda parts: {**parts, "more": b""}, "differ"),
        (lambda parts: {"x": b""}, "no listing"),
        (of_a_newer_form, "newer Fairlead"),
        (lambda parts: {**parts, "../../x": b"", "listing.json": _with(parts, "../../x")}, "leads elsewhere"),
        (lambda parts: {**parts, "run.msgpack": b"1", "listing.json": _with(parts, "run.msgpack", b"1")}, "can read"),
    ],
    ids=["damaged", "more", "foreign", "newer", "outside", "unreadable"],
)
def test_what_is_no_whole_export_is_refused_before_anything_is_written(project, monkeypatch, change, said):
    file = rewritten(only_text("a").run("in_process").export("run.fairlead"), change).absolute()
    other = elsewhere(project, monkeypatch)
    with pytest.raises(StoreError, match=said):
        import_run(file)
    assert list_workflow_runs() == []
    assert not [path for path in (other / ".fairlead" / "artifacts").rglob("*") if path.is_file()]
    assert not list((other / ".fairlead" / "tmp").iterdir())


def _with(parts, name, data=b""):
    import json
    from hashlib import sha256

    listing = json.loads(parts["listing.json"])
    listing["parts"][name] = sha256(data).hexdigest()
    return json.dumps(listing).encode()


def test_a_file_that_is_none_or_not_there_is_told(project):
    Path("text").write_text("hello")
    with pytest.raises(StoreError, match="no export of a run"):
        import_run("text")
    with pytest.raises(NotFound, match="no file 'nothing'"):
        import_run("nothing")


# --- letting go ---------------------------------------------------------------------------------------------


def age():
    for path in Path(".fairlead/artifacts").rglob("*"):
        if path.is_file():
            os.utime(path, (time.time() - 7200, time.time() - 7200))


def test_the_newest_of_each_workflow_stay():
    texts = [only_text(x).run("in_process").id for x in "abc"]
    other = scored().run("in_process").id
    age()
    assert {run.id for run in collect(keep=1).runs} == {texts[0], texts[1]}
    assert {run.id for run in collect(0.0, keep=2).runs} == {texts[0]}
    done = collect(keep=1, yes=True)
    assert done.artifacts == 2 and {run.id for run in list_workflow_runs()} == {texts[2], other}
    assert collect().runs == []


def test_the_oldest_go_until_the_rest_is_small_enough():
    runs = [only_text(x).run("in_process") for x in "aabc"]
    age()
    sizes = sum(size for _, size in open_services(load(None)).artifacts.list())
    assert 27_000 <= sizes < 40_000
    assert collect(max_size=sizes).runs == []
    # The first two hold the same value: only with both gone it is needed no more.
    assert [run.id for run in collect(max_size=sizes - 1).runs] == [runs[1].id, runs[0].id]
    assert [run.id for run in collect(max_size=sizes - 1, keep=3).runs] == [runs[0].id]
    assert len(collect(max_size=0, yes=True).runs) == 4 and list_workflow_runs() == []


def test_a_run_that_is_going_on_keeps_what_it_needs():
    run = only_text("a").run("in_process")
    lease = run._services.store.lease(run.id)
    run._services.store.open(run.id, time.time())
    age()
    assert collect(max_size=0, keep=0, yes=True).runs == []
    lease.release()
    assert WorkflowRun.by_id(run.id).get_tasks()[0].outputs == "a" * 9_000
