"""How runs end before their time."""

from __future__ import annotations

import time
from pathlib import Path

from fairlead import task, workflow
from tests.conformance.case import Case


@task
def before(x: int) -> int:
    return x + 1


@task
def wait(x: int, place: str) -> int:
    time.sleep(0.2)  # by then, what came before has been written down
    Path(place, "begun").touch()
    begun = time.monotonic()
    while not Path(place, "mended").exists() and time.monotonic() < begun + 60:
        time.sleep(0.02)
    return x


@task
def after(x: int) -> int:
    return 10 * x


@workflow
def waiting(place: str):
    return after(wait(before(1), place))


CASES = [
    Case("a stop", waiting, tasks="before wait=cancelled after=skipped", way="stop", status="cancelled", core=True),
    Case(
        "the driver is killed, and the run resumed",
        waiting,
        20,
        tasks="before",
        way="kill",
        then="before wait after",
        core=True,
        left_out={"memory": "what is in its memory ends with the driver"},
    ),
]
