"""Tells an MLflow tracking server of runs, through a process that holds MLflow's client.

The client takes seconds to import and may wait for its server for minutes; in a process of its own
neither costs the run anything. What that process does is in `mlflow_client.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

import msgspec

from fairlead.errors import StoreError
from fairlead.leftovers import OwnFolder
from fairlead.model.events import Attempt
from fairlead.model.notices import Closed, Notice, TaskEnded
from fairlead.model.run import Run
from fairlead.model.values import Inline, Stored, Value
from fairlead.observers.documents import USUAL, documents
from fairlead.ports import Values

__all__ = ["MLflow"]

_FILES = frozenset({"file", "program", "folder"})
"""Codecs of files and folders, which are logged as they are."""


class MLflow:
    """Makes an MLflow run of a run: parameters, metrics, tags, what tasks kept, and how it ended."""

    pause = 0.5

    def __init__(self, settings: dict[str, Any], values: Callable[[], Values] | None, *, grace: float) -> None:
        """`settings`: what the other process must know. `values`: how to read artifacts; None: they are left out."""
        self.settings = {**settings, "grace": grace}
        self.grace = grace
        self._values = values
        self._process: Any = None
        self._words: IO[bytes] | None = None
        self._folder: Any = None
        self._opened: dict[str, Any] = {}
        """What was said of the run when it was opened, for a process that takes the place of one that gave up."""

    def notify(self, run: Run, event: Notice) -> None:
        """Tell of one event."""
        self.notify_all(run, [event])

    def notify_all(self, run: Run, events: Sequence[Notice]) -> None:
        """Hand over what has come in; StoreError with the other process's words when it has given up.

        After that, another process goes on with what comes later.
        """
        told = documents(run, events, USUAL)
        if self._process is None:
            self._begin(run)
        self._opened = next((one for one in told if one["event"] == "run_opened"), self._opened)
        lines = [msgspec.json.encode(one) for one in told]
        for event in events:
            if isinstance(event, TaskEnded) and event.attempt.artifacts and self._values is not None:
                lines += [msgspec.json.encode(one) for one in self._kept(event.attempt)]
        # What tasks kept comes before the end of the run, after which nothing is logged.
        lines.sort(key=lambda line: line.startswith(b'{"event":"run_closed"'))
        try:
            self._process.stdin.write(b"\n".join([*lines, b""]))
            self._process.stdin.flush()
        except OSError as error:
            raise self._given_up() from error
        if isinstance(events[-1], Closed):
            self._end()

    def _begin(self, run: Run) -> None:
        import subprocess
        from tempfile import TemporaryFile

        self._folder = OwnFolder("mlflow")
        self._words = TemporaryFile()  # noqa: SIM115 - for as long as the process lives
        self._process = subprocess.Popen(
            [sys.executable, "-m", "fairlead.observers.mlflow_client"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._words,
            start_new_session=True,  # Ctrl-C is for the run, and its end is to be told
        )
        settings = {**self.settings, "experiment": self.settings["experiment"] or run.workflow.name}
        self._process.stdin.write(msgspec.json.encode(settings) + b"\n")
        if self._opened:
            self._process.stdin.write(msgspec.json.encode({**self._opened, "again": True}) + b"\n")

    def _end(self) -> None:
        try:
            self._process.stdin.close()
        except OSError as error:
            raise self._given_up() from error
        if self._process.wait():
            raise self._given_up()
        self._folder.remove()

    def _given_up(self) -> StoreError:
        assert self._words is not None
        self._process.wait()
        self._words.seek(0)
        said = self._words.read().decode("utf-8", "replace").strip().splitlines()
        self._folder.remove()
        self._words.close()
        code, self._process = self._process.returncode, None
        return StoreError(f"MLflow: {said[-1] if said else f'exit code {code}'}")

    def _kept(self, attempt: Attempt) -> list[dict[str, str]]:
        """Write down what a task kept, as files for the other process."""
        assert self._values is not None and attempt.artifacts is not None
        values, found = self._values(), []
        for number, (name, value) in enumerate(attempt.artifacts.items()):
            folder = Path(self._folder.path, f"{attempt.path}.{attempt.attempt}", str(number))
            folder.mkdir(parents=True)
            path = _written(values, name.replace("/", "_"), value, folder)
            if path is not None:
                found.append({"event": "artifact", "task": attempt.path, "file": str(path)})
        return found


def _written(values: Values, name: str, value: Value, folder: Path) -> Path | None:
    """Write one value to a file without any class of the user's; None for lists, which have no bytes of their own."""
    target = folder / name
    if isinstance(value, Inline):
        target = folder / f"{name}.{value.codec}"
        target.write_bytes(value.data)
        return target
    if not isinstance(value, Stored):
        return None
    if value.codec in _FILES:
        return Path(values.decode(value))
    values.fetch(value, folder / f"{name}.{value.codec}")
    return folder / f"{name}.{value.codec}"
