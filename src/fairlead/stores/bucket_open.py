"""From what an environment says of a bucket to the client that talks to it.

Credentials come from where the service's own tools look for them; none is kept here, or shown.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fairlead.errors import ConfigurationError
from fairlead.stores.bucket import Bucket
from fairlead.stores.bucket_plugins import BucketOptions

__all__ = ["open_bucket"]


def open_bucket(options: BucketOptions, *, timeout: float | None = None, folder: Path | None = None) -> Bucket:
    """Open a bucket; nothing is asked of the service yet. `folder`: what a relative path is relative to."""
    from obstore import store as stores

    scheme, bucket, prefix = _parts(options.url)
    if scheme == "file":
        place = (folder or Path.cwd()) / options.url.removeprefix("file://")
        return Bucket(stores.LocalStore(place, mkdir=True), f"file://{place}")
    if not bucket:
        raise ConfigurationError(f"url: {options.url!r} names no bucket; write {scheme}://BUCKET/PREFIX")
    name = f"{scheme}://{bucket}{f'/{prefix}' if prefix else ''}"
    common = {"prefix": prefix or None, **_client(options, timeout or options.timeout)}
    if scheme == "s3":
        store = stores.S3Store(bucket, **common, **_s3(options))
    elif scheme == "gs":
        store = stores.GCSStore(bucket, **common, **_gs(options))
    else:
        store = stores.AzureStore(bucket, **common, **_az(options))
    return Bucket(store, name, endpoint=options.endpoint or "")


def _parts(url: str) -> tuple[str, str, str]:
    scheme, mark, rest = url.partition("://")
    if not mark or scheme == "file":
        return "file", "", url
    if scheme not in {"s3", "gs", "az"}:
        raise ConfigurationError(f"url: {url!r} is none of s3://, gs://, az:// and file://")
    bucket, _, prefix = rest.partition("/")
    return scheme, bucket, prefix.strip("/")


def _client(options: BucketOptions, timeout: float) -> dict[str, Any]:
    from datetime import timedelta

    plain = urlsplit(options.endpoint or "").scheme == "http"
    return {
        "client_options": {
            "allow_http": plain,
            "timeout": timedelta(seconds=timeout),
            "connect_timeout": timedelta(seconds=min(timeout, 5.0)),
        },
        "retry_config": {
            "max_retries": 4,
            "retry_timeout": timedelta(seconds=timeout),
            "backoff": {
                "init_backoff": timedelta(seconds=0.1),
                "max_backoff": timedelta(seconds=3.0),
                "base": 2,
            },
        },
    }


def _s3(options: BucketOptions) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    if options.endpoint:
        settings["endpoint"] = options.endpoint
    if options.anonymous:
        settings["skip_signature"] = True
    profile = options.profile or (None if _signed_by_environment() else os.environ.get("AWS_PROFILE"))
    region = options.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if profile and not options.anonymous:
        from fairlead.stores.aws_profile import read

        found = read(profile)
        region = region or found.pop("region", None)
        settings.update(found)
    settings["region"] = region or "us-east-1"
    return settings


def _signed_by_environment() -> bool:
    return bool(os.environ.get("AWS_ACCESS_KEY_ID") and os.environ.get("AWS_SECRET_ACCESS_KEY"))


def _gs(options: BucketOptions) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    if options.endpoint:
        settings["base_url"] = options.endpoint
    if options.anonymous:
        settings["skip_signature"] = True
    return settings


def _az(options: BucketOptions) -> dict[str, Any]:
    account = options.account or os.environ.get("AZURE_STORAGE_ACCOUNT_NAME") or os.environ.get("AZURE_STORAGE_ACCOUNT")
    if not account:
        raise ConfigurationError(
            f"{options.url!r} names no storage account; say 'account', or set AZURE_STORAGE_ACCOUNT_NAME"
        )
    settings: dict[str, Any] = {"account_name": account}
    if options.endpoint:
        settings["endpoint"] = options.endpoint
    if options.anonymous:
        settings["skip_signature"] = True
    return settings
