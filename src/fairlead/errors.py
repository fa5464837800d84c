"""Every error that Fairlead raises, in one tree; nothing else lives here.

FairleadError
├── DefinitionError       the workflow, its parameters or a call cannot be right     exit 2
├── ConfigurationError    the environment or a setting cannot be right              exit 2
├── NotFound              no such run, task, output or target                       exit 3
│   └── ArtifactMissing   a recorded value whose bytes are not there
├── NotFinished           the answer is not there yet
├── RunFailed             a run ended without success                              exit 1
│   ├── RunCancelled      it was stopped                                           exit 130
│   └── RunDiverged       a dynamic body took another way than it did before
├── OutsideFailure        something failed in a program that a task ran
│   ├── CommandFailed     a shell command
│   └── NotebookFailed    a cell of a notebook, or its kernel
├── TaskFailed            what a failed task raises in the body of a dynamic workflow
├── UnstorableValue       a value that no codec can keep
└── StoreError            the store refused or vanished                            exit 4
    ├── RunExists         that id is taken
    ├── RunBusy           another driver holds the run
    └── StaleEpoch        a newer driver has taken the run over
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "ArtifactMissing",
    "CommandFailed",
    "ConfigurationError",
    "DefinitionError",
    "FairleadError",
    "NotFinished",
    "NotFound",
    "NotebookFailed",
    "OutsideFailure",
    "RunBusy",
    "RunCancelled",
    "RunDiverged",
    "RunExists",
    "RunFailed",
    "StaleEpoch",
    "StoreError",
    "TaskFailed",
    "UnstorableValue",
]


class FairleadError(Exception):
    """Something went wrong that a user can act on."""

    exit_code: int = 1
    """What the command line exits with when this error ends it."""


class DefinitionError(FairleadError):
    """A workflow, its parameters or a call in it cannot be right.

    `problems` holds every problem found, one sentence each.
    """

    exit_code = 2

    def __init__(self, message: str, problems: Sequence[str] = ()) -> None:
        self.problems = tuple(problems) or (message,)
        super().__init__(message if not problems else "\n  ".join((message, *problems)))


class ConfigurationError(DefinitionError):
    """An environment or a setting cannot be right."""


class NotFound(FairleadError):
    """No such run, task, output or target."""

    exit_code = 3


class ArtifactMissing(NotFound):
    """A recorded value whose bytes are not in the artifact store."""


class NotFinished(FairleadError):
    """The run has not ended, so the answer is not there yet."""


class RunFailed(FairleadError):
    """A run ended without success; the root cause is told first."""

    def __init__(self, message: str, *, run_id: str = "", task: str = "") -> None:
        self.run_id = run_id
        self.task = task
        super().__init__(message)


class RunCancelled(RunFailed):
    """A run was stopped before it ended."""

    exit_code = 130


class OutsideFailure(FairleadError):
    """Something failed in a program that a task ran.

    `type` is the name of the exception there, `traceback` what that program says of it, `place` the
    file and line.
    """

    def __init__(
        self,
        message: str,
        *,
        type: str = "",  # noqa: A002  # as Failure has it
        traceback: str = "",
        place: tuple[str, int] | None = None,
    ) -> None:
        self.type = type
        self.traceback = traceback
        self.place = place
        super().__init__(message)


class CommandFailed(OutsideFailure):
    """A shell command ended with another code than 0, or gave less than it declares.

    `code` is its exit code; below zero it is the signal that ended it.
    """

    def __init__(self, message: str, *, code: int = 0, place: tuple[str, int] | None = None) -> None:
        self.code = code
        super().__init__(message, type="CommandFailed", place=place)


class NotebookFailed(OutsideFailure):
    """A cell of a notebook raised, or its kernel went away."""


class RunDiverged(RunFailed):
    """The body of a dynamic workflow took another way than it did before.

    Nothing that is recorded is lost. The message says what was expected, and what can be done.
    """


class TaskFailed(FairleadError):
    """A task that the body of a dynamic workflow called has failed for good.

    Where the type of the task's own exception is known here, it is an instance of that type as well, so that
    `except ValueError` catches it; of that exception it has the message and nothing else. `path` is the task
    run's, `type` and `message` are those of the task's exception, `reason` says what kind of failure it was
    (`exception`, `timeout`, `exit`, …), `traceback` is text.
    """

    def __init__(
        self, text: str, *, path: str = "", reason: str = "", kind: str = "", message: str = "", traceback: str = ""
    ) -> None:
        self.path = path
        self.reason = reason
        self.type = kind
        self.message = message
        self.traceback = traceback
        Exception.__init__(self, text)

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class UnstorableValue(FairleadError):
    """A value that no codec can keep."""


class StoreError(FairleadError):
    """The store refused or vanished."""

    exit_code = 4


class RunExists(StoreError):
    """A run with that id is already in the store."""


class RunBusy(StoreError):
    """Another driver holds the run's lease."""


class StaleEpoch(StoreError):
    """A newer driver has taken the run over; this one may not write to it."""
