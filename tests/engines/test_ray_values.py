"""Large values between Ray tasks: through Ray's object store, and kept for good all the same."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairlead.executors.ray.executor import Ray
from fairlead.executors.ray.sessions import close_parked
from fairlead.model.run import Code, Requirements, TaskCode
from fairlead.model.task import Param, TaskDefinition
from fairlead.model.values import Inline, Stored
from fairlead.ports import Brief
from fairlead.testing.contracts.executor_harness import Harness, record_of, result
from tests.engines.ray_cluster import Cluster
from tests.engines.test_ray_contract import options


@pytest.fixture(scope="module", autouse=True)
def parked() -> Iterator[None]:
    """Connections serve all tests of the module, and end with it."""
    yield
    close_parked()


@pytest.fixture
def on(ray_cluster: Cluster, tmp_path: Path) -> Iterator[Harness]:
    harness = Harness(Ray(options(ray_cluster)), tmp_path, patience=60.0)
    harness.task("huge", "size")
    harness.task("length", "data")
    harness.open()
    yield harness
    harness.executor.close()


def made(on: Harness) -> tuple[Stored, Path]:
    """Have a large value made; gives it, and the file that keeps it."""
    (value,) = record_of(on.go(0, size=20_000_000)).outputs or ()
    assert isinstance(value, Stored)
    return value, on.scratch / "artifacts" / value.key


def test_a_large_value_goes_from_task_to_task_without_its_artifact(on: Harness) -> None:
    value, file = made(on)
    assert file.stat().st_size >= 20_000_000
    file.unlink()
    assert result(on.go(1, data=value)) == 20_000_000


def test_a_value_that_ray_no_longer_has_comes_from_its_artifact(on: Harness) -> None:
    value, _ = made(on)
    on.executor.close()
    on.open("another")
    assert result(on.go(1, data=value)) == 20_000_000


def test_a_task_may_write_to_what_it_is_given_and_nobody_else_sees_it(ray_cluster: Cluster, tmp_path: Path) -> None:
    on = Harness(Ray(options(ray_cluster)), tmp_path, patience=60.0)
    for target, *params in (("ones", "shape"), ("put", "a", "ind", "v"), ("sum", "a")):
        given = tuple(Param(name) for name in params)
        on.tasks.append(TaskDefinition(name=target, target=f"numpy:{target}", params=given))
    on.open()
    try:
        (array,) = record_of(on.go(0, shape=2_500_000)).outputs or ()
        assert isinstance(array, Stored)
        (on.scratch / "artifacts" / array.key).unlink()
        assert record_of(on.go(1, a=array, ind=0, v=7.0)).outcome == "succeeded"
        (total,) = record_of(on.go(2, a=array)).outputs or ()
        assert isinstance(total, Inline)
        assert pickle.loads(total.data) == 2_500_000
    finally:
        on.executor.close()


def test_a_worker_with_another_python_than_the_runs_says_so(ray_cluster: Cluster, tmp_path: Path) -> None:
    on = Harness(Ray(options(ray_cluster)), tmp_path, patience=60.0)
    on.task("length", "data")
    on.open()
    code = Code(tasks=(TaskCode(""),), requirements=Requirements(python="3.9.1"))
    on.run_id = "aged"
    on.executor.open(Brief("aged", tuple(on.tasks), code, str(tmp_path / "aged"), {"url": str(tmp_path / "artifacts")}))
    try:
        report = on.go(0, data="four")
        (note,) = (text for text in record_of(report).notes if text.startswith("Python "))
        assert note.endswith(", and the run was made with 3.9.1")
        assert f"fairlead: {note}\n".encode() in on.log(report)
    finally:
        on.executor.close()
