"""Where an environment's name leads, in which order."""

from __future__ import annotations

import pytest

from fairlead.config.environment import Environment, load
from fairlead.config.finding import every, find
from fairlead.errors import NotFound

PYPROJECT = """\
[tool.fairlead.environments.dev]
executor = "in_process"

[tool.fairlead.environments.dev.parameters]
where = "pyproject"
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    monkeypatch.delenv("FAIRLEAD_ENV", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return home


def test_the_first_place_that_has_it_counts(here, tmp_path):
    beside = tmp_path / "project"
    places = [
        beside / "dev.yaml",
        beside / "environments" / "dev.yml",
        here / "dev.toml",
        here / "environments" / "dev.yaml",
    ]
    for number, file in enumerate(places):
        file.parent.mkdir(exist_ok=True)
        file.write_text(
            f"parameters.where = {number}" if file.suffix == ".toml" else f"parameters: {{where: {number}}}"
        )
    (here / "pyproject.toml").write_text(PYPROJECT)
    Environment(parameters={"where": "saved"}).save("dev")
    order = []
    for file in places:
        order.append(load("dev", beside=beside).parameters["where"])
        file.unlink()
    order.append(load("dev", beside=beside).parameters["where"])
    (here / "pyproject.toml").unlink()
    order.append(load("dev", beside=beside).parameters["where"])
    assert order == [0, 1, 2, 3, "pyproject", "saved"]


def test_a_file_may_stand_in_for_a_built_in_one(here):
    (here / "local.yaml").write_text("parameters: {mine: true}")
    assert load().parameters == {"mine": True}


def test_the_nearest_pyproject_above_counts(here):
    (here / "pyproject.toml").write_text(PYPROJECT)
    (here / "deep" / "er").mkdir(parents=True)
    found = find("dev", here / "deep" / "er")
    assert found.how == "pyproject" and found.path == here / "pyproject.toml"
    environment = load("dev")
    assert environment.source == f"{here}/pyproject.toml#dev"
    assert load(environment.source) == environment
    assert str(environment.place("parameters", "where")) == "pyproject.toml:5:1"


def test_a_path_is_a_path(here, tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "x.yaml").write_text("executor: in_process")
    assert load(tmp_path / "there" / "x.yaml").name == "x"
    assert load("x.yaml", beside=tmp_path / "there").name == "x"
    with pytest.raises(NotFound):
        load("x.yaml")


def test_everything_that_has_a_name_is_listed(here):
    (here / "environments").mkdir()
    (here / "environments" / "prod.yaml").write_text("executor: local")
    (here / "stage.yaml").write_text("extends: prod")
    (here / "data.yaml").write_text("rows: 3")
    (here / "broken.yaml").write_text("a: [")
    (here / "pyproject.toml").write_text(PYPROJECT)
    Environment().save("mine")
    Environment().save("prod")
    found = {one.name: one.how for one in every()}
    assert found == {
        "stage": "file",
        "prod": "file",
        "dev": "pyproject",
        "mine": "saved",
        "in_process": "built in",
        "local": "built in",
        "mock": "built in",
        "ray": "built in",
    }
    assert Environment.list() == ["stage", "prod", "dev", "mine", "in_process", "local", "mock", "ray"]


def test_an_unknown_name_tells_the_nearest(here):
    with pytest.raises(NotFound, match="no environment 'locl' \\(nearest: 'local'\\)"):
        load("locl")
    with pytest.raises(NotFound, match="built in: in_process, local"):
        load("production.yaml", beside=here)
    Environment().save("staging")
    with pytest.raises(NotFound, match="nearest: 'staging'"):
        load("stagin")
    with pytest.raises(NotFound):
        load("pyproject.toml#dev")


@pytest.mark.parametrize(
    "text", ["", "[tool.fairlead]\nenvironments = 3\n", "[tool.other]\nfairlead = 'environments'\n"]
)
def test_a_pyproject_without_environments_is_passed_over(here, text):
    (here / "pyproject.toml").write_text(text)
    with pytest.raises(NotFound):
        load("dev")
