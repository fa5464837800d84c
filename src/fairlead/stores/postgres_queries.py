"""The statements of the PostgreSQL store, and how a row becomes a summary. No connection is opened here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from fairlead.model.run import RunFilter, RunSummary
from fairlead.stores.rows import ATTEMPT_COLUMNS, SUMMARY_COLUMNS

__all__ = [
    "ASK_CANCEL",
    "CREATE",
    "FIND",
    "HELD",
    "OPEN",
    "SOME",
    "SUMMARY",
    "attempts_of",
    "list_of",
    "remove",
    "summary_from",
]

_decode_counts = msgspec.json.Decoder(dict[str, int]).decode

CREATE = """
    WITH made AS (
        INSERT INTO runs (id, workflow, created, parent, tags, target, maker) VALUES (%s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (id) DO NOTHING RETURNING run
    ), record AS (
        INSERT INTO records SELECT run, %b FROM made
    ), named AS (
        INSERT INTO groups SELECT run, name, position, body
        FROM made, unnest(%b::text[], %b::bytea[]) WITH ORDINALITY AS g (name, body, position)
    )
    SELECT run FROM made
"""
"""Gives no row when there is such a run."""

OPEN = """
    UPDATE runs SET epoch = epoch + 1, opener = %s, status = 'running', started = coalesce(started, %s), ended = NULL,
        error = '', cancel_asked = NULL
    WHERE id = %s AND opener <> %s RETURNING epoch
"""
"""Gives no row when there is no such run, or when this token has opened it already."""

ASK_CANCEL = """
    UPDATE runs SET cancel_asked = coalesce(cancel_asked, %s)
    WHERE id = %s AND status NOT IN ('succeeded', 'failed', 'cancelled') RETURNING 1
"""

_LOCKS = """
    SELECT (classid::bigint << 32) | objid::bigint AS number FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""

HELD = f"SELECT number FROM ({_LOCKS}) AS locks WHERE number = ANY(%b::bigint[])"  # noqa: S608 - constants
"""Which of these locks somebody holds."""

SOME = f"SELECT {SUMMARY_COLUMNS} FROM runs WHERE id = ANY(%b::text[])"  # noqa: S608 - constants

SUMMARY = f"""
    SELECT status = 'running' AND %s::bigint IN ({_LOCKS}), {SUMMARY_COLUMNS} FROM runs WHERE id = %s
"""  # noqa: S608 - constants
"""Whether the run's lock is held, where that matters, and how the run stands."""

FIND = f"""
    SELECT (SELECT id FROM runs WHERE runs.run = found.run), {ATTEMPT_COLUMNS}
    FROM unnest(%b::text[]) AS asked (wanted) CROSS JOIN LATERAL (
        SELECT run, {ATTEMPT_COLUMNS} FROM attempts
        WHERE key = wanted AND key <> '' AND outcome = 'succeeded'
        ORDER BY ended DESC NULLS LAST, run DESC LIMIT 1
    ) AS found
"""  # noqa: S608 - constants


def list_of(wanted: RunFilter) -> tuple[str, list[Any], bool]:
    """Write the question for a list of runs, its parameters, and whether the list is to be cut later.

    Whether a run is interrupted is in no table: a list of such runs is cut when that is known.
    """
    where, parameters = ["true"], list[Any]()
    late = wanted.status in ("running", "interrupted")
    if wanted.workflow is not None:
        where.append("workflow = %s")
        parameters.append(wanted.workflow)
    if late:
        where.append("status = 'running'")
    elif wanted.status is not None:
        where.append("status = %s")
        parameters.append(wanted.status)
    if wanted.since is not None:
        where.append("created >= %s")
        parameters.append(wanted.since)
    if wanted.tags:
        where.append("tags @> %s::text[]")
        parameters.append(list(wanted.tags))
    if wanted.id_prefix:
        where.append("starts_with(id, %s)")
        parameters.append(wanted.id_prefix)
    parameters.append(None if late else wanted.limit)
    statement = (
        f"SELECT {SUMMARY_COLUMNS} FROM runs WHERE {' AND '.join(where)} ORDER BY created DESC, run DESC LIMIT %s"  # noqa: S608 - constants
    )
    return statement, parameters, late


def attempts_of(
    run_id: str,
    bounds: Sequence[str] | None,
    path: str | None,
    under: str | None,
    outcome: str | None,
    limit: int | None,
) -> tuple[str, list[Any]]:
    """Write the question for attempts of a run; `bounds` are the paths of a group, and its name."""
    where = ["run = (SELECT run FROM runs WHERE id = %s)"]
    parameters: list[Any] = [run_id]
    if path is not None:
        where.append("path = %s")
        parameters.append(path)
    if bounds is not None:
        where.append("path >= %s AND path < %s AND task = %s")
        parameters += bounds
    if under is not None:
        # `.` and `[` are in this range, and so is what must be left out: letters between them.
        where.append("path >= %s AND path < %s AND substr(path, %s, 1) IN ('.', '[')")
        parameters += [f"{under}.", f"{under}\\", len(under) + 1]
    if outcome is not None:
        # In these words: the index on what is odd is used.
        where.append("outcome = %s" if outcome == "succeeded" else "outcome = %s AND outcome <> 'succeeded'")
        parameters.append(outcome)
    parameters.append(limit)
    return (
        f"SELECT {ATTEMPT_COLUMNS} FROM attempts WHERE {' AND '.join(where)} ORDER BY path, attempt LIMIT %s",  # noqa: S608 - constants
        parameters,
    )


def remove(connection: Any, run_id: str) -> None:
    """Delete a run, after whoever writes to it."""
    row = connection.execute("SELECT run FROM runs WHERE id = %s FOR UPDATE", (run_id,)).fetchone()
    if row is not None:
        for table in ("attempts", "groups", "records", "runs"):
            connection.execute(f"DELETE FROM {table} WHERE run = %s", row)  # noqa: S608 - constants


def summary_from(row: Sequence[Any]) -> RunSummary:
    """Put a summary together again from `SUMMARY_COLUMNS`."""
    run_id, workflow, status, created, started, ended, epoch, parent, tags, target, counts, error, cancel_asked = row
    return RunSummary(
        run_id, workflow, status, created, started, ended, epoch, parent,
        tuple(tags), target, _decode_counts(counts) if counts else {}, error, cancel_asked,
    )  # fmt: skip
