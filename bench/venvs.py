"""A virtual environment for each contender, made under `.venvs/` and kept until its packages change.

Peers disagree about protobuf, fastapi and SQLAlchemy, so each gets one of its own. A peer that cannot
be installed is reported and left out.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from bench.parts import ON_RAY, OWN

__all__ = ["PACKAGES", "ROOT", "make", "versions"]

ROOT = Path(__file__).resolve().parent.parent

PACKAGES: dict[str, tuple[str, ...]] = {
    OWN: ("numpy==2.4.6", "docker==7.2.0"),
    "dask": ("dask[distributed]==2026.8.0", "numpy==2.4.6"),
    "dbos": ("dbos==3.4.0", "sqlalchemy==2.1.9"),
    "hamilton": ("sf-hamilton==1.90.0",),
    "joblib": ("joblib==1.6.0", "numpy==2.4.6"),
    "luigi": ("luigi==3.8.1",),
    "metaflow": ("metaflow==2.19.39",),
    # Prefect's server does not start with newer releases of the other two.
    "prefect": ("prefect==3.8.8", "fastapi==0.150.0", "sqlalchemy<2.1"),
    "ray": ("ray==2.60.0", "numpy==2.4.6"),
    ON_RAY: ("ray==2.60.0", "numpy==2.4.6"),
    "redun": ("redun==0.44.1", "sqlalchemy<2.1"),
    "runnable": ("runnable==0.50.0",),
}
"""What is installed where; versions are those that the figures in README.md were measured with."""

_FOLDER = ROOT / ".venvs"


class _Refused(Exception):
    """A command that makes an environment has failed."""


def make(name: str, environ: dict[str, str]) -> tuple[Path | None, str]:
    """Give the Python of an environment, made when it is not there, or None and the reason."""
    packages = PACKAGES[name] + ((f"-e{ROOT}",) if name in {OWN, ON_RAY} else ())
    folder = _FOLDER / f"bench-{name}"
    python, stamp = folder / "bin" / "python", folder / "bench-packages.txt"
    wanted = "\n".join((sys.version, *packages))
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return python, ""
    print(f"making .venvs/bench-{name}: {' '.join(PACKAGES[name])}", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        _install(folder, packages, environ)
    except _Refused as refused:
        return None, str(refused)
    stamp.write_text(wanted, encoding="utf-8")
    return python, ""


def _install(folder: Path, packages: tuple[str, ...], environ: dict[str, str]) -> None:
    python = str(folder / "bin" / "python")
    uv = shutil.which("uv") or _own_uv(environ)
    if uv:
        _do([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], environ)
        _do([uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python, *packages], environ)
    else:
        _do([sys.executable, "-m", "venv", str(folder)], environ)
        _do([python, "-m", "pip", "install", "--quiet", *packages], environ)


def _own_uv(environ: dict[str, str]) -> str | None:
    """Install uv for ourselves: the large peers take seconds with it, and minutes without."""
    folder = _FOLDER / "uv"
    uv = folder / "bin" / "uv"
    if not uv.exists():
        try:
            _do([sys.executable, "-m", "venv", str(folder)], environ)
            _do([str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "uv"], environ)
        except _Refused:
            return None
    return str(uv)


def _do(command: list[str], environ: dict[str, str]) -> None:
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        raise _Refused(f"{' '.join(command[:4])} … ended with {done.returncode}: {said[-1][:200]}")


def versions(name: str) -> str:
    """Name what is in an environment, for the table."""
    return PACKAGES[name][0].split("[")[0].replace("==", " ") if name != OWN else "this checkout"
