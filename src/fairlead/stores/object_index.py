"""The runs of a store in a bucket as lists show them: newest first, in few requests however many there are.

Each epoch of a run has an object of its own under `live`, written when the epoch begins and when it
ends. What has ended is gathered into blocks of many; a run that is resumed afterwards has a `live`
object again, which counts for more than the block. A run that is removed is marked first, so that a
removal that broke off is neither shown nor forgotten.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from math import inf
from typing import NamedTuple

from fairlead.model.run import FINAL, RunFilter, RunSummary
from fairlead.stores.bucket import Bucket, in_parallel
from fairlead.stores.object_records import Live, pack, unpack

__all__ = ["Index"]

_LOOSE = 128
"""Ended runs, and removed ones, that may wait to be gathered."""
_BLOCK = 1000
"""Runs in a block at most."""
_AT_ONCE = 64
_AGAIN = 5
_GONE = "gone"


class _Changed(Exception):
    """What was listed was gathered, or went on, before it was read."""


class _Names(NamedTuple):
    live: dict[str, str]
    """Keys of each run's latest epoch, by the run's place in lists."""
    outdated: list[str]
    """Keys of earlier epochs, which nobody needs."""
    gone: dict[str, str]
    """Keys of the marks of removed runs, by the run's place."""
    blocks: list[tuple[str, int, str]]
    """The place of a block's newest run, how many it has, and its key."""


class Index:
    """Summaries of all runs."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    # --- what happens to one run ------------------------------------------------------------------

    def note(self, live: Live) -> None:
        """Put a run's summary where lists look: as it begins an epoch, or as it has ended one."""
        self._bucket.put(_live_key(live.stem, live.summary.epoch), pack(live))

    def forget(self, stem: str, epoch: int) -> None:
        """Remove what an earlier epoch had."""
        self._bucket.remove(_live_key(stem, epoch))

    def bury(self, live: Live) -> None:
        """Mark a run as removed, before anything of it goes."""
        self._bucket.put(f"index/live/{live.stem}.{_GONE}", pack(live))

    # --- lists ------------------------------------------------------------------------------------

    def runs(self, wanted: RunFilter, check: Callable[[Live], RunSummary | None]) -> list[RunSummary]:
        """Give the runs that are wanted, newest first; `check` says how one stands that has not ended."""
        for _ in range(_AGAIN):
            try:
                return self._runs(wanted, check, strict=True)
            except _Changed:
                continue
        # Runs end faster than they can be listed: one that moves just now may be missing.
        return self._runs(wanted, check, strict=False)

    def _runs(self, wanted: RunFilter, check: Callable[[Live], RunSummary | None], *, strict: bool) -> list[RunSummary]:
        names = self._names()
        sources = sorted([*names.live.items(), *((first, key) for first, _, key in names.blocks)])
        limit = inf if wanted.limit is None else wanted.limit
        waiting: dict[str, Live] = {}
        found: list[RunSummary] = []
        for start in range(0, len(sources), _AT_ONCE):
            some = sources[start : start + _AT_ONCE]
            for lives in in_parallel(lambda source: self._read(source[1], strict=strict), some):
                _take(lives, waiting, names)
            rest = sources[start + _AT_ONCE : start + _AT_ONCE + 1]
            ready = sorted(stem for stem in waiting if not rest or stem < rest[0][0])
            found += self._standing([waiting.pop(stem) for stem in ready], wanted, check)
            if len(found) >= limit:
                break
        return found[: wanted.limit]

    def _standing(
        self, lives: list[Live], wanted: RunFilter, check: Callable[[Live], RunSummary | None]
    ) -> list[RunSummary]:
        fitting = [live for live in lives if _fits(live.summary, wanted)]
        looked = in_parallel(lambda live: live.summary if live.summary.status in FINAL else check(live), fitting)
        return [one for one in looked if one is not None and wanted.status in (None, one.status)]

    def _read(self, key: str, *, strict: bool) -> list[Live]:
        found = self._bucket.get(key)
        if found is None:
            if strict:
                raise _Changed
            return []
        return unpack(found.data, list[Live]) if key.startswith("index/blocks/") else [unpack(found.data, Live)]

    def _names(self) -> _Names:
        names = _Names({}, [], {}, [])
        epochs: dict[str, int] = {}
        for entry in self._bucket.list("index"):
            kind, _, name = entry.key.removeprefix("index/").partition("/")
            if kind == "blocks":
                first, count, _ = name.split("~")
                names.blocks.append((first, int(count), entry.key))
                continue
            stem, _, epoch = name.rpartition(".")
            if epoch == _GONE:
                names.gone[stem] = entry.key
            elif int(epoch) > epochs.get(stem, -1):
                epochs[stem] = int(epoch)
                names.outdated.extend([names.live[stem]] if stem in names.live else [])
                names.live[stem] = entry.key
            else:
                names.outdated.append(entry.key)
        for stem in names.gone:
            names.live.pop(stem, None)
        return names

    # --- gathering --------------------------------------------------------------------------------

    def tidy(self, finish: Callable[[Live], None]) -> None:
        """Gather what has ended, once it has become much; `finish` ends removals that broke off."""
        names = self._names()
        if len(names.live) + len(names.gone) < _LOOSE:
            return
        lives = [live for some in in_parallel(self._look, list(names.live.values())) for live in some]
        ended = {live.stem: live for live in lives if live.summary.status in FINAL}
        if len(ended) + len(names.gone) < _LOOSE:
            return
        for live in (one for some in in_parallel(self._look, list(names.gone.values())) for one in some):
            finish(live)
        old = list[str]()
        for _, count, key in sorted(names.blocks):
            # Blocks that are full stay as they are, unless they hold what is gone.
            if count < _BLOCK or names.gone:
                held = self._look(key)
                if count < _BLOCK or any(live.stem in names.gone for live in held):
                    old.append(key)
                    _take(held, ended, names)
        self._write_blocks([ended[stem] for stem in sorted(ended)])
        keys = [names.live[stem] for stem in ended if stem in names.live]
        self._bucket.remove(*old, *keys, *names.outdated, *names.gone.values())

    def _look(self, key: str) -> list[Live]:
        return self._read(key, strict=False)

    def _write_blocks(self, lives: Sequence[Live]) -> None:
        for start in range(0, len(lives), _BLOCK):
            some = lives[start : start + _BLOCK]
            self._bucket.put(f"index/blocks/{some[0].stem}~{len(some)}~{os.urandom(4).hex()}", pack(some))


def _take(lives: list[Live], into: dict[str, Live], names: _Names) -> None:
    for live in lives:
        known = into.get(live.stem)
        # In two blocks after a gathering that broke off, or in an older one and one after a resume.
        if live.stem not in names.gone and (known is None or known.summary.epoch <= live.summary.epoch):
            into[live.stem] = live


def _live_key(stem: str, epoch: int) -> str:
    return f"index/live/{stem}.{epoch:06d}"


def _fits(summary: RunSummary, wanted: RunFilter) -> bool:
    """Whether a run can be wanted, as far as that does not depend on whether its driver lives."""
    return (
        wanted.workflow in (None, summary.workflow)
        and (wanted.since is None or summary.created >= wanted.since)
        and set(wanted.tags) <= set(summary.tags)
        and summary.id.startswith(wanted.id_prefix)
        and (wanted.status not in FINAL or summary.status not in FINAL or wanted.status == summary.status)
    )
