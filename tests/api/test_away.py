"""Drivers that are started somewhere else, as the plugin of an executor says: here by one that has a program do it."""

from __future__ import annotations

import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fairlead import Environment, list_workflow_runs, task, workflow
from fairlead.api.away import own_folder
from fairlead.config.registry import BUILT_IN
from fairlead.errors import ConfigurationError, DefinitionError, StoreError
from fairlead.executors.plugins import in_process
from fairlead.ports import Executor, Launch, Plugin, Reach, Site

ROOT = Path(__file__).resolve().parents[2]
ENTRY = (
    f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tests.api.test_away import register; register(); "
    "from fairlead.__main__ import main; raise SystemExit(main(sys.argv[1:]))"
)


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reach: Reach = "host"
    broken: bool = False


class Program:
    """Starts a driver with a program of its own, in another session."""

    place = "a program"
    remedy = "keep runs where it sees them"

    def __init__(self, options: Options) -> None:
        self.reach: Reach = options.reach
        self._broken = options.broken
        self._process: subprocess.Popen[str] | None = None

    def start(self, launch: Launch) -> None:
        words = ["nonsense"] if self._broken else launch.words
        self._process = subprocess.Popen(
            [sys.executable, "-c", ENTRY, *words],
            cwd=launch.cwd,
            start_new_session=True,
            text=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE if self._broken else None,
        )

    def ended(self) -> str | None:
        process = self._process
        if process is None or process.poll() is None:
            return None
        return process.stderr.read() if process.stderr is not None else ""

    def close(self) -> None:
        if self._process is not None:
            if self._process.stderr is not None:
                self._process.stderr.close()
            self._process.wait(30)


def _open(_: Options, site: Site) -> Executor:
    executor: Executor = in_process.open(None, site)
    return executor


faraway = Plugin(open=_open, options=Options, launch=lambda options, site: Program(options))


def register() -> None:
    BUILT_IN["executors"]["faraway"] = "tests.api.test_away:faraway"


@task
def double(x: int) -> int:
    return 2 * x


@workflow
def study(x: int = 4) -> int:
    return double(x)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".fairlead").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(BUILT_IN["executors"], "faraway", "tests.api.test_away:faraway")
    return tmp_path


def environment(**settings: Any) -> Environment:
    return Environment(executor={"type": "faraway", **settings})


def test_a_run_is_carried_by_the_driver_that_the_executor_has_started() -> None:
    run = study().start(environment(), id="away")
    assert run.get_results(wait=True, timeout=30) == 8
    assert not (Path(".fairlead/logs/away/driver.log")).exists(), "no process of ours carried it"


def test_a_driver_that_could_not_see_the_stores_is_refused_before_the_run_is_recorded() -> None:
    with pytest.raises(DefinitionError) as caught:
        study().start(environment(reach="network"))
    said = "can be seen from this host only, and a program is to carry the run; keep runs where it sees them"
    assert list(caught.value.problems) == [f"the run store {said}", f"the artifact store {said}"]
    assert list_workflow_runs() == []


def test_a_run_may_be_carried_here_all_the_same() -> None:
    assert study().run(environment(reach="network")).get_results() == 8


def test_a_driver_that_ends_before_it_takes_the_run_up_is_told_in_its_own_words() -> None:
    with pytest.raises(StoreError, match="a program that was to carry run 'lost' ended before it took the run up") as e:
        study().start(environment(broken=True), id="lost")
    assert "nonsense" in str(e.value)
    assert list_workflow_runs()[0].get_status() == "created"


def test_a_driver_without_a_project_has_a_folder_that_nobody_else_can_look_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = own_folder("calm-otter")
    assert (folder / ".fairlead").is_dir()
    assert [stat.S_IMODE(place.stat().st_mode) for place in (folder, folder.parent)] == [0o700, 0o700]
    assert own_folder("calm-otter") == folder
    folder.parent.chmod(0o777)
    with pytest.raises(ConfigurationError, match="nobody else may read"):
        own_folder("calm-otter")
