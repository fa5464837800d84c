"""Packages of third parties, as pip installs them, and the command line where they are installed."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path


def install(source: Path, target: Path, scratch: Path) -> dict[str, str]:
    """Install a package of this folder; gives the environment of processes that have it."""
    for file in source.iterdir():
        if file.is_file():
            (scratch / file.name).write_bytes(file.read_bytes())
    # Without hatchling here, pip fetches it: slower, and the same.
    here = ["--no-build-isolation"] if importlib.util.find_spec("hatchling") else []
    options = ["--no-deps", "--quiet", "--no-cache-dir", "--disable-pip-version-check", *here, "--target", str(target)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(scratch)], check=True, timeout=100)
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(target), *sys.path[1:]])}


def fairlead(env: dict[str, str], place: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "fairlead", *words], cwd=place, env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def load(name: str, folder: Path):
    """Import a module of a package that is not installed here."""
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
