"""Names that nobody in a pipeline provides, and the parameters that they become.

Several steps may take one name: what they ask for is compared here. Nothing here places a step.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fairlead.author.built import Input
from fairlead.author.callables import MISSING, Layout
from fairlead.author.edges import Edges
from fairlead.author.problems import Problem, nearest
from fairlead.model.task import Place
from fairlead.model.types import UNIONS, bare, compatible

__all__ = ["Unprovided", "Wanted"]


class Wanted(NamedTuple):
    """A name that a step takes and no step before it provides."""

    step: str
    annotation: Any
    text: str
    """The annotation as written."""
    default: Any
    """MISSING where the step must be given it."""
    place: Place
    layout: Layout | None = None
    unnamed: str = ""
    """The step before it whose value has no name, if there is one."""
    provided: tuple[str, ...] = ()
    """Names that were there."""
    optional: bool = False
    """Something before it may provide the name: a branch that need not be taken."""


class Unprovided:
    """The names that nothing in a pipeline provides, with who takes them."""

    def __init__(self, given: dict[str, Any], defaults: dict[str, Any], *, partial: bool) -> None:
        """`defaults`: values that the pipeline itself has for parameters; `partial`: none need be given."""
        self.given = given
        self.defaults = defaults
        self._partial = partial
        self.uses: dict[str, list[Wanted]] = {}

    def note(self, name: str, use: Wanted) -> bool:
        """Note who takes a name; False where it is to keep its own default, because others have another."""
        self.uses.setdefault(name, []).append(use)
        known = name in self.given or name in self.defaults
        return use.default is MISSING or use.optional or known or not self._partly(name)

    def inputs(self, edges: Edges, provided: tuple[str, ...]) -> tuple[list[Input], list[Problem]]:
        """Give the parameters, and what is wrong with them."""
        inputs: list[Input] = []
        problems: list[Problem] = []
        known = {**self.defaults, **self.given}
        for name, uses in self.uses.items():
            found, wrong = _input_of(name, uses, known, edges, partial=self._partial)
            if name in self.defaults:
                found = found._replace(required=False, default=self.defaults[name])
            inputs.append(found)
            problems += wrong
        for name in known:
            if name not in self.uses:
                hint = nearest(name, (*self.uses, *provided))
                problems.append(Problem("parameters", f"{name!r} is taken by no step{hint}"))
        return inputs, problems

    def _partly(self, name: str) -> bool:
        """Whether steps disagree about a name's default, so that each keeps its own."""
        defaults = [use.default for use in self.uses[name] if not use.optional]
        return any(not _same(one, defaults[0]) for one in defaults)


def _same(one: Any, other: Any) -> bool:
    return one is other or (type(one) is type(other) and type(one) in (int, float, str, bool) and one == other)


def _input_of(
    name: str, uses: Sequence[Wanted], given: Mapping[str, Any], edges: Edges, *, partial: bool
) -> tuple[Input, list[Problem]]:
    """Make a parameter of what steps ask for under one name; gives what is wrong with it, too.

    With `partial`, it may be missing.
    """
    firm = [use for use in uses if not use.optional]
    required = [use for use in firm if use.default is MISSING]
    problems: list[Problem] = []
    best, clash = _agreed(name, firm)
    if clash is not None and (name in given or (required and not partial)):
        problems.append(clash)
    elif name in given:
        for use in uses:
            wrong = use.layout and edges.misfit(given[name], use.layout, name)
            problems += [Problem(use.step, f"{wrong} ({use.place})")] if wrong else []
    elif required and not partial:
        problems.append(_missing(name, required[0], given))
    first = (required or firm or uses)[0]
    default = None if required else first.default
    told = best or first
    return Input(name, told.annotation, told.text, bool(required), default), problems


def _agreed(name: str, uses: Sequence[Wanted]) -> tuple[Wanted | None, Problem | None]:
    """Give the use whose type is right for all the others, or say which two no value can please."""
    typed = [use for use in uses if use.annotation is not Any]
    for use in typed:
        if all(_suits(use.annotation, other.annotation) for other in typed):
            return use, None
    for place, use in enumerate(typed):
        for other in typed[place + 1 :]:
            if not compatible(use.annotation, other.annotation) and not compatible(other.annotation, use.annotation):
                what = f"takes '{name}: {other.text}', and {use.step!r} takes '{name}: {use.text}' ({use.place})"
                return None, Problem(other.step, f"{what}: no value is both; give one another name ({other.place})")
    return (typed[0] if typed else None), None


def _suits(one: Any, other: Any) -> bool:
    """Whether every value of one type may be of the other."""
    kind, _ = bare(one)
    members = typing.get_args(kind) if typing.get_origin(kind) in UNIONS else (kind,)
    return all(compatible(member, other) for member in members)


def _missing(name: str, use: Wanted, given: Mapping[str, Any]) -> Problem:
    hint = nearest(name, (*use.provided, *given))
    instead = f"name it in returns=[…] of {use.unnamed!r}, or " if use.unnamed else ""
    return Problem(
        use.step,
        f"takes {name!r}, which nothing before it provides{hint}; {instead}give it as a parameter ({use.place})",
    )
