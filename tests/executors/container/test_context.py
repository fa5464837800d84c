"""What goes into the image of a project: files, the Dockerfile, Fairlead itself."""

import io
import os
import subprocess
import sys
import tarfile
import zipfile

import pytest

from fairlead.executors.container.context import ALWAYS, SECRET, archive, digest
from fairlead.executors.container.context import project_files as project_of
from fairlead.executors.container.dockerfile import Recipe, dockerfile
from fairlead.executors.container.ignoring import Ignored
from fairlead.executors.container.wheel import own_wheel


@pytest.mark.parametrize(
    ("rules", "path", "out"),
    [
        ("data", "data", True),
        ("data", "data/a.csv", True),
        ("data", "raw/data", False),
        ("/data/", "data/a.csv", True),
        ("./data", "data", True),
        ("*.csv", "a.csv", True),
        ("*.csv", "raw/a.csv", False),
        ("**/*.csv", "raw/deep/a.csv", True),
        ("**/*.csv", "a.csv", True),
        ("raw/**", "raw/a/b", True),
        ("raw/**/x", "raw/a/b/x", True),
        ("a?.txt", "ab.txt", True),
        ("a?.txt", "abc.txt", False),
        ("[ab].txt", "b.txt", True),
        ("[!ab].txt", "b.txt", False),
        ("# a.txt", "a.txt", False),
        ("a\\*b", "axb", False),
        ("a\\*b", "a*b", True),
        ("*\n!keep.txt", "keep.txt", False),
        ("*\n!keep.txt", "other.txt", True),
        ("!keep.txt\n*", "keep.txt", True),
        ("[", "[", True),
        ("", "a", False),
    ],
)
def test_the_rules_of_a_dockerignore_are_dockers(rules, path, out):
    assert Ignored(rules.splitlines()).leaves_out(path) == out


@pytest.mark.parametrize(
    "path", [".git", "a/.fairlead/runs.db", "a/__pycache__/b.pyc", ".venv/bin/python", ".DS_Store"]
)
def test_what_nobody_needs_in_an_image_is_left_out_in_any_case(path):
    assert Ignored(ALWAYS).leaves_out(path)
    assert not Ignored([*ALWAYS, f"!{path}"]).leaves_out(path)


@pytest.mark.parametrize(
    ("path", "out"),
    [
        (".env", True),
        ("deep/.env.local", True),
        ("prod.env", True),
        (".env.example", False),
        ("environment.py", False),
        (".netrc", True),
        ("certs/server.pem", True),
        ("certs/server.crt", False),
        ("keys/id_rsa", True),
        ("keys/id_rsa.pub", False),
        (".aws/credentials", True),
        ("infra/service-account-prod.json", True),
        ("credentials.py", False),
        ("monkey.py", False),
    ],
)
def test_what_often_holds_secrets_is_left_out(path, out):
    assert Ignored(SECRET).leaves_out(path) == out
    assert not Ignored([*SECRET, f"!{path}"]).leaves_out(path)


def project_files(folder):
    return project_of(folder).files


@pytest.fixture
def project(tmp_path):
    for name in (
        "jobs.py",
        "run.sh",
        "data/a.csv",
        "data/keep/b.csv",
        ".git/HEAD",
        "src/x/__pycache__/y.pyc",
        "src/x/y.py",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "run.sh").chmod(0o750)
    (tmp_path / "link").symlink_to("jobs.py")
    (tmp_path / ".dockerignore").write_text("data\n!data/keep\n")
    return tmp_path


def test_a_project_is_its_files_without_what_is_left_out(project):
    names = [".dockerignore", "data/keep/b.csv", "jobs.py", "link", "run.sh", "src/x/y.py"]
    assert sorted(project_files(project)) == names


def test_what_is_withheld_is_told_unless_it_is_left_out_anyway(project):
    for name in (".env.local", "certs/a.pem", "certs/b.pem", ".ssh/config", "data/c.pem", "venv/cacert.pem"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("hush")
    (project / ".dockerignore").write_text("data\n")
    assert project_of(project).withheld == [".env.local", ".ssh/", "certs/a.pem", "certs/b.pem"]
    (project / ".dockerignore").write_text("data\n!certs/a.pem\n")
    found = project_of(project)
    assert found.withheld == [".env.local", ".ssh/config", "certs/b.pem"]
    assert "certs/a.pem" in found.files
    assert "venv/cacert.pem" not in found.files


GIT = {
    ".gitignore": "*.log\n/build\ndata/\n!keep.log\nsrc/*.tmp\ndoc/**/x\n# *.py\n\\#odd\n*.csv\n[ab].txt\n",
    "sub/.gitignore": "/only\n!b.csv\n*.py\n",
    "team/churn/deep/.gitignore": "secret*\n",
    "team/.gitignore": "churn/here\nnotes\n",
}
FILES = (
    *(
        "a.log",
        "keep.log",
        "build/x",
        "data/x",
        "src/a.tmp",
        "src/b/a.tmp",
        "doc/x",
        "doc/a/b/x",
        "doc/y",
        "#odd",
        "a.py",
    ),
    *("sub/only", "sub/more/only", "sub/b.csv", "sub/c.csv", "sub/m.py", "sub/data", "sub/build/x", "a.txt", "c.txt"),
    *("team/churn/here", "team/churn/notes/x", "team/churn/a.log", "team/churn/deep/secrets", "team/churn/build/y"),
    *("team/churn/data", "team/churn/src/a.tmp", "team/churn/deep/data/z", "data/keep.log"),
)


@pytest.mark.parametrize("folder", [".", "team/churn", "sub"])
def test_without_a_dockerignore_what_git_ignores_is_left_out(tmp_path, folder):
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    for name, text in GIT.items():
        (tmp_path / name).write_text(text)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    words = ["git", "ls-files", "-z", "--others", "--exclude-standard"]
    said = subprocess.run(words, cwd=tmp_path / folder, check=True, capture_output=True, text=True).stdout
    found = project_of(tmp_path / folder)
    assert sorted(found.files) == sorted(said.split("\0")[:-1])
    assert found.by_git
    (tmp_path / folder / ".dockerignore").write_text("")
    assert len(project_of(tmp_path / folder).files) > len(found.files) + 1


def test_a_project_that_git_is_not_to_see_at_all_has_an_image_all_the_same(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("*\n")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "jobs.py").write_text("")
    assert list(project_of(tmp_path / "mine").files) == ["jobs.py"]


def packed(files):
    file = io.BytesIO()
    archive(files, file)
    return file


def test_the_same_files_are_packed_into_the_same_bytes(project):
    first = packed({**project_files(project), "Dockerfile": b"FROM x\n"})
    os.utime(project / "jobs.py", (1, 1))
    again = packed({"Dockerfile": b"FROM x\n", **project_files(project)})
    assert first.getvalue() == again.getvalue()
    assert digest(first) == digest(again)
    (project / "jobs.py").write_text("other")
    assert digest(packed(project_files(project))) != digest(first)
    with tarfile.open(fileobj=again) as tar:
        found = {one.name: (one.mode, one.uid, one.linkname) for one in tar}
    assert found["run.sh"] == (0o755, 0, "")
    assert found["jobs.py"] == (0o644, 0, "")
    assert found["link"][2] == "jobs.py"


RECIPE = Recipe(
    "python:3.12-slim", "fairlead-1-py3-none-any.whl", [], [], [], False, ["."], [("fairlead.version", "1")]
)


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({}, ["FROM python:3.12-slim", "USER 1000:1000", 'LABEL fairlead.version="1"', "WORKDIR /app"]),
        ({}, ["COPY fairlead-1-py3-none-any.whl /app/"]),
        ({"extras": ["object", "notebook"]}, ["…install … './fairlead-1-py3-none-any.whl[notebook,object]'"]),
        (
            {"requirements": ["requirements.txt"]},
            [
                "COPY fairlead-1-py3-none-any.whl project/requirements.txt /app/",
                "…install … './fairlead-1-py3-none-any.whl' '-r' 'requirements.txt'",
            ],
        ),
        ({"dependencies": ["numpy>=2", "a; b == 'c'"]}, ["""…install … 'numpy>=2' 'a; b == '"'"'c'"'"''"""]),
        ({"wheels": True}, ["COPY wheels/ /tmp/wheels/", "…install … --no-index --find-links /tmp/wheels …"]),
        ({"paths": [".", "src"]}, ["ENV PYTHONPATH=/app:/app/src PYTHONDONTWRITEBYTECODE="]),
    ],
)
def test_a_dockerfile_says_what_an_image_is_to_have(changes, lines):
    from fnmatch import fnmatchcase

    written = dockerfile(RECIPE._replace(**changes)).splitlines()
    for line in lines:
        pattern = line.replace("[", "[[]").replace("…", "*")
        assert any(fnmatchcase(one, pattern) for one in written), (line, written)


def test_fairlead_is_packed_as_it_is_installed_here(tmp_path):
    name, data = own_wheel()
    assert own_wheel() == (name, data)
    (tmp_path / name).write_bytes(data)
    with zipfile.ZipFile(tmp_path / name) as wheel:
        names = wheel.namelist()
        assert wheel.testzip() is None
    assert "fairlead/__init__.py" in names
    assert not [one for one in names if "__pycache__" in one]
    target = tmp_path / "installed"
    words = ["-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(target), str(tmp_path / name)]
    subprocess.run([sys.executable, *words], check=True, timeout=60, capture_output=True)
    assert (target / "fairlead/py.typed").exists()
    assert (target / "bin/fairlead").exists()
