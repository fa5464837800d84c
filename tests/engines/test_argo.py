"""What Argo would be given does what a plain run does: every workflow of the book, rehearsed.

Not against a cluster: the manifest is interpreted, and each container is a process of `exec-node`.
"""

from __future__ import annotations

from functools import partial

import pytest

from fairlead import Environment
from fairlead.api.rehearsing import rehearse
from fairlead.config.services import close_all
from fairlead.orchestrators.argo.splitting import parts
from tests.orchestrators import book

ARGO = Environment(orchestrator={"type": "argo", "image": "team/jobs:1"})


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path, monkeypatch):
    (tmp_path / ".fairlead").mkdir()
    monkeypatch.chdir(tmp_path)
    yield
    close_all()


@pytest.mark.parametrize("name", book.EVERY)
def test_the_rehearsal_records_what_a_plain_run_records(name):
    done = rehearse(book.EVERY[name].bound_to({}), ARGO)
    assert [(row.path, row.differs_in) for row in done.rows if not row.equal] == []
    assert done.equal
    assert done.status == ("succeeded" if name in book.GOOD else "failed")
    assert done.rehearsed.phase == ("Succeeded" if name in book.GOOD else "Failed")


@pytest.mark.parametrize("name", ["parallel", "failing", "mapped"])
def test_dags_of_dags_record_the_same(name, monkeypatch):
    monkeypatch.setattr("fairlead.orchestrators.argo.lowering.parts", partial(parts, most=3))
    done = rehearse(book.EVERY[name].bound_to({}), ARGO)
    assert len([one for one in done.compiled.files[f"{name}.yaml"].splitlines() if "template: main-part" in one]) > 1
    assert done.equal
