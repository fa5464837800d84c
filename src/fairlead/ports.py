"""The seams: what the engine needs of the outside, as protocols. Nothing here does anything.

Everything that opens a file, a process or a network stands behind one of these. Built-ins and
third parties come through the same door (`fairlead.config.registry`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import msgspec

from fairlead.model.events import Attempt, Origin
from fairlead.model.job import Brief, Job, Offers, Reach, Report
from fairlead.model.run import Group, Run, RunFilter, RunStatus, RunSummary
from fairlead.model.task import TaskDefinition
from fairlead.model.values import Stored, Value

__all__ = [
    "ArtifactStore",
    "Brief",
    "Codec",
    "Commit",
    "Current",
    "Examines",
    "Executor",
    "Holds",
    "Job",
    "Launch",
    "Launcher",
    "Lease",
    "Observer",
    "Offers",
    "Plugin",
    "Reach",
    "Report",
    "RunStore",
    "Secrets",
    "Site",
    "TaskKind",
    "Values",
]


# --- being named by an environment ---------------------------------------------------------------


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """What a plugin may know of the place where it is opened."""

    folder: Path
    """The project's folder, which relative paths are relative to; `.fairlead` is in it."""
    name: str = ""
    """What the environment calls it, where it has several: the key under `executors` (executors only)."""
    durability: Literal["grouped", "each"] = "grouped"
    """How surely facts and artifacts are to be kept."""
    bench: Callable[[Brief], Any] | None = None
    """Makes what runs jobs in this process: `execute(job) -> Attempt`, `begin()`, `close()` (executors only)."""
    max_workers: int | None = None
    """Asked for on the command line: it wins over the settings (executors only)."""
    clock: Any = None
    """What a test has put in place of the machine's clock (executors only)."""
    values: Callable[[], Values] | None = None
    """Gives what reads the values of the run (observers only)."""


class Plugin(msgspec.Struct, frozen=True, kw_only=True):
    """Something that an environment can name: what it may be told, and how it is opened.

    Entry points lead to one of these; built-ins do, too.
    """

    open: Callable[[Any, Site], Any]
    """Takes the options and the site, and gives what the plugin is; a kind of task, whose settings are those
    of each task, is opened without options."""
    options: type[msgspec.Struct] | None = None
    """Its settings: fields with types, and with a description in `Annotated[…, msgspec.Meta(description=…)]`."""
    doc: str = ""
    """What it is, in one sentence."""
    needs: tuple[str, ...] = ()
    """Modules that must be installed for it."""
    install: str = ""
    """What to tell pip to get them: `fairlead[ray]`."""
    launch: Callable[[Any, Site], Launcher | None] | None = None
    """Takes the options and the site, and gives what starts the drivers of detached runs, where the options say that
    it is not a process of this machine (executors only)."""


# --- running a task ------------------------------------------------------------------------------


class Executor(Protocol):
    """Runs jobs for a driver. It has no graph, starts no threads that call back, decides nothing."""

    @property
    def offers(self) -> Offers:
        """What it honours, where that is known before it is opened."""

    def open(self, brief: Brief) -> None:
        """Get ready to take jobs of this run."""

    def room(self) -> int:
        """How many more jobs it would like to hold now; 0 when it has enough."""

    def submit(self, jobs: Sequence[Job]) -> list[Report]:
        """Take jobs over; gives back a report for each one that it refuses."""

    def extend(self, brief: Brief) -> None:
        """The run has further task definitions, behind those that it had; said before a job needs one.

        Asked of executors that offer `dynamic`, from any thread. Such an executor may also have a method
        `wake()`, called from any thread, that makes `poll` come back at once.
        """

    def poll(self, timeout: float) -> list[Report]:
        """Wait until something changed or `timeout` seconds are over; every change is told once."""

    def cancel(self, jobs: Iterable[tuple[str, int]], grace: float) -> None:
        """Ask (path, attempt) jobs to end, with their child processes; killed after `grace` seconds.

        Each is reported as ended with reason `cancelled`, or with its record where it was faster. A job that is
        reported so and was not asked to end counts as lost, as when somebody removes its container by hand: it
        runs again.
        """

    def close(self) -> None:
        """Let everything go; jobs that still run are ended with their child processes."""


@runtime_checkable
class Holds(Protocol):
    """An executor whose jobs may outlive the driver that submitted them."""

    def held(self) -> Sequence[tuple[str, int]]:
        """(path, attempt) of this run's jobs that an earlier driver submitted and nobody has heard the end of.

        Asked once, after `open`, when a run is taken up again. The driver waits for their reports in place of
        running these attempts again, and cancels those that it does not want.
        """


@runtime_checkable
class Examines(Protocol):
    """An executor that can tell, before anything runs, what tasks would lack where it runs them."""

    def lacks(self, tasks: Sequence[TaskDefinition], *, fetch: bool) -> Sequence[tuple[str, str]]:
        """Give what is missing: the task's name (empty: all of them) and what that is and what to do about it.

        Asked before `open`, beside what `offers` says. `fetch`: a run is about to be made, and what can be fetched
        for it (an image) may be; otherwise somebody only asks, and what would be fetched does not count as missing.
        """


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """A driver that is to be started, to carry a run."""

    run: str
    made: float
    """When the run was made: a store may have had another one of this id before."""
    epoch: int
    """Which epoch of the run it will open."""
    words: Sequence[str]
    """What follows `python -m fairlead`."""
    cwd: str
    """The folder to start it in, where that can be seen."""


class Launcher(Protocol):
    """Starts drivers elsewhere than on this machine, as an environment's executor says."""

    reach: Reach
    """Which stores a driver there can see: `host`, where it has this machine's files, or `network`."""
    place: str
    """What carries the run, for people: `a Ray job`."""
    remedy: str
    """What to do where a driver could not see the stores."""

    def start(self, launch: Launch) -> None:
        """Have a driver started, without waiting for it; the same launch twice is one driver. FairleadError."""

    def ended(self) -> str | None:
        """Give the last words of the driver that was started, once it has ended; None before that."""

    def close(self) -> None:
        """Let go what is held here; the driver goes on."""


class Current(Protocol):
    """What a running task may ask and say; `fairlead.current_run()` gives it."""

    @property
    def run_id(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def attempt(self) -> int: ...
    def secret(self, name: str) -> str: ...
    def log_metric(self, name: str, value: float) -> None: ...
    def log_artifact(self, name: str, value: Any) -> None: ...


class TaskKind(Protocol):
    """Knows how one kind of task is run. It may also have `close()`, which lets go what it holds open."""

    def run(
        self, task: TaskDefinition, function: Callable[..., Any] | None, inputs: Mapping[str, Any], current: Current
    ) -> Any:
        """Give what the task gives: a value, or a tuple of as many as it has outputs. What it raises is its failure.

        `task.sources` is what it consists of, `task.settings` what its author has said of it.
        """


# --- values --------------------------------------------------------------------------------------


class ArtifactStore(Protocol):
    """Keeps bytes under keys; written once, never changed.

    A key is a relative path of `/`-separated names (`sha256/ab/abcdef…`, `runs/calm-otter/train.1`).
    """

    reach: Reach

    def put(self, key: str, chunks: Sequence[bytes | memoryview]) -> int:
        """Write the chunks as one object, whole or not at all; gives its size in bytes.

        A key that exists is left as it is.
        """

    def put_file(self, key: str, path: Path) -> int:
        """The same from a file, by reflink or copy."""

    def get(self, key: str) -> memoryview:
        """Give the bytes, mapped into memory copy-on-write where the store can; ArtifactMissing."""

    def fetch(self, key: str, path: Path) -> None:
        """Write the bytes to a new file at `path` (a copy of its own); ArtifactMissing."""

    def exists(self, key: str, size: int | None = None) -> bool:
        """Whether it is there, whole (of that size, where one is given)."""

    def remove(self, key: str) -> None: ...

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Keys and sizes."""


class Codec(Protocol):
    """Turns values of some types into chunks of bytes, the same for equal values, and back."""

    def handles(self, value: Any) -> bool: ...
    def dump(self, value: Any) -> Sequence[bytes | memoryview]: ...
    def load(self, data: memoryview) -> Any: ...


class Values(Protocol):
    """Encodes and decodes whole values: codecs over an artifact store."""

    def encode(self, value: Any, *, rows: bool = False, hint: str = "", files: bool = True) -> Value:
        """Encode; raises UnstorableValue, naming the part of the value that cannot be kept.

        `rows`: store a list item by item. `hint`: key prefix for values too large to digest first.
        `files=False`: paths travel as paths, not as the files that they name.
        """

    def decode(self, value: Value) -> Any:
        """Give a copy of the value that is the caller's own; ArtifactMissing."""

    loans: list[Path]
    """Folders with the copies of files and folders that `decode` made and `release` removes."""

    def release(self) -> None:
        """Remove the copies of files and folders that `decode` has made so far."""

    def keep(self, path: Path) -> Stored:
        """Keep a file under the digest of its bytes, so that the same bytes are kept once; UnstorableValue."""

    def fetch(self, value: Stored, path: Path) -> None:
        """Write a kept file anew at `path`; ArtifactMissing."""

    def digest(self, value: Value) -> str:
        """The canonical digest, worked out from the bytes when the value does not carry it."""

    def paths(self, value: Value) -> list[Path]:
        """Paths that travel as paths, not as the files that they name."""

    def missing(self, value: Value) -> list[str]:
        """Keys of stored parts whose bytes are not there, whole."""


# --- keeping -------------------------------------------------------------------------------------


class Lease(Protocol):
    """A driver's hold on a run; gone when the driver is, however it ended."""

    def release(self) -> None: ...


class Commit(msgspec.Struct):
    """What a driver writes in one transaction."""

    attempts: list[Attempt]
    """New or further facts; a row is merged with what is there under (path, attempt)."""
    counts: dict[str, int] | None = None
    """The run's task runs by status, as of these facts."""
    groups: list[Group] = msgspec.field(default_factory=list)
    """Only those that changed."""
    status: RunStatus | None = None
    """`running` when the run is taken up, a final one when it is closed; `elsewhere` after the former: nobody will
    hold its lease, and that does not make it interrupted."""
    error: str = ""
    at: float = 0.0


class RunStore(Protocol):
    """Keeps runs and their facts. Safe for many threads and many processes at once."""

    reach: Reach

    def create(self, run: Run, groups: Sequence[Group] = ()) -> None:
        """Record a new run as `created`; RunExists."""

    def get(self, run_id: str) -> Run:
        """NotFound when there is none; the message says what to do."""

    def summary(self, run_id: str) -> RunSummary:
        """With `interrupted` in place of `running` when nobody holds its lease; NotFound."""

    def list(self, wanted: RunFilter) -> Sequence[RunSummary]:
        """Newest first, with `interrupted` worked out as in `summary`."""

    def groups(self, run_id: str) -> Sequence[Group]:
        """In the order in which they were first committed."""

    def lease(self, run_id: str) -> Lease:
        """Take the run over; RunBusy when a living driver holds it."""

    def open(self, run_id: str, at: float) -> int:
        """Begin the run's next epoch and give its number; older epochs can write no more.

        Takes back `cancel_asked`. Need not be on the disk before the epoch's first facts are.
        """

    def append(self, run_id: str, epoch: int, commit: Commit) -> None:
        """Write it all, durably, or nothing; StaleEpoch when a newer driver opened the run."""

    def attempts(
        self,
        run_id: str,
        *,
        group: str | None = None,
        path: str | None = None,
        under: str | None = None,
        outcome: str | None = None,
        limit: int | None = None,
    ) -> Sequence[Attempt]:
        """What is recorded of the run's attempts, all or those of one group, path or outcome.

        `under`: those whose path goes on with `.` or `[` after this one: of the task runs inside a block,
        or inside one of its items.
        """

    def find(self, keys: Sequence[str]) -> dict[str, tuple[Origin, Attempt]]:
        """Successful attempts of any run by reuse key: the newest of each."""

    def ask_cancel(self, run_id: str, at: float) -> bool:
        """Ask whoever carries the run to stop; False (and no effect) when it has ended."""

    def cancel_asked(self, run_id: str) -> bool:
        """Cheap enough to be asked ten times a second."""

    def remove(self, run_id: str) -> None: ...

    def close(self) -> None: ...


class Secrets(Protocol):
    """Where secret values come from, by name."""

    def get(self, name: str) -> str:
        """NotFound when there is none of that name."""


class Observer(Protocol):
    """Is told what happens in a run, in a thread of its own; one that raises is told again, of later events.

    It is opened anew for each time that a driver takes a run up; `Closed` is the last that it is told.
    It may also have: `notify_all(run, events)`, which is called in place of `notify` with all that has
    come in; `pause`, seconds between two calls; `grace`, seconds at the end of a run before it is cut
    off (5); `wants_output`, whether it is told what tasks print.
    """

    def notify(self, run: Run, event: Any) -> None: ...
