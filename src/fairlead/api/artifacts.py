"""What a run's task runs produced and kept, as things to load or to save."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fairlead.api.telling import definition_at
from fairlead.model.events import Attempt
from fairlead.model.files import entries
from fairlead.model.path import BODY
from fairlead.model.task import CATALOG
from fairlead.model.values import Inline, Pick, Rows, Stored, Tree, Value
from fairlead.model.workflow import Workflow
from fairlead.ports import Values

__all__ = ["Artifact", "RunOutput", "artifacts_of"]


class RunOutput:
    """An output of an earlier run, standing for its value as an argument; it is not loaded here."""

    def __init__(self, run_id: str, name: str, value: Value) -> None:
        self.run_id = run_id
        self.name = name
        self.value = value

    def __reduce__(self) -> Any:
        # A task would get this object in place of the value.
        raise TypeError(f"{self!r} stands for a value only as an argument by itself, not inside of another value")

    def __repr__(self) -> str:
        return f"<RunOutput {self.name} of {self.run_id}>"


class Artifact:
    """A value or file that a task run produced and the store keeps."""

    def __init__(self, task: str, name: str, value: Value, values: Values, *, kept: bool) -> None:
        self.task = task
        self.name = name
        self.kept = kept
        """The task kept it with `log_artifact`, or put it away; otherwise it is one of its outputs."""
        self._value = value
        self._values = values

    @property
    def kind(self) -> str:
        """How it is encoded: json, pickle, file, folder and so on; `list` when item by item."""
        if isinstance(self._value, (Inline, Stored)):
            return self._value.codec
        return "list" if isinstance(self._value, Rows) else "part"

    @property
    def size(self) -> int:
        """Bytes, as encoded."""
        return _size(self._value)

    def load(self) -> Any:
        """Give the value, as a copy of its own."""
        return self._values.decode(self._value)

    def save(self, path: str | Path) -> Path:
        """Write it to a file: a file as it is, text and bytes as they are, the rest as JSON or a pickle.

        Gives the path; a folder gets the artifact under its own name.
        """
        target = Path(path)
        value = self.load()
        if target.is_dir():
            target = target / (value.name if isinstance(value, Path) else self.name)
        if isinstance(value, Path):
            import shutil

            copy = shutil.copytree if value.is_dir() else shutil.copyfile
            copy(value, target)
        elif isinstance(value, (bytes, bytearray)):
            target.write_bytes(value)
        elif isinstance(value, str):
            target.write_text(value, encoding="utf-8")
        elif isinstance(self._value, Inline) and self._value.codec == "json":
            target.write_bytes(self._value.data)
        else:
            import pickle

            target.write_bytes(pickle.dumps(value))
        return target

    def __repr__(self) -> str:
        return f"<Artifact {self.task}/{self.name}: {self.kind}, {self.size} bytes>"


def artifacts_of(workflow: Workflow, attempts: Iterable[Attempt], values: Values) -> dict[str, Artifact]:
    """List what the successful attempts produced and kept, by `path/name`."""
    found: dict[str, Artifact] = {}
    for attempt in attempts:
        task = definition_at(workflow, attempt)
        if task is None and attempt.path != BODY:
            continue
        if task is not None and attempt.outcome in {"succeeded", "reused"}:
            names = task.outputs
            for name, value in zip(names, attempt.outputs or [], strict=False):
                if name == CATALOG:
                    for path, file in entries(value):
                        found[f"{attempt.path}/{path}"] = Artifact(attempt.path, path, file, values, kept=True)
                else:
                    found[f"{attempt.path}/{name}"] = Artifact(attempt.path, name, value, values, kept=False)
        for name, value in (attempt.artifacts or {}).items():
            found[f"{attempt.path}/{name}"] = Artifact(attempt.path, name, value, values, kept=True)
    return found


def _size(value: Value) -> int:
    if isinstance(value, Inline):
        return len(value.data)
    if isinstance(value, Stored):
        return value.size
    if isinstance(value, (Rows, Tree)):
        return sum(map(_size, value.items))
    assert isinstance(value, Pick)
    return _size(value.of)
