"""Writes what happens to a file, one JSON document to a line, for programs that follow along."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from fairlead.model.notices import Notice
from fairlead.model.run import Run
from fairlead.observers.documents import Kind, documents

__all__ = ["JsonLines"]


class JsonLines:
    """Appends events to a file, which many runs may share: each lot of lines is written at once."""

    def __init__(self, path: Path, events: Sequence[Kind], grace: float) -> None:
        """`{run}` and `{workflow}` in the path stand for the run's id and its workflow's name."""
        self.path = path
        self.events = tuple(events)
        self.grace = grace
        self.wants_output = "output" in events

    def notify(self, run: Run, event: Notice) -> None:
        """Write one event."""
        self.notify_all(run, [event])

    def notify_all(self, run: Run, events: Sequence[Notice]) -> None:
        """Write what has come in."""
        lines = [msgspec.json.encode(found) for found in documents(run, events, self.events)]
        if not lines:
            return
        path = Path(str(self.path).replace("{run}", run.id).replace("{workflow}", run.workflow.name))
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        with os.fdopen(descriptor, "ab", buffering=0) as file:
            data = memoryview(b"\n".join(lines) + b"\n")
            while data:
                data = data[file.write(data) :]
