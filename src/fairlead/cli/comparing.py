"""`diff`: what differs between two runs."""

from __future__ import annotations

import click

from fairlead.api import WorkflowRun
from fairlead.cli.options import Command, Form, environment, form, loudness
from fairlead.cli.output import page_width, say, write_documents, write_page
from fairlead.cli.text import Column, Span, table

__all__ = ["diff"]


@click.command(
    cls=Command,
    arguments={"RUN": "The run to start from: calm-otter.", "OTHER": "The run to compare it with: brave-heron."},
    help="Say what differs from one run to another: parameters, environment, packages and Python, code of tasks by"
    " symbol, their options, inputs and outputs, and how they ended. What many task runs of a map have in common is"
    " told once.",
    examples=(
        "fairlead diff calm-otter brave-heron             everything that differs",
        "fairlead diff calm-otter brave-heron -o jsonl    a line for each difference, for programs",
    ),
)
@click.argument("run")
@click.argument("other")
@environment
@form
@loudness
def diff(run: str, other: str, env: str | None, form: Form) -> None:
    """Compare two runs."""
    found = WorkflowRun.by_id(run, env).differences(WorkflowRun.by_id(other, env))
    if form != "table":
        write_documents([{"about": about, "name": name, "text": text} for about, name, text in found], form)
        return
    columns = (Column("about"), Column("name"), Column(f"{run} -> {other}", elastic=True))
    rows = [(Span(about, "dim"), Span(name, "bold"), text) for about, name, text in found]
    if rows:
        write_page(table(columns, rows, width=page_width()))
    else:
        say([f"nothing differs between {run} and {other}"])
