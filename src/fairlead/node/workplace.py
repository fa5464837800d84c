"""Tasks that run in a folder of their own: what they get is there, and what they put away is kept.

Stands around `execute`, and knows nothing of what the task does in between. Only tasks with a
private working directory or a catalog come by here.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from time import perf_counter, time
from typing import Any

import msgspec

from fairlead.errors import FairleadError, NotFound, UnstorableValue
from fairlead.model.events import Attempt, LogRange
from fairlead.model.files import catalog_value, choose, entries, unmatched
from fairlead.model.task import CATALOG, TaskDefinition
from fairlead.model.values import NONE, Stored
from fairlead.node.current import Running
from fairlead.node.execute import Bench, execute, failed
from fairlead.node.matching import matching_files
from fairlead.node.surroundings import working_in
from fairlead.ports import Job

__all__ = ["execute_placed", "without_catalog"]

_Mark = tuple[int, int, int]


def without_catalog(task: TaskDefinition) -> TaskDefinition:
    """Give a task definition as the task itself knows it: without the output that holds its files."""
    return task if task.returns == task.outputs else msgspec.structs.replace(task, outputs=task.returns)


def execute_placed(job: Job, bench: Bench, held: list[Any] | None) -> Attempt:
    """Run a job in a new folder, and give its record with what it put away."""
    import shutil

    started, begun = time(), perf_counter()
    plain = Job(
        job.run,
        job.path,
        job.attempt,
        job.task,
        {name: value for name, value in job.args.items() if name != CATALOG},
        job.rows,
    )
    folder = Path(bench.brief.scratch, "work", os.urandom(8).hex())
    try:
        workplace = _Workplace(folder, bench.brief.tasks[job.task], bench)
        try:
            workplace.fill(job)
        except Exception as error:  # noqa: BLE001  # whatever keeps the files from being there fails the task
            record = failed(job, bench, error, "inputs", None)
            record.retryable = record.retryable and not isinstance(error, FairleadError)
        else:
            with working_in(str(folder)):
                record = execute(plain, bench, held, here=True)
            record = workplace.empty(job, record)
    finally:
        _unlocked(folder)
        shutil.rmtree(folder, ignore_errors=True)
    record.started, record.ended, record.seconds = started, time(), perf_counter() - begun
    return record


class _Workplace:
    """The folder of one attempt."""

    def __init__(self, folder: Path, task: TaskDefinition, bench: Bench) -> None:
        self._folder = folder
        self._catalog = task.catalog
        self._gives = task.returns != task.outputs
        self._needs = not task.mock
        self._bench = bench
        self._given: dict[str, tuple[_Mark, Stored]] = {}
        """What was put into the folder, with how it looked then."""

    def fill(self, job: Job) -> None:
        """Make the folder, with the files that the task gets; NotFound for a pattern without any."""
        self._folder.mkdir(parents=True)
        if self._catalog is None or not self._catalog.get:
            return
        there = dict(entries(job.args.get(CATALOG, NONE)))
        chosen = choose(self._catalog.get, there, {})
        missing = unmatched(self._catalog.get, chosen) if self._needs else []
        if missing:
            raise NotFound(_nothing(missing, sorted(there)))
        for path, stored in chosen.items():
            target = self._folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            self._bench.values.fetch(stored, target)
            self._given[path] = _mark(target), stored

    def empty(self, job: Job, record: Attempt) -> Attempt:
        """Keep what the task puts away: as its output, or with a failed attempt as artifacts."""
        if self._catalog is None or not self._catalog.put:
            return record
        succeeded = record.outcome == "succeeded"
        try:
            kept = self._kept(succeeded)
        except (FairleadError, OSError) as error:
            if succeeded:
                worse = failed(job, self._bench, error, "outputs", None)
                worse.metrics, worse.artifacts = record.metrics, record.artifacts
                worse.log = _joined(record.log, worse.log)
                return worse
            self._say(f"what the task left behind cannot be kept: {error}", job, record)
            return record
        if succeeded and self._gives:
            record.outputs = [*(record.outputs or ()), catalog_value(kept)]
        elif not succeeded and kept:
            record.artifacts = {**kept, **(record.artifacts or {})}
        nothing = unmatched(self._catalog.put, kept)
        if succeeded and nothing:
            self._say(f"no file matches {_quoted(nothing)}, which the task puts away", job, record)
        return record

    def _kept(self, strict: bool) -> dict[str, Stored]:
        """Keep every file that matches; what was given and is unchanged is kept already."""
        assert self._catalog is not None
        found, refused = matching_files(self._folder, self._catalog.put)
        if refused and strict:
            raise UnstorableValue("; ".join(refused))
        kept = {}
        for path in found:
            file = self._folder / path
            given = self._given.get(path)
            kept[path] = given[1] if given is not None and given[0] == _mark(file) else self._bench.values.keep(file)
        return kept

    def _say(self, what: str, job: Job, record: Attempt) -> None:
        """Write a line into the task's log."""
        self._bench.current = Running(self._bench, job)  # where output is told apart by task, the line is this one's
        try:
            print(f"fairlead: {what}", file=sys.stderr, flush=True)
        finally:
            self._bench.current = None
        record.log = _joined(record.log, self._bench.log.mark())


def _joined(first: LogRange | None, more: LogRange | None) -> LogRange | None:
    """Give the range that both are in."""
    if first is None or more is None:
        return first or more
    return LogRange(more.file, first.start if first.file == more.file else more.start, more.end)


def _mark(path: Path) -> _Mark:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _nothing(patterns: list[str], known: list[str]) -> str:
    there = f"; there is {_quoted(known[:10])}{' and more' if len(known) > 10 else ''}" if known else "; there is none"
    return (
        f"no file matches {_quoted(patterns)}, neither of those that the run put away nor in the folder where it was "
        f"started{there}"
    )


def _quoted(names: list[str]) -> str:
    return ", ".join(map(repr, names))


def _unlocked(folder: Path) -> None:
    """Make folders that a task has write-protected removable."""
    for place, folders, _ in os.walk(folder):
        for name in folders:
            path = Path(place, name)
            if not path.is_symlink() and not os.access(path, os.W_OK):
                path.chmod(0o700)
