"""The command line as a process: how it starts, what it does without a terminal, with one, and when somebody leaves."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "fairlead"]

SLOW = """
import time
from fairlead import task, workflow

@task
def numbers(n: int):
    return list(range(n))

@task
def nap(x, seconds):
    print("nap", x, "[/x]", "\\x1b[2J")
    time.sleep(seconds)
    return x

@task
def add(xs):
    return sum(xs)

@workflow
def naps(n: int = 8, seconds: float = 0.25):
    return add(nap.map(numbers(n), seconds=seconds))
"""


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("slow")
    (folder / "pyproject.toml").write_text("")
    (folder / "cli_slow.py").write_text(SLOW)
    return folder


def environment(**extra: str) -> dict[str, str]:
    left_out = {"NO_COLOR", "FORCE_COLOR", "FAIRLEAD_ENV"}
    return {
        **{name: value for name, value in os.environ.items() if name not in left_out},
        "TERM": "xterm-256color",
        **extra,
    }


def call(*words: str, cwd: Path, **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *words],
        cwd=cwd,
        env=environment(**extra),
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


class Pty:
    """A command on a terminal of its own."""

    def __init__(self, *words: str, cwd: Path, columns: int = 90, **extra: str) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execve(sys.executable, [*COMMAND, *words], environment(**extra))
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.seen = b""

    def read(self, until: bytes | None = None, timeout: float = 60) -> str:
        """Read to the end, or until something is there."""
        end = time.monotonic() + timeout
        while until is None or until not in self.seen:
            assert time.monotonic() < end, self.seen
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    piece = os.read(self.fd, 65_536)
                except OSError:  # how Linux says that the other side has closed
                    break
                if not piece:
                    break
                self.seen += piece
        return self.seen.decode()

    def press(self, keys: bytes) -> None:
        os.write(self.fd, keys)

    def code(self) -> int:
        self.read()
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


@pytest.mark.parametrize("word", ["--help", "-V"])
def test_the_cheap_answers_import_almost_nothing(slow, word):
    program = f"import sys; from fairlead.__main__ import main; main([{word!r}]); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=slow, timeout=60)
    loaded = set(done.stderr.split())
    assert loaded.isdisjoint(
        {"click", "rich", "yaml", "sqlite3", "msgspec", "cloudpickle", "json", "asyncio", "inspect"}
    )
    assert {name for name in loaded if name.startswith("fairlead")} <= {
        "fairlead",
        "fairlead.__main__",
        "fairlead.cli",
        "fairlead.cli.commands",
    }


def test_looking_imports_neither_rich_nor_the_users_code(slow):
    program = "import sys; from fairlead.__main__ import main; main(['runs']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=slow, timeout=60)
    assert set(done.stderr.split()).isdisjoint(
        {"rich", "yaml", "cloudpickle", "asyncio", "multiprocessing", "cli_slow"}
    )


def test_without_a_terminal_there_are_plain_lines_and_no_colours(slow):
    done = call("run", "cli_slow.py", "-p", "n=2", "-p", "seconds=0.01", "--id", "plain", cwd=slow)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "1\n"
    assert "\x1b[3" not in done.stderr
    assert "numbers: 1 succeeded" in done.stderr
    assert "nap[1] | nap 1 [/x]" in done.stderr
    shown = call("show", "plain", cwd=slow)
    assert shown.returncode == 0
    assert "\x1b" not in shown.stdout
    assert "\x1b[32m" in call("show", "plain", cwd=slow, FORCE_COLOR="1").stdout


def test_ids_are_never_cut_off_a_terminal(slow):
    name = "a-name-that-is-much-longer-than-any-column-would-like-" * 3
    assert call("run", "cli_slow.py", "-p", "n=0", "--id", name, cwd=slow).returncode == 0
    assert name in call("runs", cwd=slow, COLUMNS="40").stdout


def test_an_encoding_without_signs_is_no_error(slow):
    done = call("doctor", cwd=slow, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0
    assert "\\u2713" in done.stdout


def test_a_reader_who_leaves_is_no_error(slow):
    call("run", "cli_slow.py", "-p", "n=0", "--id", "left", cwd=slow)
    for words in (["show", "left"], ["--help"], ["run", "cli_slow.py", "-p", "n=1", "-p", "seconds=0"]):
        process = subprocess.Popen(
            [*COMMAND, *words], cwd=slow, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read().decode()
        process.stderr.close()
        assert process.wait(60) == 0, said
        assert "Error" not in said
        assert "Traceback" not in said
    script = f"{sys.executable} -m fairlead run cli_slow.py -p n=3 -p seconds=0.2 --id gone 2>&1 | head -1"
    done = subprocess.run(
        ["bash", "-c", script], cwd=slow, env=environment(), capture_output=True, text=True, timeout=60
    )
    assert done.stdout.startswith("gone: naps")
    assert done.stderr == ""
    assert "gone  naps  succeeded" in call("show", "gone", cwd=slow).stdout


def test_a_terminal_shows_a_live_table_with_one_line_for_each_task_name(slow):
    screen = Pty("run", "cli_slow.py", "--id", "live", cwd=slow)
    code = screen.code()
    text = screen.seen.decode()
    assert code == 0, text
    assert "\x1b[32m" in text
    assert "\x1b[?25h" in text, "the cursor is there again"
    assert "\x1b[2J" not in text, "what tasks print moves no cursor"
    assert "nap[3] | nap 3 [/x]" in text
    last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "").splitlines()
    assert last[-1] == "28"
    assert last[-2].startswith("live succeeded: 10 tasks in ")
    assert last[-4].split()[:2] == ["✓", "add"]
    assert re.search(r"✓ nap +━{20} +8/8", last[-5])


def test_no_color_is_honoured_on_a_terminal(slow):
    screen = Pty("run", "cli_slow.py", cwd=slow, NO_COLOR="1")
    assert screen.code() == 0
    assert not re.search(rb"\x1b\[[0-9;]*3[0-7]m", screen.seen)
    screen = Pty("runs", cwd=slow, NO_COLOR="1")
    assert screen.code() == 0
    assert b"\x1b" not in screen.seen


def test_on_a_terminal_times_are_relative_and_lines_fit(slow):
    screen = Pty("runs", cwd=slow, columns=60)
    assert screen.code() == 0
    assert b"ago" in screen.seen or b"just now" in screen.seen


def test_ctrl_c_stops_the_run_and_says_how_to_go_on(slow):
    screen = Pty("run", "cli_slow.py", "-p", "n=100", "-p", "seconds=0.3", "--id", "stopped", cwd=slow)
    screen.read(until=b"nap 1")
    pressed = time.monotonic()
    screen.press(b"\x03")
    assert screen.code() == 130
    assert time.monotonic() - pressed < 15
    text = screen.seen.decode()
    assert "fairlead resume stopped" in text
    assert "Traceback" not in text
    told = json.loads(call("show", "stopped", "-o", "json", cwd=slow).stdout)
    assert told["status"] == "cancelled"
    assert told["counts"]["succeeded"] >= 1


def test_a_run_in_the_background_prints_its_id_and_can_be_stopped_and_resumed(slow):
    done = call("run", "cli_slow.py", "--detach", "--id", "behind", "-p", "n=12", cwd=slow)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "behind\n"
    assert "fairlead stop behind" in done.stderr
    stopped = call("stop", "behind", "--wait", cwd=slow)
    assert stopped.returncode == 0
    assert "behind is cancelled" in stopped.stderr
    assert call("results", "behind", cwd=slow).returncode == 130
    resumed = call("resume", "behind", "-q", cwd=slow)
    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stdout == "66\n"


def test_results_of_a_run_that_goes_on_are_not_finished(slow):
    call("run", "cli_slow.py", "--detach", "--id", "going", "-p", "n=4", cwd=slow)
    early = call("results", "going", cwd=slow)
    if early.returncode:  # unless the machine was so slow that the run has ended meanwhile
        assert early.returncode == 1
        assert early.stderr.startswith("error: run 'going' ")
    assert call("results", "going", "--wait", cwd=slow).stdout == "6\n"
    followed = call("logs", "going", "-f", cwd=slow)
    assert followed.stdout.count("nap[") == 4


def test_a_killed_driver_leaves_an_interrupted_run(slow):
    process = subprocess.Popen(
        [*COMMAND, "run", "cli_slow.py", "-p", "n=60", "--id", "killed", "-q"],
        cwd=slow,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 30
    while '"succeeded"' not in call("show", "killed", "-o", "json", cwd=slow).stdout:
        assert time.monotonic() < until
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    shown = call("show", "killed", cwd=slow)
    assert "killed  naps  interrupted" in shown.stdout
    assert "fairlead resume killed" in shown.stdout


# --- the end ----------------------------------------------------------------------------------------

LEAVING = """
import atexit, threading, time
from pathlib import Path
from fairlead import task, workflow

atexit.register(Path("at-exit").touch)
threading.Thread(target=lambda: (time.sleep(0.4), Path("thread").touch())).start()

@task
def one():
    return 1

@workflow
def leaving():
    return one()
"""


@pytest.mark.parametrize("env", ["local", "in_process"])
def test_at_the_end_threads_and_exit_functions_have_run_and_the_store_is_closed(tmp_path, env):
    (tmp_path / ".fairlead").mkdir()
    (tmp_path / "leaving.py").write_text(LEAVING)
    command = [*COMMAND, "run", "leaving.py", "--env", env]
    done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (0, "1\n")
    assert (tmp_path / "at-exit").exists()
    assert (tmp_path / "thread").exists()
    assert [file.name for file in (tmp_path / ".fairlead").glob("runs.db*")] == ["runs.db"]
