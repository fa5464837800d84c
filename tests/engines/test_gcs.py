"""Runs and artifacts on gs://, against the parts of Google Cloud Storage's API that obstore calls (`gcs.py`).

About 12 s of CI. What many processes do to one bucket is the same code for every service, and tested with S3.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from fairlead import Environment, task, workflow
from fairlead.config.services import close_all
from fairlead.stores.object_artifacts import ObjectArtifacts
from fairlead.stores.object_store import ObjectStore
from fairlead.testing.contracts.artifact_store import ArtifactStoreContract
from fairlead.testing.contracts.run_store import RunStoreContract
from tests.engines.buckets import artifacts, runs
from tests.engines.gcs import GCS


class TestGCSArtifacts(ArtifactStoreContract):
    @pytest.fixture
    def store(self, gcs: GCS, gcs_bucket: str) -> ObjectArtifacts:
        return artifacts(gcs_bucket, gcs.endpoint, scheme="gs")


class TestGCSArtifactsInParts(ArtifactStoreContract):
    @pytest.fixture
    def store(self, gcs: GCS, gcs_bucket: str) -> ObjectArtifacts:
        return artifacts(gcs_bucket, gcs.endpoint, scheme="gs", part=100_000)


class TestGCSStore(RunStoreContract):
    keys = 200

    @pytest.fixture
    def store(self, gcs: GCS, gcs_bucket: str) -> Iterator[ObjectStore]:
        store = runs(gcs_bucket, gcs.endpoint, scheme="gs", ttl=30.0)
        yield store
        store.close()


@task
def double(data: bytes) -> bytes:
    return data + data


@workflow
def doubled(data: bytes) -> bytes:
    return double(double(data))


@pytest.mark.parametrize("executor", ["in_process", "local"])
def test_a_run_is_kept_in_a_bucket_with_its_values(gcs, gcs_bucket, tmp_path, monkeypatch, executor):
    (tmp_path / ".fairlead").mkdir()
    monkeypatch.chdir(tmp_path)
    data = os.urandom(5 << 20)
    conditions = gcs.conditions
    try:
        store = {"type": "object", "url": f"gs://{gcs_bucket}/team", "endpoint": gcs.endpoint}
        run = doubled(data).run(Environment(executor=executor, store=store))
        assert run.get_results() == data * 4
    finally:
        close_all()
    assert gcs.conditions > conditions, "facts are written under a condition"
    assert any(key.startswith("team/artifacts/sha256/") for key in gcs.buckets[gcs_bucket])
    assert list((tmp_path / ".fairlead").glob("runs.db")) == []
