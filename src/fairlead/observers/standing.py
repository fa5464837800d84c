"""How far a run is, as the last events told it: what a display reads whenever it paints."""

from __future__ import annotations

from fairlead.model.run import Group

__all__ = ["Standing"]


class Standing:
    """Counts of a run, written by the thread that is notified, read by the one that paints."""

    __slots__ = ("counts", "groups", "started")

    def __init__(
        self, groups: dict[str, Group] | None = None, counts: dict[str, int] | None = None, started: float = 0.0
    ) -> None:
        self.groups = groups or {}
        """By name, in the order of the graph."""
        self.counts = counts or {}
        self.started = started
        """By the clock of whoever made this."""
