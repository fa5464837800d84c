"""What a task of this process leaves behind in it, and how that is undone."""

import os
import signal
import threading
from pathlib import Path

import pytest

from fairlead.node.surroundings import Surroundings, working_in


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_working_directory_is_put_back(tmp_path):
    before = Surroundings()
    (tmp_path / "sub").mkdir()
    os.chdir("sub")
    before.put_back()
    assert Path.cwd() == tmp_path


def test_a_removed_working_directory_is_left(tmp_path):
    before = Surroundings()
    (tmp_path / "sub").mkdir()
    os.chdir("sub")
    (tmp_path / "sub").rmdir()
    before.put_back()
    assert Path.cwd() == tmp_path


def test_where_the_working_directory_was_gone_there_is_nothing_to_put_back(tmp_path):
    (tmp_path / "sub").mkdir()
    os.chdir("sub")
    (tmp_path / "sub").rmdir()
    before = Surroundings()
    os.chdir(tmp_path)
    before.put_back()
    assert Path.cwd() == tmp_path


def test_the_environment_is_put_back(monkeypatch):
    monkeypatch.setenv("KEPT", "1")
    monkeypatch.setenv("REMOVED", "2")
    before = Surroundings()
    os.environ["KEPT"] = "changed"
    os.environ["NEW"] = "3"
    del os.environ["REMOVED"]
    before.put_back()
    assert os.environ["KEPT"] == "1"
    assert os.environ["REMOVED"] == "2"
    assert "NEW" not in os.environ


def test_signal_handlers_and_alarms_are_put_back():
    before, handler = Surroundings(), signal.getsignal(signal.SIGALRM)
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 60)
    before.put_back()
    assert signal.getsignal(signal.SIGALRM) is handler
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_a_folder_is_worked_in_for_a_while(tmp_path):
    (tmp_path / "sub").mkdir()
    with working_in("sub"):
        assert Path.cwd() == tmp_path / "sub"
    assert Path.cwd() == tmp_path


def test_it_leads_back_to_a_folder_that_was_moved_meanwhile(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "sub").mkdir()
    os.chdir("home")
    with working_in(str(tmp_path / "sub")):
        (tmp_path / "home").rename(tmp_path / "moved")
    assert Path.cwd() == tmp_path / "moved"


def test_threads_take_turns(tmp_path):
    seen = []

    def work(name):
        (tmp_path / name).mkdir()
        with working_in(str(tmp_path / name)):
            Path("mine").write_text(name)
            seen.append([one.name for one in Path.cwd().iterdir()] == ["mine"] and Path.cwd().name == name)

    threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 8
    assert Path.cwd() == tmp_path


def test_where_another_thread_is_away_a_process_is_at_home_all_the_same(tmp_path):
    (tmp_path / "sub").mkdir()
    there, back = threading.Event(), threading.Event()

    def be_away():
        with working_in(str(tmp_path / "sub")):
            there.set()
            back.wait(10)

    thread = threading.Thread(target=be_away)
    thread.start()
    assert there.wait(10)
    before = Surroundings()
    before.put_back()
    away = Path.cwd()
    back.set()
    thread.join()
    assert away == tmp_path / "sub"
    before.put_back()
    assert Path.cwd() == tmp_path
