import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fairlead.errors import StoreError
from fairlead.stores import folder
from fairlead.stores.folder import Folder, find, make


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_is_made_in_the_working_directory_when_there_is_none_above(here: Path) -> None:
    assert find() is None
    assert make().path == here / ".fairlead"
    assert sorted(path.name for path in (here / ".fairlead").iterdir()) == [
        ".gitignore", "CACHEDIR.TAG", "artifacts", "leases", "logs", "tmp",
    ]  # fmt: skip


def test_it_is_found_upwards_and_the_nearest_counts(here: Path) -> None:
    make()
    below = here / "a" / "b"
    below.mkdir(parents=True)
    found = find(below)
    assert found is not None
    assert found.path == make(below).path == here / ".fairlead"
    make(here / "a").path.rename(here / "moved")
    (here / "a" / ".fairlead").mkdir()
    assert make(below).path == here / "a" / ".fairlead"


def test_a_file_of_that_name_above_is_not_the_folder(here: Path) -> None:
    (here / ".fairlead").write_text("")
    below = here / "a"
    below.mkdir()
    assert find(below) is None
    assert make(below).path == below / ".fairlead"


def test_backups_and_git_leave_it_alone(here: Path) -> None:
    made = make().path
    # https://bford.info/cachedir/: the first 43 bytes are the signature.
    assert (made / "CACHEDIR.TAG").read_bytes()[:43] == b"Signature: 8a477f597d28d172789f06886806bc55"
    assert (made / ".gitignore").read_text().splitlines()[-1] == "*"


def test_git_sees_nothing_of_it(here: Path) -> None:
    make()
    (here / ".fairlead" / "runs.db").touch()
    subprocess.run(["git", "init", "-q"], check=True)
    seen = subprocess.run(["git", "status", "--porcelain"], check=True, capture_output=True, text=True)
    assert seen.stdout == ""


def test_what_people_changed_in_it_stays(here: Path) -> None:
    (make().path / ".gitignore").write_text("mine")
    make()
    assert (here / ".fairlead" / ".gitignore").read_text() == "mine"


def test_what_is_missing_is_made_again(here: Path) -> None:
    (make().path / "tmp").rmdir()
    (here / ".fairlead" / "CACHEDIR.TAG").unlink()
    make()
    assert (here / ".fairlead" / "tmp").is_dir()
    assert (here / ".fairlead" / "CACHEDIR.TAG").exists()


def test_its_places_have_names() -> None:
    place = Folder(Path("/p/.fairlead"))
    assert [str(path) for path in (place.runs, place.artifacts, place.leases, place.tmp, place.logs("calm-otter"))] == [
        "/p/.fairlead/runs.db",
        "/p/.fairlead/artifacts",
        "/p/.fairlead/leases",
        "/p/.fairlead/tmp",
        "/p/.fairlead/logs/calm-otter",
    ]
    assert place.logs("../../etc").parent == Path("/p/.fairlead/logs")
    assert repr(place) == "<Folder '/p/.fairlead'>"


def test_twenty_processes_make_it_at_once(here: Path) -> None:
    source = "import sys; from fairlead.stores.folder import make; sys.stdin.readline(); print(make().path)"
    makers = [
        subprocess.Popen([sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(20)
    ]
    answers = [maker.communicate("go\n")[0].strip() for maker in makers]
    assert answers == [str(here / ".fairlead")] * 20
    assert len(list((here / ".fairlead").iterdir())) == 6


def test_a_file_in_its_place_is_named(here: Path) -> None:
    (here / ".fairlead").write_text("")
    with pytest.raises(StoreError, match=r"\.fairlead' is a file, and a folder is needed there; move it away"):
        make()


def test_a_file_in_the_place_of_a_folder_inside_is_named(here: Path) -> None:
    (here / ".fairlead").mkdir()
    (here / ".fairlead" / "leases").write_text("")
    with pytest.raises(StoreError, match=r"\.fairlead/leases' is a file, and a folder is needed there"):
        make()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to read-only folders")
def test_a_read_only_folder_is_named(here: Path) -> None:
    here.chmod(0o555)
    try:
        with pytest.raises(StoreError, match="the folder is read-only; work in a folder that you may write to"):
            make()
    finally:
        here.chmod(0o755)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.EROFS, "the folder is read-only; work in a folder that you may write to"),
        (errno.EACCES, "the folder is read-only"),
        (errno.ENOSPC, "the disk is full; free some space"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_what_the_system_refuses_is_explained(monkeypatch: pytest.MonkeyPatch, code: int, words: str) -> None:
    # Modes do not bind root, so the refusal itself is put in.
    def refuse(path: Path, content: bytes) -> None:
        raise OSError(code, os.strerror(code), str(path))

    monkeypatch.setattr(folder, "_write_once", refuse)
    with pytest.raises(StoreError, match=f"cannot make '.*/.fairlead': {words}"):
        make()
