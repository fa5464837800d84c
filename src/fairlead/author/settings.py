"""What is wrong with the settings of blocks, in words; empty where nothing is.

Shared by all front ends; knows no graph.
"""

from __future__ import annotations

__all__ = ["iterations_problem", "max_parallel_problem", "min_success_problem", "name_problem"]


def min_success_problem(value: object) -> str:
    """Say what is wrong with a number or share of items that must succeed; empty when nothing is."""
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return ""
    if isinstance(value, float) and 0.0 <= value <= 1.0:
        return ""
    return f"must be a count, or a share between 0.0 and 1.0; got {value!r}"


def max_parallel_problem(value: object) -> str:
    """Say what is wrong with a limit of items under way; empty when nothing is."""
    fine = value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 1)
    return "" if fine else f"must be a whole number, 1 or more; got {value!r}"


def iterations_problem(value: object) -> str:
    """Say what is wrong with a limit of iterations; empty when nothing is."""
    fine = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    return "" if fine else f"max_iterations must be a whole number, 1 or more; got {value!r}"


def name_problem(value: object, setting: str) -> str:
    """Say what is wrong with a setting that names a value; empty when nothing is."""
    return "" if isinstance(value, str) and value else f"{setting} must be a name; got {value!r}"
