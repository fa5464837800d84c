"""`graph`: a workflow, or a run and how far it is, as a drawing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypeAlias

import click

from fairlead.api import WorkflowRun, load_target
from fairlead.author.callables import MISSING
from fairlead.cli.drawings.outline import Scope, outline
from fairlead.cli.options import Command, environment, loudness, pairs
from fairlead.cli.output import aside, write_document, write_text
from fairlead.model.words import cut, short
from fairlead.model.workflow import Workflow

__all__ = ["draw", "graph"]

Format: TypeAlias = Literal["mermaid", "dot", "svg", "json"]


@click.command(
    cls=Command,
    arguments={"TARGET|RUN": "A workflow (jobs.py, jobs.py:training, module:name), or the id of a run."},
    help="Draw a workflow: what runs, what flows where, what is done for each item of a list. Of a run, with the"
    " status, counts and times of its tasks.",
    examples=(
        "fairlead graph jobs.py                            mermaid, for a README or a notebook",
        "fairlead graph jobs.py --format svg > jobs.svg    a picture",
        "fairlead graph calm-otter --format svg > run.svg  a run, in colours",
        "fairlead graph jobs.py --format dot | dot -Tpdf   for Graphviz",
    ),
)
@click.argument("what", metavar="TARGET|RUN")
@click.option(
    "--format",
    "form",
    type=click.Choice(["mermaid", "dot", "svg", "json"]),
    default="mermaid",
    show_default=True,
    help="What to write (--format svg).",
)
@click.option(
    "-p",
    "--param",
    "given",
    metavar="NAME=VALUE",
    multiple=True,
    help="A parameter, where the graph depends on it (-p layers=3).",
)
@environment
@loudness
def graph(what: str, form: Format, given: tuple[str, ...], env: str | None) -> None:
    """Draw a workflow or a run."""
    if _is_target(what):
        with aside():
            workflow, values = _of_target(what, pairs(given, "-p"), env)
        _write(outline(workflow, defaults=values), form, workflow.name)
        return
    if given:
        raise click.UsageError("-p belongs to a workflow; a run has its parameters already")
    run = WorkflowRun.by_id(what, env)
    record = run.record
    values = {name: short(value, 30) for name, value in record.parameters.items()}
    scope = outline(record.workflow, run.groups(), values)
    _write(scope, form, f"{record.workflow.name} · {run.id} · {run.get_status()}")


def draw(scope: Scope, form: Format, title: str) -> str | dict[str, Any]:
    """Draw in a format: text, or a document for `json`."""
    if form == "svg":
        from fairlead.cli.drawings.svg import svg

        return svg(scope, title)
    if form == "dot":
        from fairlead.cli.drawings.dot import dot

        return dot(scope)
    if form == "mermaid":
        from fairlead.cli.drawings.mermaid import mermaid

        return mermaid(scope)
    from fairlead.cli.drawings.document import document

    return document(scope)


def _write(scope: Scope, form: Format, title: str) -> None:
    drawn = draw(scope, form, title)
    if isinstance(drawn, str):
        write_text(drawn)
    else:
        write_document(drawn, "json")


def _is_target(what: str) -> bool:
    """Whether a word means a workflow: ids of runs hold no dot and no colon."""
    return any(sign in what for sign in ".:/") or Path(what).is_file()


def _of_target(what: str, given: dict[str, str], env: str | None) -> tuple[Workflow, dict[str, str]]:
    target = load_target(what)
    known = [one for one in target.inputs if not one.required and one.default is not MISSING]
    texts = {one.name: cut(repr(one.default), 30) for one in known}
    return target.draft(given, env=env), {**texts, **given}
