"""The command line of `scripts/bench`: what to measure, and where the results go."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from pathlib import Path

from bench import machine, venvs
from bench.measure import Surroundings, measure
from bench.parts import OWN
from bench.report import document, judge, summary, table
from bench.works import WORKS

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Measure, print tables, and end with 0 whatever the figures are: this is no test."""
    options = _options(arguments)
    machine.hold_two_cores()
    facts = machine.facts()
    print("  ".join(f"{name}: {value}" for name, value in facts.items()), end="\n\n")
    start, results, verdicts = time.time(), {}, []
    around = _surroundings(options)
    try:
        for name in options.only:
            outcomes = measure(WORKS[name], around)
            print(*table(WORKS[name], outcomes), sep="\n", flush=True)
            results[name] = document(WORKS[name], outcomes)
            verdicts += judge(WORKS[name], outcomes)
    finally:
        if options.keep:
            print(f"kept: {around.scratch}", file=sys.stderr)
        else:
            shutil.rmtree(around.scratch, ignore_errors=True)
    print(*summary(verdicts), sep="\n")
    print(f"took {time.time() - start:.0f} s")
    if options.output:
        said = {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(start)), "machine": facts, "works": results}
        options.output.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only peers that must be beaten, few rounds: a minute")
    parser.add_argument("--only", type=_names, metavar="NAME,…", help=f"of {', '.join(WORKS)}")
    parser.add_argument("--keep", action="store_true", help="do not remove the folder that was worked in")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write every round to a JSON file, too")
    options = parser.parse_args(arguments)
    options.only = options.only or tuple(name for name, work in WORKS.items() if not (options.quick and work.service))
    return options


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    for name in names:
        if name not in WORKS:
            raise argparse.ArgumentTypeError(f"no work {name!r}; there are {', '.join(WORKS)}")
    return names


def _surroundings(options: argparse.Namespace) -> Surroundings:
    environ = machine.environ(venvs.ROOT)
    works = [WORKS[name] for name in options.only]
    needed = {side.venv for work in works for side in work.sides if not options.quick or work.quick(side)}
    made = {name: venvs.make(name, environ) for name in sorted(needed | {OWN})}
    return Surroundings(
        root=venvs.ROOT,
        scratch=machine.scratch(venvs.ROOT),
        environ=environ,
        pythons={name: python for name, (python, _) in made.items() if python},
        reasons={name: reason for name, (_, reason) in made.items()},
        quick=options.quick,
    )


if __name__ == "__main__":
    sys.exit(main())
