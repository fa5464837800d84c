"""What is seen of an image, what is remembered of that, and how secrets get into a container."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from fairlead import __version__, leftovers
from fairlead.executors.container.engine import Refused
from fairlead.executors.container.hands import LAST, Hands
from fairlead.executors.container.images import Images, misfit
from fairlead.executors.container.secrecy import TARGET, Handed, with_handed
from fairlead.executors.container.specs import Settings
from fairlead.model.run import Code
from fairlead.model.task import TaskDefinition
from fairlead.ports import Brief
from fairlead.stores.secrets import FolderSecrets

HERE = list(sys.version_info[:2])
SETTINGS = Settings("python3", "0:0", False, None, {}, [], None)


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (
            "executable file not found",
            "has no Python to run tasks with ('python3' could not be started: exec",
        ),
        ({"python": HERE, "fairlead": "", "error": "ImportError: no"}, "has no Fairlead (ImportError: no); add 'pip"),
        ({"python": HERE, "fairlead": "0.0.1", "error": ""}, f"has Fairlead 0.0.1, and this is {__version__}"),
        ({"python": [2, 7], "fairlead": __version__, "error": ""}, "has Python 2.7, and this is Python 3."),
    ],
)
def test_an_image_that_does_not_fit_is_told_with_what_to_do(seen, told):
    problem = misfit("team/x:1", seen, "python3")
    assert problem.startswith("the image 'team/x:1' ")
    assert told in problem
    assert "fairlead package" in problem


def test_an_image_that_fits_has_no_problem():
    assert misfit("x", {"python": HERE, "fairlead": __version__, "error": ""}, "python3") == ""


class Shelf:
    """An engine as far as images are concerned; each look takes a container."""

    def __init__(self, *there):
        self.there = {name: f"sha256:{name}" for name in there}
        self.pulled = []
        self.looks = 0

    def image(self, name):
        return {"Id": self.there[name]} if name in self.there else None

    def pull(self, name):
        self.pulled.append(name)
        if "none" in name:
            raise Refused("pull access denied")
        self.there[name] = f"sha256:{name}"

    def create(self, name, config):
        self.looks += 1
        return name

    def start(self, container): ...

    def wait(self, container):
        return 0

    def said(self, container):
        return f'noise\nfairlead-look {{"python": {HERE}, "fairlead": "{__version__}", "error": ""}}\n'

    def remove(self, container): ...


def test_an_image_is_looked_at_once_for_good(tmp_path):
    shelf = Shelf("x:1")
    for _ in range(2):
        images = Images(shelf, SETTINGS, "never", cache=tmp_path / "deep" / "images.json")
        assert images.look("x:1", fetch=False).problem == ""
    assert shelf.looks == 1
    other = Images(shelf, SETTINGS._replace(env={"PYTHONPATH": "/x"}), "never", cache=tmp_path / "deep" / "images.json")
    other.look("x:1", fetch=False)
    assert shelf.looks == 2


@pytest.mark.parametrize(
    ("pull", "name", "fetch", "pulled", "told"),
    [
        ("never", "y:1", True, [], "there is no image 'y:1' on this machine, and 'pull' is 'never'"),
        ("missing", "y:1", False, [], None),
        ("missing", "y:1", True, ["y:1"], ""),
        ("missing", "x:1", True, [], ""),
        ("always", "x:1", True, ["x:1"], ""),
        ("missing", "none:1", True, ["none:1"], "'none:1' cannot be pulled: pull access denied; correct its name"),
    ],
)
def test_images_are_fetched_where_they_may_be(tmp_path, pull, name, fetch, pulled, told):
    shelf = Shelf("x:1")
    known = Images(shelf, SETTINGS, pull, cache=tmp_path / "images.json").look(name, fetch=fetch)
    assert shelf.pulled == pulled
    assert known is None if told is None else (told in known.problem and bool(told) == bool(known.problem))


def test_a_memory_that_is_broken_is_made_anew(tmp_path):
    (tmp_path / "images.json").write_text("[half")
    shelf = Shelf("x:1")
    Images(shelf, SETTINGS, "never", cache=tmp_path / "images.json").look("x:1", fetch=False)
    Images(shelf, SETTINGS, "never", cache=tmp_path / "images.json").look("x:1", fetch=False)
    assert shelf.looks == 1


def test_secrets_are_handed_over_in_files_that_go_away_with_the_run(tmp_path):
    tasks = (TaskDefinition(name="a", secrets=("KEY",)), TaskDefinition(name="b", secrets=("KEY", "OTHER")))
    brief = Brief("run", tasks, Code(), str(tmp_path))
    handed = Handed(tmp_path, {"KEY": "one", "OTHER": "two"}.get)
    mount = handed.mount(0, ("KEY",))
    folder = Path(mount.source)
    assert (mount.target, mount.mode) == (TARGET, "ro")
    assert [(file.name, file.read_text()) for file in folder.iterdir()] == [("KEY", "one\n")]
    assert folder.parent.stat().st_mode & 0o777 == 0o700
    assert handed.mount(0, ("KEY",)) == mount
    assert len(list(Path(handed.mount(1, ("KEY", "OTHER")).source).iterdir())) == 2
    assert with_handed(brief).secrets["section"] == {"type": "folder", "path": TARGET}
    handed.remove()
    assert not folder.parent.exists()


MEMORY = """
import os, sys
from pathlib import Path
from fairlead import leftovers
leftovers.MEMORY = sys.argv[1]
"""
KILLED = """
from fairlead.executors.container.secrecy import Handed
print(Handed(Path(sys.argv[2]), {"KEY": "one"}.get).mount(0, ("KEY",)).source, flush=True)
os.kill(os.getpid(), 9)
"""
LOOK = """
from fairlead.__main__ import main
main(["runs"])
"""


@pytest.fixture
def memory(tmp_path, monkeypatch):
    """Memory that no other command on this machine tidies up."""
    (tmp_path / "memory").mkdir()
    monkeypatch.setattr(leftovers, "MEMORY", str(tmp_path / "memory"))
    return str(tmp_path / "memory")


def left_by_a_killed_driver(memory, orders):
    words = [sys.executable, "-c", MEMORY + KILLED, memory, str(orders)]
    return Path(subprocess.run(words, stdout=subprocess.PIPE, text=True).stdout.strip())


def test_secrets_that_an_earlier_driver_has_handed_over_stay_for_its_containers(tmp_path, memory):
    mounted = left_by_a_killed_driver(memory, tmp_path)
    handed = Handed(tmp_path, {"KEY": "two"}.get)
    assert FolderSecrets(mounted).get("KEY") == "one"
    handed.mount(0, ("KEY",))
    assert FolderSecrets(mounted).get("KEY") == "two"
    assert [file.name for file in mounted.iterdir()] == ["KEY"]
    handed.remove()
    assert not mounted.parent.exists()


@pytest.mark.parametrize("value", ["", "plain", "two\nlines\n", "of\r\nwindows\r\n", "odd\r", "\n\n", "größer"])
def test_a_secret_comes_into_a_container_as_it_is(tmp_path, value):
    handed = Handed(tmp_path, {"KEY": value}.get)
    assert FolderSecrets(Path(handed.mount(0, ("KEY",)).source)).get("KEY") == value
    handed.remove()


def test_secrets_that_a_killed_driver_has_handed_over_go_with_the_next_command_of_anybody(tmp_path, memory):
    mounted = left_by_a_killed_driver(memory, tmp_path / "orders")
    assert (mounted / "KEY").read_text() == "one\n"
    assert mounted.parent.parent.stat().st_mode & 0o777 == 0o700
    (tmp_path / "elsewhere" / ".fairlead").mkdir(parents=True)
    subprocess.run([sys.executable, "-c", MEMORY + LOOK, memory], cwd=tmp_path / "elsewhere", check=True)
    assert not mounted.parent.exists()


def test_what_hands_have_done_is_told_in_the_drivers_own_thread():
    farewells = []
    hands = Hands(2, farewell=lambda: farewells.append(1))
    results = []
    hands.do(lambda: 1, lambda value, error: results.append((value, error)))
    hands.do(lambda: 1 / 0, lambda value, error: results.append((value, type(error))), when=LAST)
    hands.do(lambda: results.append("without an answer"))
    import select

    while len(results) < 3:
        select.select([hands.bell.fd], [], [], 5)
        hands.answer()
    assert {(1, None), (None, ZeroDivisionError)} < set(results)
    assert hands.close(5)
    assert farewells == [1, 1]


def test_hands_that_are_held_up_are_waited_for_together():
    hold = threading.Event()
    hands = Hands(4, farewell=lambda: None)
    for _ in range(4):
        hands.do(hold.wait)
    begun = time.monotonic()
    assert not hands.close(0.3)
    assert time.monotonic() - begun < 1.0
    hold.set()
    assert hands.close(5)
