"""`show` and `explain`: what happened in a run, read from its summary and counts as far as they tell it.

Each page is imported where it is shown: a look must not pay for the others.
"""

from __future__ import annotations

import time

import click

from fairlead.api import TaskRun, WorkflowRun
from fairlead.cli.found import attempts_of, failures, reused_attempts, task_runs_in, task_view
from fairlead.cli.options import Command, Form, environment, form, loudness, split_task
from fairlead.cli.output import page_width, write_document, write_documents, write_page
from fairlead.cli.views import RunView
from fairlead.errors import NotFound

__all__ = ["explain", "show"]


@click.command(
    cls=Command,
    arguments={"RUN[/TASK]": "A run, or one of its task runs: calm-otter, calm-otter/train[3], calm-otter/train."},
    help="Show what a run did, a line for each task name: what ran, what was reused, what failed and with which"
    " values. With a task: its attempts, inputs, outputs, failure and log.",
    examples=(
        "fairlead show calm-otter              the whole run",
        "fairlead show 'calm-otter/train[3]'   one task run (quoted, because of the shell)",
        "fairlead show calm-otter/train        all task runs of that name",
        "fairlead show calm-otter/each         a block: the task runs inside it",
        "fairlead show calm-otter -o json      the same for programs",
    ),
)
@click.argument("run", metavar="RUN[/TASK]")
@environment
@form
@loudness
def show(run: str, env: str | None, form: Form) -> None:
    """Show a run or a task run."""
    run_id, task = split_task(run)
    found = WorkflowRun.by_id(run_id, env)
    if task:
        _show_task(found, task, form)
        return
    from fairlead.cli.pages.run import run_page

    now = time.time()
    summary = found.summary()
    view = RunView(summary, found.groups(), found.record, failures(found, summary), reused_attempts(found, summary))
    if form == "table":
        write_page(run_page(view, now=now, width=page_width()))
    else:
        from fairlead.cli.pages.documents import run_document

        write_document(run_document(view, now), form)


def _show_task(run: WorkflowRun, task: str, form: Form) -> None:
    try:
        view = task_view(run, task)
    except NotFound:
        # Not the path of a task run; perhaps the name of many, or a block.
        if task in {group.name for group in run.groups()}:
            _show_task_runs(run, task, form)
        elif inside := task_runs_in(run, task):
            _show_block(run, task, inside, form)
        else:
            raise
        return
    if form == "table":
        from fairlead.cli.pages.task import task_page

        write_page(task_page(view, width=page_width()))
    else:
        from fairlead.cli.pages.documents import task_document

        write_document(task_document(view), form)


def _show_block(run: WorkflowRun, path: str, inside: list[TaskRun], form: Form) -> None:
    from fairlead.api.telling import block_at
    from fairlead.cli.pages.block import block_document, block_page

    kind = block_at(run.graph, path)
    if form == "table":
        write_page(block_page(run.id, path, kind, inside, width=page_width()))
    else:
        write_document(block_document(run.id, path, kind, inside), form)


def _show_task_runs(run: WorkflowRun, name: str, form: Form) -> None:
    attempts = attempts_of(run, name=name)
    if form == "table":
        from fairlead.cli.pages.task_runs import task_runs_page

        write_page(task_runs_page(run.id, name, attempts, width=page_width()))
    else:
        from fairlead.cli.pages.documents import attempt_document

        write_documents([attempt_document(attempt) for attempt in attempts], form)


@click.command(
    cls=Command,
    arguments={"RUN[/TASK]": "A run, or one of its task runs: calm-otter/train[3], calm-otter/train."},
    help="Say why each task ran or why its result was reused: which code, inputs, options or packages changed, and"
    " what could not be analysed.",
    examples=(
        "fairlead explain calm-otter/train    why it ran",
        "fairlead explain calm-otter          the same of every task",
    ),
)
@click.argument("run", metavar="RUN[/TASK]")
@environment
@form
@loudness
def explain(run: str, env: str | None, form: Form) -> None:
    """Say why tasks ran or were reused."""
    run_id, task = split_task(run)
    found = WorkflowRun.by_id(run_id, env).explain(task or None)
    if form == "table":
        from fairlead.cli.pages.explained import explained_page

        write_page(explained_page(found))
    else:
        write_documents([{"path": path, "reasons": reasons} for path, reasons in found.items()], form)
