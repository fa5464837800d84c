"""Words about runs and task runs: short descriptions, and why there is no result. No looking up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fairlead.author.problems import nearest
from fairlead.errors import DefinitionError, FairleadError, NotFinished, RunCancelled, RunDiverged, RunFailed
from fairlead.model.events import Attempt, Failure
from fairlead.model.path import BODY, group_of, said
from fairlead.model.run import Group, RunStatus, RunSummary
from fairlead.model.task import TaskDefinition
from fairlead.model.values import Value
from fairlead.model.workflow import MapNode, RepeatNode, SwitchNode, TaskNode, Workflow, bodies_of

__all__ = ["definition_at", "failure_text", "no_task", "pick_output", "run_in_short", "task_at", "why_no_results"]

_OVER = frozenset({"succeeded", "reused", "failed", "skipped", "cancelled"})


class _Run(Protocol):
    id: str

    def summary(self) -> RunSummary: ...
    def _attempts(self) -> list[Attempt]: ...


def run_in_short(summary: RunSummary, groups: Sequence[Group]) -> str:
    """`<WorkflowRun calm-otter: running, 3 of 7 succeeded, waiting for score[2].fit>`."""
    counts = summary.counts
    total = sum(counts.values())
    done = counts.get("succeeded", 0) + counts.get("reused", 0)
    words = [f"{summary.status}, {done} of {total} succeeded"]
    if summary.status == "running":
        busy = [group.name for group in groups if group.counts.get("running") or group.counts.get("queued")]
        if busy:
            words.append(f"busy with {', '.join(busy[:3])}")
    if summary.error:
        words.append(f"{summary.error} failed")
    return f"<WorkflowRun {summary.id}: {', '.join(words)}>"


def why_no_results(run: _Run, status: RunStatus) -> FairleadError:
    """Build the error for a run that has no results (yet)."""
    if status == "cancelled":
        return RunCancelled(f"run {run.id!r} was stopped; 'fairlead resume {run.id}' goes on with it", run_id=run.id)
    if status == "failed":
        failed = root_cause(run.summary(), run._attempts())
        if failed is None or failed.failure is None:
            by = run.summary().error
            return RunFailed(
                f"run {run.id!r} failed" + (f": {by!r} ended it with failure" if by else ""), run_id=run.id
            )
        if failed.path == BODY and failed.failure.type == RunDiverged.__name__:
            return RunDiverged(failed.failure.message, run_id=run.id)
        return RunFailed(failure_text(failed.path, failed.failure, failed.attempt), run_id=run.id, task=failed.path)
    if status == "interrupted":
        return NotFinished(
            f"run {run.id!r} was interrupted: its driver is gone; 'fairlead resume {run.id}' goes on with it"
        )
    waiting = "has not been started" if status == "created" else "is still running"
    return NotFinished(f"run {run.id!r} {waiting}; wait for it with get_results(wait=True)")


def root_cause(summary: RunSummary, attempts: Sequence[Attempt]) -> Attempt | None:
    """Find the failed attempt that made the run fail: the first that failed for good."""
    failed = [attempt for attempt in attempts if attempt.outcome in {"failed", "lost"} and attempt.failure]
    named = [attempt for attempt in failed if attempt.path == summary.error]
    chosen = named or sorted(failed, key=lambda attempt: attempt.ended or 0.0)[:1]
    return max(chosen, key=lambda attempt: attempt.attempt) if chosen else None


def failure_text(path: str, failure: Failure, attempt: int = 1) -> str:
    """Tell of a failure, the user's own error first."""
    kind = failure.type.rpartition(".")[2] if failure.type else failure.reason
    times = f" (attempt {attempt})" if attempt > 1 else ""
    # The attempts of a workflow's own code are its epochs, and nobody has asked for them.
    subject = f"task {path!r} failed{times}" if path != BODY else f"{said(path)} failed"
    lines = [f"{subject}: {kind}: {failure.message}" if failure.type else f"{subject}: {failure.message}"]
    if failure.arguments:
        lines.append("  with " + ", ".join(f"{name}={value}" for name, value in failure.arguments.items()))
    if failure.place is not None:
        lines.append(f"  at {failure.place.file}:{failure.place.line}")
    if failure.traceback:
        lines.extend(["", failure.traceback.rstrip()])
    return "\n".join(lines)


def no_task(run_id: str, path: str, known: Sequence[str]) -> str:
    """Say that a run has no such task run, and what it has."""
    from difflib import get_close_matches  # for mistakes only

    near = get_close_matches(path, known, n=1)
    hint = f" (nearest: {near[0]!r})" if near else ""
    return f"run {run_id!r} has no task run {path!r}{hint}; 'fairlead show {run_id}' lists its tasks"


def check_status(status: str, known: Sequence[str]) -> None:
    """Refuse a status that nothing can have; DefinitionError with the nearest."""
    if status not in known:
        raise DefinitionError(f"status={status!r} is no status{nearest(status, known)}; there are {', '.join(known)}")


def task_at(workflow: Workflow, path: str) -> TaskNode | None:
    """Find the node that places the task of a path; None when the path is not of this workflow."""
    return _find(workflow, path.split("."))


def _find(scope: Workflow, parts: list[str]) -> TaskNode | None:
    name, _, item = parts[0].partition("[")
    node = next((node for node in scope.nodes if node.name == name), None)
    if node is None:
        return None
    if isinstance(node, TaskNode):
        return node if len(parts) == 1 and not item else None
    if bool(item) != isinstance(node, (MapNode, RepeatNode)):
        return None  # the block as a whole
    for label, body in bodies_of(node):
        flat = not label and not isinstance(node, SwitchNode) and node.flat
        if flat and len(parts) == 1:
            inner = body.nodes[0]
            return inner if isinstance(inner, TaskNode) else None
        rest = parts[1:] if not label else parts[2:] if parts[1:2] == [label] else []
        if rest and not flat and (found := _find(body, rest)) is not None:
            return found
    return None


def block_at(workflow: Workflow, path: str) -> str:
    """Name the kind of a block by its path, with or without indexes: `map`, `switch`, `repeat` or `group`."""
    kinds: dict[type, str] = {MapNode: "map", SwitchNode: "switch", RepeatNode: "repeat"}
    scopes, found = [workflow], "group"
    for part in group_of(path).split("."):
        nodes = [node for scope in scopes for node in scope.nodes if node.name.partition("#")[0] == part]
        # What is no node is the label of a case or a handler, or the name before a colon of what was inlined.
        if nodes:
            found = kinds.get(type(nodes[0]), "group")
            scopes = [body for node in nodes for _, body in bodies_of(node)]
    return found


def definition_at(workflow: Workflow, attempt: Attempt) -> TaskDefinition | None:
    """Give the definition of an attempt's task; None for what is no task run."""
    if workflow.dynamic:
        from fairlead.model.recorded import definition_of

        return definition_of(workflow, attempt)
    node = task_at(workflow, attempt.path)
    return None if node is None else workflow.tasks[node.task]


def pick_output(workflow: Workflow, attempt: Attempt, name: str | None) -> Value | None:
    """Give a task run's output by name, its only one if None; None when there is no such thing."""
    if attempt.outcome not in {"succeeded", "reused"} or attempt.outputs is None:
        return None
    task = definition_at(workflow, attempt)
    if task is None:
        return None
    names = task.returns
    if name is None:
        return attempt.outputs[0] if len(names) == 1 else None
    return attempt.outputs[names.index(name)] if name in names else None
