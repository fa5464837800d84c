"""Runs in MLflow: a real tracking server on SQLite, asked over HTTP. Run by `scripts/engines`.

MLflow weighs 700 MB and takes a minute to install, so it is in no dependency group. With
FAIRLEAD_TEST_MLFLOW=1 `scripts/test` makes an environment for it; otherwise the variable names a
Python that has it.
"""

import importlib.util
import json
import os
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = os.environ.get("FAIRLEAD_TEST_MLFLOW", "")
if not PYTHON and importlib.util.find_spec("mlflow") is not None:
    PYTHON = sys.executable

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON, reason="mlflow is not installed; FAIRLEAD_TEST_MLFLOW=1 scripts/test installs it"),
]

PROGRAM = """
import pathlib
from fairlead import Environment, current_run, task, workflow

@task
def score(x: int, rate: float) -> int:
    current_run().log_metric("loss", x * rate)
    if x == 2:
        path = pathlib.Path("page.txt")
        path.write_text("a page")
        current_run().log_artifact("page", path)
        current_run().log_artifact("sizes", {"a": 1})
    if x == 1 and not pathlib.Path("fixed").exists():
        raise ValueError("one is too few")
    return x

@workflow
def scored(rate: float = 0.5):
    return score.map([0, 1, 2], rate=rate)
"""


def python(words, **more):
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    return {"args": [PYTHON, *words], "env": env, **more}


class Server:
    def __init__(self, url):
        self.url = url

    def ask(self, what, **body):
        request = Request(f"{self.url}/api/2.0/mlflow/{what}", json.dumps(body).encode() if body else None)
        request.add_header("Content-Type", "application/json")
        with urlopen(request, timeout=20) as answer:
            return json.loads(answer.read())

    def runs(self, experiment):
        named = self.ask(f"experiments/get-by-name?experiment_name={experiment}")["experiment"]
        return self.ask("runs/search", experiment_ids=[named["experiment_id"]]).get("runs", [])


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["-m", "mlflow", "server", "--backend-store-uri", "sqlite:///runs.db", "--port", str(port)]
    command += ["--artifacts-destination", str(folder / "artifacts"), "--workers", "1"]
    with (folder / "words").open("wb") as words:
        process = subprocess.Popen(**python(command, cwd=folder, stdout=words, stderr=words, start_new_session=True))
        try:
            yield _answering(Server(f"http://127.0.0.1:{port}"), process)
        finally:
            os.killpg(process.pid, 9)
            process.wait()


def _answering(server, process):
    end = time.monotonic() + 180
    while time.monotonic() < end and process.poll() is None:
        try:
            with urlopen(f"{server.url}/health", timeout=2):
                return server
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the tracking server does not answer")


@pytest.fixture
def project(tmp_path):
    (tmp_path / ".fairlead").mkdir()
    (tmp_path / "jobs.py").write_text(textwrap.dedent(PROGRAM))
    return tmp_path


def fairlead(project, *words):
    done = subprocess.run(
        **python(["-m", "fairlead", *words], cwd=project, capture_output=True, text=True, timeout=200)
    )
    return done.returncode, done.stderr


def facts(run):
    data = run["data"]
    return (
        {one["key"]: one["value"] for one in data.get("params", [])},
        {one["key"]: one["value"] for one in data.get("metrics", [])},
        {one["key"]: one["value"] for one in data.get("tags", [])},
    )


@pytest.mark.timeout(400)
def test_runs_are_tracked_with_nested_runs_and_go_on_when_they_are_resumed(server, project):
    settings = f"{{type: mlflow, tracking_uri: '{server.url}', experiment: churn, nested: true, grace: 150}}"
    (project / "tracked.yaml").write_text(f"executor: in_process\nobservers: {settings}\n")
    code, said = fairlead(project, "run", "jobs.py", "--env", "tracked", "--id", "otter", "--tag", "team=ml")
    assert code == 1 and "warning" not in said, said

    runs = {run["info"]["run_name"]: run for run in server.runs("churn")}
    assert set(runs) == {"otter", "score[0]", "score[1]", "score[2]"}
    parameters, metrics, tags = facts(runs["otter"])
    assert runs["otter"]["info"]["status"] == "FAILED"
    assert parameters == {"rate": "0.5"} and "score/loss" in metrics
    assert tags["team"] == "ml" and tags["fairlead.run"] == "otter" and tags["fairlead.workflow"] == "scored"
    history = server.ask(f"metrics/get-history?run_id={runs['otter']['info']['run_id']}&metric_key=score/loss")[
        "metrics"
    ]
    assert sorted((one["step"], one["value"]) for one in history) == [(0, 0.0), (1, 0.5), (2, 1.0)]
    child = runs["score[1]"]
    assert child["info"]["status"] == "FAILED" and "one is too few" in facts(child)[2]["fairlead.failure"]
    assert facts(child)[2]["mlflow.parentRunId"] == runs["otter"]["info"]["run_id"]
    files = server.ask(f"artifacts/list?run_id={runs['score[2]']['info']['run_id']}")["files"]
    assert {one["path"] for one in files} == {"page.txt", "sizes.json"}

    (project / "fixed").touch()
    assert fairlead(project, "resume", "otter")[0] == 0
    (again,) = [run for run in server.runs("churn") if run["info"]["run_name"] == "otter"]
    assert again["info"]["status"] == "FINISHED"


@pytest.mark.timeout(200)
def test_a_server_that_is_not_there_is_one_line_of_warning(project):
    (project / "fixed").touch()
    settings = "{type: mlflow, tracking_uri: 'http://127.0.0.1:9', grace: 150}"
    (project / "tracked.yaml").write_text(f"executor: in_process\nobservers: {settings}\n")
    code, said = fairlead(project, "run", "jobs.py", "--env", "tracked")
    assert code == 0
    warnings = [line for line in said.splitlines() if "warning" in line]
    assert "observer 'mlflow' failed, and is told again of what comes later: StoreError: MLflow: " in warnings[0]
    assert len(warnings) <= 2
