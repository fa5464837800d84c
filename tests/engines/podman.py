"""Podman for tests of the executor `container`: started once per session, with an image; see `podman_service.py`."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.podman_service import IMAGE, Podman

__all__ = ["engine", "image", "podman"]


@pytest.fixture(scope="session")
def podman() -> Iterator[Podman]:
    """Podman's service with the image; nothing is left of it.

    Unless the variable FAIRLEAD_TEST_PODMAN names a folder: then it is kept there, for whoever works on this.
    """
    for program in ("podman", "runc", "buildah"):
        assert shutil.which(program), f"{program} is not installed; scripts/engines does that"
    kept = os.environ.get("FAIRLEAD_TEST_PODMAN")
    # A short name: paths of sockets are short.
    podman = Podman(Path(kept or subprocess.check_output(["mktemp", "-d", "/tmp/fl-podman.XXXXXX"], text=True).strip()))
    try:
        if not kept or not podman("images", "-q", IMAGE):
            podman.build()
        podman.start()
        yield podman
    finally:
        podman.stop() if kept else podman.remove()


@pytest.fixture(scope="session")
def image(podman: Podman) -> str:
    """An image that tasks can run in."""
    return IMAGE


@pytest.fixture
def engine(podman: Podman, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Podman:
    """Podman's service for one test, with a memory of images of its own; no container may be left."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(podman.folder / "cache"))
    return podman
