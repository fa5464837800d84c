"""What environments can say to the stores that are kept in buckets, and how they are opened.

Imports no store before one is opened.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from fairlead.ports import ArtifactStore, Plugin, RunStore, Site

__all__ = ["BucketArtifactOptions", "BucketOptions", "StoreOptions", "az", "gs", "object_store", "s3"]


class BucketOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of whatever is kept in a bucket."""

    url: Annotated[
        str, msgspec.Meta(description="`s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`.")
    ]
    endpoint: Annotated[
        str | None,
        msgspec.Meta(description="Where the service answers, when it is not the provider's own: `http://minio:9000`."),
    ] = None
    region: Annotated[str | None, msgspec.Meta(description="The bucket's region (s3); otherwise `AWS_REGION`.")] = None
    profile: Annotated[
        str | None, msgspec.Meta(description="Whose credentials in `~/.aws` are used (s3); otherwise `AWS_PROFILE`.")
    ] = None
    account: Annotated[
        str | None, msgspec.Meta(description="The storage account (az); otherwise `AZURE_STORAGE_ACCOUNT_NAME`.")
    ] = None
    anonymous: Annotated[bool, msgspec.Meta(description="Requests are not signed, as public buckets want it.")] = False
    timeout: Annotated[float, msgspec.Meta(description="Seconds that one request may take.", gt=0)] = 60.0


class StoreOptions(BucketOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of `object`."""

    ttl: Annotated[
        float, msgspec.Meta(description="Seconds after which the run of a killed driver is interrupted.", ge=1)
    ] = 30.0

    def __post_init__(self) -> None:
        scheme, mark, _ = self.url.partition("://")
        if mark and scheme not in ("s3", "gs", "az", "file", "memory"):
            raise ValueError(f"url: {self.url!r} is none of s3://, gs://, az:// and file://")


def _open_store(options: StoreOptions, site: Site) -> RunStore:
    from fairlead.stores.bucket_open import open_bucket
    from fairlead.stores.object_store import ObjectStore

    # A hold must be renewed in time, or be given up: its requests do not wait for long.
    holds = open_bucket(options, timeout=max(0.5, options.ttl / 4), folder=site.folder)
    return ObjectStore(open_bucket(options, folder=site.folder), ttl=options.ttl, holds=holds)


class BucketArtifactOptions(BucketOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of artifacts in a bucket."""

    near: Annotated[
        float,
        msgspec.Meta(
            description="GiB of large values of which this machine keeps copies for all tasks; 0: none.", ge=0
        ),
    ] = 2.0


def _open_artifacts(options: BucketArtifactOptions, site: Site) -> ArtifactStore:
    from hashlib import sha256

    from fairlead.stores.artifacts import FolderArtifacts
    from fairlead.stores.bucket_open import open_bucket
    from fairlead.stores.folder import NAME, Folder
    from fairlead.stores.object_artifacts import ObjectArtifacts

    bucket = open_bucket(options, folder=site.folder)
    folder = Folder(site.folder / NAME)
    near = None
    # A container may have no such folder, and nothing is kept where nobody tidies up.
    if options.near and folder.path.is_dir():
        place = sha256(f"{options.endpoint} {bucket.name}".encode()).hexdigest()[:16]
        # Parts come in any order: without `fsync`, a power cut could leave a copy of the right size that lacks some.
        near = FolderArtifacts(folder.tmp / f"near-{place}", fsync=True)
    return ObjectArtifacts(bucket, near=near, near_size=options.near * 2**30)


def _artifacts(doc: str) -> Plugin:
    return Plugin(
        open=_open_artifacts, options=BucketArtifactOptions, doc=doc, needs=("obstore",), install="fairlead[object]"
    )


object_store = Plugin(
    open=_open_store,
    options=StoreOptions,
    doc="A bucket, for any number of hosts.",
    needs=("obstore",),
    install="fairlead[object]",
)

s3 = _artifacts("A bucket of Amazon S3, or of whatever speaks its language (MinIO, R2, Ceph).")

gs = _artifacts("A bucket of Google Cloud Storage.")

az = _artifacts("A container of Azure Blob Storage.")
