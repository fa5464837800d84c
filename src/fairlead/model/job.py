"""Jobs as executors are given them, and what they say of them: data that crosses processes and hosts.

Nothing here does anything. The seams that hand it over are in `fairlead.ports`.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

from fairlead.model.events import Attempt, Failure
from fairlead.model.run import Code
from fairlead.model.task import TaskDefinition
from fairlead.model.values import Value

__all__ = ["Brief", "Job", "Offers", "Reach", "Report"]

Reach: TypeAlias = Literal["process", "host", "network"]
"""From where a store can be used."""


class Brief(msgspec.Struct, omit_defaults=True):
    """What a task's process must know of a run, sent once per run and worker."""

    run: str
    tasks: tuple[TaskDefinition, ...]
    code: Code
    scratch: str
    """Folder of this run's logs and temporary files."""
    artifacts: dict[str, Any] = {}
    """How to open the artifact store (the environment's `artifacts` section)."""
    secrets: dict[str, Any] = {}
    """How to open the secrets (the environment's `secrets` section)."""
    codecs: dict[str, Any] = {}
    """How to open the environment's codecs; empty: it names none."""
    notes: tuple[str, ...] = ()
    """What is other where the driver is than where the run was made: for workers that have its Python and packages."""


class Job(msgspec.Struct, array_like=True, gc=False):
    """One attempt of one task run, ready to go."""

    run: str
    path: str
    attempt: int
    task: int
    """Index into the brief's tasks."""
    args: dict[str, Value]
    rows: tuple[int, ...] = ()
    """Outputs to be stored item by item."""

    @property
    def name(self) -> str:
        """Unique over all runs; submitting one name twice is submitting it once."""
        return f"{self.run}/{self.path}#{self.attempt}"


class Report(msgspec.Struct, array_like=True, gc=False):
    """What an executor has to say about one job.

    `ended` with a record: the record decides. `ended` without one: `failure` says why, and
    `failure.reason` in (`killed`, `lost`) may be tried again without counting as a retry.
    """

    path: str
    attempt: int
    status: Literal["running", "ended", "returned"]
    """`returned`: never started and handed back, to be submitted again."""
    record: Attempt | None = None
    failure: Failure | None = None
    at: float = 0.0
    """When it started (`running`) or ended; seconds since the Unix epoch."""
    log_file: str = ""
    """Where its output goes while it runs (`running`)."""
    log_start: int = 0
    worker: str = ""


class Offers(msgspec.Struct, frozen=True, kw_only=True):
    """What an executor honours; `check` compares it with what a workflow needs."""

    reach: Reach
    """Which stores its tasks can see: in_process needs `process`, local `host`, others `network`."""
    timeout: bool = True
    env_vars: bool = True
    cpu: float = 1
    """Processors there are for one task at most."""
    memory: int | None = None
    """Bytes for one task at most; None: unknown, nothing is refused."""
    gpu: int = 0
    image: bool = False
    parallel: int = 1
    """Tasks at once at most."""
    echo: bool = False
    """What its tasks write reaches this process's terminal by itself."""
    dynamic: bool = False
    """It takes calls of a dynamic workflow as they come up, and definitions that were not in the brief (`extend`)."""
