"""`runs`: the list of runs, from their summaries alone."""

from __future__ import annotations

import time
from typing import cast

import click

from fairlead.api import list_summaries
from fairlead.cli.options import Command, Form, environment, form, loudness
from fairlead.cli.output import page_width, say, write_documents, write_page
from fairlead.cli.pages.runs import runs_page
from fairlead.cli.spans import moment
from fairlead.model.run import RunStatus

__all__ = ["runs"]

_STATUSES = ("created", "running", "succeeded", "failed", "cancelled", "interrupted")


@click.command(
    cls=Command,
    help="List runs, newest first: what each did, when, how long it took, and how many of its tasks are done.",
    examples=(
        "fairlead runs                               the newest 50",
        "fairlead runs --status failed --since 2d    what went wrong since the day before yesterday",
        "fairlead runs --where 'tag=nightly and param.rate>0.1'    by what they were given, and more",
        "fairlead runs -o jsonl | jq .id             one JSON document per run",
    ),
)
@click.option("--workflow", metavar="NAME", help="Only runs of this workflow (--workflow training).")
@click.option("--status", type=click.Choice(_STATUSES), help="Only runs with this status (--status failed).")
@click.option("--since", metavar="WHEN", help="Only runs made since then: --since 2h (ago), --since 2026-03-01.")
@click.option(
    "--tag", "tags", metavar="T", multiple=True, help="Only runs with this tag (--tag nightly); several mean all."
)
@click.option(
    "--where",
    metavar="CONDITION",
    default="",
    help="Only runs that it is true of (--where 'status=failed and param.rate>0.1'). Fields: id, workflow, status, tag,"
    " error, parent, target, env, user, host, epoch, seconds, created, started, ended, tasks, tasks.STATUS, param.NAME,"
    " metric.NAME; marks: = != < <= > >= ~ (contains); and, or, not, parentheses.",
)
@click.option(
    "--limit", type=click.IntRange(min=0), default=50, show_default=True, help="So many (--limit 5); 0 lists all."
)
@environment
@form
@loudness
def runs(
    workflow: str | None,
    status: str | None,
    since: str | None,
    tags: tuple[str, ...],
    where: str,
    limit: int,
    env: str | None,
    form: Form,
) -> None:
    """List runs."""
    now = time.time()
    found = list_summaries(
        workflow=workflow,
        status=cast("RunStatus | None", status),
        since=None if since is None else moment(since, now),
        tags=tags,
        limit=limit or None,
        where=where,
        env=env,
    )
    if form != "table":
        from fairlead.cli.pages.documents import summary_document

        write_documents([summary_document(summary, now) for summary in found], form)
        return
    width = page_width()
    write_page(runs_page(found, now=now, width=width, relative=width is not None))
    if not found:
        say(["no runs here; 'fairlead run FILE' makes one"])
    elif len(found) == limit:
        say([f"the newest {limit}; --limit 0 lists all"])
