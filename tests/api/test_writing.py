"""What a user writes means the same in this process and in others."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import pytest

from fairlead import (
    DefinitionError,
    Pipeline,
    PythonTask,
    Static,
    Stub,
    current_run,
    each,
    metric,
    task,
    whole,
    workflow,
)


@task
def add(a, b=1):
    return a + b


@task
def total(items):
    return sum(items)


@task
def numbers(n):
    return list(range(n))


@task
def same(value):
    return value


# --- steps ------------------------------------------------------------------------------------------------


def load():
    return [3, 1, 2]


def biggest(values):
    return max(values)


def test_the_two_function_quick_start_runs_as_printed(env):
    run = Pipeline(steps=[PythonTask(function=load), PythonTask(function=biggest)]).run(env)
    assert run.get_status() == "succeeded"
    assert run.get_results() == {"load": [3, 1, 2], "biggest": 3}


def make(size=4):
    rows = list(range(size))
    mean = sum(rows) / size
    return rows, mean


def show(mean, rows, unit="cm"):
    return f"{mean} {unit} of {len(rows)}"


def test_values_flow_by_name_and_what_is_left_is_a_parameter(env):
    pipeline = Pipeline(
        steps=[
            PythonTask(function=make, returns=["rows", metric("mean")]),
            Stub(name="later"),
            PythonTask(function=show, returns=["text"]),
        ]
    )
    run = pipeline.execute(env, parameters={"size": 6, "unit": "m"})
    assert run.get_results()["text"] == "2.5 m of 6"
    assert run.get_metrics() == {"make": {"mean": 2.5}}


def test_a_return_statement_that_names_its_values_gives_those_names():
    run = Pipeline(steps=[PythonTask(function=make), PythonTask(function=show)]).run("in_process")
    assert "1.5 cm of 4" in run.get_results().values()


# --- functions --------------------------------------------------------------------------------------------


@task(outputs=("best", "report"))
def fit(chunk):
    return max(chunk), {"n": len(chunk)}


@task
def halves(values) -> tuple[Annotated[list, "left"], Annotated[list, "right"]]:
    return values[: len(values) // 2], values[len(values) // 2 :]


@workflow
def several(chunk):
    best, report = fit(chunk)
    left, right = halves(chunk)
    return {"best": best, "n": report["n"], "left": left, "last": right[-1]}


def test_several_outputs_are_unpacked_and_selected_from(env):
    assert several([1, 5, 2]).run(env).get_results() == {"best": 5, "n": 3, "left": [1], "last": 2}


@workflow
def containers(n):
    first = add(n)
    return same({"list": [first, (add(first), 2)], "in": {"dict": first}}), same((first,))


def test_handles_may_stand_anywhere_in_containers(env):
    first, second = containers(1).run(env).get_results()
    assert first == {"list": [2, (3, 2)], "in": {"dict": 2}} and type(first["list"][1]) is tuple
    assert second == (2,)


@task
def defaults(a, /, b=2, *more, c, d=4, **rest):
    return [a, b, *more, c, d, sorted(rest.items())]


@workflow
def with_defaults(x):
    return [defaults(x, c=3), defaults(1, add(x), 8, 9, c=add(x), e=x)]


def test_arguments_of_every_kind_arrive_where_a_call_puts_them(env):
    assert with_defaults(5).run(env).get_results() == [[5, 2, 3, 4, []], [1, 6, 8, 9, 6, 4, [("e", 5)]]]
    assert with_defaults.fn(5) == with_defaults(5).run("in_process").get_results()


@workflow
def mapped(n, offset=10):
    return total(add.map(numbers(n), b=offset))


def test_a_map_over_a_list_that_is_known_at_run_time(env):
    assert mapped(4).run(env).get_results() == 46


def test_an_empty_map_is_an_empty_list(env):
    assert mapped(0).run(env).get_results() == 0


@task
def pair(a, b, c):
    return (a, b, c)


@workflow
def marked(n):
    return pair.map(numbers(n), whole([7, 8]), c=each(numbers(n)))


def test_each_and_whole_mark_what_is_mapped_over(env):
    assert marked(2).run(env).get_results() == [(0, [7, 8], 0), (1, [7, 8], 1)]


@workflow
def body(n, offset):
    return total(add.map(numbers(n), b=offset))


@workflow
def nested(n):
    return total(body.map(numbers(n), offset=n))


def test_maps_nest_through_workflows(env):
    assert nested(4).run(env).get_results() == nested.fn(4) == sum(sum(k + 4 for k in range(i)) for i in range(4))
    (inner,) = [one for one in nested(3).run(env).get_tasks(name="add") if one.id.startswith("body[1]")]
    assert inner.outputs == 3 and inner.inputs == {"a": 0, "b": 3}


@task
def write(path: str, line: str):
    with Path(path).open("a") as file:
        file.write(f"{line}\n")


@workflow
def effects(path):
    write(path, "first")
    number = add(1)
    write(path, "second")
    write.after(number)(path, "third")
    return number


def test_tasks_that_are_called_for_their_effect_run_in_their_place(env, tmp_path):
    path = str(tmp_path / "lines")
    assert effects(path).run(env).get_results() == 2
    assert Path(path).read_text().split() == ["first", "second", "third"]


@task
async def later(x):
    await asyncio.sleep(0.001)
    return x + 1


@workflow
def awaited(x):
    return total(later.map([later(x), x]))


def test_coroutines_are_awaited(env):
    assert awaited(1).run(env).get_results() == 5


@workflow
def unrolled(n: Static[int], x):
    for _ in range(n):
        x = add(x)
    return x


def test_a_static_parameter_is_a_real_value(env):
    run = unrolled(3, 10).run(env)
    assert run.get_results() == 13 and len(run.get_tasks()) == 3


@task(retries=1)
def measured(x):
    me = current_run()
    me.log_metric("x", x)
    me.log_artifact("note", {"attempt": me.attempt, "path": me.path})
    print("said", x)
    return me.run_id


@workflow
def measuring():
    return measured.options(name="gauge", retries=0)(3)


def test_a_task_can_ask_where_it_is_and_keep_things(env):
    run = measuring().run(env)
    assert run.get_results() == run.id
    assert run.get_metrics() == {"gauge": {"x": 3.0}}
    assert run.get_artifacts()["gauge/note"].load() == {"attempt": 1, "path": "gauge"}
    assert list(run.get_logs()) == [("gauge", "said 3\n")]


@task
def spoil(value):
    value.append(0)
    return len(value)


@workflow
def spoiled(given):
    made = same([1, 2])
    return [spoil(made), spoil(made), spoil(given), spoil(given), total(made), total(given)]


def test_every_consumer_has_a_copy_of_its_own(env):
    given = [5]
    assert spoiled(given).run(env).get_results() == [3, 3, 2, 2, 3, 5]
    assert given == [5]


@task
def draw(text):
    path = Path(f"picture-{text}.txt")
    path.write_text(text)
    return path


@task
def draw_folder(text):
    folder = Path(f"pictures-{text}")
    folder.mkdir(exist_ok=True)
    (folder / "a.txt").write_text(text)
    return {"all": [folder]}


@task
def read(path: Path):
    text = path.read_text()
    path.write_text("spoiled")
    return path.name, text


@task
def read_folder(found):
    return [(path.name, (path / "a.txt").read_text()) for path in found["all"]]


@workflow
def files(text):
    path = draw(text)
    return path, read(path), read(path), read_folder(draw_folder(text))


def test_files_and_folders_that_are_returned_travel_with_what_is_in_them(env):
    path, one, two, folders = files(env).run(env).get_results()
    assert one == two == (f"picture-{env}.txt", env)
    assert path.read_text() == env and folders == [(f"pictures-{env}", env)]


@task
def see(path: Path):
    return str(path), path.read_text()


@workflow
def given_path(path: Path):
    return see(path)


def test_a_path_that_is_given_is_the_users_own(env, tmp_path):
    (tmp_path / "data.txt").write_text("rows")
    assert given_path(tmp_path / "data.txt").run(env).get_results() == (str(tmp_path / "data.txt"), "rows")


# --- what is refused --------------------------------------------------------------------------------------


def test_a_value_that_cannot_be_kept_is_refused_before_anything_runs(env):
    with pytest.raises(DefinitionError, match="parameter 'n'"):
        mapped(one for one in "ab").run(env)


def test_a_surplus_or_misspelt_parameter_is_refused_where_it_is_written():
    with pytest.raises(DefinitionError, match="takes no 'ofset'"):
        mapped(1, ofset=3)
    with pytest.raises(DefinitionError, match="is not given 'n'"):
        mapped().run("in_process")
    with pytest.raises(DefinitionError, match="is not given 'n'"):
        mapped().graph  # noqa: B018
