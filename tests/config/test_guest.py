"""A Ray worker's process, where it is on another machine than the driver."""

import stat
from pathlib import Path

import msgspec

from fairlead.config import guest
from fairlead.model.run import Code
from fairlead.ports import Brief


def test_on_another_machine_a_worker_has_a_folder_that_nobody_else_can_look_into(monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    data = msgspec.msgpack.encode(Brief("calm-otter", (), Code(), "/nowhere/at/all"))
    first = guest._understood("key", data, {"here": False})
    again = guest._understood("key", data, {"here": False})
    folder = Path(first.scratch)
    assert again.scratch == first.scratch
    assert folder.is_relative_to(tmp_path)
    assert [stat.S_IMODE(place.stat().st_mode) for place in (folder, folder.parent)] == [0o700, 0o700]
    guest._FOLDERS.pop("key").remove()
    assert not folder.exists()


def test_on_the_drivers_machine_a_worker_has_the_folder_of_the_run(tmp_path):
    data = msgspec.msgpack.encode(Brief("calm-otter", (), Code(), str(tmp_path / "run")))
    assert guest._understood("key", data, {"here": True}).scratch == str(tmp_path / "run")
    assert "key" not in guest._FOLDERS
