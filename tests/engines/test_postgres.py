"""The PostgreSQL store keeps the promises of every store of runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fairlead.testing.contracts.run_store import RunStoreContract
from fairlead.testing.contracts.run_store_processes import RunStoreProcessContract
from tests.engines.postgres import Database


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
