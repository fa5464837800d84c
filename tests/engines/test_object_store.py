"""The run store in a bucket of a real S3 API: the contract, in this process and among many."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fairlead.stores.bucket_open import open_bucket
from fairlead.stores.bucket_plugins import StoreOptions
from fairlead.stores.object_store import ObjectStore
from fairlead.testing.contracts.run_store import RunStoreContract
from fairlead.testing.contracts.run_store_processes import RunStoreProcessContract
from tests.engines.s3 import S3

TTL = 1.5


def opened(bucket: str, endpoint: str, *, ttl: float = TTL) -> ObjectStore:
    options = StoreOptions(url=f"s3://{bucket}/team", endpoint=endpoint, timeout=10)
    return ObjectStore(open_bucket(options), ttl=ttl, holds=open_bucket(options, timeout=5))


class TestS3Store(RunStoreContract):
    @pytest.fixture
    def store(self, s3: S3, s3_bucket: str) -> Iterator[ObjectStore]:
        store = opened(s3_bucket, s3.endpoint, ttl=30.0)
        yield store
        store.close()


class TestS3StoreAmongProcesses(RunStoreProcessContract):
    noticed_within = TTL + 5.0
    kills = 3
    forks = False

    @pytest.fixture
    def store(self, s3: S3, s3_bucket: str) -> Iterator[ObjectStore]:
        store = opened(s3_bucket, s3.endpoint)
        yield store
        store.close()

    @pytest.fixture
    def elsewhere(self, s3: S3, s3_bucket: str) -> str:
        return f"from tests.engines.test_object_store import opened\nstore = opened({s3_bucket!r}, {s3.endpoint!r})"
