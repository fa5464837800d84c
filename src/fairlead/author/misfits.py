"""How a value from outside that does not fit is told: where in it, what it is, and what it should be.

Nothing here reads a value.
"""

from __future__ import annotations

import enum
import reprlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from fairlead.author.problems import nearest
from fairlead.author.text import meaning
from fairlead.model.types import describe
from fairlead.model.words import cut

__all__ = ["Misfit", "Wrong", "expected"]

_MANY = 5
"""Choices that are listed."""


class Wrong(NamedTuple):
    """One thing that does not fit."""

    place: str
    """Where in the value: `layers[0].size`; empty for the value itself."""
    what: str


class Misfit(ValueError):
    """A value that cannot be what an annotation asks for, with all that is wrong about it."""

    def __init__(self, wrong: Sequence[Wrong]) -> None:
        self.wrong = tuple(wrong)
        super().__init__("; ".join(self.sentences))

    @property
    def sentences(self) -> list[str]:
        """One sentence for each thing that is wrong."""
        return [f"{one.place.removeprefix('.')}: {one.what}" if one.place else one.what for one in self.wrong]

    @property
    def places(self) -> list[str]:
        """Where in the value."""
        return [one.place for one in self.wrong]

    def under(self, place: str) -> Misfit:
        """Give the same, of a part that stands at `place`."""
        return Misfit([Wrong(place + one.place, one.what) for one in self.wrong])

    @classmethod
    def of(cls, value: Any, wanted: Any, hint: str = "") -> Misfit:
        """Say that a value is not what is wanted."""
        text = repr(str(value)) if isinstance(value, str) else reprlib.repr(meaning(value))
        return cls([Wrong("", f"{cut(text, 60)} is not {expected(wanted)}" + (f"; {hint}" if hint else ""))])

    @classmethod
    def saying(cls, wrong: Iterable[tuple[str, str]]) -> Misfit:
        """Say these things, each with its place."""
        return cls([Wrong(*one) for one in wrong])

    @classmethod
    def joined(cls, misfits: Iterable[Misfit]) -> Misfit:
        """Make one of several."""
        return cls([wrong for one in misfits for wrong in one.wrong])

    @staticmethod
    def nearest(value: Any, known: Iterable[str]) -> str:
        """Say which known text is nearest; empty when none is near."""
        return nearest(value, known).strip(" ()") if isinstance(value, str) else ""


def expected(wanted: Any) -> str:
    """Write what is wanted as a person would; an enum with its choices."""
    if isinstance(wanted, type) and issubclass(wanted, enum.Enum):
        names = list(wanted.__members__)
        return f"{wanted.__qualname__} ({', '.join(names[:_MANY])}{', …' if len(names) > _MANY else ''})"
    return describe(wanted)
