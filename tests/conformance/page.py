"""Writes docs/conformance.md: what must come of each case in each column, which is what the tests have seen.

`scripts/conformance` runs the book and then this, with what was recorded; a page is written only where that
is what the book says, everywhere. A test compares the page with the book.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.conformance.case import Case
from tests.conformance.columns import COLUMNS, Column, cell, chapters, runs, why_not

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"

HEAD = """\
# Conformance

The same workflow, unchanged, gives the same results, the same statuses and the same reuse on every executor and with
every store. These are the cases that show it: [a book of workflows](../tests/conformance/book), each with its expected
results and the expected status of every task run beside it. `scripts/conformance` runs every case in every column,
compares results by type and value, fails where anything is different, and writes this page; nothing on it is written by
hand. CI runs the columns of one machine, and in the others the cases that show what could be different there.

A cell says how the run ended. Where a case has two runs, it says what became of the second: what was reused of a run
that was made again, or how a run ended that was resumed after a failure or after its driver was killed with SIGKILL.
*refused* means that `fairlead check` says before anything runs that it cannot be done there.
"""


def page() -> str:
    """Give the page as the book has it."""
    notes: dict[str, int] = {}
    parts = [HEAD]
    for title, cases in chapters().values():
        head = " | ".join(f"{column.executor}<br>{column.store}" for column in COLUMNS)
        rows = [f"| | {head} |", "|---|" + "---|" * len(COLUMNS)]
        rows += [f"| {case.says} | {' | '.join(_noted(case, column, notes) for column in COLUMNS)} |" for case in cases]
        parts.append(f"## {title}\n\n" + "\n".join(rows) + "\n")
    if notes:
        listed = "\n".join(f"{number}. {text}" for text, number in notes.items())
        parts.append(f"## Notes\n\n{listed}\n")
    return "\n".join(parts)


def _noted(case: Case, column: Column, notes: dict[str, int]) -> str:
    said = cell(case, column)
    why = why_not(case, column)
    if not why and column.executor in case.refused:
        why = f"`fairlead check` says: {case.refused[column.executor]}."
    elif why:
        why = f"{why[:1].upper()}{why[1:]}."
    return f"{said} [{notes.setdefault(why, len(notes) + 1)}](#notes)" if why else said


def disagreements(recorded: Path) -> list[str]:
    """Say where what the tests have recorded is not all that the page says."""
    lines = recorded.read_text(encoding="utf-8").splitlines() if recorded.exists() else []
    seen = {(one["column"], one["case"]): one["cell"] for one in map(json.loads, lines)}
    found = []
    for column in COLUMNS:
        for name, case in runs(column):
            said, expected = seen.get((column.name, name), "nothing: it did not run, or failed"), cell(case, column)
            if said != expected:
                found.append(f"{column.name}, {name} ({case.says}): {said}, and not {expected}")
    return found


def main() -> int:
    """Write the page if everything came as it says; gives the exit code."""
    wrong = disagreements(Path(sys.argv[1]))
    if wrong:
        sys.stderr.write(
            "\n".join([*wrong, f"{len(wrong)} cells have not come as written; the page is left as it is", ""])
        )
        return 1
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
