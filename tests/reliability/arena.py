"""A project whose processes can all be found, whatever becomes of them, and killed.

Every process that is started here has a mark in its environment, and so has whatever it starts.
What is executed is written down by the tasks themselves, apart from any store.
"""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from fairlead.model.run import RunSummary
from fairlead.stores.sqlite import SqliteStore

ROUNDS = int(os.environ.get("FAIRLEAD_CHAOS_ROUNDS", "1"))
"""How often the tests of this folder do what they do; set it to 50 for a night."""

SEED = int(os.environ.get("FAIRLEAD_CHAOS_SEED", "0")) or int.from_bytes(os.urandom(4))
"""Where the random instants come from: pytest shows it with a failure; set it to have them again."""

NOTE = """
    import os

    def note(name, *words):
        line = " ".join(map(str, words)) + "\\n"
        fd = os.open(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.write(fd, line.encode())
        os.close(fd)
"""


class Arena:
    """A folder with a project in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark = ("FAIRLEAD_ARENA", os.urandom(8).hex())
        self.environment = {**os.environ, self.mark[0]: self.mark[1], "NO_COLOR": "1", "PYTHONWARNINGS": "default"}
        self.write("pyproject.toml", "")
        self.write("notes.py", NOTE)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(textwrap.dedent(text).lstrip(), encoding="utf-8")
        return path

    def begin(self, *words: str, **options: object) -> subprocess.Popen[str]:
        """Start a program of Python's (`-m fairlead …`, `script.py …`) and do not wait."""
        settings: dict[str, object] = {"start_new_session": True, "stdin": subprocess.DEVNULL, **options}
        return subprocess.Popen(
            [sys.executable, *words],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **settings,
        )

    def call(self, *words: str, timeout: float = 60, **options: object) -> subprocess.CompletedProcess[str]:
        """Call `fairlead` and wait."""
        process = self.begin("-m", "fairlead", *words, **options)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    # --- what is recorded, and what was executed ---

    def store(self) -> SqliteStore:
        """The store as another process finds it: opened anew."""
        return SqliteStore(self.folder / ".fairlead" / "runs.db")

    def summary(self, run_id: str) -> RunSummary:
        store = self.store()
        try:
            return store.summary(run_id)
        finally:
            store.close()

    def succeeded(self, run_id: str) -> set[str]:
        """Paths of the task runs whose success is recorded."""
        store = self.store()
        try:
            return {one.path for one in store.attempts(run_id) if one.outcome == "succeeded"}
        finally:
            store.close()

    def lines(self, name: str = "executed") -> list[str]:
        path = self.folder / name
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def executed(self, name: str = "executed") -> Counter[str]:
        """How often each task run was executed."""
        return Counter(line.split()[0] for line in self.lines(name))

    # --- processes ---

    def processes(self) -> dict[int, str]:
        """Every living process that was started from here, with its command line."""
        wanted = "=".join(self.mark).encode()
        found = {}
        for name in os.listdir("/proc"):
            if name.isdigit() and int(name) != os.getpid():
                try:
                    if wanted in Path(f"/proc/{name}/environ").read_bytes().split(b"\0"):
                        command = Path(f"/proc/{name}/cmdline").read_bytes().replace(b"\0", b" ").decode()
                        found[int(name)] = command
                except OSError:
                    continue  # it has just ended
        return {pid: command for pid, command in found.items() if alive(pid)}

    def clear(self) -> None:
        """End whatever a failed test has left."""
        for pid in self.processes():
            kill([pid])
        reap()


def alive(pid: int) -> bool:
    """Whether a process is there and is not a zombie, with all its threads."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return any(_runs(f"/proc/{pid}/task/{thread}/stat") for thread in threads)


def _runs(stat: str) -> bool:
    try:
        return Path(stat).read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def parent_of(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def kill(pids: Iterable[int]) -> None:
    """All at once, as far as one process can: all are stopped first."""
    pids = list(pids)
    for number in (signal.SIGSTOP, signal.SIGKILL) if len(pids) > 1 else (signal.SIGKILL,):
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue


def reap() -> None:
    """Take up children of this process that have ended, such as drivers made by `start()`."""
    from fairlead.api import launch

    for process in launch._CHILDREN:
        process.poll()
    launch._CHILDREN[:] = [process for process in launch._CHILDREN if process.returncode is None]


def wait_until(true: Callable[[], object], seconds: float, what: str) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, f"{what}: not within {seconds:g} s"
        time.sleep(0.005)
