"""The driver's bridge: how it is started, and messages over a socket, each with its length before it."""

from __future__ import annotations

import os
import select
import socket
import struct
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

__all__ = ["Link", "Stream", "command_line"]

_LENGTH = struct.Struct("=I")

_ENTRY = """\
import sys
sys.path.append({!r})
from fairlead.executors.ray.bridge import main
main()
"""


class Stream:
    """Whole messages over a stream socket; sent from any thread, received by one."""

    def __init__(self, stream: socket.socket) -> None:
        self.socket = stream
        self._rest = bytearray()
        self._lock = threading.Lock()

    def send(self, message: bytes) -> None:
        """Send a message; BrokenPipeError when the other end is gone."""
        with self._lock:
            self.socket.sendall(_LENGTH.pack(len(message)) + message)

    def is_open(self) -> bool:
        """Whether the other end is there."""
        try:
            return bool(self.socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except BlockingIOError:
            return True
        except OSError:
            return False

    def receive(self, timeout: float | None = None) -> list[bytes] | None:
        """Wait for messages; None: no more will come. Empty when the time was over first."""
        if timeout is not None and not select.select([self.socket], [], [], max(0.0, timeout))[0]:
            return []
        try:
            data = self.socket.recv(1 << 18)
        except ConnectionResetError:
            return None
        if not data:
            return None
        self._rest += data
        found, at = [], 0
        while len(self._rest) - at >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._rest, at)
            if len(self._rest) - at - _LENGTH.size < length:
                break
            found.append(bytes(self._rest[at + _LENGTH.size : at + _LENGTH.size + length]))
            at += _LENGTH.size + length
        del self._rest[:at]
        return found


class Link:
    """A bridge process, as the driver holds it."""

    def __init__(self, environ: Mapping[str, str], log: Path) -> None:
        """`log`: where the bridge, and Ray in it, writes what people may want to read when something fails."""
        ours, theirs = socket.socketpair()
        self.log = log
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        try:
            with theirs:
                self.pid = os.posix_spawn(
                    sys.executable,
                    command_line(),
                    dict(environ),
                    file_actions=[
                        (os.POSIX_SPAWN_DUP2, theirs.fileno(), 0),
                        (os.POSIX_SPAWN_DUP2, file, 1),
                        (os.POSIX_SPAWN_DUP2, file, 2),
                    ],
                    setsid=True,
                )
        finally:
            os.close(file)
        self.stream = Stream(ours)

    def close(self, patience: float = 15.0) -> None:
        """Close the driver's end, and wait until the bridge has ended all that it had started."""
        from time import monotonic, sleep

        self.stream.socket.close()
        until = monotonic() + patience
        while not self._has_ended():
            if monotonic() > until:
                os.kill(self.pid, 9)
                until += patience
            sleep(0.005)

    def let_go(self) -> None:
        """Close the driver's end, and wait for nothing."""
        self.stream.socket.close()

    def _has_ended(self) -> bool:
        try:
            return os.waitpid(self.pid, os.WNOHANG)[0] != 0
        except ChildProcessError:
            return True


def command_line() -> list[str]:
    """The command line of a bridge."""
    package = Path(__file__).resolve().parents[3]
    return [sys.executable, "-P", "-c", _ENTRY.format(str(package))]
