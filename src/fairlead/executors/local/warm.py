"""Pools that no run uses, kept warm for the next run of this process.

A run has a pool to itself; which code a pool's workers know is checked by the pool.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Sequence
from typing import Any

from fairlead.executors.local.pool import Pool

__all__ = ["close_parked", "park", "take", "warm"]

_PARKED: dict[tuple[Any, ...], list[Pool]] = {}
"""Pools that no run uses, of this process, by what they were made for."""
_LOCK = threading.Lock()


def take(key: tuple[Any, ...], line: Sequence[str]) -> Pool:
    """Give a warm pool that nobody uses, or a new one."""
    while True:
        with _LOCK:
            parked = _PARKED.get(key)
            pool = parked.pop() if parked else None
        if pool is None:
            return Pool(line)
        if pool.is_alive():
            return pool
        pool.close()


def warm(key: tuple[Any, ...], line: Sequence[str]) -> None:
    """See to it that there is a pool with a worker that nobody uses; a new one is not waited for."""
    with _LOCK:
        if _PARKED.get(key):
            return
    pool = Pool(line)
    # Whatever the run is, it needs one; how many more, its jobs will tell.
    pool.grow_ahead()
    park(key, pool)


def park(key: tuple[Any, ...], pool: Pool) -> None:
    """Keep a pool warm for the next run."""
    pool.leave_warm()
    with _LOCK:
        _PARKED.setdefault(key, []).append(pool)


def close_parked() -> None:
    """End the processes of all pools that no run uses."""
    with _LOCK:
        pools = [pool for parked in _PARKED.values() for pool in parked]
        _PARKED.clear()
    for pool in pools:
        pool.close()


def _let_go() -> None:
    """At the end of the process the fork servers see it themselves; what a fork has copied is the parent's."""
    for parked in _PARKED.values():
        for pool in parked:
            pool.let_go()
    # Who runs something even now gets a pool of his own.
    _PARKED.clear()


atexit.register(_let_go)
os.register_at_fork(after_in_child=_let_go)
