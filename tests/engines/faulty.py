"""What stands between a client and a service and breaks what it is told to: cuts, errors, slowness; and it counts."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal
from urllib.parse import urlsplit

Fault = Literal["", "before", "after", "403", "500", "503", "slow"]
"""What happens to a request: nothing; the connection is cut before the service hears of it, or after it has
answered; an answer of that status in place of its own; an answer that comes late."""


class Proxy:
    """A proxy for one service. `faults(method, path)` says what happens to a request; None of them at first."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        assert parts.hostname is not None
        self._target = (parts.hostname, parts.port or 80)
        self.requests: list[tuple[str, str]] = []
        self.faults: Callable[[str, str], Fault] = lambda method, path: ""
        self.delay = 0.5
        self.refuse = b""
        """What an answer of 403 says."""
        self.endpoint = ""
        self._lock = threading.Lock()

    def exchange(self, client: socket.socket) -> None:
        """Carry one connection's requests to the service and back."""
        reader = client.makefile("rb")
        with socket.create_connection(self._target) as service, service.makefile("rb") as answers:
            while (message := _message(reader)) is not None:
                head, body = message
                method, path = head.split(b" ", 2)[:2]
                with self._lock:
                    self.requests.append((method.decode(), path.decode()))
                    fault = self.faults(method.decode(), path.decode())
                if fault == "before":
                    return
                if fault in ("403", "500", "503"):
                    said = self.refuse if fault == "403" else b""
                    client.sendall(
                        b"HTTP/1.1 %s No\r\nContent-Length: %d\r\n\r\n%s" % (fault.encode(), len(said), said)
                    )
                    continue
                service.sendall(head + body)
                answer = _message(answers, of=method)
                if fault == "after" or answer is None:
                    return
                if fault == "slow":
                    time.sleep(self.delay)
                client.sendall(answer[0] + answer[1])


def _message(reader: object, *, of: bytes = b"") -> tuple[bytes, bytes] | None:
    """Read a request, or the answer to one (`of`: its method); None at the end of the connection."""
    lines = []
    while True:
        line: bytes = reader.readline()  # type: ignore[attr-defined]
        if not line:
            return None
        lines.append(line)
        if line == b"\r\n":
            break
    fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines[1:-1])}
    body = b""
    if of != b"HEAD" and b" 204 " not in lines[0]:
        if fields.get(b"transfer-encoding") == b"chunked":
            body = _chunks(reader)
        elif b"content-length" in fields:
            body = reader.read(int(fields[b"content-length"]))  # type: ignore[attr-defined]
    return b"".join(lines), body


def _chunks(reader: object) -> bytes:
    body = b""
    while True:
        line: bytes = reader.readline()  # type: ignore[attr-defined]
        size = int(line.split(b";")[0], 16)
        body += line + reader.read(size + 2)  # type: ignore[attr-defined]
        if not size:
            return body


@contextmanager
def proxy(target: str) -> Iterator[Proxy]:
    """Stand between clients and the service at `target`, on a free port of loopback."""
    made = Proxy(target)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that goes away in the middle is no failure of the test."""

    class Exchange(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            made.exchange(self.request)

    with Server(("127.0.0.1", 0), Exchange) as server:
        made.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()
