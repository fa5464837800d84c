"""Environments as objects: what Python may say, and what travels."""

from __future__ import annotations

import pytest

from fairlead.config.environment import Environment, load
from fairlead.errors import ConfigurationError
from fairlead.executors.in_process import InProcess


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FAIRLEAD_ENV", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def test_local_is_the_default():
    assert load().executor == {"type": "local"}
    assert load() == Environment() == Environment(executor="local")


def test_the_process_environment_names_the_default(monkeypatch):
    monkeypatch.setenv("FAIRLEAD_ENV", "in_process")
    assert load().name == "in_process"
    assert load("local").name == "local"


def test_an_environment_is_itself():
    mine = Environment(name="mine")
    assert load(mine) is mine and Environment.load(mine) is mine


WRITTEN = """\
executor: {type: local, max_workers: 2}
executors: {gpu: in_process}
store: {type: sqlite, path: runs.db}
artifacts: kept
observers: []
components: {trainer: {class: "churn:Boosted", settings: {depth: 6}}}
parameters: {rate: 0.5}
tasks: {"train*": {retries: 3, resources: {cpu: 2}, executor: gpu}}
durability: each
"""

SAID = {
    "executor": {"type": "local", "max_workers": 2},
    "executors": {"gpu": "in_process"},
    "store": {"type": "sqlite", "path": "runs.db"},
    "artifacts": "kept",
    "observers": [],
    "components": {"trainer": {"class": "churn:Boosted", "settings": {"depth": 6}}},
    "parameters": {"rate": 0.5},
    "tasks": {"train*": {"retries": 3, "resources": {"cpu": 2}, "executor": "gpu"}},
    "durability": "each",
}


def test_python_and_files_say_the_same_things(here):
    (here / "dev.yaml").write_text(WRITTEN)
    read, made = load("dev"), Environment(name="dev", **SAID)
    assert read.written == made.written
    assert read.executors == made.executors == {"gpu": {"type": "in_process"}}
    assert read.tasks == [{"train*": {"retries": 3, "resources": {"cpu": 2}, "executor": "gpu"}}]
    assert read.source == str(here / "dev.yaml") and made.source == ""
    assert repr(read) == f"<Environment dev: local, from {here}/dev.yaml>"


def test_python_hears_of_everything_wrong_at_once():
    with pytest.raises(ConfigurationError) as caught:
        Environment(executor={"type": "local", "max_worker": 1}, durability="often")
    assert caught.value.problems == (
        "executor: unknown key 'max_worker' (nearest: 'max_workers')",
        "durability: 'often' is neither 'grouped' nor 'each'",
    )


def test_it_is_recorded_with_nothing_expanded(monkeypatch):
    monkeypatch.setenv("PASSWORD", "hunter2")
    environment = Environment(name="dev", parameters={"login": "me:${PASSWORD}", "n": [1, "${N:-2}"]})
    assert environment.parameters == {"login": "me:hunter2", "n": [1, "2"]}
    record = environment.record()
    assert record == {"name": "dev", "parameters": {"login": "me:${PASSWORD}", "n": [1, "${N:-2}"]}}
    monkeypatch.setenv("PASSWORD", "changed")
    assert Environment.from_record(record).parameters["login"] == "me:changed"


def test_a_place_is_told_for_every_setting(here):
    (here / "dev.yaml").write_text(WRITTEN)
    environment = load("dev")
    assert str(environment.place("components", "trainer", "settings", "depth")) == "dev.yaml:6:59"
    assert str(environment.place("components", "trainer", "settings", "nothing")) == "dev.yaml:6:48"
    assert str(environment.place("parameters", "rate")) == "dev.yaml:7:14"
    assert str(environment.place("tasks", 0, "train*", "retries")) == "dev.yaml:8:20"
    assert str(environment.place("secrets")) == "dev.yaml"
    assert Environment(parameters={"a": 1}).place("parameters", "a") is None


def test_living_objects_stand_where_names_may(here):
    executor = InProcess(lambda brief: None)
    environment = Environment(executor=executor, executors={"other": executor})
    assert environment.executor == {"type": "InProcess", "object": executor}
    assert environment.living == ["executor", "executors.other"]
    assert environment.record()["executor"] == {"type": "InProcess"}
    with pytest.raises(ConfigurationError, match=r"cannot be saved: executor, executors\.other is an object"):
        environment.save("mine")
    (here / "dev.yaml").write_text("executor: {type: local, object: x}")
    with pytest.raises(ConfigurationError, match="unknown key 'object'"):
        load("dev")


def test_a_copy_has_other_sections():
    environment = Environment(name="dev", executor={"type": "local", "max_workers": 2}, parameters={"a": 1})
    changed = environment.replace(executor="in_process")
    assert (changed.name, changed.executor, changed.parameters) == ("dev", {"type": "in_process"}, {"a": 1})
    assert changed != environment


# --- saved ------------------------------------------------------------------------------------------------


def test_a_saved_environment_is_found_everywhere_and_read_by_nobody_else(here, monkeypatch):
    monkeypatch.setenv("WORKERS", "3")
    file = Environment(executor={"type": "local", "max_workers": "${WORKERS}"}).save("mine")
    assert file.stat().st_mode & 0o777 == 0o600 and file.parent.stat().st_mode & 0o777 == 0o700
    assert "${WORKERS}" in file.read_text()
    assert load("mine").executor == {"type": "local", "max_workers": 3}
    assert "mine" in Environment.list()


@pytest.mark.parametrize("name", ["", "a/b", "../up", "local", ".hidden", "x.yaml"])
def test_names_that_could_not_be_found_again_are_refused(name):
    with pytest.raises(ConfigurationError):
        Environment().save(name)


def test_writers_at_the_same_time_leave_one_of_them_whole(here):
    from concurrent.futures import ThreadPoolExecutor

    many = [Environment(parameters={"many": [number] * 2000}) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: one.save("busy"), many))
    assert load("busy").parameters in [one.parameters for one in many]
    left = {file.name for file in (here / "config" / "fairlead" / "environments").iterdir()}
    assert left == {"busy.yaml", ".lock"}
