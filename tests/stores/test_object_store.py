"""The run store in a bucket, where the bucket is this process's memory or a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fairlead.stores.bucket import Bucket
from fairlead.stores.bucket_open import open_bucket
from fairlead.stores.bucket_plugins import StoreOptions
from fairlead.stores.object_store import ObjectStore
from fairlead.testing.contracts.run_store import RunStoreContract

stores = pytest.importorskip("obstore.store", reason="the extra 'object' is not installed")


class TestInMemory(RunStoreContract):
    @pytest.fixture
    def store(self) -> Iterator[ObjectStore]:
        store = ObjectStore(Bucket(stores.MemoryStore(), "memory://"))
        yield store
        store.close()


class TestInAFolder(RunStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[ObjectStore]:
        store = ObjectStore(open_bucket(StoreOptions(url=str(tmp_path / "bucket"))))
        yield store
        store.close()
