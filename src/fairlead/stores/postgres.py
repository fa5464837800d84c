"""The store that machines share: runs and their attempts in a schema of a PostgreSQL database.

The rules of the RunStore port and the queries are here; connections are in `postgres_server.py`, tables in
`postgres_schema.py`, who is alive in `postgres_lease.py`, how an attempt becomes a row in `rows.py`.

Whatever is asked here may be done twice, when the answer to the first time was lost with its connection:
facts are written once, and what is counted or taken carries a token of whoever did it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import NoReturn, TypeAlias, TypeVar

import msgspec

from fairlead.errors import RunExists, StoreError
from fairlead.model.events import Attempt, Origin
from fairlead.model.run import Group, Run, RunFilter, RunSummary
from fairlead.ports import Commit, Reach
from fairlead.stores import postgres_queries as queries
from fairlead.stores.absent import no_run
from fairlead.stores.postgres_address import Address
from fairlead.stores.postgres_append import append
from fairlead.stores.postgres_lease import PostgresLease, lock_of
from fairlead.stores.postgres_schema import bring_up_to_date
from fairlead.stores.postgres_server import Server, Session
from fairlead.stores.rows import attempt_from, path_range
from fairlead.wire import decoder

__all__ = ["PostgresStore"]

_T = TypeVar("_T")
_Runs: TypeAlias = list[RunSummary]  # named out here, because the store has a method `list`

_encode = msgspec.msgpack.Encoder().encode
_decode_group = decoder(Group).decode


class PostgresStore:
    """Keeps runs in a schema of a PostgreSQL database; made when it is first used.

    `patience`: seconds for which it tries to reach a server that has answered before. A commit is as
    durable as the server makes it (its `synchronous_commit`) when `append` comes back.
    """

    reach: Reach = "network"

    def __init__(
        self,
        url: str,
        *,
        password: str | None = None,
        schema: str = "fairlead",
        connect_timeout: float = 10.0,
        pool_size: int = 4,
        patience: float = 60.0,
    ) -> None:
        self.schema = schema
        address = Address(url, password=password, connect_timeout=connect_timeout)
        self.place = address.shown
        self._server = Server(
            address,
            schema=schema,
            size=pool_size,
            patience=patience,
            prepare=lambda session: bring_up_to_date(session, schema, address.shown),
        )
        self._leases: dict[str, PostgresLease] = {}
        """What drivers of this process hold."""

    def __repr__(self) -> str:
        return f"<PostgresStore {self.place!r}, schema {self.schema!r}>"

    # --- runs ---

    def create(self, run: Run, groups: Sequence[Group] = ()) -> None:
        """Record a new run as `created`; RunExists."""
        try:
            record = _encode(run)
        except (TypeError, ValueError) as error:
            raise StoreError(f"cannot record run {run.id!r}: {error}") from error
        _refuse_nul(run.id, run.workflow.name, run.parent, run.target, *run.tags)
        token = _token()
        row = (run.id, run.workflow.name, run.created, run.parent, list(run.tags), run.target, token, record)
        packed = [group.name for group in groups], [_encode(group) for group in groups]

        def work(session: Session) -> None:
            if session.rows(queries.CREATE, (*row, *packed)):
                return
            made = session.rows("SELECT maker FROM runs WHERE id = %s", (run.id,))
            if not made or made[0][0] != token:
                raise RunExists(f"there is a run {run.id!r} in {self._named()} already; choose another id")

        self._server.use(work)

    def get(self, run_id: str) -> Run:
        """Give the record as it was created; NotFound."""
        rows = self._server.read("SELECT body FROM records JOIN runs USING (run) WHERE id = %s", (run_id,))
        if not rows:
            self._missing(run_id)
        run: Run = decoder(Run).decode(rows[0][0])
        return run

    def summary(self, run_id: str) -> RunSummary:
        """Give where the run stands, `interrupted` worked out; NotFound."""
        held, summary = self._looked_at(run_id)
        if held or summary.status != "running":
            return summary
        # Its driver may have closed the run, or another taken it up, after we read and before we looked at locks.
        held, again = self._looked_at(run_id)
        if again.status == "running" and not held and again.epoch == summary.epoch:
            again.status = "interrupted"
        return again

    def list(self, wanted: RunFilter) -> Sequence[RunSummary]:
        """Give runs, newest first, `interrupted` worked out."""
        statement, parameters, late = queries.list_of(wanted)

        found = [queries.summary_from(row) for row in self._server.read(statement, parameters)]
        self._check_all(found)
        return [summary for summary in found if summary.status == wanted.status][: wanted.limit] if late else found

    def remove(self, run_id: str) -> None:
        """Forget a run; RunBusy while a driver carries it, and no effect when there is none."""
        lease = self.lease(run_id)
        try:
            lease.use(lambda session: session.atomically(lambda connection: queries.remove(connection, run_id)))
        finally:
            lease.release()

    def close(self) -> None:
        """Let the connections go; using the store again opens new ones."""
        self._server.close()

    # --- what a driver does ---

    def lease(self, run_id: str) -> PostgresLease:
        """Take the run over; RunBusy when a living driver holds it."""
        lease = PostgresLease(self._server, run_id, self._released)
        lease.acquire()
        self._leases[run_id] = lease
        return lease

    def open(self, run_id: str, at: float) -> int:
        """Begin the run's next epoch and give its number."""
        token = _token()

        def work(session: Session) -> int:
            rows = session.rows(queries.OPEN, (token, at, run_id, token)) or session.rows(
                "SELECT epoch FROM runs WHERE id = %s AND opener = %s", (run_id, token)
            )
            return int(rows[0][0]) if rows else 0

        lease = self._lease_of(run_id)
        epoch = self._on(lease, work) or self._missing(run_id)
        if lease is not None:
            lease.epoch = epoch
        return epoch

    def append(self, run_id: str, epoch: int, commit: Commit) -> None:
        """Write it all, durably, or nothing; StaleEpoch when a newer driver opened the run."""
        work = append(run_id, epoch, commit)
        if not self._on(self._lease_of(run_id), work):
            self._missing(run_id)

    def ask_cancel(self, run_id: str, at: float) -> bool:
        """Ask whoever carries the run to stop; False (and no effect) when it has ended."""
        if self._server.read(queries.ASK_CANCEL, (at, run_id)):
            return True
        self._stored(run_id)
        return False

    def cancel_asked(self, run_id: str) -> bool:
        """Whether somebody asked the run to stop; takes one round trip.

        A driver's question goes by the session that holds its lease: a cut is noticed, and mended, here.
        """
        statement = "SELECT cancel_asked FROM runs WHERE id = %s"
        rows = self._on(self._lease_of(run_id), lambda session: session.rows(statement, (run_id,)))
        if not rows:
            self._missing(run_id)
        # A driver asks this for as long as it lives, and often nothing else for hours.
        self._server.tidy()
        return rows[0][0] is not None

    # --- facts ---

    def groups(self, run_id: str) -> Sequence[Group]:
        """Give the run's groups in the order in which they were first committed."""
        rows = self._server.read(
            "SELECT body FROM groups WHERE run = (SELECT run FROM runs WHERE id = %s) ORDER BY position", (run_id,)
        )
        if not rows:
            self._stored(run_id)
        return [_decode_group(row[0]) for row in rows]

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
        bounds = None if group is None else (*path_range(group), group)
        statement, parameters = queries.attempts_of(run_id, bounds, path, under, outcome, limit)
        rows = self._server.read(statement, parameters)
        if not rows:
            self._stored(run_id)
        return [attempt_from(row) for row in rows]

    def find(self, keys: Sequence[str]) -> dict[str, tuple[Origin, Attempt]]:
        """Give the successful attempt of each key that ended last, of any run."""
        asked = [key for key in dict.fromkeys(keys) if key]
        rows = self._server.read(queries.FIND, (asked,)) if asked else []
        return {row[8]: (Origin(*row[:3]), attempt_from(row[1:])) for row in rows}

    # --- within ---

    def _lease_of(self, run_id: str) -> PostgresLease | None:
        lease = self._leases.get(run_id)
        return lease if lease is not None and lease.is_held else None

    def _on(self, lease: PostgresLease | None, work: Callable[[Session], _T]) -> _T:
        return self._server.use(work) if lease is None else lease.use(work)

    def _released(self, lease: PostgresLease) -> None:
        if self._leases.get(lease.run_id) is lease:
            del self._leases[lease.run_id]

    def _looked_at(self, run_id: str) -> tuple[bool, RunSummary]:
        rows = self._server.read(queries.SUMMARY, (lock_of(self.schema, run_id), run_id))
        if not rows:
            self._missing(run_id)
        return rows[0][0], queries.summary_from(rows[0][1:])

    def _check_all(self, found: _Runs) -> None:
        """Do for many what `summary` does for one, in two questions more."""
        running = {lock_of(self.schema, run.id): place for place, run in enumerate(found) if run.status == "running"}
        if not running:
            return
        for row in self._server.read(queries.HELD, (list(running),)):
            del running[row[0]]
        ids = [found[place].id for place in running.values()]
        again = {row[0]: queries.summary_from(row) for row in self._server.read(queries.SOME, (ids,))} if ids else {}
        for place in running.values():
            before, after = found[place], again.get(found[place].id, found[place])
            if after.status != "running":
                found[place] = after
            elif after.epoch == before.epoch:
                before.status = "interrupted"
            else:
                found[place] = self.summary(after.id)

    def _stored(self, run_id: str) -> None:
        if not self._server.read("SELECT 1 FROM runs WHERE id = %s", (run_id,)):
            self._missing(run_id)

    def _missing(self, run_id: str) -> NoReturn:
        # Only the latest: a typing error is about something recent, and the search takes its time.
        ids = [row[0] for row in self._server.read("SELECT id FROM runs ORDER BY created DESC, run DESC LIMIT 200")]
        raise no_run(run_id, self._named(), ids)

    def _named(self) -> str:
        return f"{self.place} (schema {self.schema!r})"


def _token() -> str:
    """Make what tells one attempt to do something from every other."""
    return os.urandom(12).hex()


def _refuse_nul(*names: str) -> None:
    for name in names:
        if "\0" in name:
            raise StoreError(f"cannot record {name!r}: PostgreSQL keeps no text with a NUL character in it")
