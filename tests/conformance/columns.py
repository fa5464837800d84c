"""Where the book is run: an executor and what keeps runs and values. How its services are started is not known here."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from tests.conformance.book import CHAPTERS
from tests.conformance.case import Case, statuses

__all__ = ["COLUMNS", "HERE", "HOLD", "Column", "cell", "chapters", "column", "environment_file", "runs", "why_not"]


class Column(NamedTuple):
    """One column of the page."""

    executor: str
    store: str
    """Of runs, and what it is kept in; behind a `+` that of values, where these are elsewhere."""
    engine: bool = False
    """It needs a service that is not on every machine: `scripts/engines` runs it."""
    core: bool = False
    """Only those cases run in CI that are marked: tasks are slow there, or another column is almost the same."""

    @property
    def name(self) -> str:
        """What it is called on the page."""
        return f"{self.executor} x {self.store}"


COLUMNS = (
    Column("in_process", "memory"),
    Column("in_process", "sqlite"),
    Column("local", "sqlite"),
    Column("local", "object in files"),
    Column("local", "postgres", engine=True),
    Column("local", "sqlite + s3", engine=True, core=True),
    Column("local", "object in s3", engine=True),
    Column("ray", "sqlite", engine=True, core=True),
    Column("ray", "postgres + s3", engine=True, core=True),
    Column("ray", "object in s3", engine=True, core=True),
    Column("container", "sqlite", engine=True, core=True),
    Column("container", "postgres", engine=True, core=True),
    Column("argo", "rehearsed", engine=True, core=True),
)

HOLD = 4
"""Seconds for which a killed driver holds its run in a bucket: few, so that the book need not wait for long."""

HERE = [column for column in COLUMNS if not column.engine]


def column(name: str) -> Column:
    """Give a column by its name."""
    return next(one for one in COLUMNS if one.name == name)


def chapters() -> dict[str, tuple[str, Sequence[Case]]]:
    """Give every chapter's title and cases."""
    found = {}
    for name in CHAPTERS:
        module = import_module(f"tests.conformance.book.{name}")
        found[name] = ((module.__doc__ or name).strip().splitlines()[0].rstrip("."), module.CASES)
    return found


def why_not(case: Case, where: Column) -> str:
    """Say why a case means nothing in a column; empty where it does."""
    if where.executor == "argo" and case.way != "run":
        return "a rehearsal is of one run"
    for key in (where.name, where.executor, where.store.partition(" ")[0]):
        if key in case.left_out:
            return case.left_out[key]
    return ""


def runs(where: Column) -> Iterator[Any]:
    """Give (id, case) of all that runs in a column: for the page everything, and otherwise what CI has time for."""
    whole = "FAIRLEAD_CONFORMANCE" in os.environ
    for chapter, (_, cases) in chapters().items():
        for number, case in enumerate(cases):
            if not why_not(case, where) and (whole or case.core or not where.core):
                yield f"{chapter}-{number}", case


def cell(case: Case, where: Column) -> str:
    """Say in a few words what must come of a case in a column."""
    if why_not(case, where):
        return "—"
    if where.executor in case.refused:
        return "refused"
    if case.way == "twice":
        then = list(statuses(case.then).values())
        return f"{case.status}; again: {then.count('reused')} of {len(then)} reused"
    if case.way == "resume":
        return f"{case.status}; resumed: succeeded"
    if case.way == "kill":
        return "interrupted; resumed: succeeded"
    return case.status


def environment_file(folder: Path, where: Column, settings: dict[str, Any]) -> Path:
    """Write the environment of a column; `settings` are what its services want to be told."""
    import yaml

    executor: Any = {"type": "local", "max_workers": 2} if where.executor == "local" else where.executor
    if where.executor == "argo":
        file = folder / "column.yaml"
        file.write_text(yaml.safe_dump({"orchestrator": {"type": "argo", "image": "book:1"}, **settings}))
        return file
    made = {"executor": executor, "store": where.store.partition(" ")[0], **settings}
    if where.store == "object in files":
        made["store"] = {"type": "object", "url": f"file://{folder}/kept", "ttl": HOLD}
    file = folder / "column.yaml"
    file.write_text(yaml.safe_dump(made))
    return file
