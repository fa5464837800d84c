"""What goes into the image of a project: files, the Dockerfile, Fairlead itself."""

import io
import os
import subprocess
import sys
import tarfile
import zipfile

import pytest

from fairlead.executors.container.context import ALWAYS, Ignored, archive, digest, project_files
from fairlead.executors.container.dockerfile import Recipe, dockerfile
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


@pytest.mark.parametrize("path", [".git", "a/.fairlead/runs.db", "a/__pycache__/b.pyc", ".venv/bin/python", ".env"])
def test_what_nobody_needs_in_an_image_is_left_out_in_any_case(path):
    assert Ignored(ALWAYS).leaves_out(path)
    assert not Ignored([*ALWAYS, f"!{path}"]).leaves_out(path)


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
