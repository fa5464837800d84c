"""Files that flow from task to task: real files, both executors, every kind of block."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from fairlead import (
    Catalog,
    Conditional,
    DefinitionError,
    Loop,
    Map,
    Parallel,
    Pipeline,
    PythonTask,
    RunFailed,
    repeat,
    switch,
    task,
    workflow,
)


def seen() -> dict[str, str]:
    return {path.as_posix(): path.read_text() for path in sorted(Path().rglob("*")) if path.is_file()}


def write(name: str, text: str) -> None:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def step(function, name=None, get=(), put=(), **more) -> PythonTask:
    return PythonTask(function, name=name, catalog=Catalog(get=list(get), put=list(put)), **more)


def make_one():
    write("out/one.csv", "1")
    write("out/other.txt", "no")


def make_two():
    write("out/two.csv", "2")


def look():
    return seen()


def results(pipeline, env, **parameters):
    return pipeline.run(env, parameters=parameters).get_results()


# --- in pipelines -----------------------------------------------------------------------------------------


def test_a_step_gets_what_steps_before_it_have_put(place, env):
    steps = [
        step(make_one, put=["out/*.csv"]),
        step(make_two, put=["out/*.csv"]),
        step(look, get=["out/*.csv"], returns=["files"]),
    ]
    assert results(Pipeline(steps), env)["files"] == {"out/one.csv": "1", "out/two.csv": "2"}
    assert not (place.folder / "out").exists()


def test_a_step_gets_files_of_the_folder_where_the_run_is_made(place, env):
    place.write("raw data/größe é.csv", "r")
    place.write(".hidden/secret.csv", "h")
    assert results(Pipeline([step(look, get=["**/größe*.csv"], returns=["files"])]), env)["files"] == {
        "raw data/größe é.csv": "r"
    }


def change():
    write("state/s.txt", Path("state/s.txt").read_text() + "+")


def test_what_the_run_put_comes_before_the_files_of_the_folder(place, env):
    place.write("state/s.txt", "old")
    steps = [
        step(change, name="one", get=["state/*"], put=["state/*"]),
        step(change, name="two", get=["state/*"], put=["state/*"]),
        step(look, get=["state/*"], returns=["files"]),
    ]
    assert results(Pipeline(steps), env)["files"] == {"state/s.txt": "old++"}
    assert (place.folder / "state/s.txt").read_text() == "old"


def item(n):
    write("out.csv", str(n))
    write(f"parts/{n:02}.csv", str(n))


def test_fifty_items_write_one_name_and_the_last_wins(place, env):
    steps = [
        Map("each", iterate_on="ns", iterate_as="n", branch=step(item, put=["out.csv", "parts/*"])),
        step(look, get=["out.csv", "parts/"], returns=["files"]),
    ]
    files = results(Pipeline(steps), env, ns=list(range(50)))["files"]
    assert files.pop("out.csv") == "49"
    assert files == {f"parts/{n:02}.csv": str(n) for n in range(50)}


def add_left():
    write("both/left.txt", "l")
    return sorted(seen())


def add_right():
    write("both/right.txt", "r")
    return sorted(seen())


def test_branches_do_not_see_each_others_files_and_both_go_on(env):
    steps = [
        step(make_one, put=["out/*.csv"]),
        Parallel(
            "p",
            branches={
                "left": step(add_left, get=["out/*"], put=["both/*"], returns=["l"]),
                "right": step(add_right, get=["out/*"], put=["both/*"], returns=["r"]),
            },
        ),
        step(look, get=["both/*"], returns=["files"]),
    ]
    found = results(Pipeline(steps), env)
    assert found["l"] == ["both/left.txt", "out/one.csv"] and found["r"] == ["both/right.txt", "out/one.csv"]
    assert found["files"] == {"both/left.txt": "l", "both/right.txt": "r"}


def test_the_branch_that_was_taken_gives_its_files(env):
    def pipeline():
        return Pipeline(
            [
                step(make_one, put=["out/*.csv"]),
                Conditional(
                    "toss",
                    parameter="side",
                    branches={"two": step(make_two, put=["out/*.csv"]), "none": [PythonTask(nothing)]},
                ),
                step(look, get=["out/*"], returns=["files"]),
            ]
        )

    assert sorted(results(pipeline(), env, side="two")["files"]) == ["out/one.csv", "out/two.csv"]
    assert sorted(results(pipeline(), env, side="none")["files"]) == ["out/one.csv"]


def nothing():
    return None


def longer(i):
    before = Path("log/all.txt").read_text() if Path("log/all.txt").exists() else ""
    write("log/all.txt", f"{before}{i}")
    write(f"log/{i}.txt", str(i))


def test_a_loop_sees_the_files_of_the_times_before(place, env):
    place.write("log/all.txt", "x")
    steps = [
        Loop(
            "again",
            branch=step(longer, get=["log/all.txt"], put=["log/*"]),
            max_iterations=4,
            index_as="i",
        ),
        step(look, get=["log/*.txt"], returns=["files"]),
    ]
    assert results(Pipeline(steps), env)["files"] == {
        "log/all.txt": "x0123",
        **{f"log/{n}.txt": str(n) for n in range(4)},
    }


def inner_item(n):
    return {**seen(), "n": n}


def test_items_of_maps_in_maps_see_what_was_put_before_them(env):
    inner = Map("inner", iterate_on="group", iterate_as="n", branch=step(inner_item, get=["out/*"], returns=["r"]))
    steps = [
        step(make_one, put=["out/*.csv"]),
        Map("outer", iterate_on="groups", iterate_as="group", branch=[inner]),
    ]
    files = {"out/one.csv": "1"}
    assert results(Pipeline(steps), env, groups=[[1, 2], [3]])["r"] == [
        [{**files, "n": 1}, {**files, "n": 2}],
        [{**files, "n": 3}],
    ]


def test_files_come_out_of_maps_in_maps(env):
    inner = Map("inner", iterate_on="group", iterate_as="n", branch=step(item, put=["parts/*"]))
    steps = [
        Map("outer", iterate_on="groups", iterate_as="group", branch=[inner]),
        step(look, get=["parts/*"], returns=["files"]),
    ]
    assert sorted(results(Pipeline(steps), env, groups=[[1, 2], [], [3]])["files"]) == [
        "parts/01.csv",
        "parts/02.csv",
        "parts/03.csv",
    ]


def broken():
    write("out/half.csv", "half")
    raise ValueError("broken")


def rescue():
    return sorted(seen())


def test_a_handler_runs_with_what_was_there_before(env):
    steps = [
        step(make_one, put=["out/*.csv"]),
        step(
            broken,
            get=["out/*"],
            put=["out/*.csv"],
            on_failure=step(rescue, get=["out/*"], returns=["rescued"]),
        ),
        step(look, get=["out/*"], returns=["files"]),
    ]
    found = results(Pipeline(steps), env)
    assert found["rescued"] == ["out/one.csv"]
    assert sorted(found["files"]) == ["out/one.csv"]


# --- in workflow functions --------------------------------------------------------------------------------


@task(catalog=Catalog(put=["made/*"]))
def make(n):
    write(f"made/{n}.txt", str(n))
    return n


@task(catalog=Catalog(get=["made/*"]), cache=True)
def gather():
    return seen()


@workflow
def calls(ns):
    make.map(ns)
    first = gather()
    make(9)
    return first, gather()


def test_a_call_gets_what_calls_before_it_have_put(env):
    first, second = calls([1, 2]).run(env).get_results()
    assert first == {"made/1.txt": "1", "made/2.txt": "2"}
    assert second == {**first, "made/9.txt": "9"}


@task(catalog=Catalog(get=["made/*"], put=["total.txt"]), outputs=("total", "count"))
def totalled():
    write("total.txt", str(sum(int(text) for text in seen().values())))
    return int(Path("total.txt").read_text()), len(seen())


@workflow
def shapes(n):
    made = make(n)
    total, count = totalled()
    return made, total, count


def test_what_a_task_returns_has_the_shape_that_it_has_without_a_catalog(env):
    run = shapes(4).run(env)
    assert run.get_results() == (4, 4, 2)
    assert run.get_task("make").outputs == 4
    assert run.get_task("totalled").outputs == (4, 2)
    assert run.get_task("totalled").inputs == {}
    assert {name: one.kind for name, one in run.get_artifacts().items()} == {
        "make/result": "json",
        "make/made/4.txt": "file",
        "totalled/total": "json",
        "totalled/count": "json",
        "totalled/total.txt": "file",
    }


@task(catalog=Catalog(put=["made/*"]))
def make_more(n):
    write(f"made/{n}.txt", "more")
    return n + 1


@task(catalog=Catalog(get=["made/*"], put=["made/*"]))
def count_up(n):
    write(f"made/{n}.txt", ",".join(sorted(seen())))
    return n + 1


@workflow
def blocks(side):
    make(0)
    switch(side, {"more": make_more, "count": count_up})(7)
    repeat(count_up, max_iterations=2, n=1)
    return gather()


def test_choices_and_repeats_of_calls_hand_files_on(env):
    assert blocks("more").run(env).get_results() == {
        "made/0.txt": "0",
        "made/7.txt": "more",
        "made/1.txt": "made/0.txt,made/7.txt",
        "made/2.txt": "made/0.txt,made/1.txt,made/7.txt",
    }
    assert blocks("count").run(env).get_results()["made/7.txt"] == "made/0.txt"


@workflow
def unrelated():
    make(1)
    return other.map([1, 2])


@task(catalog=Catalog(get=["data/*"]))
def other(n):
    return n


def test_a_task_does_not_wait_for_files_that_it_does_not_get():
    assert "@catalog" not in unrelated().graph.nodes[1].whole


# --- failure, reuse, resume -------------------------------------------------------------------------------


def test_a_failed_step_keeps_its_files_as_artifacts(place, env):
    run = Pipeline([step(broken, put=["out/*"])]).run(env, check=False)
    artifact = run.get_artifacts()["broken/out/half.csv"]
    assert artifact.save(place.folder / f"saved-{env}.csv").read_text() == "half"


@task(cache=True, catalog=Catalog(get=["in/*.csv"], put=["sum.txt"]))
def add_up(mark):
    write("sum.txt", str(sum(int(text) for text in seen().values())))
    return mark


@task(catalog=Catalog(get=["sum.txt"]))
def tell():
    return Path("sum.txt").read_text()


@workflow
def adding(mark):
    add_up(mark)
    return tell()


def test_a_reused_task_brings_its_files_back_until_an_input_file_is_edited(place, env):
    place.write("in/a.csv", "1")
    place.write("in/b.csv", "2")

    def once():
        run = adding(env).run(env)
        return run.get_results(), run.get_task("add_up").status

    assert once() == ("3", "succeeded")
    assert once() == ("3", "reused")
    place.write("in/unrelated.txt", "x")
    assert once() == ("3", "reused")
    place.write("in/b.csv", "5")
    assert once() == ("6", "succeeded")
    place.write("in/c.csv", "10")
    assert once() == ("16", "succeeded")
    (place.folder / "in/c.csv").unlink()
    assert once() == ("6", "reused")


GATE: list[bool] = []


@task(catalog=Catalog(get=["made/*"]))
def gated():
    if not GATE:
        raise ValueError("not yet")
    return seen()


@workflow
def resumable():
    make(3)
    return gated()


def test_a_resumed_run_has_the_files_of_what_is_not_run_again():
    run = resumable().run("in_process", check=False)
    GATE.append(True)
    try:
        again = run.resume()
    finally:
        GATE.clear()
    assert again.get_results() == {"made/3.txt": "3"}
    assert len(again.get_task("make").attempts) == 1


def test_runs_side_by_side_in_one_folder_keep_their_files_apart(env):
    found = {}
    threads = [
        threading.Thread(target=lambda n=n: found.update({n: calls([n, n + 10]).run(env).get_results()[0]}))
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: {f"made/{n}.txt": str(n), f"made/{n + 10}.txt": str(n + 10)} for n in range(4)}


# --- refusals ---------------------------------------------------------------------------------------------


def test_files_that_can_be_nowhere_are_told_before_anything_runs(place, env):
    with pytest.raises(DefinitionError, match=r"look: no file in /.* matches 'nowhere/\*', and no task puts one away"):
        Pipeline([step(look, get=["nowhere/*"])]).run(env)


def test_files_that_nothing_put_in_the_end_fail_the_task(env):
    with pytest.raises(RunFailed, match=r"no file matches 'made/\*'"):
        Pipeline([step(nothing, put=["made/*"]), step(look, get=["made/*"])]).run(env)


def test_a_link_that_leads_out_of_the_folder_is_refused(place):
    (place.folder / "linked").mkdir(exist_ok=True)
    (place.folder / "linked/passwd").symlink_to("/etc/passwd")
    with pytest.raises(DefinitionError, match="'linked/passwd' is a link that leads out of"):
        Pipeline([step(look, get=["linked/*"])]).run("in_process")


def test_a_linked_folder_outside_is_refused(place, tmp_path):
    (tmp_path / "x.csv").write_text("1")
    (place.folder / "elsewhere").symlink_to(tmp_path)
    with pytest.raises(DefinitionError, match="'elsewhere' is a link that leads out of"):
        Pipeline([step(look, get=["elsewhere/*"])]).run("in_process")


@pytest.mark.parametrize(
    ("catalog", "said"),
    [
        (Catalog(get=["/etc/*"]), "in get that must be relative, and '/etc/\\*' is not"),
        (Catalog(put=["../x"]), "in put that may not lead out of the folder"),
        (Catalog(get="raw/*"), "must have a list of patterns as get"),
        (Catalog(), "must get or put something"),
        ({"get": ["a"]}, r"must be Catalog\(get="),
    ],
)
def test_patterns_are_checked_when_the_task_is_made(catalog, said):
    with pytest.raises(DefinitionError, match=said):
        task(catalog=catalog)(look)
