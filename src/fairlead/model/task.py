"""What a task definition is: how it is called, and the options that travel with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

__all__ = [
    "CATALOG",
    "FOLDER",
    "LEFT_OUT",
    "Catalog",
    "Param",
    "ParamKind",
    "Place",
    "Resources",
    "Source",
    "TaskDefinition",
]

ParamKind = Literal["positional_only", "normal", "varargs", "keyword_only", "varkw", "namespace"]
"""`namespace`: an argparse.Namespace of all that is given by names that the task does not take otherwise."""


CATALOG = "@catalog"
"""Of a task that gets files, the input with what the run put before it; of one that puts, its last output."""
FOLDER = "@folder"
"""Of a task that gets files, the input with those of the folder where the run was made."""


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where in the user's files something was written."""

    file: str
    line: int
    column: int = 0
    """Counted from 1; 0: nobody knows."""

    def __str__(self) -> str:
        column = f":{self.column}" if self.column else ""
        return f"{self.file.rsplit('/', 1)[-1]}:{self.line}{column}"


class Resources(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a task needs of the machine it runs on."""

    cpu: float = 1
    """Processors."""
    memory: str | None = None
    """Such as "4Gi" or "500M"; None: whatever there is."""
    gpu: int = 0
    """Accelerators."""


class Catalog(msgspec.Struct, frozen=True, omit_defaults=True):
    """The files a task gets before it runs and puts away after, by patterns of relative paths.

    The task runs in an empty folder of its own with what it gets. See docs/files.md.
    """

    get: Sequence[str] = ()
    put: Sequence[str] = ()

    def __post_init__(self) -> None:
        for name, value in (("get", self.get), ("put", self.put)):
            if isinstance(value, list):
                msgspec.structs.force_setattr(self, name, tuple(value))


class Param(msgspec.Struct, frozen=True, array_like=True):
    """One argument that a task takes."""

    name: str
    kind: ParamKind = "normal"
    required: bool = True
    annotation: str = ""
    """As written; empty when there is none."""


class Source(msgspec.Struct, frozen=True, array_like=True):
    """A text that a task consists of: a shell command, a code cell of a notebook."""

    name: str
    """What people find it by: `command`, `clean.ipynb: cell 3`."""
    text: str
    language: str = ""
    """In lower case; empty when it is not known."""


class _LeftOut:
    """Stands for an argument that is not given, where something must stand; see LEFT_OUT."""

    def __reduce__(self) -> str:
        return "LEFT_OUT"

    def __repr__(self) -> str:
        return "<as the task has it>"


LEFT_OUT: Any = _LeftOut()
"""Given to a task for an argument whose default only the task itself can work out."""


class TaskDefinition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that can be called inside a workflow, with its options."""

    name: str
    kind: str = "python"
    """Names the TaskKind that runs it: python, shell, notebook, stub, mock, later role."""
    target: str = ""
    """`module:qualname` of the function, under its canonical module name."""
    params: tuple[Param, ...] = ()
    outputs: tuple[str, ...] = ("result",)
    retries: int = 0
    """Further attempts after the first."""
    retry_delay: float = 0.0
    """Seconds before the second attempt; doubled before each one after it, up to an hour."""
    timeout: float | None = None
    """Seconds that one attempt may take; None: no limit."""
    cache: bool = False
    """Reuse a recorded result of any earlier run when nothing it depends on changed.

    A path among its inputs counts with the content of the file or folder that it names."""
    resources: Resources = Resources()
    env_vars: dict[str, str] = {}
    secrets: tuple[str, ...] = ()
    """Names, never values."""
    image: str | None = None
    chunk: int = 1
    """Items of a map that share one job, where the executor starts something for each job; a record each."""
    executor: str = ""
    """One of the environment's `executors`, to run it on; empty: its `executor`."""
    tracked: tuple[str, ...] = ()
    """Outputs that are recorded as metrics, too."""
    workdir: Literal["shared", "private"] = "shared"
    """`private`: each attempt runs in an empty folder of its own, which is removed after it."""
    catalog: Catalog | None = None
    """With one, the folder is private in any case."""
    settings: dict[str, Any] = {}
    """What only this kind of task knows (JSON)."""
    mock: str = ""
    """What stands in for the task: `stub`, `value`, or the name of a function; empty: nothing does."""
    sources: tuple[Source, ...] = ()
    """What a task without a function consists of, in order. It counts as the task's code."""
    place: Place | None = None
    doc: str = ""

    @property
    def returns(self) -> tuple[str, ...]:
        """The outputs that the task itself gives: without what it puts away."""
        return self.outputs[:-1] if self.outputs[-1:] == (CATALOG,) else self.outputs
