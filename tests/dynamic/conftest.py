"""One project folder per test module, with a store that its tests share: as a user's folder would be."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from fairlead.config.services import close_all


class Place:
    """A project folder, and programs that run in it in processes of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip(), encoding="utf-8")
        return path

    def python(self, text: str, *, cwd: Path | None = None) -> str:
        """Run a program that must end well; gives what it printed."""
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(text)],
            cwd=cwd or self.folder,
            env={**os.environ, "PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=30,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("project")
    (folder / "pyproject.toml").write_text("")
    (folder / ".fairlead").mkdir()
    yield Place(folder)
    close_all()


@pytest.fixture(autouse=True)
def _in_place(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place.folder)
    monkeypatch.delenv("FAIRLEAD_ENV", raising=False)


@pytest.fixture(params=["in_process", "local"])
def env(request: pytest.FixtureRequest) -> str:
    return request.param
