"""What tasks wrote, read back from the byte ranges that their attempts recorded, on whatever host."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from fairlead.config.services import Services
from fairlead.errors import ArtifactMissing
from fairlead.model.events import Attempt, LogRange
from fairlead.model.path import group_of
from fairlead.model.run import FINAL, RunSummary

__all__ = ["FileTail", "Logs", "follow_logs", "read_range"]

_PAUSE = 0.2
"""Seconds between two looks while following."""


class _Run(Protocol):
    id: str

    def summary(self) -> RunSummary: ...


class Logs:
    """The log files of a run: those of this machine, and those that other hosts have kept with the values."""

    def __init__(self, services: Services, run_id: str) -> None:
        self._services = services
        self._run_id = run_id
        self._scratch = services.scratch(run_id)
        self._kept: dict[str, memoryview] = {}

    def read(self, log: LogRange, skip: int = 0) -> bytes:
        """Read what stands in a range, without its first `skip` bytes; an end below zero is the file's."""
        if self._is_here(log.file):
            return read_range(self._scratch, log, skip)
        data = self._fetched(log)
        return bytes(data[log.start + skip : len(data) if log.end < 0 else log.end])

    def whole(self, file: str) -> bytes:
        """Read a file from its beginning to its end; empty when it is nowhere."""
        return self.read(LogRange(file, 0, -1))

    def written(self, log: LogRange) -> int:
        """Give the bytes in a log file since the start of a range."""
        try:
            return (self._scratch / log.file).stat().st_size - log.start
        except FileNotFoundError:
            return len(self._fetched(log)) - log.start

    def _is_here(self, file: str) -> bool:
        return (self._scratch / file).is_file()

    def _fetched(self, log: LogRange) -> memoryview:
        """Give what is kept of a file of another host; it is looked for again when it may have grown."""
        known = self._kept.get(log.file)
        if known is None or log.end < 0 or len(known) < log.end:
            try:
                known = self._services.artifacts.get(self._services.log_key(self._run_id, log.file))
            except ArtifactMissing:  # its task still runs, or its process was killed and took it along
                known = memoryview(b"")
            self._kept[log.file] = known
        return known


def read_range(scratch: Path, log: LogRange, skip: int = 0) -> bytes:
    """Read what stands in a range of a file of this machine; as `Logs.read`."""
    path = scratch / log.file
    start = log.start + skip
    try:
        with path.open("rb") as file:
            file.seek(start)
            return file.read() if log.end < 0 else file.read(max(0, log.end - start))
    except FileNotFoundError:
        return b""  # logs are removed with their run, and `gc` may do that while somebody reads


def follow_logs(run: _Run, services: Services, *, task: str | None, follow: bool) -> Iterator[tuple[str, str]]:
    """Go through what the attempts of a run wrote, in the order in which they started."""
    logs = Logs(services, run.id)
    told: dict[tuple[str, int], int] = {}
    seen: dict[tuple[str, int], int] = {}
    while True:
        summary = run.summary()
        attempts = [attempt for attempt in services.store.attempts(run.id) if attempt.log and _wanted(attempt, task)]
        for attempt in sorted(attempts, key=lambda one: one.started or 0.0):
            assert attempt.log is not None
            mark = attempt.path, attempt.attempt
            log, done = attempt.log, told.get(mark, 0)
            if attempt.outcome is not None:
                data = logs.read(log, done)
            else:
                data = logs.read(LogRange(log.file, log.start, -1), done)
                if summary.status == "running":
                    data = _safe(data, seen.get(mark, 0) if follow else None, done)
                    seen[mark] = max(seen.get(mark, 0), logs.written(log))
            if data:
                told[mark] = done + len(data)
                yield attempt.path, data.decode("utf-8", errors="replace")
        if not follow or summary.status in FINAL or summary.status == "interrupted":
            return
        time.sleep(_PAUSE)


def _safe(data: bytes, seen: int | None, done: int) -> bytes:
    """Cut what a running attempt wrote to whole lines, of those that were there at the last look.

    Had it ended by then, that would be recorded by now: what follows may be the next task's.
    """
    if seen is not None:
        data = data[: max(0, seen - done)]
    return data[: data.rfind(b"\n") + 1]


def _wanted(attempt: Attempt, task: str | None) -> bool:
    return task is None or task in {attempt.path, group_of(attempt.path)}


class FileTail:
    """Follows the logs of a run that this process carries, for its observers."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._running: dict[str, tuple[LogRange, int, int]] = {}
        """By path: where it writes, how much was told, and how much there was at the last look."""
        self._ready: list[tuple[str, bytes]] = []

    def started(self, path: str, log: LogRange) -> None:
        """A task that may write for a while has started."""
        self._running[path] = (log, 0, 0)

    def ended(self, path: str, log: LogRange | None) -> None:
        """A task has ended; None: it wrote nothing."""
        _, told, _ = self._running.pop(path, (log, 0, 0))
        data = b"" if log is None else read_range(self._scratch, log, told)
        if data:
            self._ready.append((path, data))

    def read(self) -> list[tuple[str, bytes]]:
        """Give what was written since the last call, by task run."""
        found, self._ready = self._ready, []
        for path, (log, told, seen) in self._running.items():
            data = read_range(self._scratch, LogRange(log.file, log.start, -1), told)
            # Only what was there at the last look: had the task ended by then, its record would have
            # come in between, and what follows in the file might be the next task's.
            whole = data[: seen - told].rpartition(b"\n")[0]
            if whole:
                found.append((path, whole + b"\n"))
            self._running[path] = (log, told + (len(whole) + 1 if whole else 0), told + len(data))
        return found
