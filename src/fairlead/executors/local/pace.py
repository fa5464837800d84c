"""How often the local executor looks at jobs that run. Only works out numbers."""

from __future__ import annotations

from fairlead.ports import Brief

__all__ = ["pace"]

TELL_AFTER = 0.1
"""Seconds after which a job that still runs is reported as running: each such report is a fact to be recorded."""

LOOK_OFTEN = 0.02
"""The same where tasks have time limits that are hardly longer than that."""


def pace(brief: Brief) -> float:
    """How soon after its start a job is looked at."""
    limits = [task.timeout for task in brief.tasks if task.timeout is not None]
    return LOOK_OFTEN if limits and min(limits) < 10 * TELL_AFTER else TELL_AFTER
