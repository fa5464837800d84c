"""The executor `ray` on a real cluster: what every executor must do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from fairlead.executors.ray.executor import Ray
from fairlead.executors.ray.options import RayOptions
from fairlead.executors.ray.sessions import close_parked
from fairlead.testing.contracts.executor import ExecutorContract
from fairlead.testing.contracts.executor_harness import Harness, MakeExecutor, is_alive, record_of
from fairlead.testing.contracts.executor_processes import ProcessExecutorContract
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


class TestIsolated(ProcessExecutorContract, ExecutorContract):
    """Each job has a process of its own, on the node with two processors."""

    patience = 60.0
    many = 20

    @pytest.fixture
    def make_executor(self, ray_cluster: Cluster) -> Iterator[MakeExecutor]:
        made: list[Ray] = []

        def make() -> Ray:
            made.append(Ray(options(ray_cluster, isolate=True, labels={"pool": "big"})))
            return made[-1]

        yield make
        for executor in made:
            executor.close()

    def test_children_that_a_finished_task_left_end_with_the_run(self, on: Harness, tmp_path: Path) -> None:
        """They end with the process of their task, before anybody hears of its end."""
        pids = tmp_path / "pids"
        on.task("leave_child", "pids")
        on.open()
        assert record_of(on.go(0, pids=str(pids))).outcome == "succeeded"
        assert not is_alive(int(pids.read_text()))
