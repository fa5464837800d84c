"""What is recorded of a run as a whole, and how a run looks in a list."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

from fairlead.model.values import Value
from fairlead.model.workflow import Workflow

__all__ = [
    "FINAL",
    "GOING",
    "Code",
    "Group",
    "Requirements",
    "Run",
    "RunFilter",
    "RunStatus",
    "RunSummary",
    "SourceFile",
    "TaskCode",
    "TaskStatus",
]

RunStatus: TypeAlias = Literal[
    "created",  # recorded, not started
    "running",  # a driver holds its lease
    "succeeded",  # every task run that mattered succeeded
    "failed",  # a failure was not handled
    "cancelled",  # it was stopped
    "interrupted",  # its driver is gone and the run has not ended; `resume` goes on with it
    "elsewhere",  # of a store only, and shown as `running`: processes that come and go carry it, and none holds a lease
]

FINAL: frozenset[str] = frozenset({"succeeded", "failed", "cancelled"})

GOING: frozenset[str] = frozenset({"running", "elsewhere"})
"""As a store has it, of runs that are going on."""

TaskStatus: TypeAlias = Literal[
    "waiting",  # something before it has not ended
    "ready",  # it may start
    "queued",  # handed to the executor
    "running",
    "succeeded",
    "failed",
    "skipped",  # it cannot run because something before it did not succeed
    "reused",  # an earlier result stands for it
    "cancelled",
    "lost",  # its worker or driver went away; it will be tried again or the run was interrupted
]


class SourceFile(msgspec.Struct, frozen=True, array_like=True):
    """A project file as it was when the run was made."""

    path: str
    """Absolute."""
    digest: str
    key: str = ""
    """Where its bytes are in the artifact store; empty when no snapshot was taken."""
    package: bool = False
    """It is the `__init__.py` of a package."""


class TaskCode(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of the code that one task definition reaches."""

    digest: str
    """Over `symbols` and `packages`: equal digests mean equal code."""
    symbols: dict[str, str] = {}
    """`features.py: scale` to the digest of its normalised source."""
    packages: dict[str, str] = {}
    """Third-party distributions that it reaches, with their versions."""
    opaque: tuple[str, ...] = ()
    """What could not be analysed, in words, with its place."""
    payload: Value | None = None
    """The pickled function, where it cannot be imported (a notebook, a REPL, `__main__`)."""


class Requirements(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a run was made with, beside the packages that its tasks reach."""

    python: str = ""
    """`3.11.7`."""
    fairlead: str = ""
    installed: str = ""
    """Digest of the names and versions of all distributions that were installed."""
    locks: dict[str, str] = {}
    """Lock files of the project, by name: digests of their content."""


class Code(msgspec.Struct, frozen=True, omit_defaults=True):
    """The code of a run: enough to run its tasks without the user's workflow file."""

    root: str = ""
    """The project's folder, absolute."""
    modules: dict[str, SourceFile] = {}
    """Project modules by canonical name; a script `jobs.py` run as `__main__` is `jobs`."""
    tasks: tuple[TaskCode, ...] = ()
    """In the order of the workflow's `tasks`."""
    python: str = ""
    paths: tuple[str, ...] = ()
    """Entries of `sys.path` that the project added."""
    classes: dict[str, str] = {}
    """`module:name` of what values may be made of, to the digest of all that it reaches; `module:` for all of it."""
    requirements: Requirements | None = None


class Run(msgspec.Struct, omit_defaults=True):
    """A workflow plus parameters plus environment: everything a driver needs, written once."""

    id: str
    workflow: Workflow
    created: float
    constants: list[Value] = []
    parameters: dict[str, Value] = {}
    code: Code = Code()
    target: str = ""
    """`/abs/jobs.py:training` or `module:name`, where the definition can be found again."""
    cwd: str = ""
    environment: dict[str, Any] = {}
    """As configured: secrets and `${…}` unexpanded."""
    tags: tuple[str, ...] = ()
    parent: str = ""
    """The run that this one was resumed from."""
    host: str = ""
    user: str = ""
    fairlead: str = ""
    """The version that made the record."""
    components: dict[str, Any] = {}
    """Recipes of the components that code gave to a runner, by role; a resume gives them again."""


class RunSummary(msgspec.Struct, omit_defaults=True):
    """One line of a list of runs; kept up to date by the store with every append."""

    id: str
    workflow: str
    status: RunStatus
    created: float
    started: float | None = None
    ended: float | None = None
    epoch: int = 0
    """How often a driver has taken the run up."""
    parent: str = ""
    tags: tuple[str, ...] = ()
    target: str = ""
    counts: dict[str, int] = {}
    """Task runs by TaskStatus."""
    error: str = ""
    """The root cause, in short."""
    cancel_asked: float | None = None


class Group(msgspec.Struct, omit_defaults=True):
    """The task runs of one task name, counted: one line of `show`."""

    name: str
    """The path without indexes."""
    total: int | None = None
    """None while nobody knows how many there will be."""
    counts: dict[str, int] = {}
    seconds: float = 0.0
    """Sum over ended attempts."""
    started: float | None = None
    ended: float | None = None


class RunFilter(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which runs a list shows."""

    workflow: str | None = None
    status: RunStatus | None = None
    since: float | None = None
    tags: tuple[str, ...] = ()
    """All of them."""
    limit: int | None = 50
    id_prefix: str = ""
