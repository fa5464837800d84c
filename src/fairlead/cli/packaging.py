"""`package`: the image of a project, for tasks in containers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fairlead.api.packaging import Wishes, build, package_of, write
from fairlead.cli.options import Command, environment, loudness
from fairlead.cli.output import aside, say, write_text

__all__ = ["package"]


@click.command(
    cls=Command,
    arguments={"TARGET": "A workflow of the project, otherwise the project that this folder is in: jobs.py:training."},
    help="Build the image of a project, for its tasks to run in: this Python, this Fairlead, what requirements.lock,"
    " requirements.txt or pyproject.toml ask for, and the project's files but for those that .dockerignore leaves out."
    " Prints the image's name; the same contents have the same one.",
    examples=(
        "fairlead package                            build churn:4f1c02d9a6be, and print that",
        "fairlead package --tag team/churn:1         under a name of your choice",
        "fairlead package --dry-run                  only print the Dockerfile",
        "fairlead package -o context                 only write what 'docker build context' takes",
    ),
)
@click.argument("target", required=False)
@environment
@click.option("-t", "--tag", metavar="T", help="The image's name and tag (--tag team/churn:1).")
@click.option(
    "--base", metavar="IMAGE", help="The image to begin with; it has this Python, with pip (--base team/python:3.12)."
)
@click.option(
    "--extra", "extras", metavar="E", multiple=True, help="An extra of Fairlead (--extra notebook); repeatable."
)
@click.option(
    "--wheels",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Install from the wheels in this folder, and from no index (--wheels wheels).",
)
@click.option("--network", metavar="N", help="The network while it is built: none, host, … (--network host).")
@click.option(
    "-o",
    "--output",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write the Dockerfile and all that it needs to a new folder, and build nothing (-o context).",
)
@click.option("--dry-run", is_flag=True, help="Print the Dockerfile, and build nothing (--dry-run).")
@loudness
def package(
    target: str | None, env: str | None, network: str | None, folder: Path | None, dry_run: bool, **wishes: Any
) -> None:
    """Build an image."""
    with aside():
        found = package_of(target, env, Wishes(**wishes))
    say([f"note: {note}" for note in found.notes])
    if dry_run:
        write_text(found.dockerfile)
        return
    if folder is not None:
        write(found, folder)
        say([f"'docker build --tag {found.tag} {folder}' builds it"])
        write_text(f"{folder / 'Dockerfile'}\n")
        return
    for line in build(found, env, network=network):
        say([line])
    say([f"'image: {found.tag}' of an executor 'container' has tasks run in it"])
    write_text(f"{found.tag}\n")
