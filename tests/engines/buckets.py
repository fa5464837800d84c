"""Stores in buckets, as tests and the processes that they start open them. Imports nothing that only tests have."""

from __future__ import annotations

from fairlead.stores.bucket_open import open_bucket
from fairlead.stores.bucket_plugins import BucketOptions, StoreOptions
from fairlead.stores.object_artifacts import ObjectArtifacts
from fairlead.stores.object_store import ObjectStore

__all__ = ["TTL", "artifacts", "runs"]

TTL = 1.5
"""Seconds after which the hold of a killed driver lapses."""


def artifacts(bucket: str, endpoint: str, *, part: int = 8 * 1024 * 1024, scheme: str = "s3") -> ObjectArtifacts:
    """Open the artifacts of a bucket."""
    options = BucketOptions(url=f"{scheme}://{bucket}/team/runs", endpoint=endpoint, timeout=10)
    return ObjectArtifacts(open_bucket(options), part=part)


def runs(bucket: str, endpoint: str, *, ttl: float = TTL, scheme: str = "s3") -> ObjectStore:
    """Open the runs of a bucket."""
    options = StoreOptions(url=f"{scheme}://{bucket}/team", endpoint=endpoint, timeout=10)
    return ObjectStore(open_bucket(options), ttl=ttl, holds=open_bucket(options, timeout=5))
