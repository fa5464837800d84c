"""A TCP proxy that cuts connections: after so many bytes, at both ends or only at the near one."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from typing import Self

_RESET = struct.pack("ii", 1, 0)
"""Closing tells the other side at once that the connection is gone, without waiting for what is on its way."""


class CuttingProxy:
    """Passes bytes on to a port of loopback, until `after` of them have passed in all: then it cuts, once.

    `half`: only the client sees the cut; the server's side stays open, as behind a device that forgot us.
    """

    def __init__(self, port: int, *, after: int | None = None, half: bool = False) -> None:
        self._target = port
        self._half = half
        self._lock = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._kept: list[socket.socket] = []
        self._closed = False
        self.after = after
        self.passed = 0
        self.cuts = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        for one in self._kept:
            one.close()

    def close(self) -> None:
        """Cut all connections, and take no more."""
        self._closed = True
        with suppress(OSError):  # the second time
            self._listener.shutdown(socket.SHUT_RDWR)  # closing alone would take one more
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Cut all connections now."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
            self.cuts += bool(pairs)
        for near, far in pairs:
            _reset(near)
            if self._half and not self._closed:
                self._kept.append(far)
            else:
                _reset(far)

    def _accept(self) -> None:
        while not self._closed:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return  # closed
            far = socket.create_connection(("127.0.0.1", self._target))
            for one in (near, far):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._pairs.append((near, far))
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(source, sink, near, far), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, near: socket.socket, far: socket.socket) -> None:
        while True:
            try:
                data = source.recv(65536)
            except OSError:
                data = b""
            with self._lock:
                here = (near, far) in self._pairs
                left = None if self.after is None else max(0, self.after - self.passed)
                self.passed += len(data)
            if not data or not here:
                break
            if left is not None and len(data) > left:
                # As far as it comes: what the other side gets may be half a message.
                self.after = None
                _send(sink, data[:left])
                self.cut()
                return
            if not _send(sink, data):
                break
        self._end(near, far)

    def _end(self, near: socket.socket, far: socket.socket) -> None:
        """One side is done: so is the other."""
        with self._lock:
            if (near, far) not in self._pairs:
                return
            self._pairs.remove((near, far))
        near.close()
        far.close()


def _send(sink: socket.socket, data: bytes) -> bool:
    try:
        sink.sendall(data)
    except OSError:
        return False
    return True


def _reset(one: socket.socket) -> None:
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    # A thread of ours waits in recv: it is woken, and the other side is told.
    with suppress(OSError):  # it may be gone already
        one.shutdown(socket.SHUT_RDWR)
    one.close()
