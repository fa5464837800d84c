"""The executor `container` against Podman: its contract."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fairlead.executors.plugins import ContainerOptions, container
from fairlead.ports import Site
from fairlead.testing.contracts.executor import ExecutorContract
from fairlead.testing.contracts.executor_processes import ProcessExecutorContract


@pytest.fixture
def make_executor(engine, image, tmp_path):
    made = []

    def make(**options):
        said = {"image": image, "url": engine.url, "pull": "never", "network": "none", "max_workers": 2}
        mounts = [str(tmp_path)]
        made.append(container.open(ContainerOptions(**{**said, "mounts": mounts, **options}), Site(folder=tmp_path)))
        return made[-1]

    yield make
    for executor in made:
        executor.close()
    assert engine.names() == []


class TestContract(ExecutorContract, ProcessExecutorContract):
    @pytest.fixture
    def make_executor(self, make_executor):
        return make_executor
