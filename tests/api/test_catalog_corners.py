"""Catalogs and files where something else is in play: time limits, stand-ins, shell commands, crashes, size."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fairlead import Catalog, Environment, File, Pipeline, PythonTask, ShellTask, task, workflow
from fairlead.api.care import collect
from fairlead.config.services import open_services


@task(timeout=2.0, catalog=Catalog(put=["*.txt"]))
def too_long():
    Path("so_far.txt").write_text("half")
    time.sleep(20)


@workflow
def limited():
    too_long()


def test_a_task_that_takes_too_long_keeps_what_it_has_written(env):
    run = limited().run(env, check=False)
    assert run.get_task("too_long").attempts[0].failure.reason == "timeout"
    assert run.get_artifacts()["too_long/so_far.txt"].load().read_text() == "half"


@task(catalog=Catalog(put=["made.txt"]))
def make():
    Path("made.txt").write_text("1")
    return 1


@task(catalog=Catalog(get=["made.txt", "nowhere.txt"]))
def need(n):
    return Path("made.txt").read_text()


@workflow
def mockable():
    return need(make())


def test_stand_ins_need_no_files():
    environment = Environment(name="test", executor={"type": "mock"})
    assert mockable().run(environment).get_status() == "succeeded"


def test_shell_commands_get_and_put(place, env):
    place.write("raw/a.txt", "b\na\n")
    steps = [
        ShellTask("sort raw/a.txt > sorted.txt", name="sort", catalog=Catalog(get=["raw/*"], put=["sorted.txt"])),
        PythonTask(read, returns=["text"], catalog=Catalog(get=["sorted.txt"])),
    ]
    assert Pipeline(steps).run(env).get_results()["text"] == "a\nb\n"
    assert not (place.folder / "sorted.txt").exists()


def read():
    return Path("sorted.txt").read_text()


def test_a_shell_command_is_given_the_path_of_its_copy(place, env):
    place.write("words.txt", "one two")
    steps = [ShellTask("n=$(wc -w < $data); export n; echo spoilt > $data", name="count", returns=["n"])]
    found = Pipeline(steps).run(env, parameters={"data": File("words.txt")}).get_results()
    assert str(found["n"]).strip() == "2"
    assert (place.folder / "words.txt").read_text() == "one two"


@task
def size_of(data: File) -> int:
    return data.stat().st_size


@workflow
def sizes(data: File):
    return size_of(data)


def test_large_files_are_kept_once(place):
    place.write("large.bin", "x" * 9_000_000)
    artifacts = open_services(Environment(name="x")).artifacts
    sizes(File("large.bin")).run("in_process")
    kept = {key for key, size in artifacts.list() if size == 9_000_000}
    run = sizes(File("large.bin")).run("in_process")
    assert run.get_results() == 9_000_000
    assert {key for key, size in artifacts.list() if size == 9_000_000} == kept
    assert len(kept) == 1


def test_what_a_killed_run_left_in_its_folders_goes_with_gc(place):
    place.write(
        "killed.py",
        """
        import os
        import signal
        from pathlib import Path
        from fairlead import File, task, workflow

        @task(workdir="private")
        def die(data: File):
            Path("left.txt").touch()
            os.kill(os.getpid(), signal.SIGKILL)

        @workflow
        def dying(data: File):
            return die(data)
        """,
    )
    place.write("in.txt", "1")
    program = "from killed import dying; from fairlead import File; dying(File('in.txt')).run('in_process', id='dead')"
    done = subprocess.run([sys.executable, "-c", program], cwd=place.folder, check=False)
    assert done.returncode == -signal.SIGKILL
    scratch = Path(".fairlead/logs/dead")
    assert list(scratch.glob("work/*/left.txt")) and list(scratch.glob("files/*/in.txt"))
    collect(10_000.0, yes=True)
    assert scratch.is_dir()
    assert not (scratch / "work").exists() and not (scratch / "files").exists()


@pytest.mark.parametrize("name", ["a.txt", "A.txt"])
def test_case_counts(place, name):
    place.write("cases/a.txt", "small")
    place.write("cases/A.txt", "large")
    found = Pipeline([PythonTask(listed, returns=["names"], catalog=Catalog(get=[f"cases/{name}"]))]).run("in_process")
    assert found.get_results()["names"] == [name]


def listed():
    return sorted(os.listdir("cases"))
