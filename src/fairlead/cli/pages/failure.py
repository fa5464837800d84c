"""What a failure looks like: the user's own error first, then what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fairlead.cli.text import Line, Span, plain
from fairlead.model.events import Attempt, Failure
from fairlead.model.path import BODY, said
from fairlead.model.run import RunSummary
from fairlead.model.words import cut, one_line, plural, said_counts

__all__ = ["call_of", "failed_run_page", "failure_page", "headline"]

_LISTED = 8
"""Failed task runs that are named; a map of 10,000 that all failed needs no more."""


def headline(failure: Failure) -> str:
    """Say in one line what went wrong."""
    message = one_line(failure.message)
    if failure.reason == "exception":
        kind = failure.type.rpartition(".")[2]
        return f"{kind}: {message}" if kind and message else kind or message
    return message or failure.reason


def call_of(path: str, arguments: Mapping[str, str], limit: int = 80) -> str:
    """Write a task run as the call that it was: `train[3](chunk=[1, 2], rate=0.1)`."""
    if path == BODY:
        return said(path)
    return f"{path}({', '.join(f'{name}={cut(text, limit)}' for name, text in arguments.items())})"


def failure_page(attempt: Attempt) -> list[Line]:
    """Tell one failed attempt: which call, the user's traceback, the reason."""
    failure = attempt.failure
    if failure is None:
        return [[Span(attempt.path, "bold"), Span(f" {attempt.outcome or 'has not ended'}")]]
    page = [[Span(call_of(attempt.path, failure.arguments), "bold"), Span(" failed", "bad"), *_tries(attempt)]]
    if failure.traceback:
        page += plain(failure.traceback, indent=2)
        if failure.reason != "exception":
            page.append([Span("  "), Span(headline(failure), "bad")])
        return page
    page += [[Span("  "), Span(line, "bad")] for line in [headline(failure), *failure.message.strip().splitlines()[1:]]]
    if failure.place is not None:
        page.append([Span(f"  at {failure.place.file}:{failure.place.line}", "dim")])
    return page


def _tries(attempt: Attempt) -> Line:
    return [Span(f" (attempt {attempt.attempt})", "dim")] if attempt.attempt > 1 and attempt.path != BODY else []


def failed_run_page(summary: RunSummary, failed: Sequence[Attempt]) -> list[Line]:
    """Tell why a run failed: the first of `failed` in full, the others by name, and what to do next."""
    page: list[Line] = []
    if failed:
        page += failure_page(failed[0])
        names = [attempt.path for attempt in failed[1:]]
        amount = max(summary.counts.get("failed", 0) - 1, len(names))
        if amount:
            listed = ", ".join(names[:_LISTED]) + (", …" if amount > len(names[:_LISTED]) else "")
            page.append(
                [Span(f"  {number_more(amount)} failed: {listed}" if names else f"  {number_more(amount)} failed")]
            )
    elif summary.error:
        page += [[Span(line, "bad")] for line in summary.error.splitlines()]
    skipped = said_counts({status: summary.counts.get(status, 0) for status in ("skipped", "cancelled")})
    if skipped:
        page.append([Span(f"  {skipped}, because of what came before", "dim")])
    if page:
        page[0] = [Span("error: ", "bad"), *page[0]]
    return [*page, [], *next_steps(summary, failed[0].path if failed else "")]


def number_more(amount: int) -> str:
    """Say how many others there are."""
    return f"{plural(amount, 'other task')}"


def next_steps(summary: RunSummary, task: str = "") -> list[Line]:
    """Say which commands help with a run that ended without success."""
    steps = [(f"fairlead resume {summary.id}", "goes on; what succeeded is not run again")]
    if task:
        steps.insert(0, (f"fairlead logs {_quoted(f'{summary.id}/{task}')}", "prints what the task printed"))
        steps.insert(1, (f"fairlead show {_quoted(f'{summary.id}/{task}')}", "its attempts, inputs and outputs"))
    width = max(len(command) for command, _ in steps)
    return [[Span(f"  {command:<{width}}", "bold"), Span(f"  {says}", "dim")] for command, says in steps]


def _quoted(word: str) -> str:
    """Quote what a shell would take for a pattern: `train[3]`."""
    return f"'{word}'" if any(sign in word for sign in "[]# *?") else word
