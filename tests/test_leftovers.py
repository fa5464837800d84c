"""Folders of processes that live, of such as were killed, and of other people."""

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from fairlead import leftovers
from fairlead.errors import ConfigurationError
from fairlead.leftovers import OwnFolder, sweep

HOLDER = """
import sys, os
from fairlead.leftovers import OwnFolder
folder = OwnFolder("test", name=sys.argv[1])
(folder.path / "secret").write_text("hunter2")
{more}
print(folder.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """Temporary files and memory are here."""
    for name in ("disk", "memory"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "disk"))
    monkeypatch.setattr(leftovers, "MEMORY", str(tmp_path / "memory"))
    return tmp_path


def hold(name="", more=""):
    """Start a process that has a folder; gives both."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER.format(more=more), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    return holder, Path(holder.stdout.readline().strip())


def killed(name="", more=""):
    """Give the folder of a process that was killed."""
    holder, folder = hold(name, more)
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    assert (folder / "secret").read_text() == "hunter2"
    return folder


def test_a_folder_is_its_users_alone_and_goes_when_it_is_removed(places):
    folder = OwnFolder("node")
    assert folder.path.is_relative_to(places / "disk")
    assert [stat.S_IMODE(one.stat().st_mode) for one in (folder.path, folder.path.parent)] == [0o700, 0o700]
    assert "held" in repr(folder)
    folder.remove()
    folder.remove()
    assert list(folder.path.parent.iterdir()) == []
    assert "removed" in repr(folder)


def test_a_folder_in_memory_is_there(places):
    with OwnFolder("secrets", in_memory=True) as folder:
        assert folder.is_relative_to(places / "memory")
    assert not folder.exists()


def test_what_a_killed_process_has_left_is_swept(places):
    folder = killed()
    sweep()
    assert list(folder.parent.iterdir()) == []


def test_what_a_living_process_has_is_not(places):
    holder, folder = hold()
    with OwnFolder("own") as own:
        sweep()
        assert (folder / "secret").exists()
        assert own.exists()
        assert subprocess.run([sys.executable, "-c", "from fairlead.leftovers import sweep; sweep()"]).returncode == 0
        assert own.exists()
    holder.communicate()
    sweep()
    assert not folder.exists()


def test_what_this_process_has_is_not_swept_under_another_name_of_its_place(places, tmp_path, monkeypatch):
    (tmp_path / "alias").symlink_to(places, target_is_directory=True)
    with OwnFolder("files") as folder:
        monkeypatch.setenv("TMPDIR", str(tmp_path / "alias"))
        sweep()
        assert folder.is_dir()


def test_a_child_that_outlives_its_killed_parent_holds_nothing(places):
    folder = killed(more="if not os.fork(): os.close(1); os.close(2); import time; time.sleep(5); os._exit(0)")
    sweep()
    assert not folder.exists()


def test_a_forked_child_takes_nothing_from_its_parent(places):
    with OwnFolder("test") as path:
        pid = os.fork()
        if not pid:
            sweep()
            os._exit(0 if path.exists() else 1)
        assert os.waitpid(pid, 0)[1] == 0
        sweep()
        assert path.exists()


def test_a_forked_child_does_not_remove_what_its_parent_has(places):
    folder = OwnFolder("test")
    pid = os.fork()
    if not pid:
        folder.remove()
        os._exit(0)
    os.waitpid(pid, 0)
    assert folder.path.exists()
    folder.remove()


def test_a_folder_by_name_is_taken_over_with_what_is_in_it(places):
    path = killed("one")
    with OwnFolder("test", name="one") as folder:
        assert folder == path
        assert (folder / "secret").read_text() == "hunter2"


def test_a_folder_by_name_has_one_process_at_a_time(places, monkeypatch):
    monkeypatch.setattr(leftovers, "_PATIENCE", 0.05)
    holder, _ = hold("one")
    with pytest.raises(ConfigurationError, match="used by another process"):
        OwnFolder("test", name="one")
    holder.communicate()
    with OwnFolder("test", name="one"), pytest.raises(ConfigurationError, match="for another run"):
        OwnFolder("test", name="one")


def test_what_cannot_be_removed_is_left_to_the_next_sweep(places, monkeypatch):
    folder = killed()
    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", lambda *_, **__: None)
        sweep()
    assert folder.exists()
    sweep()
    assert list(folder.parent.iterdir()) == []


@pytest.mark.parametrize("make", [lambda one: one.symlink_to("/etc"), lambda one: one.mkdir(mode=0o755)])
def test_a_folder_that_others_have_put_there_is_refused_and_not_touched(places, make):
    parent = Path(leftovers._parent_in(str(places / "disk")))
    make(parent)
    with pytest.raises(ConfigurationError, match="TMPDIR"):
        OwnFolder("test")
    if not parent.is_symlink():
        (parent / "test-1.lock").touch()
        (parent / "test-1").mkdir()
    sweep()
    assert parent.is_symlink() or (parent / "test-1").exists()


def test_a_place_where_nothing_can_be_made_is_told(places, monkeypatch):
    monkeypatch.setattr(leftovers, "MEMORY", "/proc")
    with pytest.raises(ConfigurationError, match="no folder can be made in '/proc'"):
        OwnFolder("test", in_memory=True)


def test_a_place_without_locks_is_told(places, monkeypatch):
    def refuse(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.lockf", refuse)
    with pytest.raises(ConfigurationError, match="cannot be locked: No locks available"):
        OwnFolder("test")


def test_without_a_variable_temporary_files_are_in_tmp(monkeypatch):
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.delenv(name, raising=False)
    with OwnFolder("test") as folder:
        assert folder.is_relative_to("/tmp")


def test_threads_that_make_and_sweep_at_once_lose_nothing(places):
    lost = []

    def work():
        for _ in range(30):
            with OwnFolder("test") as folder:
                sweep()
                if not folder.exists():
                    lost.append(folder)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lost == []
    assert list(Path(leftovers._parent_in(str(places / "disk"))).iterdir()) == []


def test_hosts_that_share_a_disk_leave_each_other_alone(places, monkeypatch):
    mine = OwnFolder("test")
    monkeypatch.setattr(leftovers, "_own", set())  # as on a host that does not know of this one's locks
    monkeypatch.setattr(leftovers, "_lock", lambda fd: True)
    monkeypatch.setattr("os.uname", lambda: SimpleNamespace(nodename="another"))
    sweep()
    assert mine.path.exists()
