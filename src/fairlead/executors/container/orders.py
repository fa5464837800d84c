"""The folder by which a container gets its jobs and gives back their records; see `node/order.py`.

Written and read on the driver's side only: a container sees it as a mounted folder.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import msgspec

from fairlead.model.events import Attempt, Failure
from fairlead.ports import Brief, Job
from fairlead.wire import decoder

__all__ = ["Order", "orders_in", "orders_name", "write_brief"]

_encode = msgspec.msgpack.Encoder().encode


class Order:
    """The order of one container."""

    def __init__(self, folder: Path, jobs: Sequence[Job]) -> None:
        self.folder = folder
        self.jobs = jobs
        self._records = f"{folder}/records"

    @classmethod
    def write(cls, folder: Path, brief: Path, jobs: Sequence[Job], *, foreign: bool) -> Order:
        """Make the folder; `brief` is the file with the run's brief. `foreign`: another user writes into it."""
        folder.mkdir(parents=True, exist_ok=True)
        if foreign:
            folder.chmod(0o777)
        _share(brief, folder / "brief")
        (folder / "jobs").write_bytes(_encode(list(jobs)))
        return cls(folder, jobs)

    @classmethod
    def read(cls, folder: Path) -> Order | None:
        """Read one that an earlier driver has written; None where it did not come to its end."""
        try:
            return cls(folder, decoder(list[Job]).decode((folder / "jobs").read_bytes()))
        except (OSError, msgspec.MsgspecError):
            return None

    @property
    def name(self) -> str:
        """The name of its container."""
        return self.folder.name

    def begun(self) -> float | None:
        """When Fairlead came up in the container; None: it has not, so far. Seconds since the Unix epoch."""
        try:
            return os.stat(self._records).st_mtime  # noqa: PTH116 - asked many times a second
        except FileNotFoundError:
            return None

    def record(self, place: int) -> Attempt | None:
        """Give the record of a job, once it is there."""
        try:
            with open(f"{self._records}/{place}", "rb") as file:  # noqa: PTH123 - asked many times a second
                record: Attempt = decoder(Attempt).decode(file.read())
                return record
        except FileNotFoundError:
            return None

    def withdraw(self, place: int, job: Job) -> None:
        """Have a job that has not begun not run: whoever has a record is not run again."""
        failure = Failure("cancelled", "stopped before it started")
        record = Attempt(job.path, job.attempt, outcome="cancelled", failure=failure)
        whole = Path(self._records, str(place))
        if not whole.exists():
            # Under another name first: the container may be looking at this moment.
            partial = whole.with_name(f"{place}.withdrawn")
            partial.write_bytes(_encode(record))
            partial.replace(whole)

    def remove(self) -> None:
        """Remove the folder; what a container writes into it meanwhile is lost."""
        shutil.rmtree(self.folder, ignore_errors=True)


def orders_name(executor: str) -> str:
    """Name the folder with the orders of an executor, by the name that the environment gives it."""
    return f"orders-{quote(executor, safe='')}" if executor else "orders"


def orders_in(folder: Path) -> list[Order]:
    """List the orders that an earlier driver has left; half-written ones are removed."""
    found = []
    for place in sorted(folder.iterdir()) if folder.is_dir() else ():
        order = Order.read(place)
        if order is None:
            shutil.rmtree(place, ignore_errors=True)
        else:
            found.append(order)
    return found


def write_brief(brief: Brief, file: Path) -> None:
    """Write a brief anew; orders that have the earlier one keep it."""
    new = file.with_name(f"{file.name}.new")
    new.write_bytes(_encode(brief))
    new.replace(file)


def _share(file: Path, place: Path) -> None:
    place.unlink(missing_ok=True)
    try:
        place.hardlink_to(file)
    except OSError:  # file systems that have no links
        shutil.copyfile(file, place)
