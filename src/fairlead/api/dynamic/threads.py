"""Threads that a dynamic body starts belong to it: they inherit its context, as asyncio's tasks do.

Without that, a call in a thread of `concurrent.futures` would be a plain call, and nobody would know of it.
Only threads that are started from within a body are touched.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from typing import Any

from fairlead.author.scope import current

__all__ = ["inherited_context"]

_LOCK = threading.Lock()
_bodies = 0
_plain_start: Any = None


@contextmanager
def inherited_context() -> Iterator[None]:
    """While this is entered, threads started from within a dynamic body run in a copy of its context."""
    global _bodies, _plain_start
    with _LOCK:
        _bodies += 1
        if _bodies == 1:
            _plain_start = threading.Thread.start
            threading.Thread.start = _start  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        with _LOCK:
            _bodies -= 1
            if not _bodies and threading.Thread.start is _start:
                threading.Thread.start = _plain_start  # type: ignore[method-assign]


def _start(thread: threading.Thread, *args: Any, **kwargs: Any) -> Any:
    scope = current.get()
    if scope is not None and scope is not False and not scope:
        thread.run = partial(copy_context().run, thread.run)  # type: ignore[method-assign]
    return _plain_start(thread, *args, **kwargs)
