"""How moments are written: local time for people, UTC for programs."""

from __future__ import annotations

from datetime import UTC, datetime

from fairlead.model.run import RunSummary

__all__ = ["elapsed", "iso", "local"]


def local(moment: float | None) -> str:
    """Write a moment as the clock on the wall showed it."""
    return "" if moment is None else f"{datetime.fromtimestamp(moment).astimezone():%Y-%m-%d %H:%M:%S}"


def iso(moment: float | None) -> str | None:
    """Write a moment for programs."""
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def elapsed(summary: RunSummary, now: float) -> float | None:
    """How many seconds a run took, or has taken so far; None where nobody knows."""
    if summary.started is None:
        return None
    if summary.ended is not None:
        return summary.ended - summary.started
    return now - summary.started if summary.status == "running" else None
