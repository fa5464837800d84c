"""Finding and reading environments."""

from __future__ import annotations

import pytest

from fairlead.config.environment import Environment, load
from fairlead.errors import ConfigurationError, NotFound


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FAIRLEAD_ENV", raising=False)
    return tmp_path


def test_local_is_the_default():
    assert load().executor == {"type": "local"}


def test_the_process_environment_names_the_default(monkeypatch):
    monkeypatch.setenv("FAIRLEAD_ENV", "in_process")
    assert load().name == "in_process"
    assert load("local").name == "local"


def test_an_environment_is_itself():
    mine = Environment(name="mine")
    assert load(mine) is mine and Environment.load(mine) is mine


@pytest.mark.parametrize("place", ["dev.yaml", "dev.yml", "environments/dev.yaml"])
def test_a_name_is_looked_up_as_a_file(here, place):
    file = here / place
    file.parent.mkdir(exist_ok=True)
    file.write_text("executor: in_process\nparameters: {rate: 0.5}\ndurability: each\n")
    found = load("dev")
    assert (found.name, found.executor, found.parameters, found.durability) == (
        "dev",
        {"type": "in_process"},
        {"rate": 0.5},
        "each",
    )
    assert found.source == str(file)


def test_toml_is_read_too(here):
    (here / "dev.toml").write_text('[executor]\ntype = "local"\nmax_workers = 3\n[artifacts]\nurl = "kept"\n')
    assert load("dev.toml").executor == {"type": "local", "max_workers": 3}


def test_a_file_beside_the_workflow_comes_first(here):
    beside = here / "project"
    beside.mkdir()
    (beside / "dev.yaml").write_text("executor: in_process")
    (here / "dev.yaml").write_text("executor: local")
    assert load("dev", beside=beside).executor == {"type": "in_process"}


def test_an_empty_file_means_the_defaults(here):
    (here / "dev.yaml").write_text("")
    assert load("dev").executor == {"type": "local"}


def test_an_unknown_name_tells_the_nearest(here):
    with pytest.raises(NotFound, match="no environment 'locl' \\(nearest: 'local'\\)"):
        load("locl")
    with pytest.raises(NotFound, match="built in: in_process, local"):
        load("production.yaml", beside=here)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("exector: local", "unknown key 'exector' (nearest: 'executor')"),
        ("zzz: 1", "unknown key 'zzz'; known: artifacts, durability, executor, parameters, store"),
        ("executor: {type: local, max_worker: 2}", "executor: unknown key 'max_worker' (nearest: 'max_workers')"),
        ("executor: spark", "executor.type: 'spark' is not one of in_process, local"),
        ("executor: 3", "executor: must be a name or a mapping, and is 3"),
        ("executor: {type: local, max_workers: 0}", "executor.max_workers: 0 is not a number of processes, 1 or more"),
        ("store: oracle", "store.type: 'oracle' is not one of memory, sqlite"),
        ("durability: maybe", "durability: 'maybe' is neither 'grouped' nor 'each'"),
        ("parameters: [1]", "parameters: must be a mapping of names to values"),
        ("artifacts: {path: x}", "artifacts: unknown key 'path'; known: url"),
    ],
)
def test_what_is_wrong_is_said_with_the_nearest_right_name(here, text, said):
    (here / "dev.yaml").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load("dev")
    assert said in str(caught.value)


def test_everything_wrong_is_said_at_once(here):
    (here / "dev.yaml").write_text("exector: local\nstore: oracle\n")
    with pytest.raises(ConfigurationError) as caught:
        load("dev")
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("dev.yaml", "a: [", "not valid YAML"),
        ("dev.toml", "a = ", "not valid TOML"),
        ("dev.yaml", "- 1", "is a mapping"),
    ],
)
def test_a_file_that_cannot_be_read_says_so(here, name, text, said):
    (here / name).write_text(text)
    with pytest.raises(ConfigurationError, match=said):
        load(name)
