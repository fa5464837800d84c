"""From an environment to the objects that do the work."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from fairlead.config.environment import Environment
from fairlead.config.services import close_all, executor_for, open_services
from fairlead.errors import ConfigurationError
from fairlead.executors.in_process import InProcess
from fairlead.model.run import RunFilter
from fairlead.stores.artifacts import FolderArtifacts, MemoryArtifacts
from fairlead.stores.memory import MemoryStore


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    close_all()


def test_stores_are_opened_once_and_shared_by_environments_of_one_place(tmp_path):
    first = open_services(Environment())
    assert open_services(Environment()) is first
    other = open_services(Environment(name="in_process", executor={"type": "in_process"}))
    assert other.environment.name == "in_process"
    assert (other.store, other.artifacts) == (first.store, first.artifacts)
    assert open_services(Environment(durability="each")).store is not first.store
    assert first.folder.path == tmp_path / ".fairlead"


def test_the_folder_is_found_from_below(tmp_path, monkeypatch):
    first = open_services(Environment())
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a" / "b")
    assert open_services(Environment()) is first
    assert open_services(Environment(), start=tmp_path) is first


def test_a_closed_store_is_opened_again():
    first = open_services(Environment())
    close_all()
    again = open_services(Environment())
    assert again is not first and list(again.store.list(RunFilter())) == []


def test_files_may_stand_elsewhere(tmp_path):
    environment = Environment(store={"type": "sqlite", "path": "kept/runs.db"}, artifacts={"url": "kept/things"})
    (tmp_path / "kept").mkdir()
    services = open_services(environment)
    assert list(services.store.list(RunFilter())) == [] and (tmp_path / "kept" / "runs.db").exists()
    services.artifacts.put("a/b", [b"1"])
    assert (tmp_path / "kept" / "things" / "a" / "b").read_bytes() == b"1"
    assert services.artifact_settings() == {"url": str(tmp_path / "kept" / "things")}


def test_a_memory_store_brings_memory_artifacts_along():
    services = open_services(Environment(store={"type": "memory"}))
    assert isinstance(services.store, MemoryStore) and isinstance(services.artifacts, MemoryArtifacts)
    assert services.artifact_settings() == {"url": "memory://"}
    kept = open_services(Environment(store={"type": "memory"}, artifacts={"url": "things"}))
    assert isinstance(kept.artifacts, FolderArtifacts)


def test_durability_reaches_the_processes_of_tasks():
    assert open_services(Environment(durability="each")).artifact_settings()["fsync"] is True


def test_artifacts_that_nothing_here_can_keep_are_refused(tmp_path):
    with pytest.raises(
        ConfigurationError, match=r"artifacts\.url: 'ftp://b' is neither a folder nor one of az://, file://, gs://, mem"
    ):
        Environment(artifacts={"url": "ftp://b"})
    assert open_services(Environment(artifacts=f"file://{tmp_path}/there")).artifacts.reach == "host"


@pytest.mark.parametrize(("kind", "reach"), [("in_process", "process"), ("local", "host")])
def test_executors_offer_what_they_can_without_being_opened(kind, reach):
    assert executor_for(Environment(executor={"type": kind}), lambda brief: None).offers.reach == reach


def test_the_more_specific_number_of_workers_counts():
    environment = Environment(executor={"type": "local", "max_workers": 3})
    assert executor_for(environment, lambda brief: None).offers.parallel == 3
    assert executor_for(environment, lambda brief: None, max_workers=1).offers.parallel == 1


def test_an_environment_travels_to_a_driver_process_as_text():
    environment = Environment(name="x", store={"type": "sqlite", "path": "p"}, parameters={"a": [1, {"b": None}]})
    assert Environment.from_record(msgspec.json.decode(msgspec.json.encode(environment.record()))) == environment
    assert Path(open_services(environment).folder.path).name == ".fairlead"


def test_living_objects_are_used_as_they_are():
    store, artifacts = MemoryStore(), MemoryArtifacts()
    services = open_services(Environment(store=store, artifacts={"object": artifacts}))
    assert services.store is store and services.artifacts is artifacts
    assert services.artifact_settings() == {"url": "memory://"}
    assert executor_for(Environment(executor=InProcess(lambda brief: None)), lambda brief: None).offers.echo
