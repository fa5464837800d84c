"""A test of a contract that goes on in another process: the same test, run again by pytest on its own.

What a process keeps to itself (a dict that was filled before, the order of a set) is not there, so that what
does not travel is found. Fixtures are made anew: nothing of a plugin's has to be pickled.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

__all__ = ["go_on_elsewhere", "handed_over"]

_FOLDER = "FAIRLEAD_CONTRACT_FOLDER"

_SEED = "20261121"
"""Seeds what Python hashes in the other process; nobody else takes just this one."""

_PATIENCE = 120.0
"""Seconds after which the other process is given up."""


def handed_over() -> Path | None:
    """Give the folder that the first process left, in the second; None in the first."""
    found = os.environ.get(_FOLDER)
    return Path(found) if found else None


def go_on_elsewhere(request: pytest.FixtureRequest, folder: Path) -> None:
    """Run the same test in another process, which finds the folder by `handed_over`; fails as that one does."""
    file, _, name = request.node.nodeid.partition("::")
    config = request.config
    words = ["-p", "no:cacheprovider", "-o", "addopts=", "-q", "--rootdir", str(config.rootpath)]
    words += ["-c", str(config.inipath)] if config.inipath else []
    # What `addopts` says of finding tests and fixtures; what it says of reports would only be in the way.
    words += ["--import-mode", config.getoption("importmode")]
    words += [f"-p{plugin}" for plugin in config.getoption("plugins")]
    env = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONHASHSEED": _SEED, _FOLDER: str(folder)}
    kept = {key: text for key, text in os.environ.items() if not key.startswith(("PYTEST_", "COV_CORE"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, f"{config.rootpath / file}::{name}"],
        env={**kept, **env},
        cwd=config.rootpath,
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
    # One that is skipped there has shown nothing.
    assert done.returncode == 0 and "1 passed" in done.stdout, f"in another process:\n{done.stdout}{done.stderr}"
