"""`exec-node` on a recorded run: what it runs, what it refuses, and what is recorded however it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from fairlead import list_workflow_runs, notebook, workflow
from fairlead.api import list_summaries
from fairlead.ports import Commit
from fairlead.testing.contracts.executor_harness import until
from tests.elsewhere import flows


def single(task):
    """A workflow that calls a task once."""

    def main(x):
        return task(x)

    main.__name__ = f"only_{task.name if hasattr(task, 'name') else 'it'}"
    return workflow(main)


def last(place, run, path):
    return place.attempts(run, path)[-1]


def ended(process, seconds):
    """Wait for a process; gives its exit code."""
    process.communicate(timeout=seconds)
    return process.returncode


def outputs(record):
    return [msgspec.json.decode(value.data) for value in record.outputs]


# --- what runs -------------------------------------------------------------------------------------


def test_a_run_can_be_carried_task_by_task_without_a_driver(place):
    run = place.make(flows.training, 2)
    assert place.node(run, "total")[0] == 75
    assert place.node(run, "load") == (0, "")
    assert place.out == "loading 2\n"
    assert place.node(run, "fit[1]") == (0, "")
    assert run.get_status() == "running"
    assert run.summary().counts == {"succeeded": 2, "ready": 1, "waiting": 1}
    assert [(group.name, group.counts) for group in run.groups()] == [
        ("load", {"succeeded": 1}),
        ("fit", {"ready": 1, "succeeded": 1}),
        ("total", {"waiting": 1}),
    ]
    assert place.node(run, "fit[0]") == (0, "")
    assert place.node(run, "total") == (0, "")
    assert outputs(last(place, run, "total")) == [2.0]
    record = last(place, run, "fit[1]")
    assert (record.epoch, record.metrics) == (1, {"x": 1.0})
    assert set(record.artifacts) == {"double"}
    assert "".join(text for _, text in run.get_logs("fit[1]")) == "fitting 1\n"
    assert run.get_task("fit[1]").outputs == 2.0
    assert list_summaries(status="running")[0].counts == {"succeeded": 4}
    assert [found.id for found in list_workflow_runs(where="status=running and tasks.succeeded=4")] == [run.id]


def test_every_block_is_carried_as_a_driver_carries_it(place):
    run = place.make(flows.everything, 2, side="heads")
    codes = place.carry(run)
    assert codes.pop("fail") == 20
    assert set(codes.values()) == {0}
    driven = flows.everything(2, side="heads").run(place.env)
    by_hand = {one.path: one.outputs for one in place.store.attempts(run.id)}
    assert by_hand == {one.path: one.outputs for one in place.store.attempts(driven.id)}
    assert run.summary().counts == driven.summary().counts
    assert [(one.name, one.counts) for one in run.groups()] == [(one.name, one.counts) for one in driven.groups()]


def test_what_decides_how_a_block_goes_on_is_read_and_recorded_once(place):
    run = place.make(flows.asks, 1.0)
    taken, other = (f"switch.{label}.{name}" for label, name in (("1", "inc"), ("2", "fit")))
    assert place.node(run, other) == (20, f"{other} cannot run: 'switch' has taken '1', and not '2'")
    assert [one.outcome for one in place.attempts(run, "switch")] == ["succeeded"]
    assert place.node(run, taken) == (0, "")
    assert run.resume().get_results() == 42


def test_a_driver_goes_on_with_what_was_carried_without_one(place):
    run = place.make(flows.training, 2)
    assert place.node(run, "load")[0] == 0
    assert run.resume().get_results() == 2.0
    assert len(place.attempts(run, "load")) == 1
    assert place.node(run, "load") == (0, "load has succeeded already")
    assert place.node(run, "fit[0]")[0] == 0


def test_items_of_a_map_share_a_process(place):
    run = place.make(flows.training, 5)
    assert place.node(run, "load")[0] == 0
    code, said = place.node(run, "fit[0]", "--chunk", "3")
    assert code == 21
    assert said == "fit[2] failed: bad item 2"
    assert place.out == "fitting 0\nfitting 1\nfitting 2\n"
    assert place.node(run, "fit[1]", "--chunk=3") == (0, "")
    logs = [last(place, run, f"fit[{item}]").log for item in range(3)]
    assert [log.end - log.start for log in logs] == [10, 10, 10]
    assert [one.outcome for one in place.store.attempts(run.id, under="fit")] == [
        "succeeded", "succeeded", "failed", "succeeded", "succeeded",
    ]  # fmt: skip
    assert place.node(run, "total", "--chunk", "3")[0] == 3


@pytest.mark.parametrize(
    ("flow", "args", "first", "then", "result"),
    [
        (flows.files, (7,), "put", "get", "7None"),
        (flows.bytes_of, (200_000,), "large", "length", 200_000),
        (flows.shelled, (4,), "count", "", "5"),
    ],
)
def test_files_large_values_and_commands_travel(place, flow, args, first, then, result):
    run = place.make(flow, *args)
    assert place.node(run, first) == (0, "")
    if then:
        assert place.node(run, then) == (0, "")
    assert run.resume().get_results() == result
    assert [one.attempt for one in place.store.attempts(run.id)] == [1] * (2 if then else 1)


def test_methods_of_components_are_tasks_like_any_other(place):
    run = flows.Jobs().go().prepare(place.env)
    first, second = [node.name for node in run.graph.nodes]
    assert place.node(run, first) == (0, "")
    assert place.node(run, second) == (0, "")
    assert outputs(last(place, run, second)) == [6]


def test_a_notebook_is_run_in_its_kernel(place):
    cell = {
        "cell_type": "code",
        "source": "y = 6 * 7\nprint('in the kernel')",
        "metadata": {},
        "outputs": [],
        "execution_count": None,
    }
    document = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    Path("clean.ipynb").write_text(json.dumps(document))
    clean = notebook(str(Path("clean.ipynb").absolute()), outputs=["y"])

    @workflow
    def main():
        return clean()

    run = place.make(main)
    assert place.node(run, "clean") == (0, "")
    assert outputs(last(place, run, "clean")) == [42]
    assert "in the kernel" in "".join(text for _, text in run.get_logs())


def test_a_valid_result_is_reused(place):
    flow = single(flows.cached)
    flow(4).run(place.env)
    run = place.make(flow, 4)
    assert place.node(run, "cached") == (0, "cached: a recorded result is valid, and stands for it")
    assert place.out == ""
    assert (last(place, run, "cached").outcome, outputs(last(place, run, "cached"))) == ("reused", [40])
    other = place.make(flow, 5)
    assert place.node(other, "cached") == (0, "")
    assert flow(5).run(place.env).get_tasks()[0].status == "reused"


def test_the_task_runs_where_the_run_was_made(place, monkeypatch):
    run = place.make(single(flows.here), 1)
    (place.folder / "elsewhere").mkdir()
    process = place.begin(run, "here")
    assert ended(process, 30) == 0
    assert outputs(last(place, run, "here")) == [str(place.folder)]


def test_a_private_folder_is_new_and_is_removed(place):
    run = place.make(single(flows.private), 1)
    assert place.node(run, "private")[0] == 0
    ((folder, inside),) = outputs(last(place, run, "private"))
    assert inside == []
    assert not Path(folder).exists()


def test_variables_of_the_task_are_set(place):
    run = place.make(single(flows.colour), 1)
    assert place.node(run, "colour")[0] == 0
    assert outputs(last(place, run, "colour")) == ["red"]


@pytest.mark.parametrize("fails", [False, True])
def test_secrets_are_known_to_the_task_and_masked_everywhere(place, fails, monkeypatch):
    monkeypatch.setenv("API_KEY", "very-secret-value")
    run = place.make(single(flows.tell_secret), fails)
    monkeypatch.delenv("API_KEY")
    code, said = place.node(run, "tell_secret", API_KEY="very-secret-value")
    assert code == (20 if fails else 0)
    assert "very-secret-value" not in place.out + said + str(place.attempts(run, "tell_secret"))
    assert "".join(text for _, text in run.get_logs()) == place.out == "the key is ***\n"


def test_the_environment_may_be_given_as_its_text(place):
    run = place.make(flows.training, 1)
    text = msgspec.json.encode({"name": "there", "executor": {"type": "in_process"}}).decode()
    assert place.node(run, "load", "--env", text) == (0, "")
    assert place.node(run, "fit[0]", FAIRLEAD_ENV=text) == (0, "")
    code, said = place.node(run, "total", "--env", "{oops")
    assert (code, "is JSON, and this is none" in said) == (2, True)
    code, said = place.node(run, "total", "--env", '{"executr": "local"}')
    assert (code, "executor" in said) == (2, True)


# --- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "code", "said"),
    [
        ("lod", 3, "there is no 'lod' in workflow 'training' (nearest: 'load'); there is load, fit, total"),
        ("fit", 3, "'fit' is a block, and only tasks run; name one of the task runs in it"),
        ("load[0]", 3, "there is no task run 'load[0]': 'load' is no map, and has no items"),
        ("fit[0].x", 3, "there is no task run 'fit[0].x': 'fit' is a map of a single task, and nothing is inside its items"),  # noqa: E501
        ("fit[5]", 20, "fit[5] cannot run: 'fit' has 2 items, and no item 5"),
        ("total", 75, "total cannot run: 'fit' has not ended"),
    ],
)  # fmt: skip
def test_what_cannot_run_is_told(place, path, code, said):
    run = place.make(flows.training, 2)
    assert place.node(run, "load")[0] == 0
    assert place.node(run, path) == (code, said)


def test_a_run_that_is_not_there_is_told(place):
    place.make(flows.training, 1)
    words = [sys.executable, "-m", "fairlead", "exec-node", "calm-oter", "load"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "no run 'calm-oter'" in done.stderr


def test_what_succeeded_or_failed_for_good_does_not_run_again(place):
    run = place.make(flows.training, 3)
    assert place.node(run, "load")[0] == 0
    assert place.node(run, "load") == (0, "load has succeeded already")
    assert place.out == ""
    assert place.node(run, "fit[2]") == (21, "fit[2] failed: bad item 2")
    assert place.node(run, "fit[2]", "--attempt", "1") == (21, "attempt 1 of fit[2] has ended already: failed")
    assert place.node(run, "fit[2]", "--retry", "1") == (20, "fit[2] failed: bad item 2")
    assert place.node(run, "fit[2]")[0] == 20
    assert place.node(run, "fit[2]", "--attempt", "1")[0] == 20
    assert len(place.attempts(run, "fit[2]")) == 2
    assert place.node(run, "fit[2]", "--attempt", "3") == (20, "fit[2] failed: bad item 2")
    assert place.node(run, "total")[0] == 75
    assert {place.node(run, "fit[0]")[0], place.node(run, "fit[1]")[0]} == {0}
    assert place.node(run, "total") == (20, "total cannot run: 'total' is skipped: 'fit' did not succeed")


def test_a_run_under_a_living_driver_is_left_to_it(place):
    run = place.make(flows.training, 1)
    lease = place.store.lease(run.id)
    place.store.open(run.id, 1.0)
    code, said = place.node(run, "load")
    assert (code, "is carried by a driver" in said) == (4, True)
    lease.release()
    assert place.node(run, "load") == (0, "")
    assert place.store.summary(run.id).epoch == 1


def test_a_run_that_has_ended_runs_no_more(place):
    run = place.make(flows.training, 3)
    place.node(run, "load")
    place.store.append(run.id, 1, Commit([], status="failed", at=1.0))
    code, said = place.node(run, "fit[0]")
    assert (code, "has ended" in said) == (20, True)
    assert place.node(run, "load")[0] == 0


def test_a_dynamic_run_is_left_to_a_driver(place):
    @workflow(dynamic=True)
    def body():
        return flows.inc(1)

    run = place.make(body)
    code, said = place.node(run, "inc")
    assert (code, "its body decides what runs" in said) == (2, True)


# --- how it ends -----------------------------------------------------------------------------------


@pytest.mark.parametrize("task", [flows.slow_python, flows.slow_in_c])
def test_a_time_limit_ends_the_task(place, task):
    run = place.make(single(task), 1)
    path = task.name if hasattr(task, "name") else task.__name__
    began = time.monotonic()
    code, _ = place.node(run, path)
    assert code == 20
    assert time.monotonic() - began < 30
    failure = last(place, run, path).failure
    assert (failure.reason, failure.message) == ("timeout", "took longer than its 0.5 s")


def test_sigterm_ends_it_as_cancelled(place):
    note = str(place.folder / "pid")
    run = place.make(single(flows.nap), note)
    process = place.begin(run, "nap")
    pid = int(until(lambda: Path(note).exists() and Path(note).read_text()))
    assert last(place, run, "nap").started is not None
    assert last(place, run, "nap").outcome is None
    assert run.summary().counts == {"running": 1}
    os.kill(pid, signal.SIGTERM)
    assert ended(process, 20) == 143
    assert last(place, run, "nap").outcome == "cancelled"


def test_a_task_that_does_not_end_is_ended_even_where_nobody_can_be_told(place):
    run = place.make(single(flows.stuck_in_c), 1)
    process = place.begin(run, "stuck_in_c")
    until(lambda: place.store.attempts(run.id))
    place.store.remove(run.id)
    assert ended(process, 20) == 75


def test_a_run_that_is_stopped_ends_its_tasks_and_starts_no_more(place):
    note = str(place.folder / "pid")
    run = place.make(single(flows.nap), note)
    process = place.begin(run, "nap")
    until(lambda: Path(note).exists())
    assert run.stop()
    assert ended(process, 20) == 143
    assert last(place, run, "nap").failure.reason == "cancelled"
    other = place.make(flows.training, 1)
    other.stop()
    assert place.node(other, "load") == (143, "load cancelled: the run was asked to stop before it started")


def test_an_attempt_whose_process_was_killed_is_taken_over(place):
    note = place.folder / "go"
    run = place.make(single(flows.write_and_nap), str(note))
    process = place.begin(run, "write_and_nap")
    until(lambda: Path(f"{note}.starts").exists() and Path(f"{note}.starts").read_text())
    process.kill()
    ended(process, 10)
    assert last(place, run, "write_and_nap").outcome is None
    note.touch()
    assert place.node(run, "write_and_nap") == (0, "")
    assert Path(f"{note}.starts").read_text() == "xx"
    assert [one.attempt for one in place.attempts(run, "write_and_nap")] == [1]


def test_of_two_processes_with_one_attempt_the_first_end_counts(place):
    note = place.folder / "go"
    run = place.make(single(flows.write_and_nap), str(note))
    both = [place.begin(run, "write_and_nap") for _ in range(2)]
    until(lambda: Path(f"{note}.starts").exists() and Path(f"{note}.starts").read_text() == "xx")
    note.touch()
    said = [process.communicate(timeout=30)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    (record,) = place.attempts(run, "write_and_nap")
    assert outputs(record)[0] in {process.pid for process in both}
    assert sum("was ended by" in words for words in said) == 1
    assert place.store.summary(run.id).epoch == 1


def test_an_input_that_is_gone_fails_the_task(place):
    run = place.make(flows.bytes_of, 200_000)
    assert place.node(run, "large")[0] == 0
    for file in (place.folder / ".fairlead/artifacts").rglob("*"):
        if file.is_file() and file.stat().st_size > 100_000:
            file.unlink()
    code, said = place.node(run, "length")
    assert code == 20
    assert last(place, run, "length").failure.reason == "inputs"
    assert not said.startswith("error")


def test_a_store_that_goes_away_meanwhile_is_told(place):
    note = place.folder / "go"
    run = place.make(single(flows.write_and_nap), str(note))
    process = place.begin(run, "write_and_nap")
    until(lambda: Path(f"{note}.starts").exists() and Path(f"{note}.starts").read_text())
    place.store.close()
    (place.folder / ".fairlead/runs.db").rename(place.folder / "away.db")
    note.touch()
    _, err = process.communicate(timeout=40)
    assert process.returncode in {3, 75}
    assert err.startswith("error: ")
    (place.folder / "away.db").rename(place.folder / ".fairlead/runs.db")
