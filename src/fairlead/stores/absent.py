"""What a store says of a run that it does not have: the same words, whatever it is kept in."""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.errors import NotFound

__all__ = ["no_run"]


def no_run(run_id: str, place: str, known: Sequence[str], *, listing: str = "'fairlead runs' lists") -> NotFound:
    """Make the error for a run that is not in `place`; of those `known`, the one with a name like it is told."""
    from difflib import get_close_matches

    near = get_close_matches(run_id, known, n=1)
    nearest = f" (nearest: {near[0]!r})" if near else ""
    return NotFound(f"no run {run_id!r} in {place}{nearest}; {listing} what is there")
