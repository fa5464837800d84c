"""What Argo would be given does what a plain run does, also in parts, and against stores that pods reach.

Not against a cluster: the manifest is interpreted, and each container is a process of `exec-node`.
"""

from __future__ import annotations

from functools import partial

import pytest

from fairlead import Environment
from fairlead.api import WorkflowRun, compile_for
from fairlead.api.compiling import orchestrator_of
from fairlead.api.rehearsing import rehearse
from fairlead.config.services import close_all
from fairlead.orchestrators.argo.splitting import parts
from fairlead.testing.contracts import orchestrator_book as book

ARGO = Environment(orchestrator={"type": "argo", "image": "team/jobs:1"})


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path, monkeypatch):
    (tmp_path / ".fairlead").mkdir()
    monkeypatch.chdir(tmp_path)
    yield
    close_all()


@pytest.mark.parametrize("name", ["parallel", "failing", "mapped"])
def test_dags_of_dags_record_the_same(name, monkeypatch):
    monkeypatch.setattr("fairlead.orchestrators.argo.lowering.parts", partial(parts, most=3))
    done = rehearse(book.EVERY[name].bound_to({}), ARGO)
    assert len([one for one in done.compiled.files[f"{name}.yaml"].splitlines() if "template: main-part" in one]) > 1
    assert done.equal


def test_what_is_compiled_runs_against_stores_that_pods_reach(s3, s3_bucket, tmp_path, monkeypatch):
    """The manifest as it would be applied: its containers open the bucket, with `${…}` from where they run."""
    monkeypatch.setenv("BUCKET", s3_bucket)
    monkeypatch.setenv("ENDPOINT", s3.endpoint)
    environment = ARGO.replace(
        store={"type": "object", "url": "s3://${BUCKET}/runs", "endpoint": "${ENDPOINT}"},
        artifacts={"url": "s3://${BUCKET}/values", "endpoint": "${ENDPOINT}"},
    )
    compiled = compile_for(book.nested.bound_to({"n": 2}), environment)
    assert s3_bucket not in compiled.files["nested.yaml"]
    done = orchestrator_of(environment).rehearse(
        compiled.files, run="nested-x7k2p", folder=tmp_path / "pods", at_once=2
    )
    assert done.succeeded, done.said
    run = WorkflowRun.by_id("nested-x7k2p", environment)
    assert (run.get_status(), run.get_results()) == ("succeeded", 0)
    assert {one.id.rpartition("/")[2]: one.status for one in run.get_tasks()} == {
        "grid": "succeeded",
        "inner[0].total": "succeeded",
        "inner[1].square[0]": "succeeded",
        "inner[1].total": "succeeded",
        "total": "succeeded",
    }
