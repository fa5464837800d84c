"""What is said about a run while it goes on, one line each. Text only; no stream, no clock."""

from __future__ import annotations

from fairlead.model.events import Attempt
from fairlead.model.notices import Plan
from fairlead.model.path import said
from fairlead.model.run import Group, RunSummary
from fairlead.model.words import done, duration, number, one_line, plural, said_counts, symbol

__all__ = ["closing_line", "failure_line", "is_over", "plan_line", "span", "success_line", "summary_line"]


def plan_line(plan: Plan) -> str:
    """Say what a resumed run is going to do: `reuse 41, run 3: train (features.py: scale changed)`."""
    again = [f"{name} ({reason})" if reason else name for name, reason in plan.again.items()]
    head = f"resumes {plan.parent}: " if plan.parent else ""
    todo = f"{number(plan.run)}: {', '.join(again)}" if again else "nothing"
    return f"{head}reuse {number(plan.reused)}, run {todo}"


def summary_line(counts: dict[str, int]) -> str:
    """Say how far a run is: `8 of 22 done, 1 failed, 2 running`."""
    others = said_counts(counts, without=("succeeded", "waiting", "ready", "queued", "reused"))
    return f"{number(done(counts))} of {number(sum(counts.values()))} done" + (f", {others}" if others else "")


def failure_line(attempt: Attempt, *, final: bool) -> str:
    """Say in one line which task run failed, and why."""
    failure = attempt.failure
    if failure is None:
        return f"{symbol('failed')} {said(attempt.path)}: {attempt.outcome}"
    kind = failure.type.rpartition(".")[2]
    message = one_line(failure.message)
    text = f"{kind}: {message}" if kind and failure.reason == "exception" else message or failure.reason
    place = f" ({failure.place})" if failure.place is not None else ""
    again = "" if final else "; it is tried again"
    return f"{symbol('failed')} {said(attempt.path)}: {text}{place}{again}"


def success_line(attempt: Attempt) -> str:
    """Say in one line what became of a task run."""
    if attempt.outcome == "reused":
        origin = f" from {attempt.origin.run}" if attempt.origin is not None else ""
        return f"{symbol('reused')} {said(attempt.path)}: reused{origin}"
    return f"{symbol(attempt.outcome or '')} {said(attempt.path)}: {attempt.outcome} in {duration(attempt.seconds)}"


def closing_line(summary: RunSummary, seconds: float) -> str:
    """Say in one line how a run ended."""
    tasks = plural(sum(summary.counts.values()), "task")
    counts = said_counts(summary.counts)
    return f"{summary.id} {summary.status}: {tasks} in {duration(seconds)}" + (f" ({counts})" if counts else "")


def is_over(group: Group) -> bool:
    """Whether every task run of a group has ended."""
    return group.total is not None and group.total > 0 and done(group.counts) >= group.total


def span(group: Group) -> float:
    """Give the seconds from a group's its first start to its last end."""
    if group.started is None or group.ended is None:
        return group.seconds
    return group.ended - group.started
