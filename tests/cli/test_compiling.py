"""`compile`, and `check` for an orchestrator."""

from __future__ import annotations

import pytest
import yaml

from fairlead import Environment
from fairlead.api import collect, compile_for, load_target
from fairlead.config.services import open_services
from fairlead.engine.definitions import every, read
from fairlead.errors import ConfigurationError, DefinitionError, NotFound
from fairlead.stores.artifacts import MemoryArtifacts
from fairlead.stores.memory import MemoryStore

ARGO = {"type": "argo", "image": "team/jobs:1"}


class Anywhere(MemoryStore):
    reach = "network"


class AnywhereArtifacts(MemoryArtifacts):
    reach = "network"


@pytest.fixture
def reachable(monkeypatch):
    """Stores that say they can be reached from anywhere, under the names that environments know."""
    monkeypatch.setattr("fairlead.stores.memory.MemoryStore", Anywhere)
    monkeypatch.setattr("fairlead.stores.artifacts.MemoryArtifacts", AnywhereArtifacts)


def write(project, name: str, **sections) -> str:
    (project / f"{name}.yaml").write_text(yaml.safe_dump({"orchestrator": ARGO, **sections}))
    return f"{name}.yaml"


def test_stores_that_pods_do_not_see_are_refused(fairlead, project):
    env = write(project, "local-argo", store="sqlite")
    for command in ("check", "compile"):
        done = fairlead(command, "cli_jobs.py:study", "-p", "path=a.csv", "--env", env)
        assert done.code == 2
        assert "the run store can be seen from this host only, and orchestrator 'argo'" in done.err
        assert "the artifact store can be seen from this host only" in done.err


def test_compile_writes_the_manifest_and_keeps_the_definition(fairlead, project, reachable):
    env = write(project, "far-argo", store="memory")
    words = ("cli_jobs.py:study", "-p", "path=a.csv", "--env", env)
    assert fairlead("check", *words).code == 0
    done = fairlead("compile", *words, "-o", "deploy")
    assert (done.code, done.out) == (0, "deploy/study.yaml\n")
    manifest = yaml.safe_load((project / "deploy/study.yaml").read_text())
    assert manifest["spec"]["arguments"]["parameters"] == [
        {"name": "path", "value": "a.csv"},
        {"name": "rate", "value": "1.0"},
    ]
    key = manifest["metadata"]["annotations"]["fairlead/definition"]
    assert key in done.err
    artifacts = open_services(Environment.load(project / env)).artifacts
    assert [known for known, _ in every(artifacts)] == [key]
    definition = read(key, artifacts)
    assert (definition.id, definition.created, definition.workflow.name) == ("", 0.0, "study")
    before = (project / "deploy/study.yaml").read_bytes()
    assert fairlead("compile", *words, "-o", "deploy").code == 0
    assert (project / "deploy/study.yaml").read_bytes() == before


def test_the_environment_of_the_containers_is_as_written(fairlead, project, reachable, monkeypatch):
    monkeypatch.setenv("WHICH", "memory")
    env = write(project, "open-argo", store="${WHICH}", durability="each", parameters={"path": "b.csv"})
    assert fairlead("compile", "cli_jobs.py:study", "--env", env, "-o", "deploy").code == 0
    manifest = yaml.safe_load((project / "deploy/study.yaml").read_text())
    container = manifest["spec"]["templates"][1]["container"]
    assert container["env"] == [{"name": "FAIRLEAD_ENV", "value": '{"durability":"each","store":{"type":"${WHICH}"}}'}]


def test_what_a_definition_needs_is_not_collected(fairlead, project, reachable):
    env = write(project, "kept-argo", store="memory")
    assert fairlead("compile", "cli_jobs.py:study", "-p", "path=a.csv", "--env", env, "-o", "deploy").code == 0
    artifacts = open_services(Environment.load(project / env)).artifacts
    before = set(artifacts.list())
    assert len(before) > 1
    collect(older_than=0.0, yes=True, env=project / env)
    assert set(artifacts.list()) == before


def test_what_is_different_there_is_told_by_check_and_compile(fairlead, project, reachable):
    (project / "stopping.yaml").write_text(
        "name: stopping\nparameters: {xs: [1, 2]}\nsteps:\n"
        "  - {map: {over: xs, as: x, steps: [{shell: 'true', name: t}]}, name: each, on_error: stop}\n"
    )
    env = write(project, "told-argo", store="memory")
    for command in ("check", "compile"):
        done = fairlead(command, "stopping.yaml", "--env", env)
        assert done.code == 0, done.err
        assert "each: all its items run on Argo, also when one of them fails" in done.err


def test_a_check_makes_no_folder(fairlead, project, tmp_path, monkeypatch, reachable):
    (tmp_path / "jobs.py").write_text((project / "cli_jobs.py").read_text())
    monkeypatch.chdir(tmp_path)
    env = write(tmp_path, "far-argo", store="memory")
    assert fairlead("check", "jobs.py:single", "--env", env).code == 0
    assert not (tmp_path / ".fairlead").exists()


def test_an_environment_without_an_orchestrator_is_told(project):
    with pytest.raises(ConfigurationError, match="names no orchestrator; add one"):
        compile_for(load_target("cli_jobs.py:single").bind({}), Environment())


def test_a_misspelt_setting_is_told(fairlead, project):
    (project / "wrong.yaml").write_text("orchestrator: {type: argo, imag: x}\n")
    done = fairlead("compile", "cli_jobs.py:single", "--env", "wrong.yaml")
    assert done.code == 2
    assert "'imag'" in done.err
    assert "'image' is missing: orchestrator 'argo' cannot do without" in done.err


def test_tasks_on_executors_and_living_objects_are_refused(reachable):
    environment = Environment(
        orchestrator=ARGO,
        store=Anywhere(),
        artifacts={"url": "memory://"},
        executors={"big": "in_process"},
        tasks={"steady": {"executor": "big"}},
    )
    with pytest.raises(DefinitionError) as told:
        compile_for(load_target("cli_jobs.py:single").bind({}), environment)
    assert "needs the executor 'big'  argo runs every task in a pod of its own" in str(told.value)
    assert "store: an object of this process" in str(told.value)


def test_a_definition_that_is_not_there_is_told():
    with pytest.raises(NotFound, match="compile it again"):
        read("definitions/nope", MemoryArtifacts())


def test_a_rehearsal_that_is_equal_exits_with_0_and_keeps_what_it_interpreted(fairlead, project):
    env = write(project, "rehearsed", store="sqlite")
    done = fairlead("rehearse", "cli_jobs.py:single", "--env", env, "-o", "rehearsed")
    assert done.code == 0, done.err
    assert "steady  succeeded  succeeded   equal" in done.out
    assert (project / "rehearsed/single.yaml").is_file()
    assert "rehearsed" not in fairlead("runs").out


def test_what_cannot_be_given_to_the_orchestrator_is_not_rehearsed(fairlead, project):
    env = write(project, "rehearsed", store="sqlite", executors={"big": "local"}, tasks={"steady": {"executor": "big"}})
    done = fairlead("rehearse", "cli_jobs.py:single", "--env", env)
    assert done.code == 2
    assert "cannot be rehearsed" in done.err
