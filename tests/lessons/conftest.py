"""The fixture that every lesson starts with."""

from pathlib import Path

import pytest

from tests.lessons.project import Project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    (tmp_path / "pyproject.toml").write_text("")  # what is a project's root is not left to what lies above
    (tmp_path / ".fairlead").mkdir()  # nor is where its runs are kept
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FAIRLEAD_ENV", raising=False)
    return Project(tmp_path)
