"""What the image of a project is made of, from what is found in its folder."""

import pytest

from fairlead.api.packaging import Wishes, package_of, write
from fairlead.errors import ConfigurationError, DefinitionError, NotFound


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = tmp_path / "Churn Model"
    (folder / "deep").mkdir(parents=True)
    (folder / ".fairlead").mkdir()
    (folder / "deep" / "jobs.py").write_text("from fairlead import workflow\n\n@workflow\ndef study():\n    return 1\n")
    monkeypatch.chdir(folder)
    return folder


def test_the_project_is_the_folder_with_its_settings(project, monkeypatch):
    found = package_of("deep/jobs.py:study", None, Wishes())
    assert "project/deep/jobs.py" in found.files
    assert found.tag.startswith("churn-model:")
    monkeypatch.chdir(project / "deep")
    assert package_of(None, None, Wishes()).tag == found.tag
    assert found.settled


@pytest.mark.parametrize(
    ("files", "installs", "note"),
    [
        ({"requirements.txt": "numpy"}, "'-r' 'requirements.txt'", ""),
        ({"requirements.txt": "numpy", "requirements.lock": "numpy==2"}, "'-r' 'requirements.lock'", ""),
        ({"pyproject.toml": "[project]\nname='x'\ndependencies=['numpy>=2']"}, "'numpy>=2'", ""),
        ({"uv.lock": ""}, ".whl'", "'uv export -o requirements.lock'"),
        ({}, ".whl'", "only Fairlead is installed"),
    ],
)
def test_what_is_installed_is_what_the_project_says(project, files, installs, note):
    for name, text in files.items():
        (project / name).write_text(text)
    found = package_of(None, None, Wishes())
    assert installs in found.dockerfile
    assert note in " ".join(found.notes)
    assert bool(note) == bool(found.notes)


def test_the_environment_says_which_extras_tasks_need(project):
    (project / "prod.yaml").write_text("secrets: keyring\n")
    found = package_of(None, "prod", Wishes(extras=["notebook"]))
    assert ".whl[keyring,notebook]'" in found.dockerfile


@pytest.mark.parametrize(("kind", "path"), [("dotenv", "prod.secrets"), ("folder", "mounted")])
def test_what_secrets_are_read_from_does_not_get_into_the_image(project, kind, path):
    (project / "prod.yaml").write_text(f"secrets: {{type: {kind}, path: {path}}}\n")
    (project / "mounted").mkdir()
    for name in ("prod.secrets", "mounted/KEY", "mounted.txt"):
        (project / name).write_text("KEY=hush")
    found = package_of(None, "prod", Wishes())
    assert [name for name in found.files if name.startswith(f"project/{path}") and "txt" not in name] == []
    assert {"project/prod.yaml", "project/mounted.txt"} <= found.files.keys()
    assert f"{path} is left out: secrets are in it" in found.notes


def test_wishes_come_before_what_is_found(project, tmp_path):
    (tmp_path / "wheels").mkdir()
    with pytest.raises(NotFound, match="there are no wheels"):
        package_of(None, None, Wishes(wheels=tmp_path / "wheels"))
    (tmp_path / "wheels" / "a-1-py3-none-any.whl").write_bytes(b"")
    found = package_of(None, None, Wishes("team/x:1", "team/base:1", tmp_path / "wheels"))
    assert (found.tag, found.settled) == ("team/x:1", False)
    assert "FROM team/base:1\n" in found.dockerfile
    assert "wheels/a-1-py3-none-any.whl" in found.files


def test_the_context_can_be_written_to_a_folder(project, tmp_path):
    found = package_of(None, None, Wishes())
    write(found, tmp_path / "context")
    assert (tmp_path / "context" / "Dockerfile").read_text() == found.dockerfile
    assert (tmp_path / "context" / "project" / "deep" / "jobs.py").exists()
    with pytest.raises(DefinitionError, match="is not empty"):
        write(found, tmp_path / "context")


def test_a_broken_pyproject_is_told_with_its_place(project):
    (project / "pyproject.toml").write_text("[project")
    with pytest.raises(ConfigurationError, match=r"pyproject.toml cannot be read"):
        package_of(None, None, Wishes())


def test_what_is_left_out_of_the_image_is_told(project):
    (project / "requirements.txt").write_text("msgspec")
    assert not package_of(None, None, Wishes()).notes
    (project / ".env.local").write_text("KEY=hush")
    (project / ".gitignore").write_text("*.csv\n")
    (project / "big.csv").write_text("1,2")
    found = package_of(None, None, Wishes())
    assert not {"project/.env.local", "project/big.csv"} & set(found.files)
    assert found.notes == [
        "left out, as there may be secrets in it: .env.local; '!.env.local' in .dockerignore takes it in",
        "what git ignores is left out; a .dockerignore would decide in its place",
    ]


def test_a_file_with_several_workflows_says_where_the_project_is(project, monkeypatch):
    (project / "deep" / "two.py").write_text(
        "from fairlead import workflow\na = workflow(lambda: 1)\nb = workflow(lambda: 2)\n"
    )
    monkeypatch.chdir("/")
    assert package_of(str(project / "deep" / "two.py"), None, Wishes()).tag.startswith("churn-model:")


def test_a_file_that_holds_no_workflow_is_refused(project, monkeypatch):
    (project / "data.csv").write_text("1\n")
    monkeypatch.chdir(project)
    with pytest.raises((DefinitionError, NotFound), match=r"data\.csv"):
        package_of("data.csv", None, Wishes())
