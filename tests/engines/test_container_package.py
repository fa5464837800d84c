"""`fairlead package`: the image of a project is built, and its tasks run in it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

JOBS = """
import os
from pathlib import Path
from fairlead import task, workflow
import helpers.sums

@task
def look():
    here = Path.cwd()
    return [str(here), sorted(path.name for path in here.iterdir()), helpers.sums.double(21), os.getuid()]

@workflow
def looks():
    return look()
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    files = {
        "jobs.py": JOBS,
        "helpers/__init__.py": "",
        "helpers/sums.py": "def double(x):\n    return 2 * x\n",
        "data/table.csv": "1,2\n",
        "data/huge.bin": "0",
        ".dockerignore": "data/*.bin\n",
        "requirements.txt": "msgspec\n",
        ".env.local": "KEY=hush\n",
    }
    for name, text in files.items():
        (tmp_path / "churn" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "churn" / name).write_text(text)
    (tmp_path / "churn" / ".fairlead").mkdir()
    monkeypatch.chdir(tmp_path / "churn")
    return tmp_path / "churn"


def fairlead(*words):
    command = [sys.executable, "-m", "fairlead", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.timeout(300)
@pytest.mark.parametrize("engine", ["podman", "docker"], indirect=True)
def test_a_project_is_packaged_and_its_tasks_run_in_the_image(engine, image, project):
    executor = {"type": "container", "url": engine.url, "pull": "never", "network": "none"}
    (project / "boxes.yaml").write_text(json.dumps({"executor": executor}))
    words = ["package", "jobs.py", "--env", "boxes", "--base", image, "--network", "none"]
    first = fairlead(*words)
    tag = first.stdout.strip()
    assert tag.startswith("churn:")
    again = fairlead(*words)
    assert again.stdout == first.stdout
    assert "step 1/" in first.stderr.lower()
    assert "step" not in again.stderr.lower()
    (project / "boxes.yaml").write_text(json.dumps({"executor": {**executor, "image": tag}}))
    done = fairlead("run", "jobs.py", "--env", "boxes", "-o", "json")
    folder, names, doubled, user = json.loads(done.stdout)["results"]
    assert folder == "/app"
    assert {"jobs.py", "helpers", "data", "requirements.txt"} <= set(names)
    assert ".env.local" not in names
    assert "note: left out, as there may be secrets in it: .env.local;" in first.stderr
    assert (doubled, user) == (42, 0)
    trusting = {"executor": {**executor, "image": tag}, "code": "image"}
    (project / "boxes.yaml").write_text(json.dumps(trusting))
    (project / "helpers" / "sums.py").write_text("def double(x):\n    return 'edited since'\n")
    done = fairlead("run", "jobs.py", "--env", "boxes", "-o", "json")
    assert json.loads(done.stdout)["results"][2] == 42
    inside = engine("run", "--rm", "--network", "none", tag, "python3", "-c", LOOK)
    assert json.loads(inside) == [1000, ["table.csv"], "/root"]


LOOK = """
import os, json, fairlead, helpers.sums
print(json.dumps([os.getuid(), sorted(os.listdir("data")), fairlead.__file__[:5]]))
"""


def test_a_build_that_fails_says_why(engine, image, project):
    (project / "requirements.txt").write_text("no-such-package-anywhere\n")
    (project / "boxes.yaml").write_text(json.dumps({"executor": {"type": "container", "url": engine.url}}))
    (project / "wheels").mkdir()
    (project / "wheels" / "nothing-1.0-py3-none-any.whl").write_bytes(b"")
    words = ["package", "--env", "boxes", "--base", image, "--network", "none", "--wheels", "wheels"]
    done = subprocess.run([sys.executable, "-m", "fairlead", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert "No matching distribution found for no-such-package-anywhere" in done.stderr
