"""A third party's executor: its own contract, and that it is found once it is installed."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from fairlead.config.benches import open_bench
from fairlead.node.capture import TeeLog
from fairlead.ports import Site
from fairlead.testing.contracts.executor import ExecutorContract
from tests.plugins.installing import fairlead, install, load

HERE = Path(__file__).parent / "fairlead-forked"


@pytest.fixture(scope="module")
def forked():
    module = load("fairlead_forked", HERE)
    yield module
    del sys.modules["fairlead_forked"]


class TestContract(ExecutorContract):
    @pytest.fixture
    def make_executor(self, forked, tmp_path):
        made = []

        def make():
            site = Site(folder=tmp_path, bench=lambda brief: open_bench(brief, TeeLog(brief.scratch), sets_env=True))
            made.append(forked.plugin.open(forked.Options(), site))
            return made[-1]

        yield make
        for executor in made:
            executor.close()


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The package, as pip installs it; gives the environment of processes that have it."""
    return install(HERE, tmp_path_factory.mktemp("installed"), tmp_path_factory.mktemp("source"))


@pytest.fixture
def place(tmp_path):
    (tmp_path / ".fairlead").mkdir()
    (tmp_path / "jobs.py").write_text(
        "import os\n"
        "from fairlead import task, workflow\n"
        "@task\n"
        "def pid(x):\n"
        "    print('in', os.getpid())\n"
        "    return os.getpid()\n"
        "@workflow\n"
        "def pids():\n"
        "    return pid.map([1, 2, 3])\n"
    )
    (tmp_path / "mine.yaml").write_text("executor: {type: forked, at_once: 3}\n")
    return tmp_path


def test_an_installed_package_is_found_by_its_entry_point(installed, place):
    (told,) = json.loads(fairlead(installed, place, "plugins", "forked", "-o", "json").stdout)
    assert (told["kind"], told["origin"]) == ("executor", "fairlead-forked")
    assert told["settings"][0]["name"] == "at_once" and told["settings"][0]["says"] == "Tasks at once at most."


def test_it_runs_workflows(installed, place):
    told = json.loads(fairlead(installed, place, "run", "jobs.py", "--env", "mine", "-o", "json").stdout)
    assert told["status"] == "succeeded" and len(set(told["results"])) == 3
    logs = fairlead(installed, place, "logs", told["id"]).stdout
    assert all(f"in {pid}" in logs for pid in told["results"])


def test_its_settings_are_checked_with_their_places(installed, place):
    (place / "mine.yaml").write_text("executor:\n  type: forked\n  at_one: 3\n")
    said = fairlead(installed, place, "run", "jobs.py", "--env", "mine", code=2).stderr
    assert "mine.yaml:3:3: executor: unknown key 'at_one' (nearest: 'at_once')" in said


def test_where_it_is_not_installed_that_is_said(place):
    said = fairlead(dict(os.environ), place, "run", "jobs.py", "--env", "mine", code=2).stderr
    assert "mine.yaml:1:12: executor.type: 'forked' is no executor" in said


def test_the_page_about_it_shows_it_as_it_is():
    page = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text(encoding="utf-8")
    for name in ("pyproject.toml", "fairlead_forked.py"):
        assert (HERE / name).read_text(encoding="utf-8") in page, f"docs/plugins.md shows another {name}"
