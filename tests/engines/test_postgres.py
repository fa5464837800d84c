"""The PostgreSQL store keeps the promises of every store of runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from msgspec.structs import replace

from fairlead.errors import ConfigurationError, NotFound, StoreError
from fairlead.model.events import Attempt, Failure
from fairlead.model.run import Group, RunFilter
from fairlead.ports import Commit
from fairlead.stores import postgres_schema, postgres_server
from fairlead.testing.contracts.run_store import RunStoreContract
from fairlead.testing.contracts.run_store_jobs import attempts, make_run
from fairlead.testing.contracts.run_store_processes import RunStoreProcessContract
from tests.engines.postgres import PASSWORD, Database, free_port


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


# --- rights ------------------------------------------------------------------------------------------------


@pytest.fixture
def reader(database: Database) -> str:
    """Make a user who may log in and nothing else; gives the URL that has its name."""
    name = f"reader_{database.schema}"
    database.server.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")
    return database.url.replace("//fairlead:", f"//{name}:")


def test_who_may_not_make_the_schema_is_told_what_to_ask_for(database: Database, reader: str) -> None:
    with closing(database.store(url=reader)) as store, pytest.raises(StoreError) as caught:
        store.list(RunFilter())
    name = f"reader_{database.schema}"
    assert f'CREATE SCHEMA IF NOT EXISTS "{database.schema}" AUTHORIZATION "{name}"' in str(caught.value)
    database.server.execute(f'CREATE SCHEMA IF NOT EXISTS "{database.schema}" AUTHORIZATION "{name}"')
    with closing(database.store(url=reader)) as store:
        store.create(make_run("r"))
        assert store.summary("r").status == "created"


def test_who_may_only_look_can_look_and_is_told_what_is_missing(database: Database, store: Any, reader: str) -> None:
    store.create(make_run("r"), [Group("a")])
    lease = store.lease("r")
    epoch = store.open("r", 1.0)
    store.append("r", epoch, Commit(attempts([1])))
    name = f"reader_{database.schema}"
    with closing(database.store(url=reader)) as looking:
        with pytest.raises(StoreError, match="permission denied for schema"):
            looking.list(RunFilter())
        for right in ("USAGE ON SCHEMA", "SELECT ON ALL TABLES IN SCHEMA"):
            database.server.execute(f"GRANT {right} {database.schema} TO {name}")
        assert [run.status for run in looking.list(RunFilter())] == ["running"]
        assert len(looking.attempts("r")) == 1
        with pytest.raises(StoreError, match=r"permission denied for table runs; whoever owns schema .* GRANT"):
            looking.ask_cancel("r", 1.0)
    lease.release()


def test_who_was_granted_what_the_page_says_carries_and_removes_runs(
    database: Database, store: Any, reader: str
) -> None:
    store.create(make_run("r"))
    name = f"reader_{database.schema}"
    for right in ("USAGE ON SCHEMA", "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA"):
        database.server.execute(f"GRANT {right} {database.schema} TO {name}")
    with closing(database.store(url=reader)) as carrying:
        carrying.create(make_run("mine"), [Group("a")])
        lease = carrying.lease("mine")
        epoch = carrying.open("mine", 1.0)
        carrying.append("mine", epoch, Commit(attempts(range(3)), groups=[Group("b")], status="succeeded", at=2.0))
        lease.release()
        carrying.remove("r")
        assert [run.id for run in carrying.list(RunFilter())] == ["mine"]


# --- servers that are not there, or not for us -------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"password": "wrong-one"}, "password authentication failed.*check the user and the password"),
        ({"user": "nobody_known"}, "password authentication failed"),
        ({"database": "nowhere"}, 'database "nowhere" does not exist.*CREATE DATABASE'),
        ({"port": 1}, "onnection refused.*check that the server runs there"),
        ({"host": "no-such-host.invalid"}, "check the store's url, and the name of the host"),
    ],
)
def test_a_server_that_cannot_be_had_is_told_at_once_without_the_password(
    database: Database, change: dict[str, Any], said: str
) -> None:
    parts = {"user": "fairlead", "password": PASSWORD, "host": "127.0.0.1", "port": database.server.port}
    parts |= {"database": "postgres", **change}
    store = database.store(url="postgresql://{user}:{password}@{host}:{port}/{database}".format(**parts))
    begin = time.monotonic()
    with pytest.raises(StoreError, match=f"(?s)cannot use postgresql://.*{said}") as caught:
        store.list(RunFilter())
    assert time.monotonic() - begin < 10
    assert parts["password"] not in str(caught.value) + repr(store) + repr(caught.value.__cause__)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:pa/ss@word@host/db",
        "postgresql://me:pass@word@host/db",
        "postgresql://me:12/word@host/db",
        "postgresql+psycopg://me:word@host/db",
        "mysql://me:word@host/db",
        "host=x password=pass word",
        "postgresql://me@host/db?sslmod=word",
    ],
)
def test_a_url_that_cannot_be_read_is_refused_and_not_repeated(database: Database, url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"not one of PostgreSQL's: postgresql://USER@HOST") as caught:
        database.store(url=url)
    assert "word" not in str(caught.value).replace("password", "").replace("PASSWORD", "")


def test_a_password_may_be_given_apart_and_with_any_letters(database: Database) -> None:
    name, password = f"odd_{database.schema}", "p@ss/w:rd%?#& ü"
    database.server.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'")
    database.server.execute(f"CREATE SCHEMA {database.schema} AUTHORIZATION {name}")
    url = f"postgresql://{name}@127.0.0.1:{database.server.port}/postgres"
    with closing(database.store(url=url, password=password)) as store:
        store.create(make_run("r"))
        place = f"postgresql://{name}@127.0.0.1:{database.server.port}/postgres"
        assert repr(store) == f"<PostgresStore {place!r}, schema {database.schema!r}>"


def test_a_database_that_cannot_hold_every_text_is_refused(database: Database) -> None:
    database.server.execute("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'")
    url = database.url.replace("/postgres", "/latin")
    with closing(database.store(url=url)) as store, pytest.raises(StoreError, match=r"LATIN1.*ENCODING 'UTF8'"):
        store.list(RunFilter())


def test_a_standby_is_named(database: Database, store: Any) -> None:
    store.create(make_run("r"))
    url = f"{database.url}?options=-c%20default_transaction_read_only%3Don"
    with closing(database.store(url=url)) as reading:
        assert reading.summary("r").status == "created"
        with pytest.raises(StoreError, match="standby or set to read only"):
            reading.open("r", 1.0)


def test_a_server_that_is_full_is_waited_for_and_then_told(database: Database, store: Any) -> None:
    store.list(RunFilter())
    name = f"few_{database.schema}"
    database.server.execute(f"CREATE ROLE {name} LOGIN CONNECTION LIMIT 1 PASSWORD '{PASSWORD}'")
    database.server.execute(f"GRANT ALL ON SCHEMA {database.schema} TO {name}")
    database.server.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA {database.schema} TO {name}")
    url = database.url.replace("//fairlead:", f"//{name}:")
    with closing(database.store(url=url, patience=0.5)) as one, closing(database.store(url=url, patience=0.5)) as two:
        one.create(make_run("r"))
        with pytest.raises(StoreError, match=r"too many connections.*raise max_connections"):
            two.get("r")
        one.close()
        assert two.get("r") == make_run("r")


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
        for _ in range(5):
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
