import gc
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from fairlead.errors import NotFound, StoreError
from fairlead.model.events import Attempt, Failure
from fairlead.model.run import Group, RunFilter
from fairlead.ports import Commit
from fairlead.stores import sqlite, sqlite_file
from fairlead.stores.rows import attempt_rows
from fairlead.stores.sqlite import _ADD_ATTEMPT, SqliteStore
from fairlead.testing.contracts.run_store import RunStoreContract
from fairlead.testing.contracts.run_store_jobs import attempts, make_run
from fairlead.testing.contracts.run_store_processes import RunStoreProcessContract


class TestSqliteStore(RunStoreContract, RunStoreProcessContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SqliteStore]:
        store = SqliteStore(tmp_path / "runs.db")
        yield store
        store.close()

    @pytest.fixture
    def elsewhere(self, tmp_path: Path) -> str:
        path = str(tmp_path / "runs.db")
        return (
            "from pathlib import Path; from fairlead.stores.sqlite import SqliteStore; "
            f"store = SqliteStore(Path({path!r}))"
        )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(path)
    yield store
    store.close()


# --- the file ---


def test_a_file_of_a_newer_version_is_refused(store: SqliteStore, path: Path) -> None:
    store.create(make_run("r"))
    store.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version=99")
    with pytest.raises(StoreError, match=r"newer Fairlead \(store version 99, this one knows 1\); upgrade"):
        store.get("r")


@pytest.mark.parametrize("version", [0, 1])
def test_a_database_of_something_else_is_refused_and_left_alone(store: SqliteStore, path: Path, version: int) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.execute(f"PRAGMA user_version={version}")
    before = path.read_bytes()
    for action in (lambda: store.create(make_run("r")), lambda: store.list(RunFilter())):
        with pytest.raises(StoreError, match="is a SQLite database of something else"):
            action()
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_left_alone(store: SqliteStore, path: Path) -> None:
    path.write_bytes(b"my diary\n" * 1000)
    with pytest.raises(StoreError, match=r"runs\.db: it is not a SQLite database; name another file"):
        store.create(make_run("r"))
    assert path.read_bytes() == b"my diary\n" * 1000


def test_an_empty_file_is_taken_for_a_new_one(store: SqliteStore, path: Path) -> None:
    path.touch()
    store.create(make_run("r"))
    assert store.get("r") == make_run("r")


def test_a_damaged_file_is_named(store: SqliteStore, path: Path) -> None:
    store.create(make_run("r"))
    store.append("r", 0, Commit(attempts(range(2000))))
    store.close()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(StoreError, match="it is damaged"):
        store.attempts("r")


def test_a_folder_in_the_files_place_is_named(store: SqliteStore, path: Path) -> None:
    path.mkdir()
    with pytest.raises(StoreError, match="it cannot be opened"):
        store.create(make_run("r"))


def test_a_file_in_the_folders_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "here").write_text("")
    with pytest.raises(StoreError, match=r"cannot use .*runs\.db"):
        SqliteStore(tmp_path / "here" / "runs.db").create(make_run("r"))


def test_on_a_full_disk_a_commit_fails_as_a_whole_and_works_again_later(store: SqliteStore) -> None:
    store.create(make_run("r"))
    epoch = store.open("r", 1.0)
    store.append("r", epoch, Commit(attempts(range(10)), {"succeeded": 10}))
    connection = store._file._writer.connection
    assert connection is not None
    limit = connection.execute("PRAGMA max_page_count").fetchone()[0]
    connection.execute("PRAGMA max_page_count=1")
    big = Commit(attempts(range(5000)), {"succeeded": 5000}, [Group("train")], "succeeded", at=2.0)
    with pytest.raises(StoreError, match=r"runs\.db: the disk is full; free some space"):
        store.append("r", epoch, big)
    assert len(store.attempts("r")) == 10
    assert store.summary("r").counts == {"succeeded": 10}
    connection.execute(f"PRAGMA max_page_count={limit}")
    store.append("r", epoch, big)
    assert len(store.attempts("r")) == 5000


def test_a_file_size_limit_of_the_process_fails_the_commit_and_loses_nothing(store: SqliteStore, path: Path) -> None:
    store.create(make_run("r"))
    store.append("r", 0, Commit(attempts(range(10))))
    source = f"""
import resource, signal
from pathlib import Path
from fairlead.errors import StoreError
from fairlead.ports import Commit
from fairlead.stores.sqlite import SqliteStore
from fairlead.testing.contracts.run_store_jobs import attempts
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
store = SqliteStore(Path({str(path)!r}))
try:
    store.append("r", 0, Commit(attempts(range(20000))))
except StoreError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert "the disk" in done.stdout
    assert len(store.attempts("r")) == 10
    store.append("r", 0, Commit(attempts(range(20))))
    assert len(store.attempts("r")) == 20


def test_a_read_only_file_can_be_read_and_not_written(store: SqliteStore, path: Path) -> None:
    store.create(make_run("r"))
    # Root may write anywhere, so that SQLite itself is told: no difference behind this point.
    connection = store._file._writer.connection
    assert connection is not None
    connection.execute("PRAGMA query_only=1")
    with pytest.raises(StoreError, match=r"runs\.db: it is read-only; check its permissions"):
        store.open("r", 1.0)
    assert store.summary("r").status == "created"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to read-only folders")
def test_a_read_only_folder_is_named(store: SqliteStore, path: Path) -> None:
    path.parent.chmod(0o555)
    try:
        with pytest.raises(StoreError, match="it cannot be opened; check that its folder exists and may be written"):
            store.create(make_run("r"))
    finally:
        path.parent.chmod(0o755)


def test_a_store_that_was_removed_under_us_is_made_anew_and_says_what_is_missing(
    store: SqliteStore, path: Path
) -> None:
    store.create(make_run("r"))
    epoch = store.open("r", 1.0)
    for name in ("runs.db", "runs.db-wal", "runs.db-shm"):
        (path.parent / name).unlink(missing_ok=True)
    other = SqliteStore(path)
    other.create(make_run("new"))
    with pytest.raises(NotFound, match="no run 'r'"):
        store.append("r", epoch, Commit(attempts([1])))
    store.close()
    assert [run.id for run in other.list(RunFilter())] == ["new"]
    other.close()


def test_a_closed_store_can_be_used_again(store: SqliteStore) -> None:
    store.create(make_run("r"))
    store.close()
    store.close()
    assert store.get("r") == make_run("r")


def test_a_store_that_is_forgotten_closes_its_file(path: Path) -> None:
    SqliteStore(path).create(make_run("r"))
    gc.collect()
    assert not path.with_name("runs.db-wal").exists()


def test_a_store_under_another_name_keeps_its_leases_apart(tmp_path: Path) -> None:
    stores = [SqliteStore(tmp_path / name) for name in ("runs.db", "other.db")]
    leases = [store.lease("r") for store in stores]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["leases", "other.db.leases"]
    for lease in leases:
        lease.release()


def test_every_commit_is_synced(store: SqliteStore) -> None:
    store.create(make_run("r"))
    connection = store._file._writer.connection
    assert connection is not None
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_opening_a_run_waits_for_no_disk_and_its_facts_do(store: SqliteStore) -> None:
    store.create(make_run("r"))
    connection = store._file._writer.connection
    assert connection is not None
    said: list[str] = []
    connection.set_trace_callback(said.append)
    epoch = store.open("r", 1.0)
    store.append("r", epoch, Commit([], status="succeeded", at=2.0))
    with pytest.raises(NotFound):
        store.open("nobody", 1.0)
    steps = [text for text in said if text == "COMMIT" or text.startswith(("PRAGMA", "ROLLBACK"))]
    lax, strict = "PRAGMA synchronous=NORMAL", "PRAGMA synchronous=FULL"
    assert steps == [lax, "COMMIT", strict, "COMMIT", lax, "ROLLBACK", strict]


# --- processes ---


def test_a_forked_child_uses_the_store_and_the_parent_goes_on(store: SqliteStore) -> None:
    store.create(make_run("r"))
    assert store.cancel_asked("r") is False
    child = os.fork()
    if child == 0:
        try:
            store.append("r", 0, Commit(attempts([1])))
            os._exit(0 if len(store.attempts("r")) == 1 else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    store.append("r", 0, Commit(attempts([2])))
    assert len(store.attempts("r")) == 2


def test_forks_while_threads_write_harm_neither(store: SqliteStore) -> None:
    store.create(make_run("r"))
    source = f"""
import os, threading
from pathlib import Path
from fairlead.ports import Commit
from fairlead.stores.sqlite import SqliteStore
from fairlead.testing.contracts.run_store_jobs import attempts
store = SqliteStore(Path({str(store.path)!r}))
def write(name):
    for n in range(50):
        store.append("r", 0, Commit(attempts([n], name=name)))
threads = [threading.Thread(target=write, args=(f"t{{n}}",)) for n in range(3)]
for thread in threads: thread.start()
for n in range(10):
    child = os.fork()
    if child == 0:
        store.append("r", 0, Commit(attempts([n], name="child")))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
for thread in threads: thread.join()
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", source], check=True, timeout=60)
    assert len(store.attempts("r")) == 160
    with closing(sqlite3.connect(store.path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


# --- values and sizes ---


def test_a_record_that_cannot_be_written_is_named_and_nothing_is_written(store: SqliteStore) -> None:
    store.create(make_run("r"))
    bad = Attempt("train[1]", 2, failure=Failure("exception", "\ud800"))
    with pytest.raises(StoreError, match=r"cannot record 'train\[1\]' attempt 2"):
        store.append("r", 0, Commit([*attempts([0]), bad]))
    assert store.attempts("r") == []
    with pytest.raises(StoreError, match="surrogates not allowed"):
        store.append("r", 0, Commit(attempts([0]), error="\ud800"))
    assert store.attempts("r") == []
    with pytest.raises(StoreError, match="cannot record run 'bad'"):
        store.create(replace(make_run("bad"), environment={"x": object()}))


def test_a_run_that_was_removed_and_made_again_elsewhere_gets_its_own_facts(store: SqliteStore, path: Path) -> None:
    store.create(make_run("r"))
    store.append("r", 0, Commit(attempts([0])))
    other = SqliteStore(path)
    other.create(make_run("between"))
    other.remove("r")
    other.create(make_run("r"))
    other.close()
    store.append("r", 0, Commit(attempts([1])))
    assert [attempt.path for attempt in store.attempts("r")] == ["train[1]"]
    assert store.attempts("between") == []


def test_looking_at_a_large_store_takes_milliseconds(store: SqliteStore) -> None:
    def fill(connection: sqlite3.Connection) -> None:
        connection.executemany(
            "INSERT INTO runs (id, workflow, status, created, parent, tags, target, counts) VALUES "
            "(?, 'w', 'succeeded', ?, '', '', '', '{\"succeeded\":7}')",
            [(f"run-{n}", float(n)) for n in range(10_000)],
        )
        run = connection.execute("SELECT run FROM runs WHERE id = 'run-9999'").fetchone()[0]
        connection.executemany(_ADD_ATTEMPT, attempt_rows(run, attempts(range(100_000))))

    store._file.write(fill)
    store.append("run-9999", 0, Commit([Attempt("fit[3]", 1, outcome="failed")], groups=[Group("train"), Group("fit")]))

    def best(look: Callable[[], object]) -> float:
        times = []
        for _ in range(5):
            begin = time.perf_counter()
            look()
            times.append(time.perf_counter() - begin)
        return min(times)

    assert best(lambda: store.list(RunFilter())) < 0.03
    assert best(lambda: store.summary("run-9999")) < 0.03
    assert best(lambda: store.groups("run-9999")) < 0.03
    assert best(lambda: store.attempts("run-9999", outcome="failed")) < 0.03
    assert best(lambda: store.attempts("run-9999", path="train[77777]")) < 0.03
    assert best(lambda: store.attempts("run-9999", group="train", limit=20)) < 0.03
    assert best(lambda: store.attempts("run-9999", group="fit")) < 0.03


def test_a_run_that_is_taken_up_while_a_list_is_made_is_running(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ends", "starts", "dead"):
        store.create(make_run(name))
    store.open("dead", 1.0)
    ending, held = store.lease("ends"), []
    epoch = store.open("ends", 1.0)
    real = sqlite.living

    def meanwhile(folder: Path) -> set[str]:
        names = real(folder)
        held.append(store.lease("starts"))
        store.open("starts", 2.0)
        store.append("ends", epoch, Commit([], status="succeeded", at=2.0))
        ending.release()
        return names

    monkeypatch.setattr(sqlite, "living", meanwhile)
    told = {run.id: run.status for run in store.list(RunFilter())}
    assert told == {"ends": "succeeded", "starts": "running", "dead": "interrupted"}
    held[0].release()


def test_a_run_that_ends_while_it_is_looked_at_is_not_interrupted(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create(make_run("r"))
    epoch = store.open("r", 1.0)

    def meanwhile(folder: Path, run_id: str) -> bool:
        store.append(run_id, epoch, Commit([], status="succeeded", at=2.0))
        return False

    monkeypatch.setattr(sqlite, "probe", meanwhile)
    assert store.summary("r").status == "succeeded"


def test_its_repr_names_the_file(store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert repr(store) == f"<SqliteStore {str(path)!r}>"
    monkeypatch.chdir(path.parent)
    assert repr(store) == "<SqliteStore 'runs.db'>"


def test_another_process_that_keeps_the_file_locked_is_waited_for(store: SqliteStore, path: Path) -> None:
    store.create(make_run("r"))
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.2, lambda: other.execute("COMMIT"))
        timer.start()
        assert store.open("r", 1.0) == 1
        timer.join()


def test_a_file_that_stays_locked_is_named(store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_file, "BUSY_SECONDS", 0.05)
    store.create(make_run("r"))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"runs\.db: another process has kept it locked"):
            store.open("r", 1.0)
    assert store.open("r", 1.0) == 1


def test_a_new_file_that_another_process_is_making_is_waited_for(store: SqliteStore, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN EXCLUSIVE")
        timer = threading.Timer(0.2, lambda: other.execute("COMMIT"))
        timer.start()
        store.create(make_run("r"))
        timer.join()


def test_a_failure_while_the_schema_is_made_leaves_a_file_that_works(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_SCHEMA", (*sqlite._SCHEMA, "CREATE NONSENSE"))
    with pytest.raises(StoreError, match="NONSENSE"):
        SqliteStore(path).create(make_run("r"))
    monkeypatch.undo()
    store = SqliteStore(path)
    store.create(make_run("r"))
    store.close()


def test_what_is_not_ours_is_not_translated(store: SqliteStore) -> None:
    def broken(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM runs")
        raise KeyboardInterrupt

    store.create(make_run("r"))
    with pytest.raises(KeyboardInterrupt):
        store._file.write(broken)
    assert store.summary("r").id == "r"
