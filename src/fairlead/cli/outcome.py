"""What came of a run, told at its end: its results, or the user's error and what to do next."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from fairlead.api import WorkflowRun
from fairlead.cli.output import aside, page_width, say, write_document, write_page
from fairlead.cli.wanted import Form
from fairlead.model.run import RunSummary
from fairlead.observers.terminal import Terminal

__all__ = ["finish", "is_single", "named_results", "results_document", "watched"]

_RESULT_LINES = 20
"""Lines of one result that are printed at the end of a run; `results` prints all."""


def watched(carry: Callable[[Terminal], WorkflowRun], loudness: int, form: Form) -> int:
    """Carry a run with somebody watching, tell what came of it, and give the exit code."""
    observer = Terminal(loudness=loudness)
    try:
        with aside():
            run = carry(observer)
    except KeyboardInterrupt:
        if observer.closed is None:
            raise
        return _tell_failure(None, observer.closed, form)
    finally:
        observer.close()
    return finish(run, form)


def finish(run: WorkflowRun, form: Form) -> int:
    """Tell what came of a run, and give the exit code that says the same."""
    summary = run.summary()
    if summary.status != "succeeded":
        return _tell_failure(run, summary, form)
    _tell_results(run, summary, form)
    return 0


def _tell_failure(run: WorkflowRun | None, summary: RunSummary, form: Form) -> int:
    from fairlead.cli.found import failures
    from fairlead.cli.pages.failure import failed_run_page, next_steps

    if form != "table":
        _write(summary, form, {})
    if run is None or summary.status == "cancelled":
        say(["", *next_steps(summary)])
        return 130
    say(["", *failed_run_page(summary, failures(run, summary))])
    return 1


def _tell_results(run: WorkflowRun, summary: RunSummary, form: Form) -> None:
    value = run.get_results()
    if form != "table":
        _write(summary, form, {"results": results_document(value)})
    elif value is not None:
        from fairlead.cli.pages.values import results_page
        from fairlead.model.workflow import passed_on

        named = named_results(run, value)
        write_page(results_page(named, width=page_width() or 100, limit=_RESULT_LINES, brief=passed_on(run.graph)))


def _write(summary: RunSummary, form: Form, more: dict[str, Any]) -> None:
    from fairlead.cli.pages.documents import summary_document

    write_document({**summary_document(summary, time.time()), **more}, form)


def results_document(value: Any) -> Any:
    """Turn results into what JSON can say; what it cannot is told on stderr."""
    from fairlead.cli.pages.documents import jsonable

    as_text: list[str] = []
    document = jsonable(value, as_text)
    if as_text:
        listed = ", ".join(as_text[:5]) + (f" and {len(as_text) - 5} more" if len(as_text) > 5 else "")
        say([f"note: given as text, because JSON cannot hold it: {listed}"])
    return document


def named_results(run: WorkflowRun, value: Any) -> dict[str, Any]:
    """Give results by name, also where a workflow has one only."""
    if not is_single(run, value):
        return dict(value)
    return {next(iter(run.graph.results), "result"): value}


def is_single(run: WorkflowRun, value: Any = None) -> bool:
    """Whether a workflow gives one value, not several by name; what a dynamic one gives, its `value` tells."""
    if run.graph.dynamic:
        return not (isinstance(value, dict) and value and all(isinstance(name, str) for name in value))
    return run.graph.single and len(run.graph.results) == 1
