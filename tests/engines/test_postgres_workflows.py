"""Whole workflows whose runs are in PostgreSQL: killed, resumed, started, stopped, looked at from elsewhere."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fairlead import task, workflow
from fairlead.config.environment import Environment
from fairlead.config.services import close_all
from fairlead.model.run import RunFilter
from fairlead.testing.threads import in_threads
from tests.engines.cutting import CuttingProxy
from tests.engines.postgres import PASSWORD, Database
from tests.reliability.arena import Arena, wait_until

JOBS = """
    import time
    from fairlead import current_run, task, workflow
    from notes import note

    @task
    def square(i, seconds):
        note("executed", current_run().path, current_run().attempt)
        print("squaring", i)
        time.sleep(seconds)
        return i * i

    @task
    def total(squares, plus):
        return sum(squares) + plus

    @workflow
    def job(items: int = 10, plus: int = 0, seconds: float = 0.0):
        return total(square.map([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], seconds=seconds), plus)
"""


class Shared(Arena):
    """A project whose runs are in a database that other folders see, too."""

    def __init__(self, folder: Path, database: Database) -> None:
        super().__init__(folder)
        self.database = database
        self.environment |= {"FAIRLEAD_ENV": str(folder / "shared.yaml"), "DB_PASSWORD": PASSWORD}
        self.write("jobs.py", JOBS)
        url = f"postgresql://fairlead@127.0.0.1:{database.server.port}/postgres"
        self.write(
            "shared.yaml",
            f"""
            executor: {{type: local, max_workers: 2}}
            store: {{type: postgres, url: "{url}", password: "${{DB_PASSWORD}}", schema: {database.schema}}}
            artifacts: {{url: {folder / "values"}}}
            """,
        )

    def store(self) -> Any:
        return self.database.store()

    def in_process(self) -> Environment:
        """The same, for runs of the test's own process."""
        return Environment.load(self.folder / "shared.yaml").replace(executor="in_process")

    def told(self, *words: str) -> Any:
        """Call `fairlead`, and give what it says as data."""
        done = self.call(*words, "-o", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def arena(tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shared]:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / ".fairlead").mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DB_PASSWORD", PASSWORD)
    arena = Shared(folder, database)
    yield arena
    close_all()
    arena.clear()


def test_a_driver_is_killed_and_another_process_sees_it_at_once_and_resumes(arena: Shared, tmp_path: Path) -> None:
    driver = arena.begin("-m", "fairlead", "run", "jobs.py", "--id", "calm-otter", "-p", "seconds=0.4")
    wait_until(lambda: len(arena.lines()) >= 4, 30, "the fourth task")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert arena.summary("calm-otter").status == "running"
    wait_until(lambda: arena.succeeded("calm-otter"), 30, "a success that is recorded")
    driver.kill()
    driver.communicate()
    wait_until(lambda: arena.summary("calm-otter").status == "interrupted", 2, "interrupted")
    kept = arena.succeeded("calm-otter")
    assert kept
    project, arena.folder = arena.folder, elsewhere
    assert [run["status"] for run in arena.told("runs")] == ["interrupted"]
    assert not (elsewhere / ".fairlead").exists()
    arena.folder = project
    assert arena.call("resume", "calm-otter").returncode == 0
    assert arena.told("results", "calm-otter") == 285
    assert all(arena.executed()[path] == 1 for path in kept if path != "total")
    assert arena.summary("calm-otter").epoch == 2


def test_a_run_whose_connections_are_cut_all_the_time_gives_its_result(arena: Shared) -> None:
    server = arena.database.server
    with CuttingProxy(server.port) as proxy:
        environment = arena.folder / "shared.yaml"
        environment.write_text(environment.read_text().replace(f":{server.port}/", f":{proxy.port}/"))
        driver = arena.begin(
            "-m", "fairlead", "run", "jobs.py", "--id", "calm-otter", "-p", "seconds=0.3", "-o", "json"
        )
        wait_until(lambda: arena.lines(), 30, "the first task")
        while driver.poll() is None:
            proxy.cut()
            time.sleep(0.1)
        out, err = driver.communicate()
        assert driver.returncode == 0, err
        assert proxy.cuts > 5
    assert json.loads(out)["results"] == 285
    assert "Traceback" not in err
    assert set(arena.executed().values()) == {1}
    summary = arena.summary("calm-otter")
    assert (summary.status, summary.epoch, summary.counts) == ("succeeded", 1, {"succeeded": 11})


def test_twenty_runs_at_once_give_twenty_right_results(arena: Shared) -> None:
    environment = arena.in_process()

    def run(number: int) -> None:
        assert adding([number, 1, 2], 10).run(environment, id=f"run-{number}").get_results() == number + 33

    in_threads(20, run)
    told = arena.told("runs", "--limit", "50")
    assert [one["status"] for one in told] == ["succeeded"] * 20


@task
def add(a, b):
    return a + b


@task
def together(values):
    return sum(values)


@workflow
def adding(values, b):
    return together(add.map(values, b=b))


def test_processes_beside_each_other_give_right_results(arena: Shared) -> None:
    drivers = [
        arena.begin("-m", "fairlead", "run", "jobs.py", "--id", f"run-{i}", "-o", "json", "-p", f"plus={i}")
        for i in range(6)
    ]
    said = [driver.communicate(timeout=90) for driver in drivers]
    assert [driver.returncode for driver in drivers] == [0] * 6, [err for _, err in said]
    assert [json.loads(out)["results"] for out, _ in said] == [285 + i for i in range(6)]
    assert not any("Warning" in err for _, err in said)


def test_a_started_run_is_looked_at_followed_and_stopped_from_other_processes(arena: Shared) -> None:
    assert arena.call("run", "jobs.py", "--detach", "--id", "quick").returncode == 0
    wait_until(lambda: arena.summary("quick").status == "succeeded", 30, "its end")
    shown = arena.told("show", "quick")
    assert (shown["status"], shown["counts"]) == ("succeeded", {"succeeded": 11})
    logs = arena.call("logs", "quick/square[3]").stdout
    assert "squaring 3" in logs
    assert arena.told("results", "quick") == 285
    assert arena.call("run", "jobs.py", "--detach", "--id", "slow", "-p", "seconds=30").returncode == 0
    wait_until(lambda: arena.summary("slow").counts.get("running"), 30, "a task that runs")
    assert arena.call("stop", "slow").returncode == 0
    wait_until(lambda: arena.summary("slow").status == "cancelled", 20, "the end of the stopped run")
    wait_until(lambda: not arena.processes(), 10, "the end of all processes")


def test_runs_are_compared_taken_elsewhere_and_let_go(arena: Shared) -> None:
    for number, name in enumerate(("one", "two")):
        adding([number, 1, 2], 10).run(arena.in_process(), id=name)
    assert "values" in arena.call("diff", "one", "two").stdout
    assert arena.call("export", "one").returncode == 0
    assert arena.call("gc", "--keep", "1", "--yes").returncode == 0
    store = arena.store()
    assert [run.id for run in store.list(RunFilter())] == ["two"]
    assert arena.call("import", "one.fairlead").returncode == 0
    assert {run.id: run.status for run in store.list(RunFilter())} == {"one": "succeeded", "two": "succeeded"}
    store.close()
    assert arena.told("results", "one") == 33


def test_a_result_is_reused_whoever_made_it(arena: Shared) -> None:
    cached = add.options(cache=True)

    @workflow
    def again(values):
        return together(cached.map(values, b=1))

    again([1, 2, 3]).run(arena.in_process(), id="one")
    close_all()
    again([1, 2, 3, 4]).run(arena.in_process(), id="two")
    assert arena.summary("two").counts == {"reused": 3, "succeeded": 2}


def test_the_password_is_shown_and_written_nowhere(arena: Shared) -> None:
    assert arena.call("run", "jobs.py", "--detach", "--id", "slow", "-p", "seconds=30").returncode == 0
    said = [Path(f"/proc/{pid}/cmdline").read_bytes().decode() for pid in arena.processes()]
    assert any("_drive" in words for words in said)
    for words in (["env", "show"], ["show", "slow", "-o", "json"], ["stop", "slow"]):
        done = arena.call(*words)
        assert done.returncode == 0, (words, done.stderr)
        said += [done.stdout, done.stderr]
    arena.environment["DB_PASSWORD"] = f"not-{PASSWORD}"
    done = arena.call("runs")
    assert "password authentication failed" in done.stderr
    assert "Traceback" not in done.stderr
    said.append(done.stderr)
    said += [path.read_bytes().decode(errors="replace") for path in arena.folder.rglob("*") if path.is_file()]
    store = arena.store()
    said += [repr(store), repr(store._server.address), repr(store.get("slow"))]
    store.close()
    assert not [words for words in said if PASSWORD in words]
    assert os.environ["DB_PASSWORD"] == PASSWORD


def test_doctor_says_how_the_store_is(arena: Shared) -> None:
    told = {one["name"]: one for one in arena.told("doctor")}
    assert told["store"]["ok"] and told["store"]["text"].startswith("0 runs in postgresql://fairlead@127.0.0.1:")
    assert told["lease"] == {"name": "lease", "ok": True, "text": "the store keeps a second driver out"}
