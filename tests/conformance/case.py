"""What a case of the book is: a workflow, and what must come of it. Workers import it, and so it imports little."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["Case", "statuses"]


class Case(NamedTuple):
    """One line of the page."""

    says: str
    """What is tried, as a noun."""
    make: Callable[[str], Any]
    """Gives the workflow with its parameters; takes a folder that all tasks and the test see."""
    results: Any = None
    status: str = "succeeded"
    tasks: str = ""
    """The status of every task run, in the order of the graph; see `statuses`."""
    error: str = ""
    """What the error says that results are asked for with, where it has failed."""
    way: str = "run"
    """`run` once; run `twice`; `resume` after a failure; `stop` it; `kill` its driver and resume it."""
    then: str = ""
    """The same of the second run, or after the resume."""
    change: Callable[[str], Any] | None = None
    """Gives the workflow for the second run, where it is another."""
    seen: Callable[[Any], Any] | None = None
    """Looks at the run, and gives True where all is well: logs, metrics, artifacts."""
    refused: dict[str, str] = {}  # noqa: RUF012 - a default that nobody changes
    """By executor: what `check` says, where it cannot be done there."""
    left_out: dict[str, str] = {}  # noqa: RUF012
    """By executor, store or `executor x store`: why it means nothing there."""
    needs: tuple[str, ...] = ()
    """Modules that its tasks import."""
    core: bool = False
    """CI runs it also in columns of which it runs a part only."""


def statuses(text: str) -> dict[str, str]:
    """Read the statuses of task runs: `load square[0-2] total=skipped`; what says none has succeeded."""
    found = {}
    for word in text.split():
        path, _, status = word.partition("=")
        head, dash, tail = path.partition("-")
        first, last = (int(head.rpartition("[")[2]), int(tail.partition("]")[0])) if dash else (0, 0)
        for number in range(first, last + 1):
            whole = f"{head.rpartition('[')[0]}[{number}]{tail.partition(']')[2]}" if dash else path
            found[whole] = status or "succeeded"
    return found
