"""The nouns of a measurement: works, their sides, the figures they give, and what must be reached.

Data only; nothing here measures or prints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

__all__ = ["CPU", "ON_RAY", "OURS", "OWN", "Figure", "Measure", "Side", "Target", "Work"]

OURS = "fairlead"
"""The name of the side that the targets speak of."""

OWN = "fairlead"
"""The environment that holds Fairlead; the floors and the standard library's pools run in it, too."""

ON_RAY = "fairlead-ray"
"""The environment that holds Fairlead beside Ray."""

CPU = "cpu"
"""The figure that every side gives by itself: processor time of its process, in µs per task, item or byte."""

Measure = Callable[[int], Iterator[dict[str, float]]]
"""Prepares itself, then gives the figures of one repetition whenever it is asked for the next."""


@dataclass(frozen=True)
class Side:
    """One contender in a work."""

    name: str
    measure: Measure
    n: int
    """How many tasks, items or runs."""
    quick: int | None = None
    """The same for `--quick`; None: no difference; 0: left out."""
    venv: str = OWN
    records: str = "nothing"
    """What it keeps on disk of what it did; `bench/README.md` says more."""
    fresh: bool = False
    """Every repetition gets a new process."""
    apart: bool = False
    """Measured after the others, alone: it runs servers, or takes so much that it would disturb them."""
    rounds: int | None = None
    """Fewer repetitions, for the slow."""
    limit: float = 120.0
    """Seconds that one repetition may take, preparation included."""

    @property
    def peer(self) -> bool:
        """Whether an environment must be made for it that Fairlead itself has no use for."""
        return self.venv != OWN


@dataclass(frozen=True)
class Figure:
    """One thing that a work measures."""

    key: str
    title: str
    unit: str
    reference: str
    """The side that ratios are given to."""
    more: bool = False
    """More is better."""
    digits: int = 1


@dataclass(frozen=True)
class Target:
    """What our side must reach: a value, or a ratio to another side in the same run."""

    figure: str
    limit: float
    over: str | None = None
    """The side that the value is divided by; None: the value itself counts."""
    side: str = OURS
    wish: bool = False
    """Not in the table of requirements; shown because it says more on a noisy machine."""


@dataclass(frozen=True)
class Work:
    """One line of the table "Speed and size"."""

    name: str
    title: str
    sides: tuple[Side, ...]
    figures: tuple[Figure, ...]
    targets: tuple[Target, ...] = ()
    rounds: int = 7
    quick_rounds: int = 3
    service: bool = False
    """It needs an engine or a cluster: `--quick` leaves it out, unless `--only` names it."""

    def quick(self, side: Side) -> bool:
        """Whether `--quick` measures a side: of the peers, only those that must be beaten."""
        needed = any(target.over == side.name for target in self.targets if not target.wish)
        return side.quick != 0 and (needed or not side.peer)
