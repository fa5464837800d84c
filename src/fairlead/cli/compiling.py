"""`compile` and `rehearse`: a workflow as the files that an orchestrator takes, and what comes of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from fairlead.api import compile_for, load_target
from fairlead.cli.options import Command, environment, loudness, pairs
from fairlead.cli.output import aside, page_width, say, write_page, write_text
from fairlead.cli.running import with_parameters

__all__ = ["compile_target", "rehearse"]


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
    _write(folder, compiled.files)
    say(
        [
            *found.notes,
            *(f"note: {text}" for text in compiled.notes),
            f"the definition is kept as {compiled.definition}",
        ]
    )
    write_text("".join(f"{folder / name}\n" for name in compiled.files))


globals()["compile"] = compile_target


@click.command(
    cls=Command,
    arguments={"TARGET": "A workflow: file.py, file.py:name, or module:name."},
    help="Interpret on this machine what the environment's orchestrator would be given, with a process for each"
    " container, and compare what is recorded with a run in one process. The stores of the environment are not used."
    " Exits with 1 if the two differ.",
    examples=(
        "fairlead rehearse jobs.py --env argo.yaml             task run by task run",
        "fairlead rehearse jobs.py --env argo.yaml -o deploy   and keep the files that were interpreted",
    ),
)
@click.argument("target")
@with_parameters
@environment
@click.option(
    "--at-once",
    metavar="N",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="Processes side by side (--at-once 4).",
)
@click.option(
    "-o",
    "--output",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder for the files that were interpreted (-o deploy).",
)
@loudness
def rehearse(
    target: str, file: Path | None, given: tuple[str, ...], env: str | None, at_once: int, folder: Path | None
) -> int:
    """Interpret what an orchestrator would be given, and compare."""
    from fairlead.api.rehearsing import rehearse as rehearsed
    from fairlead.cli.pages.rehearsal import rehearsal_page

    with aside():
        found = load_target(target)
        done = rehearsed(found.bind(pairs(given, "-p"), file=file, env=env), env, at_once=at_once)
    if folder is not None:
        _write(folder, done.compiled.files)
    say([*found.notes, *(f"note: {text}" for text in done.compiled.notes)])
    write_page(rehearsal_page(found.name, done, width=page_width()))
    return 0 if done.equal else 1


def _write(folder: Path, files: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
