"""The Dockerfile of a project's image, as text. Pure: the same wishes give the same lines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["APP", "PROJECT", "Recipe", "dockerfile"]

PROJECT = "project"
"""The folder of the context with the project's files."""
APP = "/app"
"""Where they are in the image; tasks import them from there, and run there."""
USER = 1000
"""Whom the image belongs to; whoever runs Fairlead takes its place when tasks run."""


class Recipe(NamedTuple):
    """What an image is to have."""

    base: str
    """The image to begin with: one with Python and pip."""
    wheel: str
    """The file with Fairlead itself, in the context."""
    requirements: Sequence[str]
    """Files in the project that say what it needs, for pip's `-r`."""
    dependencies: Sequence[str]
    """What it needs beside these, one requirement each."""
    extras: Sequence[str]
    """Of Fairlead, such as `object` for artifacts in a bucket."""
    wheels: bool
    """Packages come from the folder `wheels` of the context, and from nowhere else."""
    paths: Sequence[str]
    """Folders of the project that it imports from."""
    labels: Sequence[tuple[str, str]]
    python: str = "python3"


def dockerfile(recipe: Recipe) -> str:
    """Write the Dockerfile. What changes seldom comes first: an edit of the project installs nothing again."""
    sources = "--no-index --find-links /tmp/wheels " if recipe.wheels else ""
    install = f"RUN {recipe.python} -m pip install --no-cache-dir --no-input --root-user-action ignore {sources}"
    extras = f"[{','.join(sorted(recipe.extras))}]" if recipe.extras else ""
    paths = ":".join(f"{APP}/{folder}".rstrip("/.") for folder in recipe.paths)
    needed = [f"./{recipe.wheel}{extras}", *(word for name in recipe.requirements for word in ("-r", name))]
    lines = [
        "# Written by 'fairlead package'.",
        f"FROM {recipe.base}",
        "USER 0:0",
        # Compiled when it is installed, which makes each start of a task a good deal faster.
        f"ENV PYTHONPATH={paths} PYTHONDONTWRITEBYTECODE=",
        f"WORKDIR {APP}",
        *(["COPY wheels/ /tmp/wheels/"] if recipe.wheels else []),
        f"COPY {' '.join([recipe.wheel, *(f'{PROJECT}/{name}' for name in recipe.requirements)])} {APP}/",
        f"{install}{' '.join(map(_quoted, [*needed, *recipe.dependencies]))}",
        f"COPY --chown={USER}:{USER} {PROJECT}/ {APP}/",
        f"LABEL {' '.join(f'{name}={json.dumps(value)}' for name, value in recipe.labels)}",
        f"USER {USER}:{USER}",
    ]
    return "\n".join(lines) + "\n"


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\"'\"'") + "'"
