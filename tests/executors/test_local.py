"""The executor `local`: its contract, and its books."""

import pytest

from fairlead.executors.local import Local
from fairlead.executors.local.warm import close_parked
from fairlead.testing.contracts.executor import ExecutorContract
from fairlead.testing.contracts.executor_processes import ProcessExecutorContract


@pytest.fixture(scope="module", autouse=True)
def nothing_left():
    yield
    close_parked()


class TestContract(ExecutorContract, ProcessExecutorContract):
    @pytest.fixture
    def make_executor(self):
        made = []

        def make():
            made.append(Local(max_workers=2, grace=1.0))
            return made[-1]

        yield make
        for executor in made:
            executor.close()
