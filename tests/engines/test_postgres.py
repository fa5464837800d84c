"""The PostgreSQL store keeps the promises of every store of runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from msgspec.structs import replace

from fairlead.errors import NotFound, StoreError
from fairlead.model.events import Attempt, Failure
from fairlead.model.run import Group, RunFilter
from fairlead.ports import Commit
from fairlead.stores import postgres_queries, postgres_schema, postgres_server
from fairlead.testing.contracts.run_store import RunStoreContract
from fairlead.testing.contracts.run_store_jobs import attempts, make_run
from fairlead.testing.contracts.run_store_processes import RunStoreProcessContract
from tests.engines.postgres import Database, free_port, wait_until


class TestPostgresStore(RunStoreContract, RunStoreProcessContract):
    noticed_within = 2.0  # the server has to read the end of a connection, on a busy machine

    @pytest.fixture
    def store(self, database: Database) -> Iterator[Any]:
        store = database.store()
        yield store
        store.close()

    @pytest.fixture
    def elsewhere(self, database: Database) -> str:
        return (
            "from fairlead.stores.postgres import PostgresStore; "
            f"store = PostgresStore({database.url!r}, schema={database.schema!r})"
        )


@pytest.fixture
def store(database: Database) -> Iterator[Any]:
    store = database.store()
    yield store
    store.close()


# --- the schema --------------------------------------------------------------------------------------------


def _version(database: Database) -> int:
    return int(database.server.execute(f"SELECT version FROM {database.schema}.fairlead_schema")[0][0])


def test_a_newer_schema_is_refused_and_left_alone(database: Database, store: Any) -> None:
    store.create(make_run("r"))
    database.server.execute(f"UPDATE {database.schema}.fairlead_schema SET version = 99")
    with (
        closing(database.store()) as other,
        pytest.raises(
            StoreError, match=r"made by a newer Fairlead \(store version 99, this one knows 1\); upgrade with"
        ),
    ):
        other.list(RunFilter())
    assert _version(database) == 99


def test_an_older_schema_is_brought_up_to_date_with_what_is_in_it(
    database: Database, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create(make_run("r"), [Group("a")])
    store.append("r", 0, Commit(attempts(range(50))))
    store.close()
    later = [
        ("ALTER TABLE runs ADD COLUMN note TEXT NOT NULL DEFAULT 'none'", "CREATE INDEX runs_note ON runs (note)"),
        ("ALTER TABLE attempts ADD COLUMN cost DOUBLE PRECISION",),
    ]
    monkeypatch.setattr(postgres_schema, "STEPS", postgres_schema.STEPS + later[:1])
    assert store.get("r") == make_run("r")
    assert _version(database) == 2
    store.close()
    monkeypatch.setattr(postgres_schema, "STEPS", [*postgres_schema.STEPS, later[1]])
    assert [attempt.path for attempt in store.attempts("r", limit=2)] == ["train[0]", "train[10]"]
    assert _version(database) == 3
    assert database.server.execute(f"SELECT note FROM {database.schema}.runs") == [("none",)]
    with closing(database.store()) as new:
        new.create(make_run("again"))
    assert len(store.list(RunFilter())) == 2


def test_a_step_that_fails_leaves_the_schema_as_it_was(
    database: Database, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create(make_run("r"))
    store.close()
    broken = ("ALTER TABLE runs ADD COLUMN note TEXT", "CREATE NONSENSE")
    with monkeypatch.context() as patch:
        patch.setattr(postgres_schema, "STEPS", [*postgres_schema.STEPS, broken])
        with pytest.raises(StoreError, match="NONSENSE"):
            store.get("r")
    assert _version(database) == 1
    assert store.get("r") == make_run("r")


def test_a_schema_with_tables_of_something_else_is_refused_and_left_alone(database: Database, store: Any) -> None:
    database.server.execute(f"CREATE SCHEMA {database.schema}")
    database.server.execute(f"CREATE TABLE {database.schema}.groups (x int)")
    with pytest.raises(StoreError, match=f"schema '{database.schema}' holds tables of something else; name another"):
        store.create(make_run("r"))
    told = database.server.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = %s", store.schema
    )
    assert told == [("groups",)]


def test_two_schemas_of_one_database_keep_apart(database: Database, store: Any) -> None:
    with closing(database.store(schema=f'{database.schema} "odd"; DROP')) as other:
        for one in (store, other):
            one.create(make_run("r"))
        lease = store.lease("r")
        other.lease("r").release()
        store.open("r", 1.0)
        assert [run.status for run in other.list(RunFilter())] == ["created"]
        lease.release()


def test_a_schema_that_was_dropped_under_us_is_made_anew_and_says_what_is_missing(
    database: Database, store: Any
) -> None:
    store.create(make_run("r"))
    database.server.execute(f"DROP SCHEMA {database.schema} CASCADE")
    with pytest.raises(StoreError, match="was changed by somebody else"):
        store.get("r")
    store.close()
    with pytest.raises(NotFound, match="no run 'r'"):
        store.get("r")


def test_a_dump_of_a_run_that_goes_on_is_whole_and_can_be_resumed(database: Database, store: Any) -> None:
    store.create(make_run("r"), [Group("train")])
    lease = store.lease("r")
    epoch = store.open("r", 1.0)
    over = threading.Event()
    done: list[int] = []

    def write() -> None:
        while not over.is_set():
            number = 10 * len(done)
            store.append("r", epoch, Commit(attempts(range(number, number + 10)), {"succeeded": number + 10}))
            done.append(number)

    writing = threading.Thread(target=write)
    writing.start()
    wait_until(lambda: len(done) > 3, 20, "some commits")
    dump = database.server.dump(database.schema)
    over.set()
    writing.join()
    lease.release()
    store.close()
    database.server.execute(f"DROP SCHEMA {database.schema} CASCADE")
    database.server.restore(dump)
    kept = store.attempts("r")
    assert len(kept) >= 40 and store.summary("r").counts == {"succeeded": len(kept)}
    assert store.summary("r").status == "interrupted"
    assert store.open("r", 2.0) == epoch + 1
    store.create(make_run("another"))


# --- values and sizes --------------------------------------------------------------------------------------


def test_a_record_that_cannot_be_written_is_named_and_nothing_is_written(store: Any) -> None:
    store.create(make_run("r"))
    bad = Attempt("train[1]", 2, failure=Failure("exception", "\ud800"))
    with pytest.raises(StoreError, match=r"cannot record 'train\[1\]' attempt 2"):
        store.append("r", 0, Commit([*attempts([0]), bad]))
    with pytest.raises(StoreError, match="surrogates not allowed"):
        store.append("r", 0, Commit(attempts([0]), error="\ud800"))
    assert store.attempts("r") == []
    with pytest.raises(StoreError, match="cannot record run 'bad'"):
        store.create(replace(make_run("bad"), environment={"x": object()}))
    with pytest.raises(StoreError, match=r"cannot record .*NUL character"):
        store.create(make_run("nul\0"))


def test_an_error_with_a_nul_character_is_kept_as_text(store: Any) -> None:
    store.create(make_run("r"))
    failed = Attempt("a", 1, failure=Failure("exception", "a\0b"), outcome="failed")
    store.append("r", 0, Commit([failed], error="a\0b"))
    assert store.summary("r").error == "a\N{SYMBOL FOR NULL}b"
    assert store.attempts("r") == [failed]


def test_looking_at_a_large_store_takes_milliseconds(database: Database, store: Any) -> None:
    store.list(RunFilter())
    database.server.execute(
        f"INSERT INTO {database.schema}.runs (id, workflow, status, created, parent, tags, target, counts, maker) "
        "SELECT 'run-' || n, 'w' || n % 7, CASE WHEN n % 100 = 0 THEN 'running' ELSE 'succeeded' END, n, '', "
        "CASE WHEN n % 1000 = 0 THEN ARRAY['rare', 'x'] ELSE ARRAY['x'] END, '', '{\"succeeded\":7}', '' "
        "FROM generate_series(0, 9999) AS n"
    )
    store.append("run-9999", 0, Commit(attempts(range(20_000))))
    store.append("run-9999", 0, Commit([Attempt("fit[3]", 1, outcome="failed", key="k")], groups=[Group("train")]))
    database.server.execute(f"ANALYZE {database.schema}.runs, {database.schema}.attempts")

    def best(look: Callable[[], object]) -> float:
        times = []
        for _ in range(8):
            begin = time.perf_counter()
            look()
            times.append(time.perf_counter() - begin)
        return min(times)

    assert len(store.list(RunFilter(tags=("rare",)))) == 10
    assert len(store.list(RunFilter(status="interrupted", limit=None))) == 100
    assert best(lambda: store.list(RunFilter(limit=None))) < 0.3
    assert best(lambda: store.list(RunFilter())) < 0.1
    assert best(lambda: store.list(RunFilter(workflow="w3", tags=("x",)))) < 0.1
    assert best(lambda: store.list(RunFilter(tags=("rare",)))) < 0.1
    assert best(lambda: store.list(RunFilter(status="interrupted"))) < 0.1
    assert best(lambda: store.list(RunFilter(id_prefix="run-99"))) < 0.1
    assert best(lambda: store.summary("run-9999")) < 0.1
    assert best(lambda: store.cancel_asked("run-9999")) < 0.05
    assert best(lambda: store.attempts("run-9999", outcome="failed")) < 0.1
    assert best(lambda: store.attempts("run-9999", path="train[7777]")) < 0.1
    assert best(lambda: store.attempts("run-9999", group="train", limit=20)) < 0.1
    assert best(lambda: store.attempts("run-9999", group="fit")) < 0.1


def test_a_run_that_is_taken_up_or_ends_while_a_list_is_made_is_not_interrupted(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ends", "starts", "dead", "again"):
        store.create(make_run(name))
    store.open("dead", 1.0)
    store.open("again", 1.0)
    ending, held = store.lease("ends"), []
    epoch = store.open("ends", 1.0)
    real = store._server.read

    def meanwhile(statement: str, parameters: Any = ()) -> Any:
        if statement == postgres_queries.HELD and not held:
            store.append("ends", epoch, Commit([], status="succeeded", at=2.0))
            ending.release()
            rows = real(statement, parameters)
            for name in ("starts", "again"):
                held.append(store.lease(name))
                store.open(name, 2.0)
            return rows
        return real(statement, parameters)

    monkeypatch.setattr(store._server, "read", meanwhile)
    told = {run.id: run.status for run in store.list(RunFilter())}
    assert told == {"ends": "succeeded", "starts": "created", "dead": "interrupted", "again": "running"}
    for lease in held:
        lease.release()


def test_a_run_that_ends_while_it_is_looked_at_is_not_interrupted(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    store.create(make_run("r"))
    epoch = store.open("r", 1.0)
    real = store._looked_at

    def meanwhile(run_id: str) -> Any:
        found = real(run_id)
        store.append(run_id, epoch, Commit([], status="succeeded", at=2.0))
        return found

    monkeypatch.setattr(store, "_looked_at", meanwhile)
    assert store.summary("r").status == "succeeded"


def test_a_commit_of_many_facts_is_a_few_round_trips(database: Database, store: Any) -> None:
    store.create(make_run("r"))
    epoch = store.open("r", 1.0)
    begin = time.perf_counter()
    for part in range(5):
        store.append("r", epoch, Commit(attempts(range(part * 2000, part * 2000 + 2000)), {"succeeded": part}))
    assert time.perf_counter() - begin < 5
    assert len(store.attempts("r")) == 10_000


# --- connections -------------------------------------------------------------------------------------------


def test_threads_share_few_connections(database: Database) -> None:
    from fairlead.testing.threads import in_threads

    with closing(database.store(pool_size=2)) as store:
        store.create(make_run("r"))
        in_threads(12, lambda _: [store.summary("r") for _ in range(5)])
        count = len(store._server._open)
    assert count <= 2


def test_connections_that_nobody_needs_are_closed_while_a_driver_waits(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create(make_run("r"))
    lease = store.lease("r")
    store.summary("r")
    assert len(store._server._idle) == 1
    monkeypatch.setattr(postgres_server, "_IDLE", 0.0)
    assert not store.cancel_asked("r")
    assert not store._server._idle
    lease.release()


def test_a_session_is_named_after_its_driver_and_otherwise_as_the_url_says(database: Database) -> None:
    def names() -> list[str]:
        return [
            row[0]
            for row in database.server.execute(
                "SELECT application_name FROM pg_stat_activity WHERE application_name LIKE %s",
                "%" + database.schema + "%",
            )
        ]

    with closing(database.store(url=f"{database.url}?application_name=app-{database.schema}")) as store:
        store.create(make_run("r"))
        assert names() == [f"app-{database.schema}"]
        lease = store.lease("r")
        assert not names()
        lease.release()
        assert names() == [f"app-{database.schema}"]


def test_a_closed_store_can_be_used_again(store: Any) -> None:
    store.create(make_run("r"))
    store.close()
    store.close()
    assert store.get("r") == make_run("r")


def test_nothing_is_connected_before_the_store_is_used(database: Database) -> None:
    store = database.store(port=free_port())
    assert repr(store).startswith("<PostgresStore 'postgresql://fairlead@127.0.0.1:")
    store.close()
