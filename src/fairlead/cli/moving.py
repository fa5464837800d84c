"""`export` and `import`: a run as one file."""

from __future__ import annotations

from pathlib import Path

import click

from fairlead.api import WorkflowRun, import_run
from fairlead.cli.options import Command, environment, loudness
from fairlead.cli.output import say, write_text
from fairlead.model.words import size

__all__ = ["export", "import"]  # noqa: F822 - the second is a word of Python's, and set below


@click.command(
    cls=Command,
    arguments={"RUN": "A run that is not going on: calm-otter."},
    help="Write a run to one file: its record, what happened in it, its values, files and logs. 'fairlead import' takes"
    " it in elsewhere, where it can be looked at, explained and resumed.",
    examples=(
        "fairlead export calm-otter                      to calm-otter.fairlead",
        "fairlead export calm-otter -o /mnt/otter.zip    to a file of your choice (it is a zip)",
    ),
)
@click.argument("run")
@click.option(
    "-o",
    "--output",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write, otherwise RUN.fairlead here (-o otter.fairlead).",
)
@environment
@loudness
def export(run: str, file: Path | None, env: str | None) -> None:
    """Write a run to a file."""
    found = WorkflowRun.by_id(run, env)
    written = found.export(file or Path(f"{run}.fairlead"))
    say([f"wrote {size(written.stat().st_size)}; 'fairlead import {written}' takes it in"])
    write_text(f"{written}\n")


@click.command(
    cls=Command,
    arguments={"FILE": "A file that 'fairlead export' wrote: calm-otter.fairlead."},
    help="Take in a run from a file. Everything in it is checked first, and no run is overwritten. Take files only from"
    " those whose code you would run: values may be pickles.",
    examples=(
        "fairlead import calm-otter.fairlead                under its own id",
        "fairlead import calm-otter.fairlead --id theirs    under another",
    ),
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--id", "run_id", metavar="ID", help="The id to keep it under, instead of its own (--id theirs).")
@environment
@loudness
def take_in(file: Path, run_id: str | None, env: str | None) -> None:
    """Take in a run."""
    found = import_run(file, env, run_id=run_id)
    say([f"'fairlead show {found.id}' shows it"])
    write_text(f"{found.id}\n")


globals()["import"] = take_in
