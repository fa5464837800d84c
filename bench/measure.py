"""How sides are measured: one process each, warmed up, then asked in turn (A B A B …).

A neighbour's load, a hot processor or a slow disk then meets all of them alike, and the ratio of two
sides of one round says more than either figure does.
"""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.parts import Side, Work

__all__ = ["Outcome", "Surroundings", "measure"]


@dataclass
class Surroundings:
    """Where contenders run."""

    root: Path
    scratch: Path
    environ: dict[str, str]
    pythons: dict[str, Path]
    """The interpreter of each environment that could be made."""
    reasons: dict[str, str]
    """Why the others could not."""
    quick: bool


@dataclass
class Outcome:
    """What was measured of one side."""

    side: Side
    n: int
    rounds: list[dict[str, float]] = field(default_factory=list)
    failed: str = ""


class _Failed(Exception):
    """A side could not do a repetition."""


class _Contender:
    """One side's process."""

    def __init__(self, work: Work, outcome: Outcome, around: Surroundings) -> None:
        self._limit = outcome.side.limit
        slug = re.sub(r"\W+", "-", f"{work.name}-{outcome.side.name}")
        folder = around.scratch / slug
        # A store of its own; without this folder the product looks for one further up.
        (folder / ".fairlead").mkdir(parents=True, exist_ok=True)
        shutil.copy(around.root / "bench" / "flows.py", folder)
        self._log = folder / "said.txt"
        command = [str(around.pythons[outcome.side.venv]), "-m", "bench.side", work.name, outcome.side.name]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, str(outcome.n)],
                cwd=folder,
                env=around.environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )

    def repeat(self) -> dict[str, float]:
        """Do one repetition and give its figures."""
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write(b"go\n")
            self._process.stdin.flush()
        except BrokenPipeError as gone:
            raise _Failed(self._last_words()) from gone
        if not select.select([self._process.stdout], [], [], self._limit)[0]:
            raise _Failed(f"a repetition took longer than {self._limit:.0f} s")
        answer = self._process.stdout.readline()
        if not answer:
            raise _Failed(self._last_words())
        told = json.loads(answer)
        if "failed" in told:
            raise _Failed(told["failed"].strip().splitlines()[0][:300])
        figures: dict[str, float] = told["figures"]
        return figures

    def _last_words(self) -> str:
        said = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return f"its process ended: {said[-1][:300] if said else 'it said nothing'}"

    def close(self) -> None:
        """Let the process end by itself, then end whatever is left of its session."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(20)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process.stdout.close()


def measure(work: Work, around: Surroundings) -> list[Outcome]:
    """Measure every side of a work; one that fails is reported in its outcome."""
    sides = [side for side in work.sides if not around.quick or work.quick(side)]
    outcomes = [Outcome(side, (around.quick and side.quick) or side.n) for side in sides]
    for outcome in outcomes:
        if outcome.side.venv not in around.pythons:
            outcome.failed = f"not installed: {around.reasons.get(outcome.side.venv, '')}"
    rounds = work.quick_rounds if around.quick else work.rounds
    _take_turns(work, [outcome for outcome in outcomes if not outcome.side.apart], around, rounds)
    for outcome in outcomes:
        if outcome.side.apart:
            _take_turns(work, [outcome], around, rounds)
    return outcomes


def _take_turns(work: Work, outcomes: list[Outcome], around: Surroundings, rounds: int) -> None:
    """Ask each in turn; the first repetition warms up and is thrown away, but not of a fresh process each."""
    contenders: dict[str, _Contender] = {}
    try:
        for number in range(rounds + 1):
            for outcome in outcomes:
                last = min(rounds, outcome.side.rounds or rounds)
                if outcome.failed or number > last or (outcome.side.fresh and not number):
                    continue
                _note(work, outcome, number)
                try:
                    _turn(work, outcome, around, contenders, keep=number > 0)
                except _Failed as failed:
                    outcome.failed = str(failed)
    finally:
        for contender in contenders.values():
            contender.close()


def _turn(work: Work, outcome: Outcome, around: Surroundings, contenders: dict[str, _Contender], *, keep: bool) -> None:
    name = outcome.side.name
    if name not in contenders:
        contenders[name] = _Contender(work, outcome, around)
    try:
        figures = contenders[name].repeat()
    finally:
        if outcome.side.fresh:
            contenders.pop(name).close()
    if keep:
        outcome.rounds.append(figures)


def _note(work: Work, outcome: Outcome, number: int) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{time.strftime('%H:%M:%S')} {work.name}: {outcome.side.name} {number}", end="", file=sys.stderr)
