"""`fairlead runs` and `fairlead show` as whole processes, on a store that has seen a lot.

The store is made by running workflows, once per bench run: many small runs, and one of many task runs.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.parts import Figure, Side, Target, Work

__all__ = ["WORK"]

_RUNS = "runs"
_SHOW = "show"
_WIDTH = 10
"""Task runs of the large run, for each run in the store."""


def _seconds(*command: str) -> float:
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    spent = time.perf_counter() - start
    if done.returncode or not done.stdout:
        raise AssertionError(f"{' '.join(command)!r} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    return spent


def fairlead(n: int) -> Iterator[dict[str, float]]:
    """Fill a store, then look at it by the command line."""
    from flows import one, squares

    folder = Path("looking")
    (folder / ".fairlead").mkdir(parents=True)
    os.chdir(folder)
    wide = squares(list(range(n * _WIDTH - 1))).run("local", id="wide")
    wide.get_results()
    for _ in range(n - 1):
        one().run("in_process")
    command = str(Path(sys.executable).parent / "fairlead")
    while True:
        yield {_RUNS: _seconds(command, "runs"), _SHOW: _seconds(command, "show", "wide")}


def floor(n: int) -> Iterator[dict[str, float]]:
    """Read the newest 50 of n rows with nothing but Python and SQLite."""
    database = sqlite3.connect("looking.db")
    database.execute("CREATE TABLE run (id TEXT PRIMARY KEY, at REAL)")
    database.execute("CREATE INDEX newest ON run (at)")
    database.executemany("INSERT INTO run VALUES (?, ?)", ((f"run-{index}", index) for index in range(n)))
    database.commit()
    read = (
        "import sqlite3; print(*sqlite3.connect('looking.db').execute('SELECT * FROM run ORDER BY at DESC LIMIT 50'))"
    )
    while True:
        spent = _seconds(sys.executable, "-c", read)
        yield {_RUNS: spent, _SHOW: spent}


WORK = Work(
    name="looking",
    title="`runs` and `show` on 10,000 runs, one of them of 100,000 task runs",
    sides=(
        Side("floor", floor, 10_000, records="-"),
        Side("fairlead", fairlead, 10_000, quick=500, records="-", limit=600.0),
    ),
    figures=(
        Figure(_RUNS, "fairlead runs", "s", "floor", digits=3),
        Figure(_SHOW, "fairlead show, 100,000 task runs", "s", "floor", digits=3),
    ),
    targets=(Target(_RUNS, 0.3), Target(_SHOW, 0.3)),
)
