"""One run of bash: its output streamed as it comes, its processes ended with it, whatever happens.

Nothing here knows tasks, or what the output means.
"""

from __future__ import annotations

import fcntl
import os
import selectors
import signal
import subprocess
from collections.abc import Callable, Iterable, Mapping
from io import IOBase
from time import monotonic, sleep
from typing import IO, NamedTuple

from fairlead.errors import FairleadError
from fairlead.tasks.sessions import session_lives, signal_session
from fairlead.tasks.streams import Stream

__all__ = ["Ended", "find_bash", "run_bash"]

_CHUNK = 1 << 16
_LOOK = 0.2
"""Seconds between two looks at a process that cannot be waited for, and at interruptions in a thread."""
_GRACE = 1.5
"""Seconds between SIGTERM and SIGKILL; less than what a task that goes on past its limit has."""
_PATIENCE = 0.3
"""Seconds that what a command left in the background has to end by itself."""
_LEFTOVERS = 0.5
"""Seconds between SIGTERM and SIGKILL for that."""
_FULL = 1 << 20
"""Bytes that a pipe holds at most."""
_LINE = 1 << 24
"""Bytes of a last line that is looked at."""
_TAIL = 8192
_LINES = 12
"""Of stderr, what is kept for the message of a failure: bytes, lines."""
_HIGH = 200
"""Descriptors from here on are none that a script uses by number."""


class Ended(NamedTuple):
    """What became of a command."""

    code: int
    """As `subprocess` has it: below zero for a signal."""
    told: list[bytes]
    """What it told on the descriptor of its own, field by field."""
    last_line: bytes
    """The last line of stdout that is not empty, if it begins with `{`."""
    stderr: bytes
    """Its last lines."""


def find_bash() -> str:
    """Give the path of bash; FairleadError where there is none."""
    import shutil

    found = shutil.which("bash")
    if found is None:
        raise FairleadError(
            f"no bash on this machine (PATH={os.environ.get('PATH', '')}); tasks that are shell commands need it"
        )
    return found


def run_bash(
    bash: str, script: Callable[[int], str], name: str, environ: Mapping[str, str], secrets: Iterable[str]
) -> Ended:
    """Run a script to its end; `script` is given the descriptor on which it tells.

    Its output goes to sys.stdout and sys.stderr as bytes while it comes, without the secrets. It has a
    session of its own, and nothing of that is left when this comes back or raises.
    """
    secrets = list(secrets)
    read, low = os.pipe()
    write = fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, _HIGH)
    os.close(low)
    try:
        process = subprocess.Popen(
            [bash, "-c", script(write), name],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environ),
            pass_fds=(write,),
            start_new_session=True,
            bufsize=0,
        )
    except BaseException as error:
        os.close(read)
        if isinstance(error, OSError):
            raise FairleadError(f"{name!r} cannot be started: {error}") from error
        raise
    finally:
        os.close(write)
    assert process.stdout is not None and process.stderr is not None
    last, tail, told = _LastLine(), _Tail(), bytearray()
    streams: dict[IO[bytes], Stream] = {
        process.stdout: Stream("stdout", secrets, last.feed),
        process.stderr: Stream("stderr", secrets, None, tail.feed),
        os.fdopen(read, "rb", 0): Stream("", (), told.extend),
    }
    watch = _Watch(process, streams)
    try:
        code = watch.until_end()
    finally:
        watch.close()
    return Ended(code, bytes(told).split(b"\0")[:-1], last.line, tail.lines())


class _Watch:
    """A process and its streams, until nothing of it is left."""

    def __init__(self, process: subprocess.Popen[bytes], streams: dict[IO[bytes], Stream]) -> None:
        self._process = process
        self._streams = streams
        self._selector = selectors.DefaultSelector()
        self._pidfd = _pidfd(process.pid)
        for file in streams:
            os.set_blocking(file.fileno(), False)
            self._selector.register(file, selectors.EVENT_READ)
        if self._pidfd >= 0:
            self._selector.register(self._pidfd, selectors.EVENT_READ)

    def until_end(self) -> int:
        """Pass on what comes until the process has ended; give its code."""
        while not self._pump(_LOOK):
            continue
        code = self._process.wait()
        self._drain()
        # What the command has started in the background ends with it, unless it is about to end by itself,
        # as `tee` in `exec > >(tee log)` is.
        until = monotonic() + _PATIENCE
        while (self._open() or session_lives(self._process.pid)) and monotonic() < until:
            self._pump(0.01) if self._open() else sleep(0.005)
        if self._open() or session_lives(self._process.pid):
            self._end(_LEFTOVERS)
        return code

    def close(self) -> None:
        """End what still runs, and let everything go; interruptions that come meanwhile change nothing."""
        try:
            if self._process.returncode is None:
                self._end(_GRACE)
        finally:
            if self._process.returncode is None:
                signal_session(self._process.pid, signal.SIGKILL)
                self._process.wait()
            for file, stream in self._streams.items():
                stream.end()
                file.close()
            if self._pidfd >= 0:
                os.close(self._pidfd)
            self._selector.close()

    def _pump(self, timeout: float) -> bool:
        """Wait for output and pass it on; True when the process has ended."""
        ended = False
        for key, _ in self._selector.select(timeout):
            if key.fileobj == self._pidfd:
                self._selector.unregister(self._pidfd)
                ended = True
            elif isinstance(key.fileobj, IOBase):
                self._read(key.fileobj)  # type: ignore[arg-type]
        return ended or (self._pidfd < 0 and self._process.poll() is not None)

    def _read(self, file: IO[bytes]) -> bool:
        """Pass on what is there; False when that is nothing."""
        data = file.read(_CHUNK)
        if data:
            self._streams[file].feed(data)
        elif data is not None:
            self._selector.unregister(file)
        return bool(data)

    def _drain(self) -> None:
        """Pass on what a pipe holds, without waiting; somebody else may go on filling it."""
        for file in self._open():
            for _ in range(_FULL // _CHUNK):
                if not self._read(file):
                    break

    def _open(self) -> list[IO[bytes]]:
        known = self._selector.get_map()
        return [file for file in self._streams if file in known]

    def _end(self, grace: float) -> None:
        """End the session: SIGTERM, then SIGKILL."""
        try:
            signal_session(self._process.pid, signal.SIGTERM)
            until = monotonic() + grace
            while monotonic() < until and (self._process.poll() is None or session_lives(self._process.pid)):
                self._pump(0.01) if self._open() else sleep(0.005)
        finally:
            signal_session(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._drain()


def _pidfd(pid: int) -> int:
    """Open a descriptor that becomes readable when a process ends; -1 where there is no such thing."""
    try:
        return os.pidfd_open(pid) if hasattr(os, "pidfd_open") else -1
    except OSError:
        return -1


class _LastLine:
    """Keeps the last line that is not empty, if it may be a JSON object; any other is not held."""

    def __init__(self) -> None:
        self._whole = b""
        self._part = b""
        """What has come of the line that is not ended."""

    def feed(self, data: bytes) -> None:
        head, newline, rest = data.rpartition(b"\n")
        if newline:
            lines = (self._part + head).rstrip()
            if lines:
                self._whole = _kept(lines.rpartition(b"\n")[2])
            self._part = b""
        self._part = _kept(self._part + rest)

    @property
    def line(self) -> bytes:
        """The line without space around it; empty when it does not begin with `{`."""
        line = self._part.strip() or self._whole.strip()
        return line if line.startswith(b"{") else b""


def _kept(line: bytes) -> bytes:
    """Give what must be held of a line: all of one that may be an object, else a letter that says it is none."""
    start = line.lstrip()[:1]
    return line if start in {b"", b"{"} and len(line) <= _LINE else b"x"


class _Tail:
    """Keeps the end of a stream."""

    def __init__(self) -> None:
        self._kept = b""

    def feed(self, data: bytes) -> None:
        self._kept = (self._kept + data)[-_TAIL:]

    def lines(self) -> bytes:
        return b"\n".join(self._kept.rstrip(b"\n").split(b"\n")[-_LINES:])
