"""What tasks wrote on one host, read on another: there, only what stands with the values can be had."""

import shutil

import pytest

from fairlead import WorkflowRun
from fairlead.api import collect, import_run
from fairlead.config.services import open_services
from fairlead.stores.artifacts import FolderArtifacts
from tests.elsewhere import flows


@pytest.fixture
def shared(place, monkeypatch):
    """Artifacts that other hosts reach, and this host's own files gone."""
    monkeypatch.setattr(FolderArtifacts, "reach", "network")
    run = flows.training(2).run(place.env)
    shutil.rmtree(open_services(place.env).scratch(run.id))
    return run


def told(run):
    return "".join(text for _, text in run.get_logs())


def test_logs_are_read_on_any_host(shared):
    assert told(shared) == "loading 2\nfitting 0\nfitting 1\n"
    assert [path for path, _ in shared.get_logs("fit[1]")] == ["fit[1]"]
    assert shared.get_task("load").get_logs() == "loading 2\n"


def test_logs_are_only_kept_where_values_are_for_other_hosts(place):
    run = flows.training(2).run(place.env)
    services = open_services(place.env)
    assert list(services.artifacts.list(f"runs/{run.id}/logs")) == []
    shutil.rmtree(services.scratch(run.id))
    assert told(run) == ""
    assert list(run.get_logs(follow=True)) == []


def test_a_collection_of_garbage_spares_the_logs_of_runs_that_stay(place, shared):
    collect(older_than=0.0, keep=1, yes=True, env=place.env)
    assert told(shared) == "loading 2\nfitting 0\nfitting 1\n"
    collect(older_than=0.0, yes=True, env=place.env)
    assert list(open_services(place.env).artifacts.list("runs")) == []


def test_logs_of_other_hosts_are_exported_and_imported(place, shared, tmp_path):
    shared.export(tmp_path / "run.zip")
    again = import_run(tmp_path / "run.zip", place.env, run_id="again")
    shutil.rmtree(open_services(place.env).scratch("again"))
    assert told(again) == told(shared) == "loading 2\nfitting 0\nfitting 1\n"


def test_a_log_that_has_grown_is_kept_anew(place, shared):
    again = WorkflowRun.by_id(shared.id, place.env)
    run = place.make(flows.training, 3)
    assert place.node(run, "load")[0] == 0
    services = open_services(place.env)
    (log,) = services.scratch(run.id).glob("*.log")
    services.keep_log(run.id, log)
    with log.open("a") as file:
        file.write("more\n")
    services.keep_logs(run.id)
    assert bytes(services.artifacts.get(services.log_key(run.id, log.name))) == b"loading 3\nmore\n"
    assert told(again)
