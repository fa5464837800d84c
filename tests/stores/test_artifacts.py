import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fairlead.errors import StoreError
from fairlead.stores.artifacts import FolderArtifacts, MemoryArtifacts
from fairlead.testing.contracts.artifact_store import ArtifactStoreContract


class TestFolderArtifacts(ArtifactStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> FolderArtifacts:
        return FolderArtifacts(tmp_path / "deep" / "artifacts")


class TestSyncedFolderArtifacts(ArtifactStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> FolderArtifacts:
        return FolderArtifacts(tmp_path / "artifacts", fsync=True)


class TestMemoryArtifacts(ArtifactStoreContract):
    @pytest.fixture
    def store(self) -> MemoryArtifacts:
        return MemoryArtifacts()


@pytest.fixture
def store(tmp_path: Path) -> FolderArtifacts:
    return FolderArtifacts(tmp_path / "artifacts")


def python(code: str, *args: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


WRITER = """
import sys
from pathlib import Path
from fairlead.stores.artifacts import FolderArtifacts
store = FolderArtifacts(Path(sys.argv[1]))
for number in range(100):
    store.put(f"sha256/{number % 7:02}/{number}", [b"%d." % number * 5000])
    store.put(f"runs/{sys.argv[2]}/{number}", [sys.argv[2].encode()])
"""


def test_twenty_four_processes_may_write_at_once(store: FolderArtifacts) -> None:
    writers = [python(WRITER, store.folder, number) for number in range(24)]
    errors = [writer.communicate()[1] for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * 24, errors
    for number in range(100):
        assert store.get(f"sha256/{number % 7:02}/{number}") == b"%d." % number * 5000
    assert len(list(store.list("runs/"))) == 2400
    assert list((store.folder / ".tmp").iterdir()) == []


KILLED = """
import os, sys
from pathlib import Path
from fairlead.stores.artifacts import FolderArtifacts
store = FolderArtifacts(Path(sys.argv[1]))
data = b"x" * 40_000_000
print("go", flush=True)
for number in range(1000):
    store.put(f"runs/a/{number}", [data])
    store.remove(f"runs/a/{number - 1}")
"""


def test_a_writer_killed_at_any_moment_leaves_whole_objects_only(store: FolderArtifacts) -> None:
    for delay in (0.004, 0.011, 0.023):
        writer = python(KILLED, store.folder)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(delay)
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        assert all(size == 40_000_000 for _, size in store.list())
    store.sweep(older_than=0)
    assert list((store.folder / ".tmp").iterdir()) == []


def test_a_sweep_leaves_what_is_young(store: FolderArtifacts) -> None:
    store.put("k", [b"1"])
    old, young = store.folder / ".tmp" / "old", store.folder / ".tmp" / "young"
    old.write_bytes(b"12345")
    young.write_bytes(b"123")
    os.utime(old, (1, 1))
    assert store.sweep() == 5
    assert young.exists()
    assert not old.exists()
    assert MemoryArtifacts().sweep() == 0


def test_sweeping_a_store_that_was_never_written_does_nothing(store: FolderArtifacts) -> None:
    assert store.sweep() == 0
    assert list(store.list()) == []


def test_a_content_addressed_file_cut_short_by_a_power_cut_is_written_again(store: FolderArtifacts) -> None:
    store.put("sha256/aa/aa", [b"whole"])
    (store.folder / "sha256/aa/aa").write_bytes(b"")
    store.put("sha256/aa/aa", [b"whole"])
    assert store.get("sha256/aa/aa") == b"whole"


def test_the_folder_itself_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = FolderArtifacts(Path("artifacts"))
    monkeypatch.chdir("/")
    store.put("k", [b"1"])
    assert (tmp_path / "artifacts/k").read_bytes() == b"1"


def test_a_file_where_a_folder_should_be_is_told_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = FolderArtifacts(tmp_path / "file")
    assert not store.exists("k")
    with pytest.raises(StoreError, match=rf"cannot write {tmp_path}/file/k: "):
        store.put("k", [b"1"])


def test_a_missing_source_or_target_folder_is_told_with_its_path(store: FolderArtifacts, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot open .*/nowhere: No such file"):
        store.put_file("k", tmp_path / "nowhere")
    store.put("k", [b"1"])
    with pytest.raises(StoreError, match=r"cannot write .*/no/such"):
        store.fetch("k", tmp_path / "no" / "such")


def test_a_name_that_is_too_long_says_so(store: FolderArtifacts) -> None:
    with pytest.raises(StoreError, match="use a shorter run id or task name"):
        store.put("x" * 300, [b"1"])
    with pytest.raises(StoreError, match="cannot look at"):
        store.exists("x" * 5000)


def test_stores_say_what_they_are(store: FolderArtifacts) -> None:
    assert repr(store) == f"<FolderArtifacts {store.folder}>"
    assert repr(MemoryArtifacts()) == "<MemoryArtifacts: 0 objects>"


MOUNTED = """
import sys
from pathlib import Path
from fairlead.errors import StoreError
from fairlead.stores.artifacts import FolderArtifacts
store = FolderArtifacts(Path(sys.argv[1]))
for size in (100_000, 8_000_000):
    try:
        for number in range(100):
            store.put(f"{size}.{number}", [b"x" * size])
    except StoreError as error:
        print(error)
print([entry.name for entry in Path(sys.argv[1]).glob(".tmp/*")])
"""


def run_mounted(tmp_path: Path, options: str) -> str:
    """Run MOUNTED on a file system of its own, in a namespace of its own: nothing else sees it."""
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare")
    mount = f'mount -t tmpfs -o {options} tmpfs "$1" && exec "$2" -c "$3" "$1"'
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", mount, "sh", str(tmp_path), sys.executable, MOUNTED],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        assert "Traceback" not in done.stderr, done.stderr
        pytest.skip(f"no mounts here: {done.stderr}")
    return done.stdout


def test_a_full_disk_is_told_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    told = run_mounted(tmp_path, "size=2m").splitlines()
    assert len(told) == 3
    assert all(f"cannot write {tmp_path}/" in line and "the disk is full; free some space" in line for line in told[:2])
    assert told[2] == "[]"


def test_a_read_only_folder_is_told(tmp_path: Path) -> None:
    told = run_mounted(tmp_path, "ro").splitlines()
    assert len(told) == 3
    assert "the file system is read-only; choose another folder under 'artifacts'" in told[0]


def test_an_object_can_be_copied_to_another_file_system(store: FolderArtifacts) -> None:
    elsewhere = Path("/dev/shm")
    if not elsewhere.is_dir():
        pytest.skip("needs /dev/shm")
    target = elsewhere / f"fairlead-test-{os.getpid()}"
    store.put("k", [b"abc" * 1_000_000])
    try:
        store.fetch("k", target)
        assert target.read_bytes() == b"abc" * 1_000_000
    finally:
        target.unlink(missing_ok=True)
