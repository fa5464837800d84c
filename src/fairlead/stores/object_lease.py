"""A driver's hold on a run in a bucket: an object that is renewed while the driver lives, and lapses after it.

Nothing in a bucket ends with a process, so that a hold has a time to live: a reader takes a run for
interrupted when its hold was not renewed for that long. Taking a run over needs nobody's clock but the
service's: the hold and a probe are compared by when the service says they were written. A driver that
could not renew in time finds out before it writes: the log keeps it out even where it does not.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

import msgspec

from fairlead.errors import RunBusy, StaleEpoch, StoreError
from fairlead.stores.bucket import Bucket, Entry, Version
from fairlead.stores.object_records import downward, numbered, pack, unpack

__all__ = ["ObjectLease", "acquire", "is_held"]

_COARSE = 1.0
"""Seconds by which two of a service's times may be wrong: they come in whole seconds."""
_SKEW = 2.0
"""Seconds that a reader's clock may be ahead of the service's."""


class Holder(msgspec.Struct, array_like=True):
    """Who holds a run."""

    nonce: str
    ttl: float
    """Seconds; the hold lapses when it is not renewed for so long."""
    who: str
    beat: int = 0


class ObjectLease:
    """A hold on a run, renewed by a thread of its own; `release` gives it up."""

    def __init__(self, bucket: Bucket, key: str, holder: Holder, version: Version, since: float) -> None:
        self.key = key
        self._bucket = bucket
        self._holder = holder
        self._version = version
        self._renewed = since
        self._pid = os.getpid()
        self._lost = False
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._forget: Callable[[], None] = lambda: None
        threading.Thread(target=self._work, name="fairlead-lease", daemon=True).start()

    def __repr__(self) -> str:
        return f"<ObjectLease {self.key}: {'released' if self._end.is_set() else 'lost' if self._lost else 'held'}>"

    def when_released(self, forget: Callable[[], None]) -> None:
        """Have something done when the run is let go."""
        self._forget = forget

    def release(self) -> None:
        """Let the run go; does nothing the second time, or in a forked child."""
        with self._lock:
            if self._end.is_set() or self._pid != os.getpid():
                return
            self._end.set()
        self._forget()
        if not self._lost:
            self._bucket.remove(self.key)

    def check(self, run_id: str) -> None:
        """Make sure that the run is still held, before something is written; StaleEpoch."""
        if not self._lost and time.monotonic() - self._renewed > self._holder.ttl:
            self._renew()
        if self._lost:
            raise StaleEpoch(
                f"the hold on run {run_id!r} could not be renewed for {self._holder.ttl:g} s, and it is somebody else's"
                " now, or nobody's; what was recorded is kept, and 'fairlead resume' goes on with it"
            )

    def _work(self) -> None:
        pause = self._holder.ttl / 3
        while not self._end.wait(pause):
            try:
                self._renew()
                pause = self._holder.ttl / 3
            except StoreError:
                # The service does not answer now; a writer is told when it still does not in time.
                pause = min(1.0, self._holder.ttl / 10)
            if self._lost:
                return

    def _renew(self) -> None:
        with self._lock:
            if self._end.is_set() or self._lost:
                return
            began = time.monotonic()
            late = began - self._renewed > self._holder.ttl
            if late and self._bucket.look(self.key) is None:
                self._lost = True
                return
            self._holder.beat += 1
            version = self._bucket.update(self.key, pack(self._holder), self._version)
            if version is None:
                self._lost = True
            else:
                self._version, self._renewed = version, began


def acquire(bucket: Bucket, folder: str, held: list[str], ttl: float, run_id: str) -> ObjectLease:
    """Take a run over; RunBusy when a living driver holds it. `held`: keys of holds that were listed."""
    number = 1
    for key in held[:1]:
        found = bucket.get(key)
        if found is not None and not _has_lapsed(bucket, folder, found.entry, unpack(found.data, Holder)):
            who = unpack(found.data, Holder).who
            raise RunBusy(f"run {run_id!r} is carried by {who}; wait for it, or stop it first")
        number = numbered(key) + 1
    holder = Holder(os.urandom(8).hex(), ttl, f"process {os.getpid()} on {os.uname().nodename}")
    key = f"{folder}/held/{downward(number)}"
    began = time.monotonic()
    version = bucket.claim(key, pack(holder))
    if version is None:
        raise RunBusy(f"run {run_id!r} was taken up by another driver at this moment; wait for it, or stop it first")
    bucket.remove(*held)
    return ObjectLease(bucket, key, holder, version, began)


def is_held(bucket: Bucket, held: list[str], now: float) -> bool:
    """Whether a living driver holds a run, as far as this machine's clock can tell."""
    for key in held[:1]:
        found = bucket.get(key)
        if found is not None:
            return now - found.entry.modified <= unpack(found.data, Holder).ttl + _COARSE + _SKEW
    return False


def _has_lapsed(bucket: Bucket, folder: str, entry: Entry, holder: Holder) -> bool:
    """Compare a hold with a probe that is written now: both times are the service's."""
    probe = f"{folder}/probe-{os.urandom(8).hex()}"
    bucket.put(probe, b"")
    try:
        found = bucket.look(probe)
        return found is not None and found.modified - entry.modified >= holder.ttl + _COARSE
    finally:
        bucket.remove(probe)
