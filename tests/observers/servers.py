"""Real receivers for what observers send: HTTP and SMTP on this machine, each in a thread."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Received(list):
    """What a receiver got, in order, and where it listens."""

    port = 0
    answers: list[int]
    """Status codes to give before all is well."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


@contextmanager
def http_receiver(*answers: int) -> Iterator[Received]:
    """Receive POST requests, as (path, headers, body)."""
    received = Received()
    received.answers = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            code = received.answers.pop(0) if received.answers else 200
            if code == 200:
                received.append((self.path, dict(self.headers), body))
            self.send_response(code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    yield from _serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler), received)


@contextmanager
def smtp_receiver() -> Iterator[Received]:
    """Receive mails, as (from, to, text)."""
    received = Received()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            self.wfile.write(b"220 here\r\n")
            sender, to = "", []
            for line in self.rfile:
                word = line[:4].upper()
                if word == b"MAIL":
                    sender = line.decode().strip()[10:]
                elif word == b"RCPT":
                    to.append(line.decode().strip()[8:])
                elif word == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    lines = []
                    while (line := self.rfile.readline()) != b".\r\n":
                        lines.append(line)
                    received.append((sender, to, b"".join(lines).decode()))
                elif word == b"QUIT":
                    self.wfile.write(b"221 bye\r\n")
                    return
                self.wfile.write(b"250 fine\r\n")

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    yield from _serving(Server(("127.0.0.1", 0), Handler), received)


def _serving(server, received: Received) -> Iterator[Received]:
    received.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
