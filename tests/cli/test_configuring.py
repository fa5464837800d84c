"""`env`, `plugins` and `schema`."""

from __future__ import annotations

import json

import pytest

PROD = """\
executor: {type: local, max_workers: "${WORKERS:-2}"}
parameters: {path: churn.csv, db: "postgres://me:hunter2@host/x", api_key: hunter2, later: "${LATER:-}"}
tasks:
  "train*": {retries: 3}
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("LATER", "hunter2")
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "prod.yaml").write_text(PROD)
    return tmp_path


def test_environments_are_listed_with_where_they_come_from(place, fairlead):
    (place / "environments" / "bad.yaml").write_text("exector: local")
    listed = {one["name"]: one for one in json.loads(fairlead("env", "list", "-o", "json").out)}
    assert (listed["prod"]["how"], listed["prod"]["ok"]) == ("file", True)
    assert listed["local"]["how"] == "built in"
    assert listed["bad"]["says"].startswith("environments/bad.yaml: 1 problem")
    assert "prod" in fairlead("env", "list").out


def test_show_tells_each_value_and_its_place_and_no_secret(place, fairlead):
    shown = fairlead("env", "show", "prod")
    assert "hunter2" not in shown.out + shown.err
    told = {one["key"]: one for one in json.loads(fairlead("env", "show", "prod", "-o", "json").out)["settings"]}
    assert told["executor.max_workers"]["value"] == "${WORKERS:-2}"
    assert told["executor.max_workers"]["where"] == "environments/prod.yaml:1:25, $WORKERS (not set)"
    assert told["parameters.later"]["where"].endswith(", $LATER")
    assert told["parameters.db"]["value"] == "postgres://me:***@host/x"
    assert told["parameters.api_key"]["value"] == "***"
    assert told["tasks.train*.retries"]["value"] == 3
    assert told["durability"] == {"key": "durability", "value": "grouped", "where": "default"}


def test_show_without_a_name_shows_the_one_that_counts(place, fairlead, monkeypatch):
    monkeypatch.delenv("FAIRLEAD_ENV", raising=False)
    assert fairlead("env", "show").out.startswith("local  built in")
    monkeypatch.setenv("FAIRLEAD_ENV", "prod")
    assert fairlead("env", "show").out.startswith("prod  ")


def test_check_tells_everything_of_all_environments(place, fairlead):
    assert fairlead("env", "check", "prod").code == 0
    (place / "environments" / "bad.yaml").write_text("exector: local\nstore: oracle\n")
    (place / "environments" / "worse.yaml").write_text("durability: no\n")
    done = fairlead("env", "check")
    assert done.code == 2
    for where in ("bad.yaml:1:1", "bad.yaml:2:1", "worse.yaml:1:1"):
        assert where in done.err


def test_save_and_remove(place, fairlead):
    assert fairlead("env", "save", "team", "prod").code == 0
    kept = place / "config" / "fairlead" / "environments" / "team.yaml"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert fairlead("env", "show", "team").code == 0
    assert fairlead("env", "remove", "team").code == 0 and not kept.exists()
    assert fairlead("env", "remove", "team").code == 3
    assert fairlead("env", "save", "team").code == 2
    assert fairlead("env", "remove").code == 2
    assert fairlead("env", "list", "a", "b").code == 2
    assert fairlead("env", "save", "local", "prod").code == 2


def test_init_writes_a_first_file_that_is_right_and_none_over_another(place, fairlead):
    assert fairlead("env", "init", "dev").code == 0
    assert fairlead("env", "check", "dev").code == 0
    again = fairlead("env", "init", "dev.yaml")
    assert again.code == 2 and "is there already" in again.err
    assert fairlead("env", "init", "../dev").code == 2


def test_plugins_are_listed_with_their_settings(fairlead):
    listed = json.loads(fairlead("plugins", "-o", "json").out)
    assert {"kind": "store", "name": "sqlite"}.items() <= next(one for one in listed if one["name"] == "sqlite").items()
    assert "sqlite" in fairlead("plugins").out
    told = fairlead("plugins", "local").out
    assert "max_workers" in told and "Worker processes at most" in told
    assert "It has no settings." in fairlead("plugins", "in_process").out
    unknown = fairlead("plugins", "lokal")
    assert unknown.code == 3 and "nearest: 'local'" in unknown.err


def test_the_schema_knows_every_key_plugin_and_option(fairlead):
    from fairlead.config.layers import KEYS
    from fairlead.config.patches import OPTIONS

    schema = json.loads(fairlead("schema", "environment").out)
    assert list(schema["properties"]) == list(KEYS)
    layer = schema["properties"]["tasks"]["anyOf"][0]
    assert list(layer["additionalProperties"]["properties"]) == list(OPTIONS)
    names, _, *objects = schema["properties"]["executor"]["anyOf"]
    assert "local" in names["enum"]
    local = next(one for one in objects if one["properties"]["type"] == {"const": "local"})
    assert local["properties"]["max_workers"]["description"].startswith("Worker processes at most")
