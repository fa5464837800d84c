"""`compile`: a workflow as the files that an orchestrator takes."""

from __future__ import annotations

from pathlib import Path

import click

from fairlead.api import compile_for, load_target
from fairlead.cli.options import Command, environment, loudness, pairs
from fairlead.cli.output import aside, say, write_text
from fairlead.cli.running import with_parameters

__all__ = ["compile_target"]


@click.command(
    cls=Command,
    arguments={"TARGET": "A workflow: file.py, file.py:name, or module:name."},
    help="Write the files that the environment's orchestrator takes, such as Argo's WorkflowTemplate. The definition"
    " itself, with its code, goes to the environment's artifact store. The same workflow gives the same bytes.",
    examples=(
        "fairlead compile jobs.py --env argo.yaml -o deploy      writes deploy/training.yaml",
        "fairlead compile jobs.py --env argo.yaml -p rate=0.2    with another value to start from",
    ),
)
@click.argument("target")
@with_parameters
@environment
@click.option(
    "-o",
    "--output",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="The folder to write to, which is made where there is none; otherwise this one (-o deploy).",
)
@loudness
def compile_target(target: str, file: Path | None, given: tuple[str, ...], env: str | None, folder: Path) -> None:
    """Write what an orchestrator takes."""
    with aside():
        found = load_target(target)
        bound = found.bind(pairs(given, "-p"), file=file, env=env)
        compiled = compile_for(bound, env)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in compiled.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    say(
        [
            *found.notes,
            *(f"note: {text}" for text in compiled.notes),
            f"the definition is kept as {compiled.definition}",
        ]
    )
    write_text("".join(f"{folder / name}\n" for name in compiled.files))


globals()["compile"] = compile_target
