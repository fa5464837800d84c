"""The facts of a run, as they are recorded. Everything else about a run is derived from these.

A fact is written once under (path, attempt, kind); on disk, the facts of one attempt are one row.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from fairlead.model.run import TaskCode
from fairlead.model.task import Place, TaskDefinition
from fairlead.model.values import Value

__all__ = ["Attempt", "Call", "Defined", "Failure", "LogRange", "Origin", "Outcome", "Reason"]

Outcome: TypeAlias = Literal["succeeded", "failed", "cancelled", "lost", "reused"]

Reason: TypeAlias = Literal[
    "exception",  # the task's code raised
    "timeout",  # the attempt took longer than the task's time limit
    "exit",  # the process ended itself (sys.exit, os._exit, a crash)
    "killed",  # a signal from outside ended the process: out of memory, kill -9
    "lost",  # the driver or the machine went away under the attempt
    "unstorable",  # an output that no codec can keep, or that does not match the declared outputs
    "inputs",  # an input could not be loaded
    "refused",  # the executor cannot run it
    "cancelled",  # the run was stopped
    "definition",  # known only at run time: lists of unequal length, a value that is no list
]


class Failure(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why an attempt did not succeed, as data: never a pickled exception."""

    reason: Reason
    message: str
    """One or a few lines; the exception's own words where there is one."""
    type: str = ""
    """Qualified name of the exception's class."""
    traceback: str = ""
    """The user's frames, without ours, as Python prints them."""
    arguments: dict[str, str] = {}
    """The task's arguments in short, by name."""
    place: Place | None = None
    """The innermost line of the user's own code."""


class LogRange(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Where an attempt's output stands: bytes [start, end) of a log file of the run."""

    file: str
    start: int
    end: int


class Origin(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The attempt whose result is reused."""

    run: str
    path: str
    attempt: int


class Defined(msgspec.Struct, frozen=True, array_like=True):
    """A task definition that a dynamic body met on its way, with its code."""

    task: TaskDefinition
    code: TaskCode


class Call(msgspec.Struct, frozen=True, array_like=True):
    """What a dynamic body called: enough to know the call again. Of the body itself, how it went."""

    key: str
    """Stands for its place in the call tree, the task, its inputs and its occurrence among identical calls."""
    serial: int = 0
    """The order in which calls were made, for people: nothing is found by it."""
    task: int = 0
    """Index into the workflow's `tasks`; -1: `defined` says which."""
    args: dict[str, Value] = {}
    frames: tuple[str, ...] = ()
    """Keys of the workflow calls that it was made in, the outermost first."""
    ordered: bool = False
    """Nothing was going on beside it: the calls of its place were made in this order, and will be again."""
    place: Place | None = None
    defined: Defined | None = None
    causes: tuple[str, ...] = ()
    """Of the body: paths of the failures that it did not catch."""
    accepted: bool = False
    """Of the body: somebody said that it may take another way than before."""


class Attempt(msgspec.Struct, omit_defaults=True, gc=False):
    """What is recorded of one attempt. Times are seconds since the Unix epoch."""

    path: str
    attempt: int
    """1 for the first."""
    epoch: int = 0
    queued: float | None = None
    started: float | None = None
    ended: float | None = None
    seconds: float = 0.0
    """How long it took by a monotonic clock, which `ended - started` need not."""
    outcome: Outcome | None = None
    """None: not ended, as far as anybody recorded."""
    outputs: list[Value] | None = None
    """One value per declared output."""
    failure: Failure | None = None
    retryable: bool = True
    """Whether another attempt may be made when retries are left."""
    origin: Origin | None = None
    key: str = ""
    """The reuse key, where one was worked out."""
    log: LogRange | None = None
    metrics: dict[str, float] | None = None
    artifacts: dict[str, Value] | None = None
    """What the task kept by name with `log_artifact`."""
    worker: str = ""
    """Host and process, for people."""
    call: Call | None = None
    """Where it was called, in a dynamic workflow."""
    notes: tuple[str, ...] = ()
    """What is other where it ran than where the run was made: Python, Fairlead, packages; in words."""
