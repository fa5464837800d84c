"""`logs`, `results` and `artifacts`: what tasks printed, gave back and kept, whole."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from fairlead.api import Artifact, WorkflowRun
from fairlead.cli.options import Command, Form, environment, form, loudness, split_task
from fairlead.cli.outcome import is_single, named_results, results_document
from fairlead.cli.output import dumps, page_width, say, write_document, write_documents, write_page, write_text
from fairlead.cli.pages.values import results_page
from fairlead.errors import NotFound

__all__ = ["artifacts", "logs", "results"]


@click.command(
    cls=Command,
    arguments={"RUN[/TASK]": "A run, or one of its task runs: calm-otter/train[3], calm-otter/train."},
    help="Print what tasks printed, in the order in which they started. Of several tasks, each line begins with its"
    " task's path.",
    examples=(
        "fairlead logs calm-otter              everything",
        "fairlead logs 'calm-otter/train[3]'   one task run, as it is",
        "fairlead logs calm-otter -f           and what is printed from now on, until the run has ended",
    ),
)
@click.argument("run", metavar="RUN[/TASK]")
@click.option("-f", "--follow", is_flag=True, help="Go on until the run has ended (fairlead logs calm-otter -f).")
@environment
@form
@loudness
def logs(run: str, follow: bool, env: str | None, form: Form) -> None:
    """Print what tasks printed."""
    run_id, task = split_task(run)
    found = WorkflowRun.by_id(run_id, env)
    if task and task not in {group.name for group in found.groups()}:
        found.get_task(task)  # raises NotFound, with the nearest
    pieces = found.get_logs(task or None, follow=follow)
    if form == "json":
        write_document([{"path": path, "text": text} for path, text in pieces], form)
        return
    for text in _log_texts(pieces, task, form):
        write_text(text)
        if follow:
            sys.stdout.flush()


def _log_texts(pieces: Iterator[tuple[str, str]], task: str, form: Form) -> Iterator[str]:
    from fairlead.observers.output import OutputLines

    lines = OutputLines()
    for path, text in pieces:
        if form == "jsonl":
            yield dumps({"path": path, "text": text}, pretty=False)
        elif path == task:
            yield text
        else:
            yield "".join(f"{line}\n" for _, line in lines.take(path, text.encode()))
    yield "".join(f"{line}\n" for _, line in lines.rest())


@click.command(
    cls=Command,
    arguments={"RUN": "A run: calm-otter.", "NAME": "One result of several; without it, all of them."},
    help="Print what a run gave back. As JSON, values that JSON cannot hold are given as text, and that is said.",
    examples=(
        "fairlead results calm-otter                 for people",
        "fairlead results calm-otter score           one of several results",
        "fairlead results calm-otter -o json | jq .  for programs",
        "fairlead results calm-otter --wait          as soon as the run has ended",
    ),
)
@click.argument("run")
@click.argument("name", required=False)
@click.option("--wait", is_flag=True, help="Wait until the run has ended (fairlead results calm-otter --wait).")
@environment
@form
@loudness
def results(run: str, name: str | None, wait: bool, env: str | None, form: Form) -> None:
    """Print results."""
    found = WorkflowRun.by_id(run, env)
    value = found.get_results(wait=wait)
    if name is not None:
        known = named_results(found, value)
        if name not in known:
            raise NotFound(f"run {run!r} has no result {name!r}; it has {', '.join(known)}")
        value = known[name]
    if form != "table":
        _write_results(value, form)
        return
    several = name is None and not is_single(found, value)
    write_page(results_page(value if several else {"result": value}, width=page_width() or 100))


def _write_results(value: Any, form: Form) -> None:
    """Write results for programs, and say what JSON could not hold."""
    document = results_document(value)
    if form == "jsonl" and isinstance(document, list):
        write_documents(document, form)
    else:
        write_document(document, form)


@click.command(
    cls=Command,
    arguments={"RUN": "A run: calm-otter.", "NAME": "One artifact, by the name in the list: report/page.html."},
    help="List the values and files that a run's tasks gave back or kept with log_artifact; or save one to a file.",
    examples=(
        "fairlead artifacts calm-otter                           what there is",
        "fairlead artifacts calm-otter --kept                    only what tasks kept by name",
        "fairlead artifacts calm-otter report/page --save a.html one of them, as a file",
    ),
)
@click.argument("run")
@click.argument("name", required=False)
@click.option("--save", metavar="FILE", type=click.Path(path_type=Path), help="Write NAME to this file or folder.")
@click.option("--kept", is_flag=True, help="Only what tasks kept by name with log_artifact (--kept).")
@environment
@form
@loudness
def artifacts(run: str, name: str | None, save: Path | None, kept: bool, env: str | None, form: Form) -> None:
    """List or save artifacts."""
    if save is not None and name is None:
        raise click.UsageError("--save needs the name of an artifact; 'fairlead artifacts RUN' lists them")
    found = WorkflowRun.by_id(run, env).get_artifacts()
    if name is not None:
        found = {name: _named(found, run, name)}
        if save is not None:
            say([f"saved {name} as {found[name].save(save)}"])
            return
    rows = [(key, artifact.kind, artifact.size, artifact.kept) for key, artifact in found.items()]
    rows = [row for row in rows if row[3] or not kept]
    if form == "table":
        from fairlead.cli.pages.artifacts import artifacts_page

        write_page(artifacts_page(rows, width=page_width()))
        if not rows:
            say([f"run {run!r} keeps nothing yet"])
    else:
        keys = ("name", "kind", "size", "kept")
        write_documents([dict(zip(keys, row, strict=True)) for row in rows], form)


def _named(found: dict[str, Artifact], run: str, name: str) -> Artifact:
    if name in found:
        return found[name]
    ends = [key for key in found if key.rpartition("/")[2] == name]
    if len(ends) == 1:
        return found[ends[0]]
    from difflib import get_close_matches

    near = ends or get_close_matches(name, found, n=3)
    hint = f" (nearest: {', '.join(map(repr, near[:3]))})" if near else ""
    raise NotFound(f"run {run!r} has no artifact {name!r}{hint}; 'fairlead artifacts {run}' lists them")
