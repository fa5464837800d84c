import fcntl
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fairlead.errors import RunBusy, StoreError
from fairlead.stores import lease as leases
from fairlead.stores.lease import acquire, file_name, living, probe

HOLD = """
import sys
from pathlib import Path
from fairlead.stores.lease import acquire
held = acquire(Path(sys.argv[1]), "r")
{more}
print("held", flush=True)
sys.stdin.readline()
"""


def holder(folder: Path, more: str = "") -> "subprocess.Popen[str]":
    command = [sys.executable, "-W", "ignore", "-c", HOLD.format(more=more), str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()


def test_a_lease_is_held_until_it_is_released(tmp_path: Path) -> None:
    assert not probe(tmp_path, "r")
    lease = acquire(tmp_path, "r")
    assert probe(tmp_path, "r")
    assert not probe(tmp_path, "other")
    lease.release()
    assert not probe(tmp_path, "r")
    assert list(tmp_path.iterdir()) == []


def test_all_that_are_held_are_told_at_once(tmp_path: Path) -> None:
    assert living(tmp_path / "none") == set()
    held = [acquire(tmp_path, name) for name in ("a", "B", "c.lock")]
    (tmp_path / "left-behind.lock").touch()
    (tmp_path / "something-else").touch()
    held.pop(0).release()
    assert living(tmp_path) == {file_name("B"), "c.lock"}
    for lease in held:
        lease.release()


def test_the_folder_is_made_when_it_is_missing(tmp_path: Path) -> None:
    acquire(tmp_path / "a" / "b", "r").release()
    assert (tmp_path / "a" / "b").is_dir()


def test_who_holds_it_is_told(tmp_path: Path) -> None:
    lease = acquire(tmp_path, "r")
    with pytest.raises(RunBusy, match=f"run 'r' is carried by process {os.getpid()} on {os.uname().nodename}; wait"):
        acquire(tmp_path, "r")
    lease.release()


def test_a_lease_dies_with_its_process(tmp_path: Path) -> None:
    process = holder(tmp_path)
    assert probe(tmp_path, "r")
    end(process)
    assert not probe(tmp_path, "r")
    acquire(tmp_path, "r").release()


def test_a_child_forked_by_a_killed_driver_does_not_keep_its_lease(tmp_path: Path) -> None:
    # The child says when it has begun: until then it is still letting go of the lock.
    more = (
        "import os, time\nend, told = os.pipe()\nchild = os.fork()\nif child == 0: os.write(told, b'x'); time.sleep(60)"
    )
    process = holder(tmp_path, more=more + "\nos.read(end, 1)\nopen(sys.argv[1] + '/pid', 'w').write(str(child))")
    assert probe(tmp_path, "r")
    process.kill()
    process.wait()
    assert not probe(tmp_path, "r")
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    process.communicate()


def test_a_program_started_by_a_killed_driver_does_not_keep_its_lease(tmp_path: Path) -> None:
    more = "import subprocess\nchild = subprocess.Popen(['sleep', '60'], close_fds=False, stdout=2)"
    process = holder(tmp_path, more=more + "\nopen(sys.argv[1] + '/pid', 'w').write(str(child.pid))")
    process.kill()
    process.communicate()
    assert not probe(tmp_path, "r")
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def test_a_forked_child_cannot_release_its_parents_lease(tmp_path: Path) -> None:
    lease = acquire(tmp_path, "r")
    child = os.fork()
    if child == 0:
        try:
            lease.release()
            # The descriptor's number may be in use again here: nothing of that may be closed.
            other = acquire(tmp_path, "other")
            lease.release()
            os._exit(0 if probe(tmp_path, "r") and probe(tmp_path, "other") and other else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert probe(tmp_path, "r")
    lease.release()


def test_a_reader_in_the_middle_of_looking_only_delays_a_driver(tmp_path: Path) -> None:
    acquired = acquire(tmp_path, "r")
    path = next(tmp_path.iterdir())
    os.close(acquired._fd)  # as a killed driver leaves it: the file is there, the lock is not
    leases._held.discard(acquired._fd)
    fd = os.open(path, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_SH)
    timer = threading.Timer(0.03, lambda: os.close(fd))
    timer.start()
    lease = acquire(tmp_path, "r")
    timer.join()
    assert probe(tmp_path, "r")
    lease.release()


def test_a_lock_on_a_file_that_was_removed_meanwhile_is_no_lease(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = acquire(tmp_path, "r")
    real, rivals = leases._lock, []

    def late(fd: int, kind: int) -> bool:
        if not rivals:
            # Between our open and our lock, the holder lets go and another driver takes the run.
            rivals.append(None)
            first.release()
            rivals.append(acquire(tmp_path, "r"))
        return real(fd, kind)

    monkeypatch.setattr(leases, "_lock", late)
    with pytest.raises(RunBusy):
        acquire(tmp_path, "r")
    rivals[1].release()


def test_a_reader_of_a_file_that_was_removed_meanwhile_looks_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = acquire(tmp_path, "r")
    real, rivals = leases._lock, []

    def late(fd: int, kind: int) -> bool:
        if not rivals:
            rivals.append(None)
            first.release()
            rivals.append(acquire(tmp_path, "r"))
        return real(fd, kind)

    monkeypatch.setattr(leases, "_lock", late)
    assert probe(tmp_path, "r")
    rivals[1].release()


def test_many_threads_take_turns(tmp_path: Path) -> None:
    inside, most, turns = [], [], []

    def work() -> None:
        for _ in range(30):
            try:
                lease = acquire(tmp_path, "r")
            except RunBusy:
                continue
            inside.append(1)
            most.append(len(inside))
            turns.append(1)
            inside.pop()
            lease.release()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(most) == {1}
    assert len(turns) > 30


def test_ids_that_file_systems_might_confuse_get_files_of_their_own() -> None:
    plain = ["calm-otter", "a", "2026.11.21_x"]
    assert [file_name(name) for name in plain] == plain
    odd = ["A", "ä", "a\u0308", "..", ".", "", "a/b", "x" * 101, "\ud800", "a\n", "-x"]
    names = [file_name(name) for name in odd]
    assert len(set(names)) == len(odd)
    assert all(name.startswith("~") and name.isascii() and len(name) < 100 for name in names)


def test_a_file_in_the_folders_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "leases").write_text("")
    with pytest.raises(StoreError, match=r"cannot take the lease .*leases/r\.lock"):
        acquire(tmp_path / "leases", "r")
    assert not probe(tmp_path / "leases", "r")


def test_a_lock_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "r.lock").symlink_to("r.lock")
    with pytest.raises(StoreError, match=r"cannot look at the lease .*r\.lock"):
        probe(tmp_path, "r")


def test_a_file_system_without_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(fd: int, kind: int) -> None:
        raise OSError(95, "Operation not supported")

    held = set(leases._held)
    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(StoreError, match="this file system has no locks; keep the store on a local disk"):
        acquire(tmp_path, "r")
    assert leases._held == held


def test_its_repr_says_whether_it_is_held(tmp_path: Path) -> None:
    lease = acquire(tmp_path, "r")
    assert repr(lease) == f"<FileLease {str(tmp_path / 'r.lock')!r}: held>"
    lease.release()
    assert repr(lease).endswith(": released>")
