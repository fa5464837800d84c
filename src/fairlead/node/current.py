"""What a running task may ask and say: `current_run()`. Made for one task, and cheap to make.

Nothing here runs a task or knows where its output goes.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from fairlead.errors import FairleadError, NotFound
from fairlead.model.secret import ask_task
from fairlead.model.values import Value
from fairlead.ports import Current, Job

if TYPE_CHECKING:
    from fairlead.node.execute import Bench

__all__ = ["AT_WORK", "Running", "current_run", "number"]

AT_WORK: ContextVar[Bench | None] = ContextVar("fairlead_bench", default=None)
"""The bench whose task runs in this context."""


def current_run() -> Current:
    """Give the task run that this code runs in: its run, path, attempt, secrets, metrics, artifacts.

    Raises FairleadError outside of a task.
    """
    found = _running()
    if found is None:
        raise FairleadError(
            "current_run() was called outside of a task; it means something only while a workflow runs the task"
        )
    return found


def _running() -> Running | None:
    bench = AT_WORK.get()
    if bench is None:
        # A thread that the task started has no context of the task's.
        from fairlead.node.capture import bench_of_thread

        bench = bench_of_thread()
    return bench.current if bench is not None else None


def _source() -> Callable[[str], str] | None:
    found = _running()
    return found.secret if found is not None else None


ask_task(_source)


class Running:
    """One attempt of one task run, as its own code sees it."""

    __slots__ = ("_bench", "_job", "artifacts", "metrics")

    def __init__(self, bench: Bench, job: Job) -> None:
        self._bench = bench
        self._job = job
        self.metrics: dict[str, float] | None = None
        self.artifacts: dict[str, Value] | None = None

    @property
    def run_id(self) -> str:
        """The id of the workflow run."""
        return self._job.run

    @property
    def path(self) -> str:
        """Where in the run this task stands: `train[3]`."""
        return self._job.path

    @property
    def attempt(self) -> int:
        """1 for the first."""
        return self._job.attempt

    def secret(self, name: str) -> str:
        """Give a secret that the task declares; NotFound for any other, or where there is none."""
        task = self._bench.brief.tasks[self._job.task]
        if name not in task.secrets:
            raise NotFound(f"task {task.name!r} does not declare the secret {name!r}; add secrets=[{name!r}] to it")
        return self._bench.secret(name)

    def log_metric(self, name: str, value: float) -> None:
        """Record a number of this attempt under a name; the last one said counts."""
        measured = number(value)
        if measured is None:
            raise TypeError(f"metric {name!r} must be a number, and {type(value).__qualname__} is not")
        if self.metrics is None:
            self.metrics = {}
        self.metrics[name] = measured

    def log_artifact(self, name: str, value: Any) -> None:
        """Keep a value with this attempt under a name; UnstorableValue when no codec can."""
        hint = f"runs/{self._job.run}/{self._job.path}.{self._job.attempt}.{name}"
        encoded = self._bench.values.encode(value, hint=hint)
        if self.artifacts is None:
            self.artifacts = {}
        self.artifacts[name] = encoded

    def __repr__(self) -> str:
        return f"<Running {self._job.name}>"


def number(value: Any) -> float | None:
    """Give what measures something as a float; None for what does not (text, lists, None)."""
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, (str, bytes)) or not hasattr(value, "__float__"):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None  # an array of several numbers has __float__, too
