"""The store of one host: runs and their attempts in one SQLite file, safe for many processes.

Tables, queries and the rules of the RunStore port are here; how the file is opened and shared is
in `sqlite_file.py`, how an attempt becomes a row in `rows.py`, who is alive in `lease.py`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeAlias

import msgspec

from fairlead.errors import RunExists, StaleEpoch, StoreError
from fairlead.model.events import Attempt, Origin
from fairlead.model.run import FINAL, Group, Run, RunFilter, RunStatus, RunSummary
from fairlead.ports import Commit, Reach
from fairlead.stores.absent import no_run
from fairlead.stores.lease import FileLease, acquire, file_name, living, probe
from fairlead.stores.rows import (
    ATTEMPT_COLUMNS,
    SUMMARY_COLUMNS,
    attempt_from,
    attempt_rows,
    merge_bodies,
    pack_counts,
    pack_tags,
    summary_from,
)
from fairlead.stores.sqlite_file import SqliteFile, shown
from fairlead.stores.sqlite_queries import attempts_asked, conditions, find_sql
from fairlead.wire import decoder

__all__ = ["SqliteStore"]

_Runs: TypeAlias = list[RunSummary]  # named out here, because the store has a method `list`

_APPLICATION = 0x46414952
"""`FAIR`, in the file's header: tells our files from other people's."""

_VERSION = 1

_SCHEMA = (
    """
    CREATE TABLE runs (
        run INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, workflow TEXT NOT NULL, status TEXT NOT NULL,
        created REAL NOT NULL, started REAL, ended REAL, epoch INTEGER NOT NULL DEFAULT 0,
        parent TEXT NOT NULL, tags TEXT NOT NULL, target TEXT NOT NULL, counts TEXT NOT NULL DEFAULT '',
        error TEXT NOT NULL DEFAULT '', cancel_asked REAL)
    """,
    "CREATE INDEX runs_created ON runs (created)",
    # Apart from `runs`, so that a list of runs does not wade through their graphs.
    "CREATE TABLE records (run INTEGER PRIMARY KEY, body BLOB NOT NULL)",
    """
    CREATE TABLE groups (
        run INTEGER NOT NULL, name TEXT NOT NULL, position INTEGER NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (run, name)) WITHOUT ROWID
    """,
    """
    CREATE TABLE attempts (
        run INTEGER NOT NULL, path TEXT NOT NULL, attempt INTEGER NOT NULL, task TEXT NOT NULL,
        outcome TEXT, queued REAL, started REAL, ended REAL, seconds REAL NOT NULL, key TEXT NOT NULL,
        body BLOB NOT NULL, PRIMARY KEY (run, path, attempt)) WITHOUT ROWID
    """,
    "CREATE INDEX attempts_odd ON attempts (run, outcome) WHERE outcome <> 'succeeded'",
    "CREATE INDEX attempts_key ON attempts (key) WHERE key <> '' AND outcome = 'succeeded'",
)

_ADD_ATTEMPT = """
    INSERT INTO attempts VALUES (?, ?, ?, ?, ?, nullif(?, ''), ?, ?, ?, ?, ?)
    ON CONFLICT (run, path, attempt) DO UPDATE SET
        outcome = excluded.outcome,
        queued = coalesce(excluded.queued, queued),
        started = coalesce(excluded.started, started),
        ended = coalesce(excluded.ended, ended),
        seconds = CASE excluded.seconds WHEN 0 THEN seconds ELSE excluded.seconds END,
        key = CASE excluded.key WHEN '' THEN key ELSE excluded.key END,
        body = merge_bodies(body, excluded.body)
    WHERE outcome IS NULL
"""

_ADD_GROUP = """
    INSERT INTO groups VALUES (?, ?, (SELECT coalesce(max(position), 0) + 1 FROM groups WHERE run = ?), ?)
    ON CONFLICT (run, name) DO UPDATE SET body = excluded.body
"""

_SUMMARY = f"SELECT {SUMMARY_COLUMNS} FROM runs WHERE id = ?"  # noqa: S608 - constants

_KEYS_AT_ONCE = 500
# For bytes and None the sqlite3 module looks for an adapter each time: a tenth of what a commit takes.
_attempt_rows = partial(attempt_rows, blob=bytearray, nothing="")

_encode = msgspec.msgpack.Encoder().encode


class SqliteStore:
    """Keeps runs in one SQLite file; made when it is first used.

    `durability` says what a driver may hand over in one commit: `grouped`, the facts of a few
    milliseconds; `each`, one at a time. Every commit is on the disk when `append` comes back.
    """

    reach: Reach = "host"

    def __init__(self, path: Path, *, durability: Literal["grouped", "each"] = "grouped") -> None:
        self.path = path.absolute()
        self.durability = durability
        self._leases = self.path.with_name("leases" if path.name == "runs.db" else f"{path.name}.leases")
        self._numbers: dict[str, int] = {}
        """Numbers that runs had when they were last written to."""
        self._file = SqliteFile(
            self.path,
            application=_APPLICATION,
            version=_VERSION,
            schema=_SCHEMA,
            functions={"merge_bodies": merge_bodies},
        )

    def __repr__(self) -> str:
        return f"<SqliteStore {shown(self.path)!r}>"

    # --- runs ---

    def create(self, run: Run, groups: Sequence[Group] = ()) -> None:
        """Record a new run as `created`; RunExists."""
        try:
            record = _encode(run)
        except (TypeError, ValueError) as error:
            raise StoreError(f"cannot record run {run.id!r}: {error}") from error
        row = (
            run.id, run.workflow.name, "created", run.created, run.parent, pack_tags(run.tags), run.target,
        )  # fmt: skip

        def work(connection: sqlite3.Connection) -> None:
            if connection.execute("SELECT 1 FROM runs WHERE id = ?", (run.id,)).fetchone():
                raise RunExists(f"there is a run {run.id!r} in {shown(self.path)} already; choose another id")
            number = connection.execute(
                "INSERT INTO runs (id, workflow, status, created, parent, tags, target) VALUES (?, ?, ?, ?, ?, ?, ?)",
                row,
            ).lastrowid
            connection.execute("INSERT INTO records VALUES (?, ?)", (number, record))
            connection.executemany(_ADD_GROUP, [(number, group.name, number, _encode(group)) for group in groups])

        self._file.write(work)

    def get(self, run_id: str) -> Run:
        """Give the record as it was created; NotFound."""
        rows = self._file.read("SELECT body FROM records JOIN runs USING (run) WHERE id = ?", (run_id,))
        if not rows:
            self._missing(run_id)
        run: Run = decoder(Run).decode(rows[0][0])
        return run

    def summary(self, run_id: str) -> RunSummary:
        """Give where the run stands, `interrupted` worked out; NotFound."""
        return self._checked(self._stored(run_id))

    def list(self, wanted: RunFilter) -> Sequence[RunSummary]:
        """Give runs, newest first, `interrupted` worked out."""
        where, parameters = conditions(wanted)
        # Whether a run is interrupted is not in the file: such a list is cut when that is known.
        late = wanted.status in ("running", "interrupted")
        limit = -1 if late or wanted.limit is None else wanted.limit

        def read() -> _Runs:
            rows = self._file.read(
                f"SELECT {SUMMARY_COLUMNS} FROM runs WHERE {where} ORDER BY created DESC, run DESC LIMIT ?",  # noqa: S608 - constants
                (*parameters, limit),
            )
            return [summary_from(row) for row in rows]

        found = self._all_checked(read)
        return [summary for summary in found if summary.status == wanted.status][: wanted.limit] if late else found

    def remove(self, run_id: str) -> None:
        """Forget a run; RunBusy while a driver carries it, and no effect when there is none."""
        lease = acquire(self._leases, run_id)
        try:
            self._file.write(lambda connection: _delete(connection, run_id))
        finally:
            lease.release()

    def close(self) -> None:
        """Let the file go; using the store again opens it again."""
        self._file.close()

    # --- what a driver does ---

    def lease(self, run_id: str) -> FileLease:
        """Take the run over; RunBusy when a living driver holds it."""
        return acquire(self._leases, run_id)

    def open(self, run_id: str, at: float) -> int:
        """Begin the run's next epoch and give its number."""

        def work(connection: sqlite3.Connection) -> int:
            number, epoch, _ = self._state(connection, run_id)
            connection.execute(
                "UPDATE runs SET epoch = ?, status = 'running', started = coalesce(started, ?), ended = NULL, "
                "error = '', cancel_asked = NULL WHERE run = ?",
                (epoch + 1, at, number),
            )
            return epoch + 1

        # Where a power cut takes this back, it takes what came after it as well: nobody has seen the epoch.
        return self._file.write(work, waits=False)

    def append(self, run_id: str, epoch: int, commit: Commit) -> None:
        """Write it all, durably, or nothing; StaleEpoch when a newer driver opened the run."""
        # Packed before the transaction: while it is open, every other process waits.
        guess = self._numbers.get(run_id, 0)
        packed = _attempt_rows(guess, commit.attempts)
        groups = [(group.name, _encode(group)) for group in commit.groups]

        def work(connection: sqlite3.Connection) -> None:
            number, stored, status = self._state(connection, run_id)
            if stored != epoch:
                raise StaleEpoch(f"run {run_id!r} is in epoch {stored}, not {epoch}: another driver took it over")
            if packed:
                self._numbers[run_id] = number
                rows = packed if number == guess else _attempt_rows(number, commit.attempts)
                connection.executemany(_ADD_ATTEMPT, rows)
            connection.executemany(_ADD_GROUP, [(number, name, number, body) for name, body in groups])
            if commit.counts is not None:
                connection.execute("UPDATE runs SET counts = ? WHERE run = ?", (pack_counts(commit.counts), number))
            if commit.error:
                connection.execute("UPDATE runs SET error = ? WHERE run = ?", (commit.error, number))
            if commit.status is not None and commit.status != status:
                _move(connection, run_id, number, status, commit)

        self._file.write(work)

    def ask_cancel(self, run_id: str, at: float) -> bool:
        """Ask whoever carries the run to stop; False (and no effect) when it has ended."""

        def work(connection: sqlite3.Connection) -> bool:
            number, _, status = self._state(connection, run_id)
            if status in FINAL:
                return False
            connection.execute("UPDATE runs SET cancel_asked = coalesce(cancel_asked, ?) WHERE run = ?", (at, number))
            return True

        return self._file.write(work)

    def cancel_asked(self, run_id: str) -> bool:
        """Whether somebody asked the run to stop; takes a few microseconds."""
        rows = self._file.read("SELECT cancel_asked FROM runs WHERE id = ?", (run_id,))
        if not rows:
            self._missing(run_id)
        return rows[0][0] is not None

    # --- facts ---

    def groups(self, run_id: str) -> Sequence[Group]:
        """Give the run's groups in the order in which they were first committed."""
        rows = self._file.read(
            "SELECT body FROM groups WHERE run = (SELECT run FROM runs WHERE id = ?) ORDER BY position", (run_id,)
        )
        if not rows:
            self._stored(run_id)
        decode = decoder(Group).decode
        return [decode(row[0]) for row in rows]

    def attempts(
        self,
        run_id: str,
        *,
        group: str | None = None,
        path: str | None = None,
        under: str | None = None,
        outcome: str | None = None,
        limit: int | None = None,
    ) -> Sequence[Attempt]:
        """Give the attempts recorded, by path and number: all, or those of one group, path or outcome."""
        table, where, parameters = attempts_asked(group, path, under, outcome)
        rows = self._file.read(
            f"SELECT {ATTEMPT_COLUMNS} FROM {table} WHERE {where} ORDER BY path, attempt LIMIT ?",  # noqa: S608 - constants
            (run_id, *parameters, -1 if limit is None else limit),
        )
        if not rows:
            self._stored(run_id)
        return [attempt_from(row) for row in rows]

    def find(self, keys: Sequence[str]) -> dict[str, tuple[Origin, Attempt]]:
        """Give the successful attempt of each key that ended last, of any run."""
        asked = [key for key in dict.fromkeys(keys) if key]
        newest: dict[str, tuple[Any, ...]] = {}
        for start in range(0, len(asked), _KEYS_AT_ONCE):
            some = asked[start : start + _KEYS_AT_ONCE]
            for row in self._file.read(find_sql(len(some)), some):
                newest[row[8]] = row
        return {key: (Origin(*row[:3]), attempt_from(row[1:])) for key, row in newest.items()}

    # --- within ---

    def _checked(self, summary: RunSummary) -> RunSummary:
        if summary.status != "running" or probe(self._leases, summary.id):
            return summary
        # Its driver may have closed the run after we read and before we asked, or somebody removed it.
        rows = self._file.read(_SUMMARY, (summary.id,))
        again = summary_from(rows[0]) if rows else summary
        if again.status == "running":
            again.status = "interrupted"
        return again

    def _all_checked(self, read: Callable[[], _Runs]) -> _Runs:
        """Do what `_checked` does for many, looking at all leases once."""
        before = read()
        running = {(run.id, run.epoch) for run in before if run.status == "running"}
        if not running:
            return before
        held = living(self._leases)
        # A run is interrupted when it was running before and after we found its lease free.
        after = read()
        for place, run in enumerate(after):
            if run.status == "running" and file_name(run.id) not in held:
                if (run.id, run.epoch) in running:
                    run.status = "interrupted"
                else:
                    after[place] = self._checked(run)
        return after

    def _stored(self, run_id: str) -> RunSummary:
        rows = self._file.read(_SUMMARY, (run_id,))
        if not rows:
            self._missing(run_id)
        return summary_from(rows[0])

    def _state(self, connection: sqlite3.Connection, run_id: str) -> tuple[int, int, RunStatus]:
        row = connection.execute("SELECT run, epoch, status FROM runs WHERE id = ?", (run_id,)).fetchone()
        if row is None:
            self._missing(run_id)
        return row[0], row[1], row[2]

    def _missing(self, run_id: str) -> NoReturn:
        # Only the latest: a typing error is about something recent, and the search takes its time.
        ids = [row[0] for row in self._file.read("SELECT id FROM runs ORDER BY created DESC LIMIT 200")]
        raise no_run(run_id, shown(self.path), ids)


def _move(connection: sqlite3.Connection, run_id: str, number: int, status: RunStatus, commit: Commit) -> None:
    """Change the stored status; a run that has ended changes through `open` only."""
    if status in FINAL:
        raise StoreError(f"run {run_id!r} has {status} and cannot become {commit.status}; resume it first")
    final = commit.status in FINAL
    connection.execute(
        "UPDATE runs SET status = ?, ended = ?, started = coalesce(started, ?) WHERE run = ?",
        (commit.status, commit.at if final else None, None if final else commit.at, number),
    )


def _delete(connection: sqlite3.Connection, run_id: str) -> None:
    row = connection.execute("SELECT run FROM runs WHERE id = ?", (run_id,)).fetchone()
    if row is not None:
        for table in ("attempts", "groups", "records", "runs"):
            connection.execute(f"DELETE FROM {table} WHERE run = ?", row)  # noqa: S608 - constants
