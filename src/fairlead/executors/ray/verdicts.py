"""What Ray's errors mean for a job, in words a user can act on. Knows Ray's classes by name only."""

from __future__ import annotations

from typing import Any

from fairlead.model.events import Failure, Reason

__all__ = ["of_error", "of_worker"]

_MEANING: dict[str, tuple[Reason, str]] = {
    "TaskCancelledError": ("cancelled", "stopped before it started"),
    "OutOfMemoryError": ("killed", "Ray ended its worker because memory ran out on the node"),
    "WorkerCrashedError": (
        "killed",
        (
            "its worker process ended in the middle of the task: it crashed, ended itself (os._exit) or was killed;"
            " the task's log may hold more, and with 'isolate: true' the exit code is told"
        ),
    ),
    "NodeDiedError": ("lost", "the node that it ran on is gone"),
    "LocalRayletDiedError": ("lost", "the node that it ran on is gone"),
    "ObjectLostError": ("lost", "Ray has lost what it gave back"),
    "OwnerDiedError": ("lost", "Ray has lost what it gave back"),
    "RaySystemError": ("lost", "Ray failed under it"),
    "RuntimeEnvSetupError": ("refused", "Ray cannot make its runtime environment"),
    "TaskUnschedulableError": ("refused", "Ray cannot place it"),
}


def of_error(error: Any) -> Failure:
    """Tell why a Ray task gave no result."""
    names = [kind.__name__ for kind in type(error).__mro__]
    for name in names:
        if name in _MEANING:
            reason, words = _MEANING[name]
            more = _first_line(error) if reason in {"refused", "lost"} else ""
            return Failure(reason, f"{words}{': ' + more if more else ''}", type=names[0])
    if "RayTaskError" in names:
        cause = getattr(error, "cause", error)
        return Failure("refused", _of_cause(cause), type=type(cause).__name__)
    return Failure("lost", f"Ray failed under it: {type(error).__name__}: {_first_line(error)}", type=names[0])


def _of_cause(cause: Any) -> str:
    if isinstance(cause, ModuleNotFoundError) and cause.name == "fairlead":
        return (
            "Fairlead is not installed where Ray's workers run; install the version of the driver there,"
            " or have 'runtime_env: {pip: [fairlead]}' do it"
        )
    return f"Ray's worker could not take it: {type(cause).__name__}: {_first_line(cause)}"


def _first_line(error: Any) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:400] if lines else ""


def of_worker(verdict: str) -> Failure:
    """Tell why a worker has ended itself with its job; the driver knows the limit."""
    if verdict == "timeout":
        return Failure("timeout", "took longer than it may")
    return Failure("cancelled", "stopped while it ran")
