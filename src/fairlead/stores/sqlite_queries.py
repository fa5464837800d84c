"""The conditions of SQLite's queries: which runs, which attempts. Text and parameters; nothing is read here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fairlead.model.run import RunFilter
from fairlead.stores.rows import ATTEMPT_COLUMNS, pack_tag, path_range

__all__ = ["attempts_asked", "conditions", "find_sql"]


def attempts_asked(
    group: str | None, path: str | None, under: str | None, outcome: str | None
) -> tuple[str, str, list[Any]]:
    """Give the table, the condition and its parameters, after that of the run's id, for attempts of a run."""
    # Without being told, SQLite walks through all attempts rather than use the small index.
    table = "attempts" if outcome in (None, "succeeded") else "attempts INDEXED BY attempts_odd"
    where = ["run = (SELECT run FROM runs WHERE id = ?)"]
    parameters: list[Any] = []
    if path is not None:
        table = "attempts"
        where.append("path = ?")
        parameters.append(path)
    if group is not None:
        where.append("path >= ? AND path < ? AND task = ?")
        parameters += [*path_range(group), group]
    if under is not None:
        table = "attempts"
        # `.` and `[` are in this range, and so is what must be left out: letters between them.
        where.append("path >= ? AND path < ? AND substr(path, ?, 1) IN ('.', '[')")
        parameters += [f"{under}.", f"{under}\\", len(under) + 1]
    if outcome is not None:
        where.append("outcome = ?" if outcome == "succeeded" else "outcome = ? AND outcome <> 'succeeded'")
        parameters.append(outcome)
    return table, " AND ".join(where), parameters


def conditions(wanted: RunFilter) -> tuple[str, Iterable[Any]]:
    where, parameters = ["1"], list[Any]()
    if wanted.workflow is not None:
        where.append("workflow = ?")
        parameters.append(wanted.workflow)
    if wanted.status in ("running", "interrupted"):
        where.append("status IN ('running', 'interrupted')")
    elif wanted.status is not None:
        where.append("status = ?")
        parameters.append(wanted.status)
    if wanted.since is not None:
        where.append("created >= ?")
        parameters.append(wanted.since)
    for tag in wanted.tags:
        where.append("instr(tags, ?)")
        parameters.append(pack_tag(tag))
    if wanted.id_prefix:
        where.append("substr(id, 1, ?) = ?")
        parameters += [len(wanted.id_prefix), wanted.id_prefix]
    return " AND ".join(where), parameters


def find_sql(count: int) -> str:
    return (
        f"SELECT (SELECT id FROM runs WHERE runs.run = attempts.run), {ATTEMPT_COLUMNS} FROM attempts "  # noqa: S608 - constants
        f"WHERE key IN ({', '.join('?' * count)}) AND key <> '' AND outcome = 'succeeded' ORDER BY ended, run"
    )
