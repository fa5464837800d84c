"""What a task may change in its process and must not leave behind: folder, environment, signal handlers.

Asked after every task, so that what is as it was costs a microsecond or two. Streams are the business
of `capture`.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # it has no stub
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from os import getcwd
from typing import Any

__all__ = ["Surroundings", "working_in"]

_handler = _signal.getsignal
"""As signal.getsignal, which makes an enum of the number at 4 µs a time."""

_TERM, _INT, _ALRM, _CHLD = _HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGCHLD)
"""Signals whose handlers are put back after a task."""


def _handlers() -> tuple[Any, ...]:
    return _handler(_TERM), _handler(_INT), _handler(_ALRM), _handler(_CHLD)


class Surroundings:
    """How a process was when this was made, and how it is to be again."""

    __slots__ = ("_environ", "_handlers", "_home")

    def __init__(self) -> None:
        self._home = _home()
        self._environ = _environ().copy()
        self._handlers = _handlers()

    def put_back(self) -> None:
        """Undo what a task has changed; for the main thread, since others cannot set signal handlers."""
        try:
            moved = getcwd() != self._home  # noqa: PTH109  # asked after every task
        except FileNotFoundError:  # a task has removed the folder that it went into
            moved = True
        if moved:
            _go_home(self._home)
        # The mapping behind os.environ: to compare that one costs less than a microsecond.
        data = getattr(os.environ, "_data", None)
        if (data if data.__class__ is dict else _environ()) != self._environ and not OTHERS:
            _restore_environ(self._environ)
        if _handlers() != self._handlers:
            for number, handler in zip(_HANDLED, self._handlers, strict=True):
                if _handler(number) is not handler:
                    signal.setitimer(signal.ITIMER_REAL, 0)
                    signal.signal(number, handler)


OTHERS: set[int] = set()
"""Who runs tasks in other threads than the main one: what the environment holds may be theirs."""

_TURN = threading.RLock()
"""A process has one working directory: its threads take turns with it."""

_GUARD = threading.Lock()
"""Held while somebody looks who is away, or goes."""

_away: list[tuple[int, str]] = []
"""Threads in a folder of their own, and where they came from; more than one entry where runs are nested."""


@contextmanager
def working_in(folder: str) -> Iterator[None]:
    """Make a folder the working directory for a while; other threads that want one wait."""
    with _TURN:
        # A descriptor: it leads back also where the folder was moved or removed meanwhile.
        descriptor = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        home = _home()
        with _GUARD:
            _away.append((threading.get_ident(), home))
            os.chdir(folder)
        try:
            yield
        finally:
            with _GUARD:
                os.fchdir(descriptor)
                _away.pop()
            os.close(descriptor)


def _home() -> str:
    """Give the working directory, as it is without what another thread is doing; "" where it is gone."""
    with _GUARD:
        if _away and _away[0][0] != threading.get_ident():
            return _away[0][1]
        try:
            return os.getcwd()  # noqa: PTH109 - pathlib is a slow import
        except FileNotFoundError:
            return ""


def _go_home(home: str) -> None:
    with _GUARD:
        if home and not (_away and _away[0][0] != threading.get_ident()):
            os.chdir(home)


def _environ() -> dict[Any, Any]:
    """The process environment as the mapping behind os.environ: comparing that costs a microsecond."""
    data = getattr(os.environ, "_data", None)
    return data if isinstance(data, dict) else dict(os.environ)


def _restore_environ(before: dict[Any, Any]) -> None:
    wanted = {os.fsdecode(name): os.fsdecode(value) for name, value in before.items()}
    for name in [name for name in os.environ if name not in wanted]:
        del os.environ[name]
    os.environ.update(wanted)
