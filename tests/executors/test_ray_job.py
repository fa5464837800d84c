"""Drivers as Ray jobs, as far as that needs no Ray: their names and commands, what settings mean, who is asked."""

from __future__ import annotations

import json
import shlex
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fairlead.errors import ConfigurationError, FairleadError
from fairlead.executors.ray.dashboard import dashboard_of, nodes_at
from fairlead.executors.ray.job_client import Jobs
from fairlead.executors.ray.launcher import JobLauncher, entrypoint, submission_id
from fairlead.executors.ray.options import RayOptions, ray
from fairlead.ports import Launch, Site

LAUNCH = Launch(run="friday", made=1.5, epoch=2, words=["_drive", "friday", "", '{"a": "${B}"}', "0"], cwd="/a b")
NODE = {
    "node_id": "1", "node_ip": "10.0.0.1", "state": "ALIVE", "resources_total": {"CPU": 2.0}, "labels": {"pool": "big"}
}  # fmt: skip
DEAD = {**NODE, "node_id": "2", "state": "DEAD", "resources_total": {}}


def options(**settings: Any) -> RayOptions:
    return msgspec.convert({"address": "10.0.0.1:6379", "detach": "job", **settings}, RayOptions)


def test_an_epoch_of_a_run_is_one_job() -> None:
    name = submission_id(LAUNCH)
    assert name == submission_id(msgspec.structs.replace(LAUNCH, words=["_drive"]))
    others = [{"epoch": 3}, {"made": 2.5}, {"run": "friday "}]
    assert len({name, *(submission_id(msgspec.structs.replace(LAUNCH, **other)) for other in others)}) == 4


@pytest.mark.parametrize("run", ["calm-otter", "é t/é", "x" * 200, "--"])
def test_names_of_jobs_are_short_and_plain_whatever_the_run_is_called(run: str) -> None:
    name = submission_id(msgspec.structs.replace(LAUNCH, run=run))
    assert len(name) < 100
    assert name.isascii()
    assert name.replace("-", "").replace("_", "").isalnum()


def test_a_job_runs_the_words_as_they_are() -> None:
    command = shlex.split(entrypoint(LAUNCH, options(), "job-1"))
    assert command == ["exec", "env", "FAIRLEAD_RAY_JOB=job-1", "python", "-m", "fairlead", *LAUNCH.words]


def test_where_nodes_see_the_same_files_a_job_runs_in_the_runs_folder_with_the_same_python() -> None:
    command = shlex.split(entrypoint(LAUNCH, options(shared_files=True), "job-1"))
    assert command[:6] == ["cd", "/a b", "&&", "exec", "env", "FAIRLEAD_RAY_JOB=job-1"]
    assert command[6] == sys.executable
    own = entrypoint(LAUNCH, options(shared_files=True, runtime_env={"pip": ["numpy"]}), "job-1")
    assert " python -m fairlead " in own


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({}, "http://10.0.0.1:8265"),
        ({"address": "auto"}, "http://127.0.0.1:8265"),
        ({"dashboard": "https://ray.example/"}, "https://ray.example"),
    ],
)
def test_jobs_go_to_the_dashboard_of_the_address_or_the_one_that_is_said(settings: dict[str, Any], url: str) -> None:
    assert dashboard_of(options(**settings)) == url


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"address": None}, "detach: job needs address"),
        ({"dashboard": "127.0.0.1:8265"}, "dashboard: '127.0.0.1:8265' is no URL"),
        ({"auth": "token"}, "auth: token needs token_path"),
    ],
)
def test_settings_with_which_no_job_can_be_submitted_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        JobLauncher(options(**settings))
    assert said in str(caught.value)


def test_only_who_says_so_has_drivers_that_are_jobs(tmp_path: Path) -> None:
    assert ray.launch is not None
    assert ray.launch(options(detach="process"), Site(folder=tmp_path)) is None
    away, shared = (ray.launch(options(shared_files=said), Site(folder=tmp_path)) for said in (False, True))
    assert away is not None and shared is not None
    assert (away.reach, shared.reach) == ("network", "host")


@pytest.fixture
def dashboard() -> Iterator[str]:
    """Something that answers as Ray's dashboard does, to who has its token."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers.get("Authorization") == "Bearer open sesame"
            listed = {"data": {"result": {"result": [NODE, DEAD]}}}
            self.send_response(200 if known else 401)
            self.end_headers()
            self.wfile.write(json.dumps(listed).encode() if known else b"who are you?")

        def log_request(self, *_: Any) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_nodes_are_known_to_who_cannot_join_the_cluster(dashboard: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("open sesame\n")
    (node,) = nodes_at(options(dashboard=dashboard, auth="token", token_path=str(tmp_path / "token")))
    assert (node.address, node.resources, node.labels) == ("10.0.0.1", {"CPU": 2.0}, {"pool": "big"})


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "it wants a token: auth and token_path"),
        ({"dashboard": "http://127.0.0.1:9"}, "no Ray dashboard answers at http://127.0.0.1:9"),
        ({"auth": "token", "token_path": "/nowhere/token"}, "cannot read '/nowhere/token'"),
    ],
)
def test_a_dashboard_that_tells_nothing_is_told(dashboard: str, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(FairleadError) as caught:
        nodes_at(options(**{"dashboard": dashboard, **settings}))
    assert said in str(caught.value)


def test_who_has_no_client_of_jobs_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray.job_submission", None)
    assert "pip install 'ray[default]'" in Jobs("http://127.0.0.1:9").answer({"do": "look", "id": "x"})["error"]
