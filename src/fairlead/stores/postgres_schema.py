"""The tables of the PostgreSQL store, step by step: how a schema is made, and brought to where this program is.

A step that has shipped is never changed; what is different later is a further step. Queries are in `postgres.py`.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

from fairlead.errors import StoreError
from fairlead.stores.postgres_server import Session

__all__ = ["STEPS", "bring_up_to_date"]

STEPS: list[tuple[str, ...]] = [
    (
        """
        CREATE TABLE runs (
            run BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            id TEXT COLLATE "C" NOT NULL UNIQUE,
            workflow TEXT COLLATE "C" NOT NULL,
            status TEXT NOT NULL DEFAULT 'created',
            created DOUBLE PRECISION NOT NULL,
            started DOUBLE PRECISION,
            ended DOUBLE PRECISION,
            epoch INTEGER NOT NULL DEFAULT 0,
            parent TEXT NOT NULL,
            tags TEXT[] NOT NULL,
            target TEXT NOT NULL,
            counts TEXT NOT NULL DEFAULT '',
            error TEXT NOT NULL DEFAULT '',
            cancel_asked DOUBLE PRECISION,
            maker TEXT NOT NULL,
            opener TEXT NOT NULL DEFAULT ''
        ) WITH (fillfactor = 70)
        """,
        "CREATE INDEX runs_created ON runs (created, run)",
        "CREATE INDEX runs_workflow ON runs (workflow, created, run)",
        "CREATE INDEX runs_running ON runs (created, run) WHERE status = 'running'",
        "CREATE INDEX runs_tags ON runs USING gin (tags)",
        # Apart from `runs`, so that a list of runs does not wade through their graphs.
        "CREATE TABLE records (run BIGINT PRIMARY KEY, body BYTEA NOT NULL)",
        """
        CREATE TABLE groups (
            run BIGINT NOT NULL, name TEXT COLLATE "C" NOT NULL, position BIGINT NOT NULL, body BYTEA NOT NULL,
            PRIMARY KEY (run, name)) WITH (fillfactor = 70)
        """,
        """
        CREATE TABLE attempts (
            run BIGINT NOT NULL, path TEXT COLLATE "C" NOT NULL, attempt INTEGER NOT NULL,
            task TEXT COLLATE "C" NOT NULL, outcome TEXT, queued DOUBLE PRECISION, started DOUBLE PRECISION,
            ended DOUBLE PRECISION, seconds DOUBLE PRECISION NOT NULL, key TEXT COLLATE "C" NOT NULL,
            body BYTEA NOT NULL, PRIMARY KEY (run, path, attempt))
        """,
        "CREATE INDEX attempts_odd ON attempts (run, outcome) WHERE outcome <> 'succeeded'",
        """
        CREATE INDEX attempts_key ON attempts (key, ended DESC NULLS LAST, run DESC)
        WHERE key <> '' AND outcome = 'succeeded'
        """,
    ),
]
"""What leads from each version to the next; the first makes version 1."""

_MARK = "fairlead_schema"
"""The table that says which version it is, and that it is ours."""

_LOCK = 0x46414952
"""`FAIR`: one program at a time brings a schema up to date, whichever it is."""


def bring_up_to_date(session: Session, schema: str, place: str) -> None:
    """Make the schema, or what it lacks; StoreError when it is newer than this program or not ours."""
    known = len(STEPS)
    found = _version(session, schema)
    if found < known:
        try:
            session.atomically(lambda connection: _migrate(connection, schema))
        except psycopg.errors.InsufficientPrivilege as error:
            raise StoreError(_forbidden(session, schema, place, str(error))) from error
        found = _version(session, schema)
    if found > known:
        raise StoreError(
            f"schema {schema!r} of {place} was made by a newer Fairlead (store version {found}, this one knows "
            f"{known}); upgrade with 'pip install -U fairlead', or name another schema"
        )


def _version(session: Session, schema: str) -> int:
    """Give the version of a schema; 0 where there is none."""
    there = session.rows("SELECT to_regclass(%s) IS NOT NULL", (_quoted(schema),))[0][0]
    return int(session.rows(f"SELECT version FROM {_MARK}")[0][0]) if there else 0  # noqa: S608 - a constant


def _migrate(connection: Any, schema: str) -> None:
    """Do the steps that are missing; twenty processes that come at once do each step once."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    exists, ours = connection.execute(
        "SELECT to_regnamespace(%s) IS NOT NULL, to_regclass(%s) IS NOT NULL",
        (sql.Identifier(schema).as_string(connection), _quoted(schema)),
    ).fetchone()
    if not exists:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    if not ours:
        connection.execute(f"CREATE TABLE {_MARK} (version INTEGER NOT NULL)")
        connection.execute(f"INSERT INTO {_MARK} VALUES (0)")  # noqa: S608 - a constant
    version = connection.execute(f"SELECT version FROM {_MARK}").fetchone()[0]  # noqa: S608 - a constant
    for step in STEPS[version:]:
        for statement in step:
            connection.execute(statement)
    if version < len(STEPS):
        connection.execute(f"UPDATE {_MARK} SET version = %s", (len(STEPS),))  # noqa: S608 - a constant


def _forbidden(session: Session, schema: str, place: str, words: str) -> str:
    name, user = schema.replace('"', '""'), session.connection.info.user.replace('"', '""')
    return (
        f"cannot make the tables in schema {schema!r} of {place}: {words}; whoever may lets the user have them: "
        f'CREATE SCHEMA IF NOT EXISTS "{name}" AUTHORIZATION "{user}"'
    )


def _quoted(schema: str) -> str:
    quoted = schema.replace('"', '""')
    return f'"{quoted}"."{_MARK}"'
