"""What a run would keep of a project's files, where one of them holds a secret."""

import pytest

from fairlead.config.services import close_all
from tests.api.test_secrets import OTHER, kept, leaks

WRITTEN = """
from fairlead import current_run, task, workflow
{above}
@task(secrets=["OTHER_KEY"], env_vars={variables})
def use():
    return len(current_run().secret("OTHER_KEY"))

@workflow
def using():
    return use()
"""


def written(folder, above="", variables=None):
    (folder / "jobs.py").write_text(WRITTEN.format(above=above, variables=variables or {}))


def run_of(fairlead, *, code=0):
    done = fairlead("run", "jobs.py", "--env", "in_process")
    assert done.code == code, done.err
    return done.err


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / ".fairlead").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OTHER_KEY", OTHER)
    yield tmp_path
    close_all()


@pytest.mark.parametrize(
    ("above", "variables", "said"),
    [
        (f"KEY = {OTHER!r}", None, "jobs.py:3 holds the secret 'OTHER_KEY', and the run would keep the file"),
        (f"# the key is {OTHER}", None, "jobs.py:3 holds the secret 'OTHER_KEY'"),
        ("import helpers", None, "helpers.py:2 holds the secret 'OTHER_KEY'"),
        ("", {"KEY": OTHER}, "jobs.py:4 holds the secret 'OTHER_KEY'"),
    ],
    ids=["constant", "comment", "imported", "variable"],
)
def test_a_file_that_holds_a_secret_is_refused_before_it_is_kept(project, fairlead, above, variables, said):
    (project / "helpers.py").write_text(f"\nKEY = {OTHER!r}\n")
    written(project, above, variables)
    assert said in run_of(fairlead, code=2)
    assert said in fairlead("check", "jobs.py", "--env", "in_process").err
    assert leaks(kept(project / ".fairlead")) == []


def test_what_an_environment_writes_into_tasks_is_refused_by_their_names(project, fairlead):
    written(project)
    (project / "dev.yaml").write_text("executor: in_process\ntasks: {use: {env_vars: {KEY: '${OTHER_KEY}'}}}\n")
    done = fairlead("run", "jobs.py", "--env", "dev")
    assert done.code == 2 and "task 'use' holds the secret 'OTHER_KEY', and would be recorded" in done.err
    assert leaks(kept(project / ".fairlead")) == []


def test_a_secret_that_is_a_word_may_stand_in_a_file_as_a_word(project, fairlead, monkeypatch):
    monkeypatch.setenv("OTHER_KEY", "postgres")
    written(project, "URL = 'postgresql://there'  # postgres it is")
    run_of(fairlead)
    written(project, "PASSWORD = 'postgres'")
    assert "jobs.py:3 holds the secret 'OTHER_KEY'" in run_of(fairlead, code=2)


def test_a_secret_that_no_task_declares_is_asked_of_nobody(project, fairlead):
    """Whoever has it in a file has it in a file; nothing is known of it here."""
    (project / "jobs.py").write_text(f"from fairlead import task\nKEY = {OTHER!r}\n@task\ndef one(): return 1\n")
    (project / "dev.yaml").write_text("executor: in_process\nsecrets: {type: folder, path: nowhere}\n")
    assert fairlead("run", "jobs.py", "--env", "dev").code == 0
