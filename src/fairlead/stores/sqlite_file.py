"""A SQLite file that threads, processes and forks share, and what its errors mean to people.

Two connections per process, opened when they are first needed: one that writes and one that reads,
so that looking never waits for a commit. Which tables there are is in `sqlite.py`.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from fairlead.errors import StoreError

__all__ = ["SqliteFile", "shown"]

_T = TypeVar("_T")

BUSY_SECONDS = 30.0
"""How long one process waits for another's commit."""

_GLANCE = 0.03
"""How long SQLite waits by itself: its pauses grow, and with long ones the others always come first."""

_CHECKPOINT_PAGES = 4000
"""Write-ahead log that is moved into the database at once: 16 MB, so that few commits wait for it."""

_IDENTITY = """
    SELECT v.user_version, a.application_id, (SELECT count(*) FROM sqlite_master)
    FROM pragma_user_version AS v, pragma_application_id AS a
"""

_LIVE: weakref.WeakSet[SqliteFile] = weakref.WeakSet()


class SqliteFile:
    """One SQLite file with a schema of ours; safe for threads, processes and forks."""

    def __init__(
        self,
        path: Path,
        *,
        application: int,
        version: int,
        schema: Sequence[str],
        functions: dict[str, Callable[..., Any]] | None = None,
    ) -> None:
        self.path = path
        self._application = application
        self._version = version
        self._schema = schema
        self._functions = functions or {}
        self._writer = _Slot()
        self._reader = _Slot()
        _LIVE.add(self)

    def read(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Give all rows of one query, as of one moment."""
        with self._reader.lock:
            return self._tell(lambda: self._rows(sql, parameters))

    def write(self, work: Callable[[sqlite3.Connection], _T], *, waits: bool = True) -> _T:
        """Do the work in one transaction: when this comes back it is on the disk, when it raises it never was.

        `waits=False`: it is on the disk together with whatever is written next.
        """
        with self._writer.lock:
            return self._tell(lambda: self._transaction(work, waits=waits))

    def close(self) -> None:
        """Let the connections go; using the file again opens them again."""
        for slot in (self._reader, self._writer):
            with slot.lock:
                slot.close()

    def __del__(self) -> None:
        for slot in (self._reader, self._writer):
            slot.close()

    # --- connections ---

    def _rows(self, sql: str, parameters: Sequence[Any]) -> list[Any]:
        connection = self._connection(self._reader)
        return _patiently(lambda: connection.execute(sql, parameters).fetchall())

    def _transaction(self, work: Callable[[sqlite3.Connection], _T], *, waits: bool) -> _T:
        connection = self._connection(self._writer)
        if not waits:
            connection.execute("PRAGMA synchronous=NORMAL")
            try:
                return self._committed(connection, work)
            finally:
                connection.execute("PRAGMA synchronous=FULL")
        return self._committed(connection, work)

    def _committed(self, connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], _T]) -> _T:
        # Immediate: a transaction that starts reading and turns to writing can fail half-way.
        _patiently(lambda: connection.execute("BEGIN IMMEDIATE"))
        try:
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return result

    def _connection(self, slot: _Slot) -> sqlite3.Connection:
        connection = slot.connection
        if connection is not None:
            if slot.file == self._identity():
                return connection
            # Somebody removed or replaced the file: what is written to the old one, nobody would ever see.
            slot.close()
        with _opening:
            connection = self._open()
        slot.connection, slot.file = connection, self._identity()
        return connection

    def _identity(self) -> tuple[int, int]:
        try:
            stat = os.stat(self.path)  # noqa: PTH116 - asked before every query; Path.stat costs twice as much
        except FileNotFoundError:
            return (0, 0)
        return (stat.st_dev, stat.st_ino)

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = self._connect()
        try:
            if not self._is_ready(connection):
                self._prepare(connection)
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
            for name, function in self._functions.items():
                connection.create_function(name, -1, function, deterministic=True)
        except BaseException:
            connection.close()
            raise
        return connection

    def _connect(self) -> sqlite3.Connection:
        name = str(self.path)
        if _is_read_only(self.path.parent) and self.path.exists() and not os.path.exists(f"{name}-wal"):  # noqa: PTH110
            # SQLite opens such a file only when it is told that nobody else can change it, either.
            name = f"{self.path.as_uri()}?immutable=1"
        return sqlite3.connect(
            name, timeout=_GLANCE, isolation_level=None, check_same_thread=False, uri=name.startswith("file:")
        )

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Make the schema in a new file."""
        # Many processes may do this at once, and switching to WAL does not wait for others by itself.
        _patiently(lambda: connection.execute("PRAGMA journal_mode=WAL").fetchall())
        _patiently(lambda: connection.execute("BEGIN IMMEDIATE"))
        try:
            if not self._is_ready(connection):
                for statement in self._schema:
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id={self._application}")
                connection.execute(f"PRAGMA user_version={self._version}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _is_ready(self, connection: sqlite3.Connection) -> bool:
        """Whether the schema is there; StoreError when the file is not ours or too new."""
        # One statement, one moment: another process may be making the schema right now.
        version, application, tables = _patiently(lambda: connection.execute(_IDENTITY).fetchone())
        if (version or tables) and application != self._application:
            raise StoreError(f"{shown(self.path)} is a SQLite database of something else; name another file")
        if version > self._version:
            raise StoreError(
                f"{shown(self.path)} was written by a newer Fairlead (store version {version}, "
                f"this one knows {self._version}); upgrade with 'pip install -U fairlead'"
            )
        return bool(version == self._version)

    # --- errors ---

    def _tell(self, action: Callable[[], _T]) -> _T:
        try:
            return action()
        except sqlite3.Error as error:
            raise StoreError(_meaning(error, self.path)) from error
        except UnicodeError as error:
            raise StoreError(f"cannot write to {shown(self.path)}: {error}") from error
        except OSError as error:
            raise StoreError(f"cannot use {shown(self.path)}: {error.strerror or error}") from error


class _Slot:
    """A connection, the file that it was opened on, and the right to use it."""

    __slots__ = ("connection", "file", "lock")

    def __init__(self) -> None:
        self.connection: sqlite3.Connection | None = None
        self.file = (0, 0)
        self.lock = threading.Lock()

    def close(self) -> None:
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.close()


def shown(path: Path) -> str:
    """Name a file as people would: from the working directory where it is below that."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except (ValueError, FileNotFoundError):
        return str(path)


def _patiently(action: Callable[[], _T]) -> _T:
    """Repeat while another process is in the way; not every such case is one that SQLite waits for."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return action()
        except sqlite3.OperationalError as error:
            code = error.sqlite_errorcode & 0xFF
            if code not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_PROTOCOL) or time.monotonic() > deadline:
                raise
        time.sleep(0.002)


_MEANINGS = {
    sqlite3.SQLITE_FULL: "the disk is full; free some space, then 'fairlead resume' goes on",
    sqlite3.SQLITE_READONLY: "it is read-only; check its permissions and its folder's",
    sqlite3.SQLITE_PERM: "it is not allowed; check its permissions and its folder's",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check that its folder exists and may be written to",
    sqlite3.SQLITE_CORRUPT: "it is damaged; move it away, or restore a copy ('sqlite3 FILE .recover' may save most)",
    sqlite3.SQLITE_NOTADB: "it is not a SQLite database; name another file or move it away",
    sqlite3.SQLITE_BUSY: f"another process has kept it locked for {BUSY_SECONDS:.0f} s; find out which, and end it",
    sqlite3.SQLITE_IOERR: "the disk failed to read or write it; look at the disk, then try again",
    sqlite3.SQLITE_NOMEM: "there is no memory left",
    sqlite3.SQLITE_TOOBIG: "a record is larger than SQLite can hold",
}


def _is_read_only(folder: Path) -> bool:
    return folder.is_dir() and not os.access(folder, os.W_OK)


def _meaning(error: sqlite3.Error, path: Path) -> str:
    # Errors that the module itself raises carry no code.
    extended = getattr(error, "sqlite_errorcode", 0)
    code = extended & 0xFF
    if extended == sqlite3.SQLITE_IOERR_SHMSIZE:
        code = sqlite3.SQLITE_FULL  # no room for the 32 KB that processes share
    elif code == sqlite3.SQLITE_CANTOPEN and _is_read_only(path.parent):
        code = sqlite3.SQLITE_READONLY
    return f"cannot use {shown(path)}: {_MEANINGS.get(code, str(error))}"


# SQLite must not be carried over a fork: the child would share the parent's locks without holding
# them. So nothing is open while the process forks, and either side opens again when it needs to.

_opening = threading.Lock()
_stopped: list[threading.Lock] = []


def _before_fork() -> None:
    for file in list(_LIVE):
        # The writer first: a transaction may look something up, a query never writes.
        for slot in (file._writer, file._reader):
            slot.lock.acquire()
            _stopped.append(slot.lock)
            slot.close()
    _opening.acquire()
    _stopped.append(_opening)


def _after_fork() -> None:
    while _stopped:
        _stopped.pop().release()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
