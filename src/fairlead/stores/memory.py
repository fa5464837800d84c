"""A store that forgets: everything in this process, for tests and for looking at the rules in short.

Follows the RunStore port to the letter and passes the same contract as the others; keeps no file,
and knows nothing of other processes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from fairlead.errors import RunBusy, RunExists, StaleEpoch, StoreError
from fairlead.model.events import Attempt, Origin
from fairlead.model.path import group_of
from fairlead.model.run import FINAL, Group, Run, RunFilter, RunSummary
from fairlead.ports import Commit, Reach
from fairlead.stores.absent import no_run
from fairlead.stores.rows import merge

__all__ = ["MemoryStore"]


class _Kept:
    """A run and all that is known of it."""

    def __init__(self, run: Run, groups: Sequence[Group]) -> None:
        self.run = run
        self.summary = RunSummary(
            run.id, run.workflow.name, "created", run.created, parent=run.parent, tags=run.tags, target=run.target
        )
        self.groups = {group.name: _copy_group(group) for group in groups}
        self.attempts: dict[tuple[str, int], Attempt] = {}


class MemoryLease:
    """A hold on a run within this process, until `release`."""

    def __init__(self, release: Callable[[], None]) -> None:
        self._release: Callable[[], None] | None = release

    def release(self) -> None:
        """Let the run go; does nothing the second time."""
        release, self._release = self._release, None
        if release is not None:
            release()


class MemoryStore:
    """Keeps runs in this process's memory."""

    reach: Reach = "process"

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._runs: dict[str, _Kept] = {}
        self._leased: set[str] = set()

    def __repr__(self) -> str:
        return f"<MemoryStore: {len(self._runs)} runs>"

    def create(self, run: Run, groups: Sequence[Group] = ()) -> None:
        """Record a new run as `created`; RunExists."""
        with self._lock:
            if run.id in self._runs:
                raise RunExists(f"there is a run {run.id!r} in this memory store already; choose another id")
            self._runs[run.id] = _Kept(run, groups)

    def get(self, run_id: str) -> Run:
        """Give the record as it was created; NotFound."""
        with self._lock:
            return self._kept(run_id).run

    def summary(self, run_id: str) -> RunSummary:
        """Give where the run stands, `interrupted` worked out; NotFound."""
        with self._lock:
            return self._checked(self._kept(run_id))

    def list(self, wanted: RunFilter) -> Sequence[RunSummary]:
        """Give runs, newest first, `interrupted` worked out."""
        with self._lock:
            # The latest made comes first among equals, so the order of making is turned round before sorting.
            all_runs = [self._checked(kept) for kept in reversed(self._runs.values())]
        found = [summary for summary in all_runs if _fits(summary, wanted)]
        found.sort(key=lambda summary: summary.created, reverse=True)
        return found[: wanted.limit]

    def groups(self, run_id: str) -> Sequence[Group]:
        """Give the run's groups in the order in which they were first committed."""
        with self._lock:
            return [_copy_group(group) for group in self._kept(run_id).groups.values()]

    def lease(self, run_id: str) -> MemoryLease:
        """Take the run over; RunBusy when another driver of this process holds it."""
        with self._lock:
            if run_id in self._leased:
                raise RunBusy(f"run {run_id!r} is carried by another driver of this process; wait for it, or stop it")
            self._leased.add(run_id)
        return MemoryLease(lambda: self._leased.discard(run_id))

    def open(self, run_id: str, at: float) -> int:
        """Begin the run's next epoch and give its number."""
        with self._lock:
            summary = self._kept(run_id).summary
            summary.epoch += 1
            summary.status = "running"
            summary.started = at if summary.started is None else summary.started
            summary.ended = summary.cancel_asked = None
            summary.error = ""
            return summary.epoch

    def append(self, run_id: str, epoch: int, commit: Commit) -> None:
        """Write it all or nothing; StaleEpoch when a newer driver opened the run."""
        with self._lock:
            kept = self._kept(run_id)
            summary = kept.summary
            if summary.epoch != epoch:
                raise StaleEpoch(
                    f"run {run_id!r} is in epoch {summary.epoch}, not {epoch}: another driver took it over"
                )
            _move(summary, commit)
            for attempt in commit.attempts:
                place = (attempt.path, attempt.attempt)
                old = kept.attempts.get(place)
                kept.attempts[place] = replace(attempt) if old is None else merge(old, attempt)
            kept.groups.update((group.name, _copy_group(group)) for group in commit.groups)
            if commit.counts is not None:
                summary.counts = dict(commit.counts)
            summary.error = commit.error or summary.error

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
        """Give the attempts recorded, by path and number: all, or those of one group, path or outcome."""
        with self._lock:
            kept = sorted(self._kept(run_id).attempts.items())
        found = [
            replace(attempt)
            for _, attempt in kept
            if (group is None or group_of(attempt.path) == group)
            and path in (None, attempt.path)
            and (under is None or attempt.path.startswith((f"{under}.", f"{under}[")))
            and outcome in (None, attempt.outcome)
        ]
        return found[:limit]

    def find(self, keys: Sequence[str]) -> dict[str, tuple[Origin, Attempt]]:
        """Give the successful attempt of each key that ended last, of any run."""
        wanted = set(keys) - {""}
        found: dict[str, tuple[Origin, Attempt]] = {}
        with self._lock:
            for run_id, kept in self._runs.items():
                for attempt in kept.attempts.values():
                    if attempt.key in wanted and attempt.outcome == "succeeded":
                        best = found.get(attempt.key)
                        if best is None or (best[1].ended or 0) <= (attempt.ended or 0):
                            found[attempt.key] = (Origin(run_id, attempt.path, attempt.attempt), replace(attempt))
        return found

    def ask_cancel(self, run_id: str, at: float) -> bool:
        """Ask whoever carries the run to stop; False (and no effect) when it has ended."""
        with self._lock:
            summary = self._kept(run_id).summary
            if summary.status in FINAL:
                return False
            summary.cancel_asked = at if summary.cancel_asked is None else summary.cancel_asked
            return True

    def cancel_asked(self, run_id: str) -> bool:
        """Whether somebody asked the run to stop."""
        return self._kept(run_id).summary.cancel_asked is not None

    def remove(self, run_id: str) -> None:
        """Forget a run; RunBusy while a driver carries it, and no effect when there is none."""
        lease = self.lease(run_id)
        self._runs.pop(run_id, None)
        lease.release()

    def close(self) -> None:
        """Nothing to let go: what is in memory stays there as long as the store does."""

    def _kept(self, run_id: str) -> _Kept:
        kept = self._runs.get(run_id)
        if kept is None:
            raise no_run(run_id, "this memory store", list(self._runs), listing="'list' gives")
        return kept

    def _checked(self, kept: _Kept) -> RunSummary:
        summary = replace(kept.summary, counts=dict(kept.summary.counts))
        if summary.status == "running" and summary.id not in self._leased:
            summary.status = "interrupted"
        return summary


def _move(summary: RunSummary, commit: Commit) -> None:
    """Change the stored status; a run that has ended changes through `open` only."""
    if commit.status is None or commit.status == summary.status:
        return
    if summary.status in FINAL:
        raise StoreError(f"run {summary.id!r} has {summary.status} and cannot become {commit.status}; resume it first")
    summary.status = commit.status
    summary.ended = commit.at if commit.status in FINAL else None
    if commit.status not in FINAL and summary.started is None:
        summary.started = commit.at


def _fits(summary: RunSummary, wanted: RunFilter) -> bool:
    return (
        wanted.workflow in (None, summary.workflow)
        and wanted.status in (None, summary.status)
        and (wanted.since is None or summary.created >= wanted.since)
        and set(wanted.tags) <= set(summary.tags)
        and summary.id.startswith(wanted.id_prefix)
    )


def _copy_group(group: Group) -> Group:
    return replace(group, counts=dict(group.counts))
