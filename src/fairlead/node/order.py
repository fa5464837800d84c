"""An order: jobs of one run, handed to a process of their own in a folder, and their records handed back.

A driver's executor writes the folder and reads the records; nothing here opens a run store. The
folder holds `brief` (msgpack of `ports.Brief`) and `jobs` (msgpack list of `ports.Job`), and gets
`records/0`, `records/1`, … (msgpack of `Attempt`), each under a temporary name first. A job whose record
is there when it is its turn is not run.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from time import time
from typing import Any, Final

import msgspec

from fairlead.errors import ConfigurationError, NotFound, StoreError
from fairlead.model.events import Attempt, Failure
from fairlead.node.ending import Ending
from fairlead.node.execute import Bench, Ended, execute
from fairlead.node.failure import Teller
from fairlead.ports import Brief, Job
from fairlead.wire import decoder

__all__ = [
    "CANCELLED",
    "FAILED",
    "LOST",
    "MAY_BE_RETRIED",
    "SUCCEEDED",
    "Order",
    "ended",
    "exit_code",
    "note",
    "stopped",
    "unopened",
    "worst",
]

SUCCEEDED: Final = 0
FAILED: Final = 20
"""The task failed, and would again."""
MAY_BE_RETRIED: Final = 21
"""The task failed, and may be tried again."""
LOST: Final = 75
"""Not the task's fault: a store out of reach, something that is not there yet."""
CANCELLED: Final = 143
"""It was asked to end."""

_WORST = (CANCELLED, LOST, MAY_BE_RETRIED, FAILED)

_encode = msgspec.msgpack.Encoder().encode


def exit_code(records: Sequence[Attempt]) -> int:
    """Say by one number what became of attempts: 0 where all succeeded, or else the worst."""
    return worst([_code(record) for record in records])


def worst(codes: Sequence[int]) -> int:
    """Give the exit code that says most of several."""
    return next((code for code in _WORST if code in codes), SUCCEEDED)


def _code(record: Attempt) -> int:
    if record.outcome in {"succeeded", "reused"}:
        return SUCCEEDED
    if record.outcome == "cancelled":
        return CANCELLED
    if record.outcome == "lost":
        return LOST
    return MAY_BE_RETRIED if record.retryable else FAILED


class Order:
    """An order that was read, and what became of its jobs so far."""

    def __init__(self, folder: str) -> None:
        """Read it; NotFound where there is none, ConfigurationError where another version wrote it, StoreError."""
        self.folder = folder
        self.brief: Brief = _decoded(f"{folder}/brief", Brief)
        self.jobs: list[Job] = _decoded(f"{folder}/jobs", list[Job])
        os.makedirs(f"{folder}/records", exist_ok=True)  # noqa: PTH103 - pathlib is a slow import
        self.records: dict[int, Attempt] = {}
        for place in range(len(self.jobs)):
            self._find(place)

    @property
    def left(self) -> list[tuple[int, Job]]:
        """Jobs without a record: an order that was begun before is gone on with."""
        return [(place, job) for place, job in enumerate(self.jobs) if place not in self.records]

    def record(self, place: int, record: Attempt) -> None:
        """Hand back the record of a job, whole or not at all."""
        file = self._file(place)
        partial = f"{file}.{os.getpid()}"
        with open(partial, "wb") as opened:  # noqa: PTH123 - pathlib is a slow import
            opened.write(_encode(record))
        os.replace(partial, file)  # noqa: PTH105 - pathlib is a slow import
        self.records[place] = record

    def fill(self, make: Callable[[Job], Attempt]) -> None:
        """Hand back a record for every job that has none."""
        for place, job in self.left:
            self.record(place, make(job))

    def run(self, bench: Bench, ending: Ending, notes: tuple[str, ...] = ()) -> None:
        """Run the jobs that have no record yet, one after the other; those that cannot be any more are cancelled.

        `notes` go into their records, and before what they write.
        """
        process = os.getpid()
        bench.begin()
        for place, job in self.left:
            if self._find(place):
                continue  # whoever gave the order has taken this job back
            note(notes)
            record = self._run(job, bench, ending)
            record.notes = notes
            if os.getpid() != process:
                os._exit(0)  # the task has forked, and this is the child, which came back out of its function
            self.record(place, record)
            bench.put_back()
        bench.close()

    def _run(self, job: Job, bench: Bench, ending: Ending) -> Attempt:
        try:
            ending.begin()
            record = execute(job, bench)
            ending.over()
        except Ended:
            ending.over()
            record = stopped(job)
        return ended(record, bench, asked=ending.asked)

    def _find(self, place: int) -> bool:
        """Whether there is a record of a job already."""
        if os.path.exists(self._file(place)):  # noqa: PTH110 - pathlib is a slow import
            self.records[place] = _decoded(self._file(place), Attempt)
        return place in self.records

    def _file(self, place: int) -> str:
        return f"{self.folder}/records/{place}"


def ended(record: Attempt, bench: Bench, *, asked: bool) -> Attempt:
    """Say in a record what its task could not know: that the process was `asked` to end, that a store was gone."""
    failure = record.failure
    if failure is None:
        return record
    if asked:
        record.outcome, record.retryable = "cancelled", True
        record.failure = msgspec.structs.replace(failure, reason="cancelled", message="stopped while it ran")
    elif bench.vanished:
        record.outcome, record.retryable = "lost", True
        record.failure = msgspec.structs.replace(failure, reason="lost")
    return record


def note(notes: Sequence[str]) -> None:
    """Write notes down before what a task writes."""
    for text in notes:
        print(f"fairlead: {text}", file=sys.stderr, flush=True)


def stopped(job: Job) -> Attempt:
    """Give the record of a job that was not waited for, or has not begun."""
    failure = Failure("cancelled", "its process was asked to end, and it had not ended by then")
    return Attempt(job.path, job.attempt, outcome="cancelled", failure=failure, ended=time(), worker=_worker())


def unopened(job: Job, error: Exception, teller: Teller) -> Attempt:
    """Give the record of a job whose run could not be opened in this process."""
    lost = isinstance(error, StoreError)
    told = teller.failure(
        error, "lost" if lost else "exception", None, f"the run's code and data cannot be opened here: {error}"
    )
    record = Attempt(job.path, job.attempt, outcome="lost" if lost else "failed", failure=told, worker=_worker())
    record.ended, record.retryable = time(), lost
    return record


def _worker() -> str:
    return f"{os.uname().nodename}:{os.getpid()}"


def _decoded(file: str, kind: Any) -> Any:
    try:
        with open(file, "rb") as opened:  # noqa: PTH123 - pathlib is a slow import
            return decoder(kind).decode(opened.read())
    except FileNotFoundError:
        raise NotFound(f"there is no order in {os.path.dirname(file)!r}: {file!r} is not there") from None  # noqa: PTH120 - pathlib is a slow import
    except OSError as error:
        raise StoreError(
            f"cannot read the order's {file!r}: {error.strerror}; it is what an executor writes"
        ) from error
    except msgspec.MsgspecError as error:
        raise ConfigurationError(
            f"{file!r} is not what this version of Fairlead writes ({error}); the driver and its tasks' processes "
            "need the same version"
        ) from error
