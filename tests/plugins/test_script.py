"""A third party's orchestrator: its contract, and that it is found where it is installed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fairlead.testing.contracts.orchestrator import OrchestratorContract
from tests.plugins.installing import fairlead, install, load

HERE = Path(__file__).parent / "fairlead-script"


@pytest.fixture(scope="module")
def package():
    yield load("fairlead_script", HERE)
    del sys.modules["fairlead_script"]


class TestContract(OrchestratorContract):
    @pytest.fixture
    def make_orchestrator(self, package):
        return lambda: package.Script(package.Options())


# --- installed ------------------------------------------------------------------------------------------------

JOBS = """
from fairlead import task, workflow

@task
def numbers(n: int) -> list[int]:
    return list(range(n))

@task
def square(x: int) -> int:
    return x * x

@task
def total(xs: list[int]) -> int:
    return sum(xs)

@workflow
def squares(n: int = 3):
    return total(square.map(numbers(n)))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    return install(HERE, tmp_path_factory.mktemp("installed"), tmp_path_factory.mktemp("source"))


def test_what_it_is_given_runs_by_itself_and_is_recorded(installed, tmp_path):
    (tmp_path / ".fairlead").mkdir()
    (tmp_path / "jobs.py").write_text(JOBS)
    (tmp_path / "script.yaml").write_text("orchestrator: {type: script, python: " + json.dumps(sys.executable) + "}\n")
    (listed,) = json.loads(fairlead(installed, tmp_path, "plugins", "script", "-o", "json").stdout)
    assert (listed["kind"], listed["origin"]) == ("orchestrator", "fairlead-script")
    fairlead(installed, tmp_path, "compile", "jobs.py:squares", "--env", "script.yaml", "-o", "made")
    (tmp_path / "jobs.py").write_text("raise RuntimeError('nobody needs this file any more')")
    for name, words, results in (("calm-otter", [], 5), ("keen-heron", ["n=4"], 14)):
        subprocess.run(
            ["sh", "made/squares.sh", *words], cwd=tmp_path, env={**installed, "RUN": name}, check=True, timeout=60
        )
        told = json.loads(fairlead(installed, tmp_path, "results", name, "-o", "json").stdout)
        assert told == results
