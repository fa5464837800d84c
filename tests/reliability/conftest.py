"""The fixture that the runs of these tests live in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reliability.arena import Arena


@pytest.fixture
def arena(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Arena]:
    (tmp_path / ".fairlead").mkdir()  # where runs are kept is not left to what lies above
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FAIRLEAD_ENV", raising=False)
    arena = Arena(tmp_path)
    monkeypatch.setenv(*arena.mark)  # drivers that `start()` makes carry it, too
    yield arena
    arena.clear()
