"""Podman and Docker for tests of the executor `container`: each started once per session, with an image.

See `podman_service.py` and `docker_service.py`.
"""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.container_image import IMAGE
from tests.engines.docker_service import Docker
from tests.engines.podman_service import Podman

__all__ = ["docker", "engine", "image", "podman", "sockets_left_behind"]


@pytest.fixture(scope="session")
def podman() -> Iterator[Podman]:
    """Podman's service with the image; nothing is left of it.

    Unless the variable FAIRLEAD_TEST_PODMAN names a folder: then it is kept there, for whoever works on this.
    """
    _have("podman", "runc")
    kept = os.environ.get("FAIRLEAD_TEST_PODMAN")
    podman = Podman(Path(kept) if kept else _folder())
    try:
        podman.start()
        if not kept or not podman("images", "-q", IMAGE):
            podman.build()
        yield podman
    finally:
        podman.stop() if kept else podman.remove()


@pytest.fixture(scope="session")
def docker() -> Iterator[Docker]:
    """Docker with the image; nothing is left of it."""
    _have("docker", "dockerd", "containerd", "runc")
    docker = Docker(_folder())
    try:
        docker.start()
        docker.build()
        yield docker
    finally:
        docker.remove()


def _have(*programs: str) -> None:
    for program in programs:
        assert shutil.which(program), f"{program} is not installed; scripts/engines does that"


def _folder() -> Path:
    """Make a folder with a short name: paths of sockets are short."""
    return Path(subprocess.check_output(["mktemp", "-d", "/tmp/fl-boxes.XXXXXX"], text=True).strip())


@pytest.fixture(scope="session")
def image() -> str:
    """An image that tasks can run in; both engines have it."""
    return IMAGE


@pytest.fixture
def sockets_left_behind() -> Iterator[None]:
    """For tests in which an engine does not answer: the `docker` package leaves its sockets behind then."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Podman | Docker:
    """The engine for one test, with a memory of images of its own: Podman, unless the test is told another one."""
    found: Podman | Docker = request.getfixturevalue(getattr(request, "param", "podman"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(found.folder / "cache"))
    return found
