"""The store of many hosts that takes nothing but a bucket: the rules of the RunStore port.

A run is made by creating `ids/RUN`, and goes on by commits in its log, which also say how it stands.
What the objects are is in `object_records.py`; the log in `object_log.py`, who is alive in
`object_lease.py`, lists in `object_index.py`, reuse in `object_keys.py`.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn, TypeAlias

import msgspec
from msgspec.structs import replace

from fairlead.errors import NotFound, RunExists, StaleEpoch, StoreError
from fairlead.model.events import Attempt, Origin
from fairlead.model.run import FINAL, Group, Run, RunFilter, RunSummary
from fairlead.ports import Commit, Reach
from fairlead.stores.absent import no_run
from fairlead.stores.bucket import Bucket
from fairlead.stores.lease import file_name
from fairlead.stores.object_index import Index
from fairlead.stores.object_keys import Keys
from fairlead.stores.object_lease import ObjectLease, acquire, is_held
from fairlead.stores.object_log import Folder, Log, Tail
from fairlead.stores.object_records import (
    VERSION,
    Asked,
    Candidate,
    Live,
    Made,
    id_key,
    merged,
    moved,
    pack,
    stem_of,
    unpack,
)

__all__ = ["ObjectStore"]

_ASKED = 1.0
"""Seconds for which an answer to `cancel_asked` counts: a stop takes so much longer at most."""
_FEW = 4
_ONE_IN = 32
"""Of so many runs that end, one gathers the summaries of the others."""
_Facts: TypeAlias = dict[tuple[str, int], Attempt]
_Attempts: TypeAlias = list[Attempt]  # named out here, because the store has a method `list`


class _Carried:
    """What this process knows of a run that it writes to."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.lock = threading.Lock()
        self.tail: Tail | None = None
        self.facts: _Facts | None = None
        """Attempts recorded so far, without what they gave; None: others have written some."""
        self.lease: ObjectLease | None = None
        self.asked = (0, False, 0.0)
        """Epoch, whether somebody asked it to stop, and until when (by a steady clock) that counts."""


class ObjectStore:
    """Keeps runs in a bucket, for any number of processes on any number of hosts."""

    def __init__(self, bucket: Bucket, *, ttl: float = 30.0, holds: Bucket | None = None) -> None:
        """`ttl`: seconds that a hold on a run lasts after its driver's end. `holds`: the same bucket, more hurried."""
        self.reach: Reach = "process" if bucket.name.startswith("memory:") else "network"
        self._bucket = bucket
        self._holds = holds or bucket
        self._ttl = ttl
        self._index = Index(bucket)
        self._keys = Keys(bucket)
        self._lock = threading.Lock()
        self._runs: dict[str, _Carried] = {}

    def __repr__(self) -> str:
        return f"<ObjectStore {self._bucket.name}>"

    # --- runs -------------------------------------------------------------------------------------

    def create(self, run: Run, groups: Sequence[Group] = ()) -> None:
        """Record a new run as `created`; RunExists."""
        uid = os.urandom(12).hex()
        stem = stem_of(run.created, time.time(), uid)
        summary = RunSummary(
            run.id, run.workflow.name, "created", run.created, parent=run.parent, tags=run.tags, target=run.target
        )
        try:
            made = Made(VERSION, uid, stem, summary, [*groups], msgspec.Raw(msgspec.msgpack.encode(run)))
        except (TypeError, ValueError) as error:
            raise StoreError(f"cannot record run {run.id!r}: {error}") from error
        # In the lists first: what is there and not made is passed over, what is made and not there would be lost.
        self._index.note(Live(uid, stem, summary))
        if self._bucket.claim(id_key(run.id), pack(made)) is None:
            self._index.forget(stem, 0)
            raise RunExists(f"there is a run {run.id!r} in {self._bucket.name} already; choose another id")
        with self._lock:
            carried = self._runs[run.id] = _Carried(Log(self._bucket, made))
        carried.facts = {}

    def get(self, run_id: str) -> Run:
        """Give the record as it was created; NotFound."""
        return self._of(run_id).log.made.record()

    def summary(self, run_id: str) -> RunSummary:
        """Give where the run stands, `interrupted` worked out; NotFound."""
        carried, folder = self._seen(run_id)
        summary = self._told(carried, folder)
        if summary.status == "running" and not self._is_held(folder):
            # Its driver may have ended it after the log was read and before its hold was.
            folder = carried.log.folder()
            summary = self._told(carried, folder)
            if summary.status == "running" and not self._is_held(folder):
                summary.status = "interrupted"
        return summary

    def list(self, wanted: RunFilter) -> Sequence[RunSummary]:
        """Give runs, newest first, `interrupted` worked out."""
        return self._index.runs(wanted, self._checked)

    def groups(self, run_id: str) -> Sequence[Group]:
        """Give the run's groups in the order in which they were first committed."""
        return self._fresh(run_id).log.groups()

    def remove(self, run_id: str) -> None:
        """Forget a run; RunBusy while a driver carries it, and no effect when there is none."""
        try:
            carried = self._fresh(run_id)
        except NotFound:
            return
        lease = self.lease(run_id)
        try:
            made = carried.log.made
            live = Live(made.uid, made.stem, made.summary)
            self._index.bury(live)
            self._finish_removal(live)
        finally:
            lease.release()
            with self._lock:
                self._runs.pop(run_id, None)

    def close(self) -> None:
        """Let go what this process remembers; the bucket is not held open."""
        with self._lock:
            self._runs.clear()

    # --- what a driver does -----------------------------------------------------------------------

    def lease(self, run_id: str) -> ObjectLease:
        """Take the run over; RunBusy when a living driver holds it."""
        try:
            carried, folder = self._seen(run_id)
        except NotFound:
            # Whoever tries whether holds work here does so without a run.
            place = f"holds/{file_name(run_id)}"
            held = [entry.key for entry in self._bucket.list(f"{place}/held")]
            return acquire(self._holds, place, held, self._ttl, run_id)
        lease = acquire(self._holds, carried.log.path, folder.held, self._ttl, run_id)

        def forget() -> None:
            if carried.lease is lease:
                carried.lease = None

        carried.lease = lease
        lease.when_released(forget)
        return lease

    def open(self, run_id: str, at: float) -> int:
        """Begin the run's next epoch and give its number; older epochs can write no more."""
        seen: Folder | None
        carried, seen = self._seen(run_id)
        with carried.lock:
            while True:
                tail, seen = self._read_tail(carried, seen), None
                old = tail.summary
                summary = replace(
                    old, epoch=old.epoch + 1, status="running", started=at if old.started is None else old.started,
                    ended=None, error="", cancel_asked=None,
                )  # fmt: skip
                if self._add(carried, tail, summary, Commit([])):
                    break
            made = carried.log.made
            self._index.note(Live(made.uid, made.stem, summary))
            self._index.forget(made.stem, old.epoch)
            return summary.epoch

    def append(self, run_id: str, epoch: int, commit: Commit) -> None:
        """Write it all, durably, or nothing; StaleEpoch when a newer driver opened the run."""
        carried = self._of(run_id)
        with carried.lock:
            if carried.lease is not None:
                carried.lease.check(run_id)
            tail = carried.tail or self._read_tail(carried)
            while True:
                if tail.summary.epoch != epoch:
                    tail = self._read_tail(carried)
                if tail.summary.epoch != epoch:
                    raise StaleEpoch(
                        f"run {run_id!r} is in epoch {tail.summary.epoch}, not {epoch}: another driver took it over"
                    )
                summary = moved(tail.summary, commit)
                keyed = self._keyed(carried, commit.attempts)
                if self._add(carried, tail, summary, commit):
                    break
                carried.facts = None
                tail = self._read_tail(carried)
            self._keys.add([Candidate(carried.log.made.uid, run_id, attempt) for attempt in keyed])
            self._settle(carried, tail.summary, summary)

    def ask_cancel(self, run_id: str, at: float) -> bool:
        """Ask whoever carries the run to stop; False (and no effect) when it has ended."""
        carried, folder = self._seen(run_id)
        summary = carried.log.tail(folder).summary
        if summary.status in FINAL:
            return False
        self._bucket.create(carried.log.cancel_key(summary.epoch), pack(at))
        carried.asked = (summary.epoch, True, time.monotonic() + _ASKED)
        return True

    def cancel_asked(self, run_id: str) -> bool:
        """Whether somebody asked the run to stop; the bucket is asked once a second."""
        carried = self._of(run_id)
        epoch, asked, until = carried.asked
        tail = carried.tail
        if time.monotonic() < until and (tail is None or tail.summary.epoch == epoch):
            return asked
        if tail is None or carried.lease is None:
            carried, folder = self._seen(run_id)
            tail = carried.log.tail(folder)
        epoch = tail.summary.epoch
        asked = self._bucket.look(carried.log.cancel_key(epoch)) is not None
        carried.asked = (epoch, asked, time.monotonic() + _ASKED)
        return asked

    # --- facts ------------------------------------------------------------------------------------

    def attempts(
        self,
        run_id: str,
        *,
        group: str | None = None,
        path: str | None = None,
        under: str | None = None,
        outcome: str | None = None,
        limit: int | None = None,
    ) -> Sequence[Attempt]:
        """Give the attempts recorded, by path and number: all, or those that are asked for."""
        return self._fresh(run_id).log.attempts(Asked(group, path, under, outcome))[:limit]

    def find(self, keys: Sequence[str]) -> dict[str, tuple[Origin, Attempt]]:
        """Give the successful attempt of each key that ended last, of any run."""
        return self._keys.find(keys)

    # --- within: looking --------------------------------------------------------------------------

    def _of(self, run_id: str) -> _Carried:
        """Give what is known of a run: it may have been removed since."""
        self._bucket.refuse_forks()  # before any lock, which a thread of the parent may have held
        carried = self._runs.get(run_id)
        return carried if carried is not None else self._look_up(run_id)

    def _look_up(self, run_id: str) -> _Carried:
        found = self._bucket.get(id_key(run_id))
        if found is None:
            with self._lock:
                self._runs.pop(run_id, None)
            self._missing(run_id)
        made = unpack(found.data, Made)
        with self._lock:
            known = self._runs.get(run_id)
            if known is None or known.log.made.uid != made.uid:
                known = self._runs[run_id] = _Carried(Log(self._bucket, made))
            return known

    def _fresh(self, run_id: str) -> _Carried:
        return self._seen(run_id)[0]

    def _seen(self, run_id: str) -> tuple[_Carried, Folder]:
        """Give a run that is there, and what its folder says."""
        self._bucket.refuse_forks()
        known = self._runs.get(run_id)
        if known is not None:
            folder = known.log.folder()
            if folder.serials or known.lease is not None:
                return known, folder
        # Nothing was committed yet, or it was removed, perhaps made anew: only its id says.
        carried = self._look_up(run_id)
        return carried, carried.log.folder()

    def _told(self, carried: _Carried, folder: Folder) -> RunSummary:
        summary = carried.log.tail(folder).summary
        if summary.epoch in folder.cancelled:
            summary.cancel_asked = carried.log.asked_at(summary.epoch)
        return summary

    def _is_held(self, folder: Folder) -> bool:
        return is_held(self._bucket, folder.held, time.time())

    def _checked(self, live: Live) -> RunSummary | None:
        """Say how a run stands that has not ended, as far as lists know; None: it was removed, or never quite made."""
        run_id = live.summary.id
        try:
            summary = self.summary(run_id)
        except NotFound:
            return None
        return summary if self._of(run_id).log.made.uid == live.uid else None

    def _missing(self, run_id: str) -> NoReturn:
        from itertools import islice

        names = [entry.key.partition("/")[2] for entry in islice(self._bucket.list("ids"), 1000)]
        raise no_run(run_id, self._bucket.name, [name for name in names if name[:1] != "~"])

    # --- within: writing --------------------------------------------------------------------------

    def _read_tail(self, carried: _Carried, folder: Folder | None = None) -> Tail:
        before, tail = carried.tail, carried.log.tail(folder)
        if not tail.serial:
            carried.facts = {}
        elif before is None or before.serial != tail.serial:
            carried.facts = None
        carried.tail = tail
        return tail

    def _add(self, carried: _Carried, tail: Tail, summary: RunSummary, commit: Commit) -> bool:
        try:
            if not carried.log.add(tail, summary, commit.attempts, commit.groups):
                return False
        except StoreError:
            carried.tail = carried.facts = None  # it may be there, or not
            raise
        carried.tail = Tail(tail.serial + 1, summary)
        return True

    def _keyed(self, carried: _Carried, attempts: Sequence[Attempt]) -> _Attempts:
        """Give the successes among these that a key leads to, whole; what is known of all is kept up to date."""
        if carried.facts is None:
            if not any(attempt.outcome == "succeeded" for attempt in attempts):
                return []
            carried.facts = self._recorded(carried, attempts)
            whole = False
        else:
            whole = True
        ended = [(one.path, one.attempt) for one in attempts if one.outcome is not None]
        already = {place for place in ended if (old := carried.facts.get(place)) and old.outcome is not None}
        merged([replace(attempt) for attempt in attempts], carried.facts)
        new = [carried.facts[place] for place in dict.fromkeys(ended) if place not in already]
        keyed = [replace(one) for one in new if one.outcome == "succeeded" and one.key]
        for place in ended:
            one = carried.facts[place]
            carried.facts[place] = Attempt(one.path, one.attempt, outcome=one.outcome)
        if not whole:
            carried.facts = None
        return keyed

    def _recorded(self, carried: _Carried, attempts: Sequence[Attempt]) -> _Facts:
        """Read what is recorded of these attempts: of a few by path, so that it does not grow with the run."""
        paths = {attempt.path for attempt in attempts}
        known: _Facts = {}
        for path in [*paths] if len(paths) <= _FEW else [None]:
            merged(carried.log.attempts(Asked(path=path)), known)
        return known

    def _settle(self, carried: _Carried, before: RunSummary, now: RunSummary) -> None:
        """Do what follows from a commit that is there: none of it loses a fact when it breaks off."""
        assert carried.tail is not None
        made = carried.log.made
        closed = now.status in FINAL and before.status not in FINAL
        if closed:
            asked = now.status == "cancelled" or carried.asked[:2] == (now.epoch, True)
            listed = replace(now, cancel_asked=carried.log.asked_at(now.epoch)) if asked else now
            self._index.note(Live(made.uid, made.stem, listed))
        # The commits are there by themselves, and so are the summaries: whoever comes next tries again.
        with suppress(StoreError):
            carried.log.tidy(carried.tail.serial, closed=closed)
            if closed and int(made.uid[:4], 16) % _ONE_IN == 0:
                self._index.tidy(self._finish_removal)

    def _finish_removal(self, live: Live) -> None:
        """Remove all that there is of a run but the mark that it was removed."""
        run_id = live.summary.id
        found = self._bucket.get(id_key(run_id))
        if found is not None and (made := unpack(found.data, Made)).uid == live.uid:
            keys = {one.key for one in Log(self._bucket, made).attempts(Asked(outcome="succeeded")) if one.key}
            self._keys.drop(live.uid, [*keys])
            self._bucket.remove(id_key(run_id))
        self._bucket.remove(*(entry.key for entry in self._bucket.list(f"runs/{live.uid}")))
