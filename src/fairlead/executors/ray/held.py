"""What a driver holds of the bundles that it has on a cluster, and the words in which it tells of them.

Only data and what follows from it; who asks Ray is the executor.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from time import time

import msgspec

from fairlead.executors.ray.messages import Beat
from fairlead.model.events import Failure
from fairlead.ports import Brief, Job, Report

__all__ = ["Held", "about", "ended", "identity"]


class Held:
    """A bundle that has not ended."""

    __slots__ = ("jobs", "left", "token", "unwanted")

    def __init__(self, token: int, jobs: Sequence[Job], names: Iterable[tuple[str, int]]) -> None:
        self.token = token
        self.jobs = {(job.path, job.attempt): job for job in jobs}
        """Empty of those that an earlier driver submitted."""
        self.left = set(names)
        self.unwanted: set[tuple[str, int]] = set()


def about(beat: Beat, report: Report) -> Report:
    """Add to a report where the job is at it, and where it writes."""
    report.log_file, report.log_start, report.worker = beat.log_file, beat.log_start, beat.worker
    return report


def ended(name: tuple[str, int], failure: Failure) -> Report:
    """Tell the end of a job that has no record."""
    return Report(name[0], name[1], "ended", failure=failure, at=time())


def identity(brief: Brief) -> str:
    """Tell a run from those of other projects that have chosen the same id; the same wherever it is taken up."""
    place = {key: said for key, said in brief.artifacts.items() if key != "folder"}
    return sha256(msgspec.msgpack.encode([brief.run, brief.code.root, place], order="deterministic")).hexdigest()
