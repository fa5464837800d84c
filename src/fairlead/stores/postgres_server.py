"""Connections to a PostgreSQL server that threads share, and that outlast cuts but not forks.

A session is one connection, used by one thread at a time. What is done on it is done again, on another
one, when the connection was cut: so whatever is handed in here must be the same when it is done twice.
Which tables there are is in `postgres.py`, how they come to be in `postgres_schema.py`.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg

from fairlead.errors import StoreError
from fairlead.stores.postgres_address import Address
from fairlead.stores.postgres_errors import is_lost, meaning, passes

__all__ = ["Server", "Session"]

_T = TypeVar("_T")

_OLDEST = 12
"""The first version of PostgreSQL that has what we use."""

_IDLE = 60.0
"""Seconds after which a connection that nobody needed is closed."""

_FIRST = 10.0
"""Seconds for which a server is tried at most that has never answered."""

_PAUSES = (0.0, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Seconds between two attempts; the last one goes on."""

_BEGIN = """
    SELECT pg_backend_pid(), (SELECT backend_start::text FROM pg_stat_activity WHERE pid = pg_backend_pid()),
        set_config('search_path', %s, false),
        set_config('default_transaction_isolation', 'read committed', false),
        set_config('idle_in_transaction_session_timeout', '30s', false),
        set_config('tcp_keepalives_idle', '5', false),
        set_config('tcp_keepalives_interval', '3', false),
        set_config('tcp_keepalives_count', '3', false),
        set_config('tcp_user_timeout', '15000', false)
"""
# A driver that sleeps, or whose machine is gone, must not keep others from its run for hours.

# It tells of connections that were lost while an error was on its way, which is told anyhow.
logging.getLogger("psycopg").addHandler(logging.NullHandler())


class Session:
    """One connection, and how the server knows it."""

    def __init__(self, connection: Any, pid: int, since: str) -> None:
        self.connection = connection
        self.pid = pid
        self.since = since
        """When it began, as the server tells: with `pid`, no other session is the same."""
        self.used = time.monotonic()
        # Not when the process ends: a thread that nobody waits for may be using it.
        weakref.finalize(self, _close, connection, os.getpid()).atexit = False

    @property
    def is_open(self) -> bool:
        """Whether it was still there when it was last used."""
        return not self.connection.closed

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Do one statement, a transaction by itself, and give its rows."""
        cursor = self.connection.cursor(binary=True)
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []

    def atomically(self, work: Callable[[Any], _T]) -> _T:
        """Do the work, on the connection, in one transaction; what it raises undoes all.

        Statements go out without waiting for each other's results, until the work asks for one.
        """
        try:
            with self.connection.pipeline():
                self.connection.execute("BEGIN")
                result = work(self.connection)
                self.connection.execute("COMMIT")
        except BaseException:
            self.restore()
            raise
        return result

    def restore(self) -> None:
        """Leave whatever transaction it is in; a connection that cannot is closed."""
        try:
            if not self.connection.closed and self.connection.info.transaction_status:
                self.connection.execute("ROLLBACK")
        except psycopg.Error:
            self.close()

    def close(self) -> None:
        self.connection.close()


class Server:
    """The database that a store is in; safe for threads and forks.

    `prepare` is given each new session before it is used. `patience`: seconds for which a server that
    answered before is tried again.
    """

    def __init__(
        self, address: Address, *, schema: str, size: int, patience: float, prepare: Callable[[Session], None]
    ) -> None:
        self.address = address
        self.schema = schema
        self.patience = patience
        self._prepare = prepare
        self._size = size
        self._reached = False
        self._open: weakref.WeakSet[Session] = weakref.WeakSet()
        self._begin()
        _LIVE.add(self)

    def _begin(self) -> None:
        self._idle: list[Session] = []
        self._lock = threading.Lock()
        self._room = threading.BoundedSemaphore(self._size)

    def read(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Give all rows of one statement."""
        return self.use(lambda session: session.rows(sql, parameters))

    def use(self, work: Callable[[Session], _T]) -> _T:
        """Do the work on a session that is free; done again where the connection is lost."""
        return self.steadily(lambda: self._on_one(work))

    def steadily(self, action: Callable[[], _T], *, patience: float | None = None) -> _T:
        """Do it, again and again while what keeps it from being done is passing, for a bounded time.

        `patience`: seconds, where they are not the store's.
        """
        until, turn = 0.0, 0
        while True:
            try:
                return action()
            except psycopg.Error as error:
                until = until or time.monotonic() + self._limit(patience)
                pause = _PAUSES[min(turn, len(_PAUSES) - 1)]
                if not passes(error, reached=self._reached) or time.monotonic() + pause > until:
                    raise self.told(error) from error
                if is_lost(error):
                    self._drop_idle()
            except UnicodeError as error:
                raise StoreError(f"cannot write to {self.address.shown}: {error}") from error
            turn += 1
            time.sleep(pause)

    def _limit(self, patience: float | None) -> float:
        found = self.patience if patience is None else patience
        return found if self._reached else min(found, _FIRST)

    def told(self, error: psycopg.Error) -> StoreError:
        """Say in our words what a database says."""
        return StoreError(self.address.hide(meaning(error, place=self.address.shown, schema=self.schema)))

    # --- sessions ---

    def session(self) -> Session:
        """Give a session that is the caller's until `give_back`: an idle one, or a new one."""
        with self._lock:
            session = self._idle.pop() if self._idle else None
        return session or self._connect()

    def give_back(self, session: Session) -> None:
        """Take back a session that is in no transaction; closes it where there are enough."""
        session.used = time.monotonic()
        with self._lock:
            kept = session.is_open and len(self._idle) < self._size
            if kept:
                self._idle.append(session)
        if not kept:
            session.close()
        self.tidy()

    def tidy(self) -> None:
        """Let the connections go that nobody has needed for a while."""
        last = time.monotonic() - _IDLE
        if not self._idle:
            return
        with self._lock:
            old = [session for session in self._idle if session.used < last]
            del self._idle[: len(old)]  # they stand in the order in which they were given back
        for session in old:
            session.close()

    @contextmanager
    def borrowed(self) -> Iterator[Session]:
        """Lend a session for a moment; what is raised leaves it in no transaction."""
        session = self.session()
        try:
            yield session
        except BaseException:
            session.restore()
            raise
        finally:
            self.give_back(session)

    def close(self) -> None:
        """Let all idle connections go; using the server again opens new ones."""
        self._drop_idle()

    def _drop_idle(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for session in idle:
            session.close()

    def _on_one(self, work: Callable[[Session], _T]) -> _T:
        with self._room, self.borrowed() as session:
            return work(session)

    def _connect(self) -> Session:
        # No fork may happen meanwhile: the child would not know what to let go.
        with _opening:
            connection = psycopg.connect(**self.address.parameters, autocommit=True)
            self._reached = True
            try:
                session = self._greeted(connection)
            except BaseException:
                connection.close()
                raise
            self._open.add(session)
        try:
            self._prepare(session)
        except BaseException:
            session.close()
            raise
        return session

    def _greeted(self, connection: Any) -> Session:
        version = connection.info.server_version // 10000
        if version < _OLDEST:
            raise StoreError(f"{self.address.shown} is PostgreSQL {version}; Fairlead needs {_OLDEST} or newer")
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise StoreError(
                f"{self.address.shown} has the encoding {encoding}, which cannot hold every text; "
                "make the database with ENCODING 'UTF8'"
            )
        path = '"{}"'.format(self.schema.replace('"', '""'))
        pid, since, *_ = connection.execute(_BEGIN, (path,)).fetchone()
        return Session(connection, pid, since)

    def _forget(self) -> None:
        """Leave all connections to the process that this one was forked from."""
        for session in list(self._open):
            try:
                socket = session.connection.fileno()
            except psycopg.Error:
                continue  # it is closed already
            # Closing would end the parent's session, and keeping the socket would keep it alive
            # when the parent is dead: another file takes its place.
            os.dup2(_nothing(), socket, inheritable=False)
            _LEFT.append(session)
        self._open.clear()
        self._begin()


def _close(connection: Any, owner: int) -> None:
    # In a forked child it is its parent's, and may be half-way through something.
    if owner == os.getpid():
        connection.close()


@atexit.register
def _close_idle() -> None:
    for server in list(_LIVE):
        server.close()


_LIVE: weakref.WeakSet[Server] = weakref.WeakSet()

_LEFT: list[Session] = []
"""Connections of the process that this one was forked from: what is in them may be half done."""

_opening = threading.Lock()
_empty: list[int] = []


def _nothing() -> int:
    if not _empty:
        _empty.append(os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC))
    return _empty[0]


def _in_child() -> None:
    try:
        for server in list(_LIVE):
            server._forget()
    finally:
        _opening.release()


os.register_at_fork(before=_opening.acquire, after_in_parent=_opening.release, after_in_child=_in_child)
