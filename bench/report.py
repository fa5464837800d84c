"""Results as a table for people and as a document for programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from bench.measure import Outcome
from bench.parts import Figure, Target, Work

__all__ = ["Verdict", "document", "judge", "summary", "table"]


@dataclass(frozen=True)
class Verdict:
    """Whether a target was reached."""

    says: str
    value: float | None
    """None: it could not be measured here."""
    reached: bool | None
    best: float | None
    """The best round's."""
    wish: bool
    floor: float | None = None
    """What the floor did, in the figure's unit: the median of its rounds."""
    to_floor: float | None = None
    """Our figure over the floor's: the median of the rounds' ratios."""


def _values(outcomes: list[Outcome], side: str, key: str) -> list[float]:
    outcome = next((outcome for outcome in outcomes if outcome.side.name == side), None)
    return [figures[key] for figures in outcome.rounds if key in figures] if outcome and not outcome.failed else []


def _ratios(outcomes: list[Outcome], side: str, reference: str, key: str) -> list[float]:
    """Divide round by round, while both have one; sides with fewer rounds are divided by the median."""
    above, below = _values(outcomes, side, key), _values(outcomes, reference, key)
    if not above or not below or 0 in below:
        return []
    if len(above) != len(below):
        return [value / median(below) for value in above]
    return [value / other for value, other in zip(above, below, strict=True)]


def judge(work: Work, outcomes: list[Outcome]) -> list[Verdict]:
    """Compare our figures with what must be reached: the median of the rounds counts."""
    return [_verdict(work, outcomes, target) for target in work.targets]


def _verdict(work: Work, outcomes: list[Outcome], target: Target) -> Verdict:
    figure = next(figure for figure in work.figures if figure.key == target.figure)
    sign = "≥" if figure.more else "≤"
    goal = f"{target.limit:g} x {target.over}" if target.over else f"{target.limit:g} {figure.unit}"
    less = next((f" (n = {one.n})" for one in outcomes if one.side.name == target.side and one.n != one.side.n), "")
    says = f"{figure.title}: {target.side}{less} {sign} {goal}"
    if target.over:
        values = _ratios(outcomes, target.side, target.over, target.figure)
    else:
        values = _values(outcomes, target.side, target.figure)
    if not values:
        return Verdict(says, None, None, None, target.wish)
    value = median(values)
    reached = value >= target.limit if figure.more else value <= target.limit
    best = max(values) if figure.more else min(values)
    floor, to_floor = _floor(outcomes, target)
    return Verdict(says, value, reached, best, target.wish, floor, to_floor)


def _floor(outcomes: list[Outcome], target: Target) -> tuple[float | None, float | None]:
    """Give what the floor did, and what our side did over it."""
    name = next((outcome.side.name for outcome in outcomes if outcome.side.name.startswith("floor")), "")
    values, ratios = _values(outcomes, name, target.figure), _ratios(outcomes, target.side, name, target.figure)
    return (median(values) if values else None), (median(ratios) if ratios else None)


def table(work: Work, outcomes: list[Outcome]) -> Iterator[str]:
    """Give the lines of one work's table."""
    yield f"## {work.title}"
    for figure in work.figures:
        yield from _figure(figure, outcomes)
    for outcome in outcomes:
        if outcome.failed:
            yield f"  {outcome.side.name}: could not be measured: {outcome.failed}"
    for verdict in judge(work, outcomes):
        yield f"  {_answer(verdict):8} {verdict.says}" + (
            f": {verdict.value:.3g} (best round {verdict.best:.3g})" if verdict.value is not None else ""
        )
    yield ""


def summary(verdicts: list[Verdict]) -> Iterator[str]:
    """Give one line for each target of all works: what must be reached, what was, and the floor."""
    width = max((len(verdict.says) for verdict in verdicts), default=0)
    yield "## what must be reached"
    heads = "".join(f"{head:>11}" for head in ("median", "best", "floor", "to floor"))
    yield f"  {'target':{width}}{heads}  verdict"
    for verdict in verdicts:
        figures = (verdict.value, verdict.best, verdict.floor, verdict.to_floor)
        shown = "".join(f"{'-' if figure is None else f'{figure:,.3g}':>11}" for figure in figures)
        yield f"  {verdict.says:{width}}{shown}  {_answer(verdict)}"
    yield ""


def _answer(verdict: Verdict) -> str:
    if verdict.reached is None:
        return "unknown"
    word = "yes" if verdict.reached else "NO"
    return f"({word})" if verdict.wish else word


def _figure(figure: Figure, outcomes: list[Outcome]) -> Iterator[str]:
    if not any(_values(outcomes, outcome.side.name, figure.key) for outcome in outcomes):
        return
    yield ""
    heads = ("min", "median", "max", "ratio")
    yield f"  {f'{figure.title}, {figure.unit}':40}" + "".join(f"{head:>10}" for head in heads) + "      n  keeps"
    for outcome in outcomes:
        values = _values(outcomes, outcome.side.name, figure.key)
        if not values:
            continue
        ratios = _ratios(outcomes, outcome.side.name, figure.reference, figure.key)
        three = "".join(f"{value:10,.{figure.digits}f}" for value in (min(values), median(values), max(values)))
        ratio = f"{median(ratios):10.2f}" if ratios else f"{'-':>10}"
        name = f"{outcome.side.name}{' =1' if outcome.side.name == figure.reference else ''}"
        yield f"  {name:40}{three}{ratio}{_short(outcome.n):>7}  {outcome.side.records}"


def _short(n: int) -> str:
    return f"{n // 1_000_000}M" if n >= 1_000_000 else f"{n // 1_000}k" if n >= 10_000 else str(n)


def document(work: Work, outcomes: list[Outcome]) -> dict[str, Any]:
    """Give one work's results as plain data, every round included."""
    return {
        "title": work.title,
        "figures": [asdict(figure) for figure in work.figures],
        "sides": [
            {
                "name": outcome.side.name,
                "n": outcome.n,
                "records": outcome.side.records,
                "rounds": outcome.rounds,
                "failed": outcome.failed,
            }
            for outcome in outcomes
        ],
        "targets": [asdict(verdict) for verdict in judge(work, outcomes)],
    }
