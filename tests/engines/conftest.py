"""The engines that tests start for themselves; only `scripts/engines` runs what is in this folder.

Each service has a module beside this one, which starts it on a free port of loopback, once per session,
and ends what it started. A test that does not find its service fails: nothing here is skipped.
"""

from __future__ import annotations

import os

import pytest

from tests.engines.container_engines import docker, engine, image, podman, sockets_left_behind
from tests.engines.gcs import gcs, gcs_bucket, gcs_server
from tests.engines.postgres import database, postgres
from tests.engines.ray_cluster import ray_cluster
from tests.engines.s3 import s3, s3_bucket, s3_server

__all__ = [
    "database",
    "docker",
    "engine",
    "gcs",
    "gcs_bucket",
    "gcs_server",
    "image",
    "podman",
    "postgres",
    "ray_cluster",
    "s3",
    "s3_bucket",
    "s3_server",
    "sockets_left_behind",
]

collect_ignore_glob = [] if os.environ.get("FAIRLEAD_TEST_ENGINES") else ["*"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here is marked, so that `-m engine` says what it is."""
    for item in items:
        if "tests/engines/" in item.nodeid:
            item.add_marker(pytest.mark.engine)
