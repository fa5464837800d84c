"""A user's project in a folder of its own, and the command line as a user calls it."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path


class Project:
    """A folder with files, in which commands are called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "NO_COLOR": "1", "PYTHONWARNINGS": "default"}

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip(), encoding="utf-8")
        return path

    def read(self, name: str) -> str:
        path = self.folder / name
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def lines(self, name: str) -> list[str]:
        return self.read(name).splitlines()

    def fairlead(self, *words: str, timeout: float = 60, code: int | None = None) -> subprocess.CompletedProcess[str]:
        """Call the command line and wait; `code` is the exit code that must come back."""
        done = subprocess.run(
            [sys.executable, "-m", "fairlead", *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )
        if code is not None:
            assert done.returncode == code, f"exit {done.returncode}, not {code}\n{done.stdout}\n{done.stderr}"
        return done

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """Call the command line and do not wait; it is the leader of a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "fairlead", *words],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def python(self, text: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a program in a process of its own."""
        program = self.write("program.py", text)
        return subprocess.run(
            [sys.executable, str(program)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )

    def run(self, run_id: str):
        """The run with that id, as any process sees it."""
        from fairlead import WorkflowRun

        return WorkflowRun.by_id(run_id)

    def wait_for(self, name: str, lines: int = 1, timeout: float = 20.0) -> None:
        """Wait until a task has written so many lines to a file."""
        until = time.monotonic() + timeout
        while len(self.lines(name)) < lines:
            assert time.monotonic() < until, f"{name} has {len(self.lines(name))} lines after {timeout} s"
            time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether a process is there and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # gone before, or while it was read
        return False


def kill(process: subprocess.Popen[str]) -> None:
    """Kill one process as the kernel does when memory is short, and take its pipes away."""
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
