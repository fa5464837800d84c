"""What the end of a worker means for the job that it had, in words a user can act on.

Pure: exit codes and facts in, failures out.
"""

from __future__ import annotations

import signal
from typing import Literal, TypeAlias

from fairlead.model.events import Attempt, Failure

__all__ = ["Verdict", "ended_by_us", "is_quiet", "of_death", "rewrite"]

Verdict: TypeAlias = Literal["", "timeout", "cancelled"]
"""Why we have a job ended, when we do."""

_CRASHES = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGSYS})
_OURS = 70
_ASKED = 128 + signal.SIGTERM


def of_death(code: int, *, out_of_memory: bool) -> Failure:
    """Tell why a worker that nobody here has ended took its job with it.

    `code`: as `os.waitstatus_to_exitcode` has it. `out_of_memory`: the kernel has ended processes
    for want of memory meanwhile.
    """
    if code in {_ASKED, -signal.SIGTERM}:
        return Failure("killed", "its process was ended from outside (SIGTERM)")
    if code == _OURS:
        return Failure("exit", "its worker process could not carry it out; the task's log says why")
    if code >= 0:
        return Failure("exit", f"its process ended in the middle of the task, with exit code {code} (os._exit)")
    name = _signal_name(-code)
    if -code in _CRASHES:
        return Failure("exit", f"its process crashed with {name}; the task's log may hold more")
    if -code == signal.SIGKILL:
        cause = ": memory ran out" if out_of_memory else ", perhaps because memory ran out"
        return Failure("killed", f"its process was killed ({name}){cause}")
    return Failure("killed", f"its process was ended from outside ({name})")


def is_quiet(code: int) -> bool:
    """Whether a worker that had no job ended as workers do: let go, asked, or killed."""
    return code in {0, _ASKED, -signal.SIGTERM, -signal.SIGKILL}


def ended_by_us(verdict: Verdict, limit: float | None) -> Failure:
    """Tell why we had a job ended."""
    if verdict == "timeout":
        return Failure("timeout", f"took longer than its {limit:g} s")
    return Failure("cancelled", "stopped while it ran")


def rewrite(record: Attempt, verdict: Verdict, limit: float | None) -> None:
    """Say in a record what ended the attempt, where its own process could not know.

    A task that succeeded nevertheless has succeeded.
    """
    if record.failure is None:
        return
    if verdict:
        told = ended_by_us(verdict, limit)
        was = record.failure
        record.failure = Failure(
            told.reason, told.message, traceback=was.traceback, arguments=was.arguments, place=was.place
        )
        record.outcome = "cancelled" if verdict == "cancelled" else "failed"
        record.retryable = True
    elif record.failure.reason == "killed":
        record.outcome = "lost"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
