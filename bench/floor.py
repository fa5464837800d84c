"""The least that does the job: a SQLite file with one row per task, and two forked workers on pipes.

What the floors of several works share. A floor has no graph, no names, no retries, no errors: it is
what is left when everything that can be left out is left out.
"""

from __future__ import annotations

import os
import pickle
import selectors
import sqlite3
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

__all__ = ["Journal", "Workers"]

_HEAD = struct.Struct("<I")


class Journal:
    """Rows in a SQLite file, durable from the moment of each commit: 100 rows, or when asked."""

    def __init__(self, file: str) -> None:
        self._database = sqlite3.connect(file, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.execute("CREATE TABLE IF NOT EXISTS task (path TEXT, started REAL, ended REAL, value TEXT)")
        self._rows: list[tuple[str, float, float, str]] = []

    def add(self, path: str, started: float, ended: float, value: str) -> None:
        self._rows.append((path, started, ended, value))
        if len(self._rows) == 100:
            self.commit()

    def commit(self) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        self._database.executemany("INSERT INTO task VALUES (?, ?, ?, ?)", self._rows)
        self._database.execute("COMMIT")
        self._rows.clear()


class Workers:
    """Forked processes that apply a function to what comes down a pipe, many items in flight."""

    def __init__(self, count: int, function: Callable[[Any], Any], ahead: int = 16) -> None:
        self._ahead = ahead
        self._pipes: list[tuple[int, int]] = []
        self._children: list[int] = []
        for _ in range(count):
            (down_read, down_write), (up_read, up_write) = os.pipe(), os.pipe()
            child = os.fork()
            if not child:
                for inherited in (down_write, up_read, *(end for pair in self._pipes for end in pair)):
                    os.close(inherited)
                _work(function, down_read, up_write)
            os.close(down_read)
            os.close(up_write)
            self._pipes.append((down_write, up_read))
            self._children.append(child)

    def map(self, items: Sequence[Any]) -> Iterator[tuple[int, float, float, Any]]:
        """Give (index, started, ended, result) of every item, in the order in which they end."""
        waiting = enumerate(items)
        selector = selectors.DefaultSelector()
        for down, up in self._pipes:
            selector.register(up, selectors.EVENT_READ, (down, bytearray()))
            _send(down, [item for _, item in zip(range(self._ahead), waiting, strict=False)])
        left = len(items)
        while left:
            for key, _ in selector.select():
                down, rest = key.data
                rest += os.read(key.fd, 1 << 16)
                ended = list(_messages(rest))
                _send(down, [item for _, item in zip(ended, waiting, strict=False)])
                left -= len(ended)
                yield from ended
        selector.close()

    def close(self) -> None:
        for down, up in self._pipes:
            os.close(down)
            os.close(up)
        for child in self._children:
            os.waitpid(child, 0)


def _send(pipe: int, messages: list[Any]) -> None:
    packed = [pickle.dumps(message, 5) for message in messages]
    if packed:
        data = b"".join(part for body in packed for part in (_HEAD.pack(len(body)), body))
        while data:
            data = data[os.write(pipe, data) :]


def _messages(data: bytearray) -> Iterator[Any]:
    while len(data) >= 4:
        (size,) = _HEAD.unpack_from(data)
        if len(data) < 4 + size:
            return
        yield pickle.loads(data[4 : 4 + size])
        del data[: 4 + size]


def _work(function: Callable[[Any], Any], down: int, up: int) -> None:
    """Be a worker until the pipe ends; never returns."""
    rest = bytearray()
    while data := os.read(down, 1 << 16):
        rest += data
        for index, item in _messages(rest):
            started = time.time()
            result = function(item)
            _send(up, [(index, started, time.time(), result)])
    os._exit(0)
