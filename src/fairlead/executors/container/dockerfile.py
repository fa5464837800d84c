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
    labels: Sequence[tuple[str, str]]
    python: str = "python3"


def dockerfile(recipe: Recipe) -> str:
    """Write the Dockerfile. What changes seldom comes first: an edit of the project installs nothing again."""
    sources = "--no-index --find-links /tmp/wheels " if recipe.wheels else ""
    install = f"RUN {recipe.python} -m pip install --no-cache-dir --no-input {sources}"
    extras = f"[{','.join(sorted(recipe.extras))}]" if recipe.extras else ""
    lines = [
        "# Written by 'fairlead package'.",
        f"FROM {recipe.base}",
        "USER 0:0",
        # Compiled when it is installed, which makes each start of a task a good deal faster.
        "ENV PYTHONDONTWRITEBYTECODE= PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore",
        f"WORKDIR {APP}",
    ]
    if recipe.wheels:
        lines.append("COPY wheels/ /tmp/wheels/")
    if recipe.requirements:
        lines += [f"COPY {PROJECT}/{name} {APP}/{name}" for name in recipe.requirements]
        lines.append(f"{install}{' '.join(f'-r {name}' for name in recipe.requirements)}")
    if recipe.dependencies:
        lines.append(f"{install}{' '.join(map(_quoted, recipe.dependencies))}")
    lines += [
        f"COPY {recipe.wheel} /tmp/{recipe.wheel}",
        f"{install}{_quoted(f'/tmp/{recipe.wheel}{extras}')}",  # noqa: S108 - in the image
        f"COPY --chown={USER}:{USER} {PROJECT}/ {APP}/",
        f"RUN {recipe.python} -m compileall -q {APP} || true",
        f"ENV PYTHONPATH={APP}",
        *(f"LABEL {name}={json.dumps(value)}" for name, value in recipe.labels),
        f"USER {USER}:{USER}",
    ]
    return "\n".join(lines) + "\n"


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\"'\"'") + "'"
