"""What PostgreSQL's errors mean: which of them pass by themselves, and what people can do about the others.

Nothing here opens a connection or waits.
"""

from __future__ import annotations

import re

import psycopg

__all__ = ["is_lost", "meaning", "passes"]

_PASSING = frozenset(
    {
        "40001",  # could not serialise
        "40P01",  # a deadlock, which somebody had to lose
        "53300",  # too many connections
        "57P01",  # an administrator ended the session
        "57P02",  # another session crashed, and all were ended
        "57P03",  # the server starts or stops
        "25P03",  # a transaction waited for us for too long: we slept, or the network did
        "57P05",  # a session was idle for too long
    }
)

_LASTING = (
    "password authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "does not exist",
    "is not permitted to log in",
    "is not currently accepting connections",
    "authentication failed",
    "certificate",
    "server does not support SSL",
    "permission denied",
)
"""Words of servers that refuse a connection for good; there is no code with them."""

_LATER = (
    "too many clients",
    "too many connections",
    "remaining connection slots",
    "starting up",
    "shutting down",
    "closed the connection unexpectedly",
)
"""Words of servers that would take a connection a little later."""


def is_lost(error: psycopg.Error) -> bool:
    """Whether the connection that this happened on can have been cut."""
    return isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError))


def passes(error: psycopg.Error, *, reached: bool) -> bool:
    """Whether it is worth trying again; `reached`: the server has answered before, as it was asked now."""
    code = error.sqlstate or ""
    if code:
        return code in _PASSING or code.startswith("08")
    if not is_lost(error):
        return False
    words = str(error)
    if any(said in words for said in _LATER):
        return True
    return reached and not any(said in words for said in _LASTING)


def meaning(error: psycopg.Error, *, place: str, schema: str) -> str:
    """Say what happened, to which database, and what to do."""
    words = " ".join(str(error).split())
    code = error.sqlstate or ""
    told = _BY_CODE.get(code) or _BY_CODE.get(code[:2]) or ""
    if not told and not code:
        told = next((advice for said, advice in _BY_WORDS if re.search(said, words)), "")
    advice = told.format(schema=schema) if told else ""
    return f"cannot use {place}: {words or type(error).__name__}{f'; {advice}' if advice else ''}"


_BY_WORDS = (
    ("password authentication failed", "check the user and the password"),
    ("no password supplied", "give one: 'password: ${NAME}' in the environment, ~/.pgpass or PGPASSWORD"),
    ("no pg_hba.conf entry", "the server's pg_hba.conf must allow this machine, user and database"),
    ("too many", "raise max_connections of the server, or lower 'pool_size' of the store"),
    ("remaining connection slots", "raise max_connections of the server, or lower 'pool_size' of the store"),
    ("starting up|shutting down|recovery mode", "wait until the server is up"),
    # With what is around them: hosts and databases may have such words in their names.
    ('database "[^"]*" does not exist', "make it first: CREATE DATABASE"),
    ('role "[^"]*" does not exist', "make it first: CREATE ROLE … LOGIN"),
    ("is not permitted to log in", "whoever may lets it: ALTER ROLE … LOGIN"),
    ("Connection refused", "check that the server runs there, and the store's url"),
    ("No such file", "check that the server runs here, and the store's url"),
    ("could not translate host name", "check the store's url, and the name of the host"),
    ("Name or service not known", "check the store's url, and the name of the host"),
    ("timeout", "check the store's url, and that nothing keeps this machine from the server"),
    ("", "check that the server is there; 'fairlead doctor' tries, 'fairlead resume' goes on with a run"),
)
"""The first whose pattern is found in the server's words."""

_BY_CODE = {
    "42501": (
        "whoever owns schema {schema!r} grants what is needed: GRANT USAGE ON SCHEMA … TO …, and "
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA … TO …"
    ),
    "25006": "it is a standby or set to read only: name the server that takes writes",
    "53100": "the server's disk is full; free some space, then 'fairlead resume' goes on",
    "53200": "the server has no memory left",
    "53300": "raise max_connections of the server, or lower 'pool_size' of the store",
    "54000": "a record is larger than PostgreSQL can hold",
    "22P05": "the database must have the encoding UTF8",
    "42P01": "schema {schema!r} was changed by somebody else; 'fairlead doctor' says what is missing",
    "42P07": "schema {schema!r} holds tables of something else; name another schema",
    "57014": "the server ended it after its statement_timeout; raise that for this user",
    "XX": "the server's own log says more",
}
"""By the code of the error, or its first two letters."""
