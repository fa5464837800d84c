"""Full disks, read-only folders, too little memory, clocks that go back, files that are damaged or gone.

Each is met with an error that says what happened and what to do; nothing that was recorded is lost, and
once the cause is gone the run goes on.
"""

import os
import re
import resource
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fairlead import RunFailed, StoreError, WorkflowRun, current_run, task, workflow
from fairlead.api import launch
from fairlead.api.launch import Carriage, carry
from fairlead.api.making import make_run
from fairlead.config.environment import Environment
from fairlead.config.services import Services
from fairlead.model.run import Run
from fairlead.stores import folder as folders
from fairlead.stores.artifacts import FolderArtifacts
from fairlead.stores.sqlite import SqliteStore
from fairlead.testing.fakes import VirtualClock
from tests.reliability.arena import Arena, wait_until

ENVIRONMENTS = ["in_process", "local"]

JOBS = """
    import os, sys
    from fairlead import current_run, task, workflow
    from notes import note

    @task
    def block(i, size):
        note("executed", current_run().path, current_run().attempt)
        return bytes([i]) * size

    @task
    def weigh(blocks):
        return sum(map(len, blocks))

    @workflow
    def job(size: int = 50_000):
        return weigh(block.map([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], size=size))
"""

OURS = ("src/fairlead", "site-packages/fairlead", "contextlib.py", "a bug in Fairlead")
"""What no user should have to read."""


def tells(said: subprocess.CompletedProcess[str], *words: str) -> None:
    """An error of a few lines that has these words, and nothing of ours."""
    assert said.returncode in (1, 2, 4), (said.returncode, said.stderr)
    for word in words:
        assert word in said.stderr, said.stderr
    for word in OURS:
        assert word not in said.stderr, said.stderr


def limit_files(size: int) -> Callable[[], None]:
    """Files of that many bytes at most, for a process that is about to start: a disk that is full."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


# --- full disks ------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(arena: Arena) -> Iterator[Path]:
    """A file system of 2 MB under `.fairlead`; skipped where nothing may be mounted."""
    place = arena.folder / ".fairlead"
    place.mkdir(exist_ok=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", place], capture_output=True)
    if mounted.returncode:
        pytest.skip("nothing may be mounted here")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_a_full_disk_is_told_and_the_run_goes_on_when_there_is_room(arena: Arena, small_disk: Path, env: str):
    arena.write("jobs.py", JOBS)
    said = arena.call("run", "jobs.py", "--env", env, "--id", "calm-otter", "-p", "size=300000")
    tells(said, "disk is full", "free some space")
    # The store itself can still be read, and says how things stand.
    assert arena.summary("calm-otter").status in ("failed", "interrupted")
    kept = arena.succeeded("calm-otter")
    executed = arena.executed()
    subprocess.run(["mount", "-o", "remount,size=20m", small_disk], check=True)
    done = arena.call("resume", "calm-otter")
    assert done.returncode == 0, done.stderr
    assert WorkflowRun.by_id("calm-otter").get_results() == 12 * 300_000
    assert {path: arena.executed()[path] for path in kept} == {path: executed[path] for path in kept}


@pytest.mark.parametrize("left", [0, 40, 150, 400])
def test_a_disk_that_is_full_from_the_start_is_told_in_a_line(arena: Arena, small_disk: Path, left: int):
    """`left`: KB that are free when the run is made; it may end at any of its first writes."""
    arena.write("jobs.py", JOBS)
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * ((2048 - left) * 1024))
    said = arena.call("run", "jobs.py", "--id", "calm-otter")
    tells(said, "disk is full")
    filler.unlink()
    known = arena.call("show", "calm-otter").returncode == 0
    done = arena.call("resume", "calm-otter") if known else arena.call("run", "jobs.py", "--id", "calm-otter")
    assert done.returncode == 0, done.stderr
    assert WorkflowRun.by_id("calm-otter").get_results() == 600_000


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_a_limit_on_files_is_met_like_a_full_disk(arena: Arena, env: str):
    """Artifacts of 300 KB fit into no file of 200 KB: the tasks fail, each with the reason."""
    arena.write("jobs.py", JOBS)
    words = ["run", "jobs.py", "--env", env, "--id", "calm-otter", "-p", "size=300000"]
    said = arena.call(*words, preexec_fn=limit_files(200_000))
    tells(said, "block[", "File too large")
    assert arena.summary("calm-otter").status == "failed"
    done = arena.call("resume", "calm-otter")
    assert done.returncode == 0, done.stderr
    assert WorkflowRun.by_id("calm-otter").get_results() == 12 * 300_000


class Kept:
    """A run whose pieces are put together here, so that they can be interfered with."""

    def __init__(self, arena: Arena) -> None:
        self.environment = Environment(name="in_process", executor={"type": "in_process"})
        self.store = SqliteStore(arena.folder / ".fairlead" / "runs.db")
        self.artifacts = FolderArtifacts(arena.folder / ".fairlead" / "artifacts")
        self.services = Services(self.environment, folders.make(arena.folder), self.store, self.artifacts)

    def make(self, bound: object, run_id: str = "calm-otter") -> Run:
        built = bound.build()  # type: ignore[attr-defined]
        self.functions = built.functions
        run = make_run(self.services, built, run_id=run_id)
        self.store.create(run)
        return run

    def carry(self, run: Run) -> WorkflowRun:
        return carry(self.services, run, Carriage(functions=self.functions))


@task
def square(i: int) -> int:
    with open("executed", "a") as file:
        file.write(f"{current_run().path}\n")
    return i * i


@task
def total(squares: list[int]) -> int:
    return sum(squares)


@workflow
def squares(n: int = 400):
    return total(square.map(list(range(400))))


def test_a_store_that_can_grow_no_further_interrupts_the_run_and_keeps_what_it_has(arena: Arena):
    kept = Kept(arena)
    run = kept.make(squares())
    connection = kept.store._file._connection(kept.store._file._writer)
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count={pages + 4}")
    with pytest.raises(StoreError, match="disk is full"):
        kept.carry(run)
    assert kept.store.summary("calm-otter").status == "interrupted"
    before = arena.succeeded("calm-otter")
    connection.execute("PRAGMA max_page_count=1000000")
    assert kept.carry(run).get_results() == sum(i * i for i in range(400))
    assert all(arena.executed()[path] == 1 for path in before)
    kept.store.close()


# --- read-only, in the way, or something else ------------------------------------------------------------


@pytest.fixture
def read_only(arena: Arena) -> Iterator[Path]:
    """A `.fairlead` folder with a run in it, on a file system that cannot be written to."""
    place = arena.folder / ".fairlead"
    arena.write("jobs.py", JOBS)
    assert arena.call("run", "jobs.py", "--id", "calm-otter").returncode == 0
    store = arena.store()
    store.close()
    if os.geteuid():
        for folder, _, _ in os.walk(place):
            os.chmod(folder, 0o555)
        yield place
        for folder, _, _ in os.walk(place):
            os.chmod(folder, 0o755)
        return
    # Permissions do not stop the superuser.
    bound = subprocess.run(["mount", "--bind", place, place], capture_output=True)
    if bound.returncode:
        pytest.skip("nothing may be mounted here")
    subprocess.run(["mount", "-o", "remount,bind,ro", place], check=True)
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_a_read_only_folder_refuses_a_run_in_a_line_and_still_shows_what_it_holds(arena: Arena, read_only: Path):
    said = arena.call("run", "jobs.py", "--id", "other")
    tells(said, "read-only")
    assert said.returncode == 4
    shown = arena.call("show", "calm-otter")
    assert shown.returncode == 0, shown.stderr
    assert "succeeded" in shown.stdout
    assert arena.call("results", "calm-otter").stdout.strip().endswith("600000")
    assert "calm-otter" in arena.call("runs").stdout


def test_a_folder_that_cannot_be_made_is_told_in_a_line(arena: Arena):
    arena.write("jobs.py", JOBS)
    (arena.folder / ".fairlead").rmdir()
    (arena.folder / ".fairlead").write_text("a file, and not a folder")
    said = arena.call("run", "jobs.py")
    tells(said, ".fairlead", "is a file", "move it away")
    assert said.returncode == 4


@pytest.mark.parametrize("words", [["run", "jobs.py"], ["runs"], ["show", "calm-otter"], ["resume", "calm-otter"]])
def test_a_store_that_is_no_database_is_told_in_a_line_and_left_alone(arena: Arena, words: list[str]):
    arena.write("jobs.py", JOBS)
    (arena.folder / ".fairlead").mkdir(exist_ok=True)
    (arena.folder / ".fairlead" / "runs.db").write_bytes(b"this is somebody's diary\n" * 500)
    said = arena.call(*words)
    tells(said, "runs.db", "not a SQLite database")
    assert said.returncode == 4
    assert (arena.folder / ".fairlead" / "runs.db").read_bytes().startswith(b"this is somebody's diary")


def test_a_database_of_something_else_is_told_in_a_line_and_left_alone(arena: Arena):
    arena.write("jobs.py", JOBS)
    (arena.folder / ".fairlead").mkdir(exist_ok=True)
    connection = sqlite3.connect(arena.folder / ".fairlead" / "runs.db")
    connection.execute("CREATE TABLE recipes (name)")
    connection.commit()
    said = arena.call("run", "jobs.py")
    tells(said, "runs.db", "something else")
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("recipes",)]
    connection.close()


# --- values and memory --------------------------------------------------------------------------------


@task
def unpicklable():
    return {"model": [1, (i for i in range(3))]}


@workflow
def bad():
    return total([square(3), square(4)]), unpicklable()


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_a_value_that_cannot_be_kept_fails_its_task_by_name_and_the_others_go_on(arena: Arena, env: str):
    with pytest.raises(RunFailed, match=r"unpicklable(.|\n)*generator"):
        bad().run(env, id="calm-otter")
    run = WorkflowRun.by_id("calm-otter")
    assert {one.id: one.status for one in run.get_tasks()} == {
        "square": "succeeded",
        "square#2": "succeeded",
        "total": "succeeded",
        "unpicklable": "failed",
    }


HUNGRY = """
    import os, resource, signal
    from pathlib import Path
    from fairlead import current_run, task, workflow
    from notes import note

    def used():
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()

    @task
    def fine(i):
        return i + 1

    @task
    def too_much(limit):
        resource.setrlimit(resource.RLIMIT_AS, (used() + limit, resource.getrlimit(resource.RLIMIT_AS)[1]))
        try:
            return len(bytearray(10 * limit))
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.getrlimit(resource.RLIMIT_AS)[1]))

    @task
    def too_much_to_encode(limit):
        value = [str(i) * 20 for i in range(limit // 200)]
        resource.setrlimit(resource.RLIMIT_AS, (used(), resource.getrlimit(resource.RLIMIT_AS)[1]))
        return value

    @task
    def killed():
        note("executed", "killed", current_run().attempt)
        os.kill(os.getpid(), signal.SIGKILL)

    @workflow
    def plain(limit: int = 50_000_000):
        return fine(1), too_much(limit), fine(2)

    @workflow
    def encoded(limit: int = 50_000_000):
        return fine(1), too_much_to_encode(limit), fine(2)

    @workflow
    def ended():
        return fine(1), killed(), fine(2)
"""


@pytest.mark.parametrize("name", ["plain", "encoded"])
@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_a_value_for_which_there_is_no_memory_fails_its_task_with_the_reason(arena: Arena, env: str, name: str):
    arena.write("jobs.py", HUNGRY)
    said = arena.call("run", f"jobs.py:{name}", "--env", env, "--id", "calm-otter")
    tells(said, "too_much", "MemoryError")
    statuses = {one.id: one.status for one in WorkflowRun.by_id("calm-otter").get_tasks()}
    assert statuses["fine"] == "succeeded"
    assert statuses["fine#2"] in ("succeeded", "failed")  # the limit may still hold in its process


def test_a_task_that_is_killed_three_times_has_failed_and_says_why(arena: Arena):
    arena.write("jobs.py", HUNGRY)
    said = arena.call("run", "jobs.py:ended", "--id", "calm-otter")
    tells(said, "killed", "SIGKILL", "memory", "3")
    assert said.returncode == 1
    run = WorkflowRun.by_id("calm-otter")
    assert {one.id: one.status for one in run.get_tasks()} == {
        "fine": "succeeded",
        "killed": "failed",
        "fine#2": "succeeded",
    }
    assert len(arena.lines()) == 3
    assert run.get_task("killed").status == "failed"
    assert [one.outcome for one in run.get_task("killed").attempts] == ["lost", "lost", "lost"]
    shown = arena.call("show", "calm-otter/killed")
    assert shown.returncode == 0 and "memory" in shown.stdout, shown.stdout + shown.stderr


# --- clocks ---------------------------------------------------------------------------------------------


@task(retries=2, retry_delay=0.3)
def flaky():
    if current_run().attempt < 3:
        raise ConnectionError("not yet")
    return 7


@workflow
def patient():
    return total([flaky(), square(2)])


class Jumping(VirtualClock):
    """Goes back an hour with every look at it."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0

    def now(self) -> float:
        self.looks += 1
        return time.time() - 3600.0 * self.looks

    def ticks(self) -> float:
        return time.monotonic()


def test_a_clock_that_goes_back_delays_no_retry_and_breaks_no_page(arena: Arena, monkeypatch: pytest.MonkeyPatch):
    kept = Kept(arena)
    run = kept.make(patient())
    clock = Jumping()
    monkeypatch.setattr(launch, "SystemClock", lambda: clock)
    begun = time.monotonic()
    assert kept.carry(run).get_results() == 11
    assert time.monotonic() - begun < 10
    summary = kept.store.summary("calm-otter")
    assert summary.status == "succeeded"
    assert clock.looks > 1
    pages_hold(arena)
    kept.store.close()


def test_a_record_that_ended_before_it_started_breaks_no_page(arena: Arena):
    """As a clock that goes back between two processes, or two drivers, leaves it."""
    kept = Kept(arena)
    run = kept.make(patient())
    kept.carry(run)
    kept.store.close()
    connection = sqlite3.connect(arena.folder / ".fairlead" / "runs.db")
    connection.execute("UPDATE attempts SET ended = started - 3600")
    connection.execute("UPDATE runs SET ended = started - 3600, created = created + 7200")
    connection.commit()
    connection.close()
    pages_hold(arena)


def pages_hold(arena: Arena) -> None:
    for words in (
        ["runs"],
        ["show", "calm-otter"],
        ["show", "calm-otter/flaky"],
        ["explain", "calm-otter"],
        ["explain", "calm-otter/flaky"],
        ["logs", "calm-otter"],
        ["results", "calm-otter"],
        ["runs", "-o", "json"],
        ["show", "calm-otter", "-o", "json"],
        ["gc", "--older-than", "30d"],
    ):
        said = arena.call(*words)
        assert said.returncode == 0, (words, said.stderr)
        assert "json" in words or not re.search(r"(?<![\w-])-\d", said.stdout), (words, said.stdout)


# --- artifacts that are damaged or gone --------------------------------------------------------------------

SIZES = {"small": 50_000, "large": 9_000_000}
"""Named by their digest, and, beyond 8 MiB, by the run."""

STEPS = """
    from pathlib import Path
    from fairlead import current_run, task, workflow
    from notes import note

    @task
    def load(size):
        note("executed", "load", current_run().attempt)
        return b"x" * size

    @task
    def weigh(data):
        note("executed", "weigh", current_run().attempt)
        if not Path("ready").read_text():
            raise ConnectionError("not yet")
        return len(data)

    @workflow
    def job(size: int):
        return weigh(load(size))
"""


def damage(arena: Arena, how: str) -> None:
    folder = arena.folder / ".fairlead" / "artifacts"
    if how == "no folder":
        shutil.rmtree(folder)
        return
    files = [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size >= 50_000]
    assert len(files) == 1
    if how == "missing":
        files[0].unlink()
    else:
        os.truncate(files[0], 1000)


@pytest.mark.parametrize("how", ["truncated", "missing", "no folder"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("way", ["resume", "recorded"])
def test_a_result_whose_bytes_are_damaged_is_made_again_on_resume(arena: Arena, how: str, size: str, way: str):
    arena.write("jobs.py", STEPS)
    ready = arena.write("ready", "")
    said = arena.call("run", "jobs.py", "--env", "in_process", "--id", "calm-otter", "-p", f"size={SIZES[size]}")
    tells(said, "not yet")
    damage(arena, how)
    ready.write_text("yes")
    if way == "resume":
        done = arena.call("resume", "calm-otter")
        assert done.returncode == 0, done.stderr
        assert "load (its result is gone)" in done.stderr
    elif how == "no folder":
        pytest.skip("the recorded sources are gone with it: only today's can be used")
    else:
        WorkflowRun.by_id("calm-otter").resume()
    run = WorkflowRun.by_id("calm-otter")
    assert run.get_results() == SIZES[size]
    assert arena.executed() == {"load": 2, "weigh": 2}
    assert run.get_task("load").outputs == b"x" * SIZES[size]
    assert run.get_task("weigh").inputs == {"data": b"x" * SIZES[size]}


def test_what_follows_from_a_result_that_is_made_again_stands_where_it_succeeded(arena: Arena):
    arena.write(
        "jobs.py",
        STEPS.replace("return weigh(load(size))", "data = load(size)\n        return weigh(cut(data)), shown(data)")
        + """
    @task
    def cut(data):
        note("executed", "cut", current_run().attempt)
        return data[:10]

    @task
    def shown(data):
        note("executed", "shown", current_run().attempt)
        if not Path("ready").read_text():
            raise ConnectionError("not yet")
        return data[:1]
    """,
    )
    ready = arena.write("ready", "")
    arena.call("run", "jobs.py", "--env", "in_process", "--id", "calm-otter", "-p", "size=50000")
    damage(arena, "missing")
    ready.write_text("yes")
    assert arena.call("resume", "calm-otter").returncode == 0
    assert arena.executed() == {"load": 2, "cut": 1, "weigh": 2, "shown": 2}
    assert WorkflowRun.by_id("calm-otter").get_results() == (10, b"x")


def test_a_result_that_is_whole_is_not_made_again(arena: Arena):
    arena.write("jobs.py", STEPS)
    ready = arena.write("ready", "")
    arena.call("run", "jobs.py", "--env", "in_process", "--id", "calm-otter", "-p", "size=50000")
    ready.write_text("yes")
    assert arena.call("resume", "calm-otter").returncode == 0
    assert arena.executed() == {"load": 1, "weigh": 2}


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_artifacts_removed_under_a_run_fail_what_needs_them_and_are_made_again_on_resume(arena: Arena, env: str):
    arena.write("jobs.py", JOBS.replace("return sum", "wait(); return sum").replace("@task\n    def weigh", WAIT))
    driver = arena.begin("-m", "fairlead", "run", "jobs.py", "--env", env, "--id", "calm-otter")
    wait_until(lambda: "weighing" in arena.executed("state"), 20, "the last task")
    shutil.rmtree(arena.folder / ".fairlead" / "artifacts")
    (arena.folder / "go").touch()
    _, said = driver.communicate(timeout=30)
    assert "Traceback" not in said and "a bug in" not in said
    if driver.returncode:
        assert "artifact" in said
        done = arena.call("resume", "calm-otter")
        assert done.returncode == 0, done.stderr
    assert WorkflowRun.by_id("calm-otter").get_results() == 600_000


WAIT = """def wait():
        import pathlib, time
        note("state", "weighing")
        while not pathlib.Path("go").exists():
            time.sleep(0.01)

    @task
    def hold(blocks):
        wait()

    @task
    def weigh"""
