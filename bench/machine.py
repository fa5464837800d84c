"""The machine that a run was made on, and the surroundings that contenders are given."""

from __future__ import annotations

import os
import platform
import tempfile
from pathlib import Path

__all__ = ["environ", "facts", "hold_two_cores", "scratch"]


def facts() -> dict[str, str | int | float]:
    """Say what a reader must know to judge the figures."""
    return {
        "cores": os.cpu_count() or 0,
        "cores used": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0,
        "processor": _line("/proc/cpuinfo", "model name") or platform.processor(),
        "memory": _line("/proc/meminfo", "MemTotal"),
        "python": platform.python_version(),
        "kernel": f"{platform.system()} {platform.release()}",
        "load": round(os.getloadavg()[0], 2),
    }


def _line(file: str, key: str) -> str:
    place = Path(file)
    lines = place.read_text(encoding="utf-8").splitlines() if place.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")


def hold_two_cores() -> None:
    """Let everything that follows see two processors, however many there are."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])


def environ(root: Path) -> dict[str, str]:
    """Give contenders a plain environment: variables that slow Python down are left out.

    Without its bytecode files an imported package is compiled at every start of a process.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "FAIRLEAD_"))}
    return kept | {"PYTHONPATH": str(root), "NO_COLOR": "1"}


def scratch(root: Path) -> Path:
    """Make a folder on the disk that the repository is on, outside of any project.

    A temporary folder in memory would make every store look fast.
    """
    disk = root.stat().st_dev
    places = (Path(tempfile.gettempdir()), root.parent, Path.home())
    place = next((place for place in places if place.stat().st_dev == disk and os.access(place, os.W_OK)), root)
    return Path(tempfile.mkdtemp(prefix="flb-", dir=place))
