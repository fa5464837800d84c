"""`exec-node` with an order: what an executor gets back of a process of its tasks, however that ended."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from fairlead.model.events import Attempt, Failure
from fairlead.node.order import exit_code
from fairlead.testing.contracts.executor_harness import is_alive, until
from tests.elsewhere.orders import Written


def outputs(record):
    (value,) = record.outputs
    return msgspec.json.decode(value.data)


def begun(file):
    """Wait for a task to have started its child; gives that."""
    return int(until(lambda: Path(file).exists() and Path(file).read_text()))


@pytest.mark.parametrize(
    ("function", "given", "code", "outcome", "reason"),
    [
        ("add_one", 41, 0, "succeeded", None),
        ("fail", 1, 21, "failed", "exception"),
        ("fail_for_good", 1, 20, "failed", "unstorable"),
        ("no_such_function", 1, 20, "failed", "definition"),
    ],
)
def test_the_exit_code_says_what_became_of_the_task(tmp_path, function, given, code, outcome, reason):
    order = Written(tmp_path, (function, given))
    assert order.run()[0] == code
    (record,) = order.records
    assert (record.outcome, record.failure and record.failure.reason) == (outcome, reason)
    assert record.worker.startswith(os.uname().nodename)


def test_every_job_of_an_order_has_a_record_of_its_own(tmp_path):
    order = Written(tmp_path, ("add_one", 1), ("fail", 7), ("large", 100_000), ("add_one", 3))
    code, out = order.run()
    assert code == 21
    assert [record.outcome for record in order.records] == ["succeeded", "failed", "succeeded", "succeeded"]
    assert [record.path for record in order.records] == ["t[0]", "t[1]", "t[2]", "t[3]"]
    assert outputs(order.records[3]) == 4
    assert out.count("adding") == 2


def test_an_order_that_was_begun_is_gone_on_with(tmp_path):
    order = Written(tmp_path, ("leave_the_process", 3), ("add_one", 3))
    kept = Attempt("t[0]", 1, outcome="failed", failure=Failure("exit", "as it was"))
    assert order.run()[0] == 3
    assert order.records == []
    (order.folder / "records/0").write_bytes(msgspec.msgpack.encode(kept))
    assert order.run()[0] == 21
    assert order.records[0] == kept
    assert outputs(order.records[1]) == 4
    assert order.run() == (21, "")


@pytest.mark.parametrize(
    ("codes", "worst"), [((), 0), ((0, 20), 20), ((20, 21), 21), ((21, 75, 0), 75), ((75, 143, 20), 143)]
)
def test_of_several_jobs_the_exit_code_is_the_worst(codes, worst):
    records = {
        0: Attempt("t", 1, outcome="reused"),
        20: Attempt("t", 1, outcome="failed", retryable=False),
        21: Attempt("t", 1, outcome="failed"),
        75: Attempt("t", 1, outcome="lost"),
        143: Attempt("t", 1, outcome="cancelled"),
    }
    assert exit_code([records[code] for code in codes]) == worst


@pytest.mark.parametrize("function", ["nap", "nap_for_ever", "tidy"])
def test_sigterm_ends_the_task_with_its_children_and_a_record(tmp_path, function):
    note = str(tmp_path / "child")
    order = Written(tmp_path, (function, note), ("add_one", 1))
    process = order.begin()
    child = begun(note)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=15)
    assert process.returncode == 143
    assert [record.outcome for record in order.records] == ["cancelled", "cancelled"]
    assert {record.failure.reason for record in order.records} == {"cancelled"}
    assert ("tidied" in out) == (function == "tidy")
    until(lambda: not is_alive(child), 5)


def test_children_that_a_finished_task_has_left_end_with_its_process(tmp_path):
    note = str(tmp_path / "child")
    order = Written(tmp_path, ("pid_of_child", note))
    assert order.run()[0] == 0
    until(lambda: not is_alive(begun(note)), 5)


def test_threads_that_a_task_has_left_do_not_keep_its_process(tmp_path):
    order = Written(tmp_path, ("leave_thread", 1))
    began = time.monotonic()
    assert order.run()[0] == 0
    assert time.monotonic() - began < 30


def test_a_task_that_forks_and_returns_twice_has_one_record(tmp_path):
    order = Written(tmp_path, ("fork", 5))
    assert order.run()[0] == 0
    assert [outputs(record) for record in order.records] == [5]


def test_what_tasks_print_stays_on_the_streams_of_the_process(tmp_path):
    order = Written(tmp_path, ("say", 1))
    code, out = order.run()
    assert code == 0
    assert sorted(out.split("\n")) == ["", "child 1", "err 1", "out 1", "raw"]
    assert order.records[0].log is None


def test_with_log_the_output_of_each_job_is_a_range_of_a_file(tmp_path):
    order = Written(tmp_path, ("say", 1), ("say", 2), ("large", 3))
    order.scratch.mkdir()
    code, out = order.run(f"--log={order.scratch}/n7.log")
    assert (code, out) == (0, "")
    data = (order.scratch / "n7.log").read_bytes()
    logs = [record.log for record in order.records]
    assert [log.file for log in logs[:2]] == ["n7.log", "n7.log"]
    assert [data[log.start : log.end].count(b"2") for log in logs[:2]] == [0, 3]
    assert logs[2] is None


def test_secrets_are_masked_on_the_streams(tmp_path):
    secrets = {"folder": str(tmp_path), "section": {"type": "env"}}
    order = Written(tmp_path, ("say_secret", 1), ("fail", 1), secrets=secrets)
    brief = msgspec.structs.replace(
        order.brief, tasks=(msgspec.structs.replace(order.brief.tasks[0], secrets=("API_KEY",)), order.brief.tasks[1])
    )
    order.write(brief, order.jobs)
    code, out = order.run(API_KEY="very-secret-value")
    assert code == 21
    assert "very-secret-value" not in out
    assert out.count("***") == 2


@pytest.mark.parametrize(("there", "code"), [(("API_KEY",), 0), ((), 75)])
def test_secrets_that_went_with_the_driver_are_no_fault_of_the_task(tmp_path, there, code):
    (tmp_path / "handed").mkdir()
    for name in there:
        (tmp_path / "handed" / name).write_text("very-secret-value")
    secrets = {
        "folder": "/",
        "section": {"type": "folder", "path": str(tmp_path / "handed")},
        "handed": True,
    }
    order = Written(tmp_path, ("say_secret", 1), secrets=secrets)
    tasks = (msgspec.structs.replace(order.brief.tasks[0], secrets=("API_KEY",)),)
    order.write(msgspec.structs.replace(order.brief, tasks=tasks), order.jobs)
    assert order.run()[0] == code
    (record,) = order.records
    if code:
        assert (record.outcome, record.retryable) == ("lost", True)
        assert "the driver that handed over the secrets 'API_KEY' is gone" in record.failure.message


@pytest.mark.parametrize("same", [True, False])
def test_variables_of_the_tasks_are_set(tmp_path, same):
    order = Written(tmp_path, ("variable", "COLOUR"), ("variable", "COLOUR"), env_vars={"COLOUR": "red"})
    if not same:
        blue = msgspec.structs.replace(order.brief.tasks[1], env_vars={"COLOUR": "blue"})
        order.write(msgspec.structs.replace(order.brief, tasks=(order.brief.tasks[0], blue)), order.jobs)
    assert order.run()[0] == 0
    assert list(map(outputs, order.records)) == ["red", "red" if same else "blue"]


def test_the_working_directory_stays_and_is_not_looked_through_for_modules(tmp_path):
    order = Written(tmp_path, ("here", 0))
    assert order.run()[0] == 0
    folder, first = outputs(order.records[0])
    assert folder == str(tmp_path)
    assert first != folder


def test_a_folder_of_artifacts_that_is_not_there_is_no_fault_of_the_task(tmp_path):
    order = Written(tmp_path, ("add_one", 1), artifacts={"url": str(tmp_path / "not mounted")})
    assert order.run()[0] == 75
    (record,) = order.records
    assert (record.outcome, record.failure.reason) == ("lost", "lost")
    assert "mount it where tasks run" in record.failure.message
    assert not (tmp_path / "not mounted").exists()


def test_a_store_that_goes_away_is_no_fault_of_the_task(tmp_path):
    order = Written(tmp_path, ("large", 100_000))
    (tmp_path / "artifacts/runs").write_text("in the way")
    (tmp_path / "artifacts/sha256").write_text("in the way")
    assert order.run()[0] == 75
    assert order.records[0].failure.reason == "lost"


def test_an_artifact_store_that_cannot_be_opened_fails_the_task(tmp_path):
    order = Written(tmp_path, ("add_one", 1), artifacts={"section": {"url": "nope://x"}, "folder": str(tmp_path)})
    assert order.run()[0] == 20
    assert "no artifact" in order.records[0].failure.message


def test_where_the_scratch_folder_cannot_be_made_the_order_has_one(tmp_path):
    (tmp_path / "file").write_text("")
    order = Written(tmp_path, ("here", 1), scratch=tmp_path / "file/scratch", workdir="private")
    assert order.run()[0] == 0
    assert (order.folder / "scratch").is_dir()


@pytest.mark.parametrize("missing", ["", "brief", "jobs"])
def test_an_order_that_is_not_there_is_told(tmp_path, missing):
    order = Written(tmp_path, ("add_one", 1))
    if missing:
        (order.folder / missing).unlink()
    else:
        order.folder.rename(tmp_path / "elsewhere")
    code, out = order.run()
    assert code == 3
    assert out.startswith(f"error: there is no order in '{order.folder}'")


@pytest.mark.parametrize("word", ["brief", "jobs"])
def test_an_order_of_another_version_is_told(tmp_path, word):
    order = Written(tmp_path, ("add_one", 1))
    (order.folder / word).write_bytes(msgspec.msgpack.encode(7))
    code, out = order.run()
    assert code == 2
    assert "need the same version" in out


def test_an_order_of_another_run_is_told(tmp_path):
    order = Written(tmp_path, ("add_one", 1))
    order.write(msgspec.structs.replace(order.brief, run="wild-boar"), order.jobs)
    code, out = order.run()
    assert (code, "is one of run 'wild-boar', not 'calm-otter'" in out) == (2, True)


def test_a_job_that_was_taken_back_is_not_run(tmp_path):
    order = Written(tmp_path, ("take_back", str(tmp_path / "order/records/1")), ("add_one", 1), ("add_one", 2))
    assert order.run()[0] == 143
    assert [record.outcome for record in order.records] == ["succeeded", "cancelled", "succeeded"]


def test_a_path_may_begin_with_a_dash(tmp_path):
    order = Written(tmp_path, ("add_one", 1))
    words = [sys.executable, "-m", "fairlead", "exec-node", f"--order={order.folder}", "--", "calm-otter", "-rf"]
    assert subprocess.run(words, cwd=tmp_path, check=False, timeout=30).returncode == 0
