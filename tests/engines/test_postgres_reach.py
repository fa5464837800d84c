"""Who may use a PostgreSQL store, and what people are told of servers that are not there or not for them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest

from fairlead.errors import ConfigurationError, StoreError
from fairlead.model.run import Group, RunFilter
from fairlead.ports import Commit
from fairlead.stores.postgres_errors import meaning
from fairlead.testing.contracts.run_store_jobs import attempts, make_run
from tests.engines.postgres import PASSWORD, Database


@pytest.fixture
def store(database: Database) -> Iterator[Any]:
    store = database.store()
    yield store
    store.close()


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
    ("words", "advice"),
    [
        (
            'connection to server at "database.role.net" failed: Connection refused',
            "check that the server runs",
        ),
        ("FATAL: the database system is shutting down", "wait until the server is up"),
        ('FATAL: role "reader" is not permitted to log in', "whoever may lets it: ALTER ROLE"),
        ('FATAL: role "reader" does not exist', "make it first: CREATE ROLE"),
    ],
)
def test_advice_goes_by_what_happened_and_not_by_how_things_are_called(words: str, advice: str) -> None:
    told = meaning(psycopg.OperationalError(words), place="postgresql://h/d", schema="s")
    assert told.startswith(f"cannot use postgresql://h/d: {words}; {advice}")


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
