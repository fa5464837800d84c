"""Files and folders as values, folders to work in, and nothing left behind: real files, both executors."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from fairlead import DefinitionError, File, RunFailed, task, workflow


@task
def spoil(data):
    text = Path(data).read_text()
    Path(data).write_text("spoilt")
    return text, type(data) is not str and os.path.isabs(data)


@task
def read(data: File) -> str:
    return data.read_text()


@task
def listing(folder: Path) -> list:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@task(cache=True)
def cached(data: File) -> str:
    return data.read_text().upper()


@workflow
def spoilers(data):
    return [spoil(data), spoil(data)]


@workflow
def reading(data: File):
    return read(data)


@workflow
def caching(data: File):
    return cached(data)


def copies_left(run) -> list:
    scratch = Path(".fairlead/logs") / run.id
    return [path for name in ("files", "work") for path in (scratch / name).glob("**/*")]


# --- File -------------------------------------------------------------------------------------------------


def test_every_task_gets_a_copy_of_its_own(place, env):
    path = place.write("one.csv", "1,2")
    run = spoilers(File("one.csv")).run(env)
    assert run.get_results() == [("1,2", True), ("1,2", True)]
    assert path.read_text() == "1,2"
    assert copies_left(run) == []


def test_the_copy_has_the_name_of_the_file(place, env):
    place.write("données v1.tar.gz", "x")

    @workflow
    def names(data):
        return named(data)

    assert names(File("données v1.tar.gz")).run(env).get_results() == "données v1.tar.gz"


@task
def named(data: File) -> str:
    return data.name


def test_folders_travel_whole(place, env):
    place.write("site/a/b.txt", "1")
    place.write("site/c.txt", "2")

    @workflow
    def look(folder):
        return listing(folder)

    assert look(File("site")).run(env).get_results() == ["a", "a/b.txt", "c.txt"]


def test_files_stand_in_lists_and_are_mapped_over(place, env):
    for name in "abc":
        place.write(f"many/{name}.txt", name)

    @workflow
    def all_of(files):
        return read.map(files)

    run = all_of([File(f"many/{name}.txt") for name in "abc"]).run(env)
    assert run.get_results() == ["a", "b", "c"]


def test_a_file_written_down_in_the_workflow_is_kept_when_the_run_is_made(place):
    path = place.write("late.csv", "then")

    @workflow
    def fixed():
        return read(File("late.csv"))

    run = fixed().prepare("in_process")
    path.write_text("now")
    run.start().wait()
    assert run.get_results() == "then"


def test_a_plain_call_sees_the_file_itself(place):
    place.write("plain.csv", "p")
    assert reading.fn(File("plain.csv")) == "p"


def test_what_is_not_there_is_told_before_anything_runs(place, env):
    with pytest.raises(DefinitionError, match=r"(?s)parameter 'data'.*no file or folder 'nowhere.csv' in /"):
        reading(File("nowhere.csv")).run(env)


def test_a_file_inside_of_an_object_is_refused(place):
    place.write("in.csv", "1")

    class Box:
        def __init__(self):
            self.file = File("in.csv")

    with pytest.raises(DefinitionError, match="a File inside of another object"):
        spoilers(Box()).run("in_process")


def test_the_content_counts_for_reuse_and_the_place_does_not(place, env):
    place.write(f"{env}/x.csv", env)
    place.write(f"{env}/moved/x.csv", env)
    first = caching(File(f"{env}/x.csv")).run(env)
    again = caching(File(f"{env}/moved/x.csv")).run(env)
    assert [one.status for one in (*first.get_tasks(), *again.get_tasks())] == ["succeeded", "reused"]
    place.write(f"{env}/x.csv", f"{env} edited")
    edited = caching(File(f"{env}/x.csv")).run(env)
    assert edited.get_results() == f"{env} edited".upper()


FAILING = """
    from fairlead import File, task, workflow

    @task
    def first(data: File):
        return data.read_text()

    @task
    def second(text):
        if {fails}:
            raise ValueError("not yet")
        return text

    @workflow
    def both(data: File):
        return second(first(data))
"""


def test_a_resumed_run_has_the_content_that_was_recorded(place):
    place.write("failing_files.py", FAILING.format(fails=True))
    data = place.write("resumed.csv", "as it was")
    place.python(
        """
        from failing_files import both
        from fairlead import File
        both(File("resumed.csv")).run("in_process", id="files-again", check=False)
        """
    )
    data.unlink()
    place.write("failing_files.py", FAILING.format(fails=False))
    said = place.python(
        """
        from fairlead.api.again import resume_run
        run = resume_run("files-again")
        print(run.get_results(), [one.status for one in run.get_tasks()])
        """
    )
    assert said == "as it was ['reused', 'succeeded']"


# --- paths that are returned ------------------------------------------------------------------------------


@task(cache=True)
def made(name: str) -> Path:
    Path(name).write_text("made")
    return Path(name)


@workflow
def making(name: str):
    path = made(name)
    return path, read_path(path)


@task
def read_path(path: Path) -> tuple:
    return str(path), path.read_text()


def test_a_reused_path_is_a_real_file_and_its_old_place_is_left_alone(place, env):
    name = f"made-{env}.txt"
    making(name).run(env)
    (place.folder / name).unlink()
    run = making(name).run(env)
    path, (seen, text) = run.get_results()
    assert run.get_task("made").status == "reused"
    assert path.read_text() == text == "made"
    assert path.name == name and seen != str(path)
    assert not (place.folder / name).exists()


# --- folders of their own ---------------------------------------------------------------------------------


@task(workdir="private")
def private(n):
    Path("out.csv").write_text(str(n))
    return Path("out.csv"), sorted(os.listdir())


@workflow
def fifty():
    return private.map(list(range(50)))


def test_fifty_items_write_one_name(place, env):
    run = fifty().run(env)
    assert [(path.read_text(), seen) for path, seen in run.get_results()] == [(str(n), ["out.csv"]) for n in range(50)]
    assert not (place.folder / "out.csv").exists()
    assert copies_left(run) == []


def test_runs_side_by_side_in_one_folder_do_not_meet(place, env):
    runs = []
    threads = [threading.Thread(target=lambda: runs.append(fifty().run(env))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [[path.read_text() for path, _ in run.get_results()] for run in runs] == [list(map(str, range(50)))] * 4
    assert Path.cwd() == place.folder


@task(workdir="private", retries=1)
def second_time():
    from fairlead import current_run

    seen = os.listdir()
    Path("left").touch()
    if current_run().attempt == 1:
        raise ValueError("once more")
    return seen


@workflow
def retried():
    return second_time()


def test_every_attempt_has_a_new_folder(env):
    assert retried().run(env).get_results() == []


def test_an_unknown_kind_of_folder_is_refused():
    with pytest.raises(DefinitionError, match="must be 'shared' or 'private'; got 'own'"):
        task(workdir="own")(private.fn)


# --- what a task leaves behind ----------------------------------------------------------------------------


@task
def wander():
    Path("deep").mkdir(exist_ok=True)
    os.chdir("deep")
    os.environ["WANDERED"] = "yes"


@task
def after(_):
    return Path.cwd().name, "WANDERED" in os.environ


@workflow
def wandering():
    return after(wander())


def test_the_next_task_and_the_caller_find_things_as_they_were(place, env):
    assert wandering().run(env).get_results() == (place.folder.name, False)
    assert Path.cwd() == place.folder
    assert "WANDERED" not in os.environ


@workflow
def lost():
    wander()
    return fail_in(1)


@task
def fail_in(_):
    os.chdir("/")
    raise ValueError("far away")


def test_also_after_a_failure(place, env):
    with pytest.raises(RunFailed):
        lost().run(env)
    assert Path.cwd() == place.folder


def test_what_the_caller_changes_between_runs_stays(place):
    os.environ["OF_THE_CALLER"] = "1"
    try:
        wandering().run("in_process")
        assert os.environ["OF_THE_CALLER"] == "1"
    finally:
        del os.environ["OF_THE_CALLER"]
