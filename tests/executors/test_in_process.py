"""The executor `in_process`: its contract, and what is only true where tasks run in the caller."""

import pytest

from fairlead.config.entry import open_bench
from fairlead.executors.in_process import InProcess
from fairlead.node.capture import TeeLog
from fairlead.testing.contracts.executor import ExecutorContract


def bench(brief):
    return open_bench(brief, TeeLog(brief.scratch), sets_env=True)


class TestContract(ExecutorContract):
    @pytest.fixture
    def make_executor(self):
        made = []

        def make():
            made.append(InProcess(bench))
            return made[-1]

        yield make
        for executor in made:
            executor.close()
