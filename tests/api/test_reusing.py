"""What is reused, what runs again, and why: across runs, processes, and changes of code, inputs and files."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from fairlead import Map, NotFinished, NotFound, Pipeline, PythonTask, RunFailed, WorkflowRun, task, workflow

CALLS: list[str] = []


@task(cache=True)
def double(x):
    CALLS.append(f"double {x}")
    return x * 2


@task
def add(a, b):
    CALLS.append(f"add {a} {b}")
    if b < 0:
        raise ValueError("b is below zero")
    return a + b


@workflow
def sums(x, b):
    return add(double(x), b)


@workflow
def mapped(xs):
    return double.map(xs)


@pytest.fixture(autouse=True)
def _no_calls():
    CALLS.clear()


def outcomes(run):
    return {one.id: one.status for one in run.get_tasks()}


# --- cache ------------------------------------------------------------------------------------------------


def test_a_cached_result_is_reused_by_later_runs(env):
    first = sums(10, 1).run(env)
    second = sums(10, 2).run(env)
    assert second.get_results() == 22
    assert outcomes(second) == {"double": "reused", "add": "succeeded"}
    origin = second.get_task("double").attempts[0].origin
    why = f"reused: nothing that it depends on changed since {origin.run}/double"
    assert second.explain("double") == {"double": [why]} and first.get_results() == 21
    assert any("'b' changed" in line for line in second.explain("add")["add"])
    assert second.diff(first)[0] == "parameter 'b': 2 -> 1"


def test_map_items_are_found_by_content():
    mapped([100, 101]).run("in_process")
    CALLS.clear()
    assert mapped([101, 102, 100]).run("in_process").get_results() == [202, 204, 200]
    assert CALLS == ["double 102"]


CODE = """
    from fairlead import task, workflow
    SCALE = {scale}

    @task(cache=True)
    def scaled(x):
        return x * SCALE

    @task(cache=True)
    def hidden(x):
        return getattr(x, "re" + "al")

    @workflow
    def scaling(x):
        return hidden(scaled(x))
"""

RUN = "import jobs_reusing; run = jobs_reusing.scaling(3).run({env!r}); print(run.id, run.get_results())"


def test_another_process_reuses_until_the_code_changes_and_explains(place, env):
    scale = len(env)
    place.write("jobs_reusing.py", CODE.format(scale=scale))
    first, result = place.python(RUN.format(env=env)).split()
    assert int(result) == 3 * scale
    place.write("jobs_reusing.py", "    # a comment changes nothing\n" + CODE.format(scale=scale))
    second, _ = place.python(RUN.format(env=env)).split()
    assert set(outcomes(WorkflowRun.by_id(second)).values()) == {"reused"}
    place.write("jobs_reusing.py", CODE.format(scale=scale + 100))
    third, result = place.python(RUN.format(env=env)).split()
    run = WorkflowRun.by_id(third)
    assert int(result) == 3 * scale + 300 and outcomes(run)["scaled"] == "succeeded"
    why = run.explain()
    assert any("jobs_reusing.py: SCALE" in line for line in why["scaled"])
    assert any(line.startswith("not analysed:") and "getattr" in line for line in why["hidden"])
    assert any("SCALE" in line for line in WorkflowRun.by_id(first).diff(run))


@task(cache=True)
def big(n):
    CALLS.append("big")
    return "x" * n


@workflow
def bigger(n):
    return big(n)


def test_a_result_whose_bytes_are_gone_is_made_again():
    bigger(50_000).run("in_process")
    for path in Path(".fairlead/artifacts/sha256").rglob("*"):
        if path.is_file() and path.stat().st_size >= 50_000:
            path.unlink()
    run = bigger(50_000).run("in_process")
    assert CALLS == ["big", "big"] and len(run.get_results()) == 50_000


# --- resume -----------------------------------------------------------------------------------------------


def test_the_same_run_goes_on_where_nothing_changed(env):
    run = sums(20, -1).run(env, check=False)
    with pytest.raises(RunFailed, match="b is below zero"):
        run.resume()
    again = sums(20, -1).run(env, resume=run, check=False)
    assert again.id == run.id and again.summary().epoch == 3
    assert len(again.get_task("double").attempts) == 1 and len(again.get_task("add").attempts) == 3


def test_changed_parameters_make_a_new_run_that_points_to_the_old_one(env):
    x = 30 + len(env)
    run = sums(x, -1).run(env, check=False)
    new = sums(x, 1).run(env, resume=run)
    assert new.get_results() == 2 * x + 1 and new.id != run.id and new.record.parent == run.id
    assert outcomes(new) == {"double": "reused", "add": "succeeded"}
    assert new.get_task("double").attempts[0].origin.run == run.id
    assert run.get_status() == "failed"


def test_resume_from_a_task_runs_it_and_what_follows_even_if_it_is_cached():
    run = sums(40, 1).run("in_process")
    CALLS.clear()
    new = sums(40, 1).run("in_process", resume=run.id, from_task="double")
    assert CALLS == ["double 40", "add 80 1"] and new.id != run.id
    CALLS.clear()
    sums(40, 1).run("in_process", resume=run.id, from_task="add")
    assert CALLS == ["add 80 1"]
    with pytest.raises(NotFound, match="has no task 'ad'"):
        sums(40, 1).run("in_process", resume=run.id, from_task="ad")


# --- results as arguments ---------------------------------------------------------------------------------


def test_an_output_of_a_run_is_an_argument_of_another_without_being_loaded(env):
    run = mapped([1, (2,)]).run(env)
    assert sums(run.output("result"), [0]).check(env) == []
    after = mapped(run.output("double")).run(env)
    assert after.get_results() == [4, (2, 2, 2, 2)]
    (problem,) = mapped([run.output("double[0]")]).check(env)
    assert "only as an argument by itself" in problem
    with pytest.raises(NotFound, match="has no output 'model'"):
        run.output("model")
    failed = sums(1, -1).run(env, check=False)
    assert sums(failed.output("double"), 1).run(env).get_results() == 5
    with pytest.raises(NotFinished, match="it is failed"):
        failed.output("add")


# --- paths ------------------------------------------------------------------------------------------------


@task(cache=True)
def count(path: Path):
    CALLS.append("count")
    return sum(len(file.read_text()) for file in ([path] if path.is_file() else sorted(path.iterdir())))


@task
def plain_count(paths, fail):
    CALLS.append("plain")
    if fail:
        raise ValueError("as you wish")
    return sum(len(path.read_text()) for path in paths)


@task
def follow(n):
    CALLS.append("follow")
    return n


@task
def stop(n, fail):
    if fail:
        raise ValueError("as you wish")
    return n


@workflow
def counted(path):
    return count(path)


@workflow
def plainly(paths, fail):
    return stop(follow(plain_count(paths, False)), fail)


@workflow
def told(path):
    count.options(cache=False)(path)
    return follow(1)


def change(path, text):
    time.sleep(0.05)  # so that the file system's clock tells it apart
    path.write_text(text)


def test_what_a_path_names_counts_for_the_cache(env, tmp_path):
    file = tmp_path / "data.txt"
    file.write_text("abc")
    first = counted(file).run(env)
    assert outcomes(counted(file).run(env)) == {"count": "reused"}
    os.utime(file)
    assert outcomes(counted(file).run(env)) == {"count": "reused"}
    change(file, "abcd")
    changed = counted(file).run(env)
    assert changed.get_results() == 4 and outcomes(changed) == {"count": "succeeded"}
    assert changed.explain("count")["count"][0].startswith("ran: what 'path' names changed since")
    change(file, "abc")
    assert outcomes(counted(file).run(env)) == {"count": "reused"} and first.get_results() == 3


def test_what_is_in_a_folder_counts_as_well(tmp_path):
    (tmp_path / "a").write_text("1")
    counted(tmp_path).run("in_process")
    assert outcomes(counted(tmp_path).run("in_process")) == {"count": "reused"}
    change(tmp_path / "b", "22")
    assert counted(tmp_path).run("in_process").get_results() == 3


def test_resume_notices_that_a_file_changed(env, tmp_path):
    file = tmp_path / "data.txt"
    file.write_text("abc")
    run = plainly([file], True).run(env, check=False)
    assert plainly([file], True).run(env, resume=run, check=False).id == run.id
    change(file, "abcd")
    new = plainly([file], True).run(env, resume=run, check=False)
    assert new.id != run.id and outcomes(new) == {"plain_count": "succeeded", "follow": "succeeded", "stop": "failed"}
    fixed = plainly([file], False).run(env, resume=new)
    assert outcomes(fixed) == {"plain_count": "reused", "follow": "reused", "stop": "succeeded"}
    assert fixed.get_results() == 4


def test_what_is_ordered_after_a_task_whose_file_changed_runs_again(tmp_path):
    file = tmp_path / "data.txt"
    file.write_text("abc")
    run = told(file).run("in_process")
    change(file, "x")
    CALLS.clear()
    told(file).run("in_process", resume=run)
    assert CALLS == ["count", "follow"]


@task
def write(path: Path):
    CALLS.append("write")
    path.write_text("result")
    return 1


@workflow
def writing(path, fail):
    return stop(write(path), fail)


def test_a_file_that_the_task_itself_writes_is_no_change(tmp_path):
    run = writing(tmp_path / "out", True).run("in_process", check=False)
    assert writing(tmp_path / "out", True).run("in_process", resume=run, check=False).id == run.id
    new = writing(tmp_path / "out", False).run("in_process", resume=run)
    assert outcomes(new) == {"write": "reused", "stop": "succeeded"}


# --- steps ------------------------------------------------------------------------------------------------


def listed(numbers):
    found = sorted(numbers)
    return found


def squared(number):
    CALLS.append(f"squared {number}")
    square = number * number
    return square


def set_up(level):
    CALLS.append(f"set up {level}")


@pytest.fixture
def steps():
    return Pipeline(
        [
            PythonTask(set_up),
            PythonTask(listed),
            Map("each", "found", "number", PythonTask(squared, cache=True)),
        ],
        name="steps",
    )


def test_items_of_a_step_are_looked_up_by_content_when_the_list_has_grown(steps):
    steps.run("in_process", parameters={"numbers": [1, 2], "level": 0})
    run = steps.run("in_process", parameters={"numbers": [1, 3, 2], "level": 0})
    assert [one.status for one in run.get_tasks(name="squared")] == ["reused", "reused", "succeeded"]


def test_a_step_that_is_there_for_its_effect_counts_for_all_steps_behind_it(steps):
    steps.run("in_process", parameters={"numbers": [1, 2], "level": 0})
    run = steps.run("in_process", parameters={"numbers": [1, 2], "level": 1})
    assert {one.status for one in run.get_tasks(name="squared")} == {"succeeded"}
    assert run.explain("each[0].squared")["each[0].squared"][0].startswith("ran: what it was ordered after changed")
