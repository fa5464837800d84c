"""A driver's hold on a run in PostgreSQL: a lock of a session, which the server drops when the session ends.

The driver's own writes go through the session that holds the lock, so that none of them can succeed after
the lock is gone. When the connection is cut, the lock is taken again before anything else is done, unless
somebody else has taken the run over meanwhile.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import psycopg

from fairlead.errors import RunBusy, StaleEpoch, StoreError
from fairlead.stores.postgres_server import Server, Session

__all__ = ["PostgresLease", "lock_of"]

_T = TypeVar("_T")

_PATIENCE = 0.3
"""Seconds for which a driver tries: the server needs a moment to see that the one before is dead."""

_PAUSE = 0.01

_BRIEFLY = 1.0
"""Seconds for which a driver that lets go tries to reach a server that is gone."""

_ENDING = 5.0
"""Seconds that a session which was told to end may take."""

_TAKE = "SELECT CASE WHEN pg_try_advisory_lock(%s) THEN set_config('application_name', %s, false) END"

_DROP = "SELECT pg_advisory_unlock(%s), set_config('application_name', %s, false)"

_HOLDER = """
    SELECT a.pid, coalesce(a.application_name, ''), coalesce(a.backend_start::text, '')
    FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (l.classid::bigint << 32) | l.objid::bigint = %s
"""

_LONGEST = 63
"""Bytes of an application's name that PostgreSQL keeps."""


def lock_of(schema: str, run_id: str) -> int:
    """Number the lock of a run: locks are shared by all schemas of a database, and have no names."""
    digest = hashlib.sha256(f"{schema}\0{run_id}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], signed=True)


class PostgresLease:
    """A hold on a run; `release` gives it up, and so does the end of the process or of its connection."""

    def __init__(self, server: Server, run_id: str, released: Callable[[PostgresLease], None]) -> None:
        self.run_id = run_id
        self.epoch: int | None = None
        """The epoch that was opened under this lease."""
        self._server = server
        self._lock_number = lock_of(server.schema, run_id)
        self._released = released
        self._session: Session | None = None
        self._lost: list[Session] = []
        """Sessions that were cut here, and may hold the lock for as long as the server has not seen that."""
        self._mutex = threading.Lock()
        # In a forked child it is nobody's.
        self._pid = os.getpid()
        self._gone = False

    def __repr__(self) -> str:
        return f"<PostgresLease {self.run_id!r}: {'held' if self.is_held else 'released'}>"

    @property
    def is_held(self) -> bool:
        """Whether this process has not given it up."""
        return not self._gone and self._pid == os.getpid()

    def acquire(self) -> None:
        """Take the run over; RunBusy when a living driver holds it."""
        until = time.monotonic() + _PATIENCE
        with self._mutex:
            while True:
                self._session = self._server.steadily(self._taken_again)
                if self._session is not None:
                    return
                if time.monotonic() > until:
                    holder = self._server.steadily(self._holder)
                    raise RunBusy(
                        f"run {self.run_id!r} is carried by {holder or 'another driver'}; wait for it, or stop it first"
                    )
                time.sleep(_PAUSE)

    def use(self, work: Callable[[Session], _T]) -> _T:
        """Do the work on the session that holds the lock; done again, with the lock, when that is cut.

        Raises StaleEpoch when somebody else has taken the run over.
        """
        with self._mutex:
            return self._server.steadily(lambda: self._on_mine(work))

    def release(self) -> None:
        """Let the run go; does nothing the second time, or in a forked child."""
        if not self.is_held:
            return
        # First: whoever is trying to reach a server that is gone gives up, and is not waited for.
        self._gone = True
        self._released(self)
        with self._mutex:
            session, self._session = self._session, None
            if session is not None:
                self._drop(session)
            try:
                self._server.steadily(self._end_lost, patience=_BRIEFLY)
            except StoreError:
                return  # the server is gone, and the lock with it; or it will see by itself that we are

    # --- within ---

    def _drop(self, session: Session) -> None:
        try:
            dropped = session.rows(_DROP, (self._lock_number, self._server.address.application))[0][0]
        except psycopg.Error:
            dropped = False
            self._lost.append(session)
        if not dropped:
            session.close()
        self._server.give_back(session)

    def _on_mine(self, work: Callable[[Session], _T]) -> _T:
        if self._gone:
            raise StoreError(f"run {self.run_id!r} was let go before everything of it was written")
        if self._session is None or not self._session.is_open:
            self._regain()
        assert self._session is not None
        try:
            return work(self._session)
        except BaseException:
            self._session.restore()
            raise

    def _regain(self) -> None:
        if self._session is not None:
            self._lost.append(self._session)
            self._session = None
        session = self._taken_again()
        if session is None:
            holder = self._holder()
            raise StaleEpoch(
                f"run {self.run_id!r} was taken over by {holder or 'another driver'} while the connection to "
                f"{self._server.address.shown} was cut"
            )
        if self.epoch is not None:
            rows = session.rows("SELECT epoch FROM runs WHERE id = %s", (self.run_id,))
            if rows and rows[0][0] != self.epoch:
                session.close()
                raise StaleEpoch(
                    f"run {self.run_id!r} is in epoch {rows[0][0]}, not {self.epoch}: another driver took it over "
                    "while the connection was cut"
                )
        self._session = session

    def _taken_again(self) -> Session | None:
        """Give a session that holds the lock, also where one that we lost still had it; None: somebody else has."""
        session = self._taken()
        if session is None and self._end_lost():
            until = time.monotonic() + _ENDING
            while session is None and time.monotonic() < until:
                time.sleep(_PAUSE)
                session = self._taken()
        if session is not None:
            self._lost.clear()
        return session

    def _taken(self) -> Session | None:
        """Give a session that holds the lock, or None when another one has it."""
        session = self._server.session()
        try:
            name = f"fairlead driver, process {os.getpid()} on {os.uname().nodename}"
            short = name.encode()[:_LONGEST].decode(errors="ignore")
            if session.rows(_TAKE, (self._lock_number, short))[0][0] is not None:
                return session
        except BaseException:
            session.close()
            self._lost.append(session)
            raise
        self._server.give_back(session)
        return None

    def _end_lost(self) -> bool:
        """Have the server end the sessions that we lost; gives whether there was one."""
        ended = [self._end(session) for session in self._lost]
        self._lost.clear()
        return any(ended)

    def _end(self, lost: Session) -> bool:
        with self._server.borrowed() as session:
            try:
                ended = session.rows(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE pid = %s AND backend_start::text = %s",
                    (lost.pid, lost.since),
                )
            except psycopg.errors.InsufficientPrivilege:
                return False  # a superuser's session is not ended by others; the server will see by itself
        return bool(ended)

    def _holder(self) -> str:
        with self._server.borrowed() as session:
            rows = session.rows(_HOLDER, (self._lock_number,))
        return str(rows[0][1]).removeprefix("fairlead driver, ") if rows else ""
