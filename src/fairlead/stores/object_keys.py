"""Successes in a bucket by their reuse keys: one object per key, with the few that ended last.

Written after the commit that it is about: a key never leads to what is not recorded, and one that a
killed driver did not write costs a run of the task, and nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from fairlead.model.events import Attempt, Origin
from fairlead.stores.bucket import Bucket, in_parallel
from fairlead.stores.object_records import Candidate, pack, unpack

__all__ = ["Keys"]

_MOST = 4
"""Successes that a key leads to: when the newest's run is removed, the next counts."""


class Keys:
    """Successes of all runs."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def add(self, candidates: Sequence[Candidate]) -> None:
        """Have keys lead to these."""
        in_parallel(self._add, candidates)

    def find(self, keys: Sequence[str]) -> dict[str, tuple[Origin, Attempt]]:
        """Give the success of each key that ended last."""
        asked = [key for key in dict.fromkeys(keys) if key]
        found: dict[str, tuple[Origin, Attempt]] = {}
        for key, candidates in zip(asked, in_parallel(self._read, asked), strict=True):
            # Names are digests: what is in the object decides.
            for one in candidates:
                if one.attempt.key == key:
                    found[key] = (Origin(one.run, one.attempt.path, one.attempt.attempt), one.attempt)
                    break
        return found

    def drop(self, uid: str, keys: Sequence[str]) -> None:
        """Have keys lead to no success of a run."""
        in_parallel(lambda key: self._change(key, lambda known: [one for one in known if one.uid != uid]), keys)

    def _read(self, key: str) -> list[Candidate]:
        found = self._bucket.get(_name(key))
        return [] if found is None else unpack(found.data, list[Candidate])

    def _add(self, candidate: Candidate) -> None:
        key = candidate.attempt.key
        while self._bucket.create(_name(key), pack([candidate])) is None:
            if self._change(key, lambda known: _newest([candidate, *known])):
                return

    def _change(self, key: str, change: Callable[[list[Candidate]], list[Candidate]]) -> bool:
        """Change what a key leads to; False when it led to nothing."""
        while (found := self._bucket.get(_name(key))) is not None:
            left = change(unpack(found.data, list[Candidate]))
            if not left:
                self._bucket.remove(_name(key))
                return True
            if self._bucket.update(_name(key), pack(left), found.entry.version) is not None:
                return True
        return False


def _newest(candidates: list[Candidate]) -> list[Candidate]:
    different = {(one.uid, one.attempt.path, one.attempt.attempt): one for one in reversed(candidates)}
    return sorted(different.values(), key=lambda one: one.attempt.ended or 0.0, reverse=True)[:_MOST]


def _name(key: str) -> str:
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
    return f"keys/{digest[:2]}/{digest[:40]}"
