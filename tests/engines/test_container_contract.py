"""The executor `container` against Podman and Docker: its contract."""

from __future__ import annotations

import os
from pathlib import Path
from time import monotonic

import pytest

from fairlead.executors.plugins import ContainerOptions, container
from fairlead.ports import Site
from fairlead.testing.contracts.executor import ExecutorContract
from fairlead.testing.contracts.executor_harness import record_of, result, until
from fairlead.testing.contracts.executor_processes import ProcessExecutorContract

ENGINES = ["podman", *(["docker"] if os.environ.get("FAIRLEAD_TEST_DOCKER") else [])]
"""Docker takes another minute and a half: `test_container_runs.py` has it in any case."""

pytestmark = pytest.mark.parametrize("engine", ENGINES, indirect=True)


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
    many = 12

    @pytest.fixture(autouse=True)
    def _engine(self, engine):
        self.engine = engine

    @pytest.fixture
    def make_executor(self, make_executor):
        return make_executor

    def lives(self, pid):
        """Processes of containers have numbers of their own."""
        return any(pid == inside for inside in processes_in_containers())

    def process_of(self, running):
        return int(self.engine("inspect", "--format", "{{.State.Pid}}", running.worker.rpartition(":")[2]))

    def test_children_that_a_finished_task_left_end_with_the_run(self, on, tmp_path):
        """They end with their container, and so before the run."""
        pids = tmp_path / "pids"
        on.task("leave_child", "pids")
        on.open()
        assert record_of(on.go(0, pids=str(pids))).outcome == "succeeded"
        until(lambda: not self.lives(int(pids.read_text())), 5)

    def test_what_a_task_changes_in_its_process_is_put_back(self, on):
        on.task("make_a_mess")
        on.task("state")
        on.open()
        assert record_of(on.go(0)).outcome == "succeeded"
        assert result(on.go(1)) == ["/work", None, True, False]

    @pytest.mark.usefixtures("sockets_left_behind")
    def test_an_engine_that_has_gone_does_not_hold_up_the_end(self, on, tmp_path):
        on.task("nap", "seconds")
        on.open()
        on.submit(on.job("a", seconds=30.0), on.job("b", seconds=30.0))
        on.until_running("a")
        self.engine.stop()
        try:
            begun = monotonic()
            on.executor.close()
            assert monotonic() - begun < 10
        finally:
            self.engine.start()
            self.engine.discard(*self.engine.names())


def processes_in_containers():
    """Give the numbers that processes in containers have there."""
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            said = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
        except (FileNotFoundError, ProcessLookupError):
            continue
        numbers = said["NSpid"].split()
        if len(numbers) > 1 and not said["State"].startswith("Z"):
            yield int(numbers[-1])
