"""The executor `ray` on a real cluster: what every executor must do."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from fairlead.executors.ray.executor import Ray
from fairlead.executors.ray.options import RayOptions
from fairlead.executors.ray.sessions import close_parked
from fairlead.testing.contracts.executor import ExecutorContract
from fairlead.testing.contracts.executor_harness import MakeExecutor
from tests.engines.ray_cluster import Cluster


def options(cluster: Cluster, **more: object) -> RayOptions:
    """What joins the cluster."""
    told = {key: value for key, value in cluster.settings.items() if key != "type"}
    return msgspec.convert({**told, **more}, RayOptions)


@pytest.fixture(scope="module", autouse=True)
def parked() -> Iterator[None]:
    """Connections serve all tests of the module, and end with it."""
    yield
    close_parked()


class TestContract(ExecutorContract):
    @pytest.fixture
    def make_executor(self, ray_cluster: Cluster) -> Iterator[MakeExecutor]:
        made: list[Ray] = []

        def make() -> Ray:
            made.append(Ray(options(ray_cluster)))
            return made[-1]

        yield make
        for executor in made:
            executor.close()
