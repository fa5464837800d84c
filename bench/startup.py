"""Whole processes: what the shell waits for before anything of the user's begins.

Each figure is what a command takes beyond `python -c pass` of the same environment, measured in the
same breath.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from bench.parts import Figure, Side, Target, Work

__all__ = ["WORK"]

_IDLE = "pass"
_IMPORT = "import"
_HELP = "help"
_ONE = "one"
_NODE = "node"

_RECORD = """
import sqlite3
database = sqlite3.connect("startup.db", isolation_level=None)
database.execute("PRAGMA journal_mode = WAL")
database.execute("PRAGMA synchronous = FULL")
database.execute("CREATE TABLE IF NOT EXISTS task (path TEXT, value TEXT)")
database.execute("INSERT INTO task VALUES ('add_one', '42')")
"""


def _milliseconds(*command: str) -> float:
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    spent = (time.perf_counter() - start) * 1e3
    if done.returncode:
        raise AssertionError(f"{' '.join(command)!r} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    return spent


def _measure(commands: dict[str, tuple[str, ...]], n: int) -> Iterator[dict[str, float]]:
    """Take the least of n tries of each command: a start of a process is easily disturbed."""
    while True:
        least: dict[str, float] = {}
        for _ in range(n):
            for key, command in {_IDLE: (sys.executable, "-c", "pass"), **commands}.items():
                least[key] = min(least.get(key, 1e9), _milliseconds(*command))
        idle = least.pop(_IDLE)
        yield {key: spent - idle for key, spent in least.items()} | {_IDLE: idle}


def _beside(name: str) -> str:
    """Give the path of a command in this environment."""
    return str(Path(sys.executable).parent / name)


def _importing(name: str) -> tuple[str, ...]:
    return sys.executable, "-c", f"import {name}"


def floor(n: int) -> Iterator[dict[str, float]]:
    """Start Python; then start Python and commit one row."""
    yield from _measure({_ONE: (sys.executable, "-c", _RECORD)}, n)


def fairlead(n: int) -> Iterator[dict[str, float]]:
    """Import, ask for help, run one task, and be the process of a task that an executor has started."""
    command = _beside("fairlead")
    _write_order()
    yield from _measure(
        {
            _IMPORT: _importing("fairlead"),
            _HELP: (command, "--help"),
            _ONE: (command, "run", "flows.py:one"),
            _NODE: ("sh", "-c", f"rm -rf order/records && exec {command} exec-node bench add_one --order order"),
        },
        n,
    )


def _write_order() -> None:
    """Write what an executor writes for a process of its own: one task of this folder's file, and one job of it."""
    import msgspec

    from fairlead.model.run import Code, TaskCode
    from fairlead.model.task import Param, TaskDefinition
    from fairlead.model.values import Inline
    from fairlead.ports import Brief, Job

    here = Path.cwd()
    for name in ("order", "artifacts"):
        (here / name).mkdir(exist_ok=True)
    task = TaskDefinition(name="add_one", target="flows:add_one", params=(Param("value"),))
    code = Code(str(here), tasks=(TaskCode(""),), paths=(str(here),))
    brief = Brief("bench", (task,), code, str(here / "scratch"), {"url": str(here / "artifacts")})
    job = Job("bench", "add_one", 1, 0, {"value": Inline("json", b"41")})
    (here / "order/brief").write_bytes(msgspec.msgpack.encode(brief))
    (here / "order/jobs").write_bytes(msgspec.msgpack.encode([job]))


_LUIGI = """
import luigi

class One(luigi.Task):
    at = luigi.Parameter()
    def output(self):
        return luigi.LocalTarget(f"luigi-{self.at}.txt")
    def run(self):
        with self.output().open("w") as file:
            file.write("42")
"""

_METAFLOW = """
from metaflow import FlowSpec, step

class One(FlowSpec):
    @step
    def start(self):
        self.result = 42
        self.next(self.end)
    @step
    def end(self):
        pass

if __name__ == "__main__":
    One()
"""

_REDUN = """
from redun import task
redun_namespace = "bench"

@task(cache=False)
def one(value: int = 41) -> int:
    return value + 1
"""


def luigi(n: int) -> Iterator[dict[str, float]]:
    """Import, ask for help, run a task that writes a file (what it records: that the file is there)."""
    Path("luigi_one.py").write_text(_LUIGI, encoding="utf-8")
    os.environ["PYTHONPATH"] = "."
    for number in count():
        run = (_beside("luigi"), "--module", "luigi_one", "One", "--local-scheduler", "--at", f"{number}")
        once = _measure({_IMPORT: _importing("luigi"), _HELP: (_beside("luigi"), "--help"), _ONE: run}, n)
        yield next(once)


def metaflow(n: int) -> Iterator[dict[str, float]]:
    """Import, ask for help, run the least flow there is: a start and an end."""
    Path("metaflow_one.py").write_text(_METAFLOW, encoding="utf-8")
    os.environ |= {"USERNAME": "bench", "METAFLOW_HOME": str(Path("metaflow").absolute())}
    run = (sys.executable, "metaflow_one.py", "--quiet", "run")
    yield from _measure({_IMPORT: _importing("metaflow"), _HELP: (_beside("metaflow"), "help"), _ONE: run}, n)


def redun(n: int) -> Iterator[dict[str, float]]:
    """Import, ask for help, run a task."""
    Path("redun_one.py").write_text(_REDUN, encoding="utf-8")
    run = (_beside("redun"), "run", "redun_one.py", "one")
    yield from _measure({_IMPORT: _importing("redun"), _HELP: (_beside("redun"), "--help"), _ONE: run}, n)


def prefect(n: int) -> Iterator[dict[str, float]]:
    """Import what a flow's file imports, and ask for help; a run takes a server, see `chain`."""
    os.environ |= {"PREFECT_HOME": str(Path("prefect").absolute()), "DO_NOT_TRACK": "1"}
    statement = "from prefect import flow, task"
    yield from _measure({_IMPORT: (sys.executable, "-c", statement), _HELP: (_beside("prefect"), "--help")}, n)


WORK = Work(
    name="startup",
    title="whole process, beyond `python -c pass`",
    sides=(
        Side("floor", floor, 3, records="one row, durable"),
        Side("fairlead", fairlead, 3, records="everything, durable"),
        Side("Luigi", luigi, 1, venv="luigi", records="that a file is there"),
        Side("Metaflow", metaflow, 1, venv="metaflow", records="steps and results, files", rounds=3),
        Side("redun", redun, 1, venv="redun", records="each call, SQLite", rounds=3),
        Side("Prefect", prefect, 1, venv="prefect", rounds=3),
    ),
    figures=(
        Figure(_IDLE, "python -c pass", "ms", "floor"),
        Figure(_IMPORT, "import", "ms", "Luigi"),
        Figure(_HELP, "--help", "ms", "Luigi"),
        Figure(_ONE, "one task, recorded", "ms", "floor"),
        Figure(_NODE, "a task's own process", "ms", "floor"),
    ),
    targets=(
        Target(_IMPORT, 60),
        Target(_HELP, 100),
        Target(_ONE, 150),
        Target(_NODE, 150),
    ),
    rounds=5,
    quick_rounds=2,
)
