"""One commit of a driver in PostgreSQL: two round trips, whatever its size; a third where facts are merged.

Everything that writes to a run waits for the run's row first, so that nothing in here meets another writer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from fairlead.errors import StaleEpoch, StoreError
from fairlead.model.events import Attempt
from fairlead.model.run import FINAL
from fairlead.ports import Commit
from fairlead.stores.postgres_server import Session
from fairlead.stores.rows import ATTEMPT_COLUMNS, AttemptRow, attempt_from, attempt_rows, merge, pack_counts

__all__ = ["append"]

_KINDS = "text text integer text text float8 float8 float8 float8 text bytea".split()

_ARRAYS = ", ".join(f"%b::{kind}[]" for kind in _KINDS[1:])

_LOCK = "SELECT run, epoch, status FROM runs WHERE id = %s FOR UPDATE"

_ADD = f"""
    WITH added AS (
        INSERT INTO attempts SELECT run, new.* FROM runs, unnest({_ARRAYS}) AS new WHERE runs.id = %s AND epoch = %s
        ON CONFLICT DO NOTHING RETURNING 1
    )
    SELECT count(*) FROM added
"""  # noqa: S608 - constants

_OPEN = f"""
    SELECT {ATTEMPT_COLUMNS} FROM attempts JOIN unnest(%b::text[], %b::integer[]) AS new (path, attempt)
    USING (path, attempt) WHERE run = %s AND outcome IS NULL
"""  # noqa: S608 - constants

_MERGE = f"""
    UPDATE attempts SET outcome = new.outcome, queued = new.queued, started = new.started, ended = new.ended,
        seconds = new.seconds, key = new.key, body = new.body
    FROM unnest({_ARRAYS}) AS new (path, attempt, task, outcome, queued, started, ended, seconds, key, body)
    WHERE attempts.run = %s AND attempts.path = new.path AND attempts.attempt = new.attempt
"""  # noqa: S608 - constants

_GROUPS = """
    INSERT INTO groups SELECT %s, name, place + (SELECT coalesce(max(position), 0) FROM groups WHERE run = %s), body
    FROM unnest(%b::text[], %b::bytea[]) WITH ORDINALITY AS g (name, body, place)
    ON CONFLICT (run, name) DO UPDATE SET body = excluded.body
"""

_encode = msgspec.msgpack.Encoder().encode


def append(run_id: str, epoch: int, commit: Commit) -> Callable[[Session], bool]:
    """Give what writes a commit on a session; it gives whether there is such a run.

    Doing it twice is doing it once: what has ended stays, and what has not is merged with itself.
    """
    # Packed before the transaction: while it is open, every other writer of the run waits.
    attempts = _merged(commit.attempts)
    rows = attempt_rows(0, attempts)
    columns = _columns(rows)
    groups = {group.name: _encode(group) for group in commit.groups}

    def work(connection: Any) -> bool:
        lock = connection.execute(_LOCK, (run_id,))
        added = connection.execute(_ADD, (*columns, run_id, epoch)) if rows else None
        found = lock.fetchone()
        if found is None:
            return False
        run, stored, status = found
        if stored != epoch:
            raise StaleEpoch(f"run {run_id!r} is in epoch {stored}, not {epoch}: another driver took it over")
        if commit.status is not None and commit.status != status and status in FINAL:
            raise StoreError(f"run {run_id!r} has {status} and cannot become {commit.status}; resume it first")
        if added is not None and added.fetchone()[0] < len(rows):
            _merge(connection, run, attempts)
        if groups:
            connection.execute(_GROUPS, (run, run, list(groups), list(groups.values())))
        _update(connection, run, status, commit)
        return True

    return lambda session: session.atomically(work)


def _merged(attempts: Iterable[Attempt]) -> list[Attempt]:
    """Merge the facts of one attempt that are in one commit."""
    found: dict[tuple[str, int], Attempt] = {}
    for attempt in attempts:
        place = (attempt.path, attempt.attempt)
        old = found.get(place)
        found[place] = attempt if old is None else merge(old, attempt)
    return list(found.values())


def _columns(rows: list[AttemptRow]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)][1:]


def _merge(connection: Any, run: int, attempts: list[Attempt]) -> None:
    """Merge facts with those that were there; attempts that have ended stay as they are."""
    places = [one.path for one in attempts], [one.attempt for one in attempts]
    old = [attempt_from(row) for row in connection.cursor(binary=True).execute(_OPEN, (*places, run)).fetchall()]
    new = {(one.path, one.attempt): one for one in attempts}
    merged = [merge(one, new[one.path, one.attempt]) for one in old]
    if merged:
        connection.execute(_MERGE, (*_columns(attempt_rows(run, merged)), run))


def _update(connection: Any, run: int, status: str, commit: Commit) -> None:
    """Bring the run's own row up to date."""
    changes, parameters = [], list[Any]()
    if commit.counts is not None:
        changes.append("counts = %s")
        parameters.append(pack_counts(commit.counts))
    if commit.error:
        changes.append("error = %s")
        parameters.append(commit.error.replace("\0", "\N{SYMBOL FOR NULL}"))  # which its texts cannot hold
    if commit.status is not None and commit.status != status:
        final = commit.status in FINAL
        changes.append("status = %s, ended = %s, started = coalesce(started, %s)")
        parameters += [commit.status, commit.at if final else None, None if final else commit.at]
    if changes:
        connection.execute(f"UPDATE runs SET {', '.join(changes)} WHERE run = %s", (*parameters, run))  # noqa: S608 - constants
