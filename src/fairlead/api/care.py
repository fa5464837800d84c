"""Looking after a store: removing what nobody needs, and checking that this machine can work."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from math import inf
from pathlib import Path
from typing import NamedTuple

from fairlead.config.environment import EnvironmentLike, load
from fairlead.config.services import Services, look_services
from fairlead.engine import definitions
from fairlead.errors import ArtifactMissing, FairleadError, NotFound, RunBusy
from fairlead.model.events import Attempt
from fairlead.model.run import FINAL, GOING, Run, RunFilter, RunSummary
from fairlead.model.values import Inline, Pick, Rows, Stored, Tree, Value

__all__ = ["Collected", "Finding", "collect", "diagnose", "keys_of_run"]

_DAY = 86_400.0

_YOUNG = 3600.0
"""Seconds that an artifact may be older than the run that needs it and be spared all the same."""
_SETTLE = 0.5
"""Seconds after which a running driver has recorded what it reuses of a run that was just removed."""


class Collected(NamedTuple):
    """What `collect` removed, or would remove."""

    runs: list[RunSummary]
    artifacts: int
    """How many no remaining run needs."""
    size: int
    """Their bytes."""


class Finding(NamedTuple):
    """One thing that `diagnose` looked at."""

    name: str
    ok: bool
    text: str


def collect(
    older_than: float | None = None,
    *,
    keep: int | None = None,
    max_size: int | None = None,
    yes: bool = False,
    env: EnvironmentLike = None,
) -> Collected:
    """Remove ended runs, and the artifacts that no remaining run needs; without `yes` only say which.

    `older_than`: those that ended so many seconds ago. `keep`: all but the newest of each workflow; with
    one of the others, these stay whatever that says. `max_size`: the oldest, until the artifacts of the
    others have no more bytes. Runs that are going on stay, and so does what a remaining run's results,
    code and parameters are kept in, whoever made it, what stored definitions need, and what was written
    since the oldest run that is going on began: its tasks may be about to record it.
    """
    services = look_services(load(env))
    if services is None:
        return Collected([], 0, 0)
    now = time.time()
    everything = list(services.store.list(RunFilter(limit=None)))
    old = _chosen(services, everything, now, older_than, keep, max_size)
    going = [run.created for run in everything if run.status in GOING]
    if yes:
        old = [run for run in old if _removed(services, run.id)]
        if going:
            time.sleep(_SETTLE)
    doomed = {run.id for run in old}
    # Listed again: what was begun or resumed meanwhile is needed, too.
    needed: set[str] = set()
    for run in services.store.list(RunFilter(limit=None)):
        if run.id not in doomed:
            needed.update(keys_of_run(services, run.id))
            needed.update(_log_keys(services, run.id))
    for key, definition in definitions.every(services.artifacts):
        needed.update((key, *_keys_of_record(definition)))
    spared = _YOUNG if older_than is None else min(older_than, _YOUNG)
    young = min([now - spared, *(created - _YOUNG for created in going)])
    loose = [
        (key, size) for key, size in services.artifacts.list() if key not in needed and _written(services, key) < young
    ]
    if yes:
        for key, _ in loose:
            services.artifacts.remove(key)
        _sweep(services, now - _DAY)
        for run in everything:
            if run.id not in doomed and run.status not in GOING:
                _forgotten(services, run.id)
    return Collected(old, len(loose), sum(size for _, size in loose))


def _chosen(
    services: Services,
    everything: list[RunSummary],
    now: float,
    older_than: float | None,
    keep: int | None,
    max_size: int | None,
) -> list[RunSummary]:
    """Choose the runs that go, newest first; `everything` is in that order."""
    kept: dict[str, int] = {}
    free = []
    for run in everything:
        kept[run.workflow] = kept.get(run.workflow, 0) + 1
        ended = run.status in {*FINAL, "created"}
        if ended and (keep is None or kept[run.workflow] > keep):
            free.append(run)
    if older_than is None and max_size is None:
        return free if keep is not None else []
    old = [run for run in free if older_than is not None and (run.ended or run.created) < now - older_than]
    return old if max_size is None else _until_small(services, everything, free, old, max_size)


def _until_small(
    services: Services, everything: list[RunSummary], free: list[RunSummary], old: list[RunSummary], limit: int
) -> list[RunSummary]:
    """Choose further runs, the oldest first, until what the others need is small enough."""
    sizes = dict(services.artifacts.list())
    keys = {run.id: {key for key in keys_of_run(services, run.id) if key in sizes} for run in everything}
    users: dict[str, int] = {}
    for needed in keys.values():
        for key in needed:
            users[key] = users.get(key, 0) + 1
    total = sum(sizes[key] for key in users)
    going = {run.id for run in old}
    for run in [*old, *(run for run in reversed(free) if run.id not in going)]:
        if run.id not in going and total <= limit:
            break
        going.add(run.id)
        for key in keys[run.id]:
            users[key] -= 1
            total -= 0 if users[key] else sizes[key]
    return [run for run in free if run.id in going]


def _sweep(services: Services, before: float) -> None:
    """Remove what killed processes left half-written, and copies of files that readers were given."""
    sweep = getattr(services.artifacts, "sweep", None)
    if sweep is not None:
        sweep(_DAY)
    for path in services.folder.tmp.iterdir():
        if path.lstat().st_mtime < before:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _forgotten(services: Services, run_id: str) -> None:
    """Remove what the tasks of a killed driver left in their folders."""
    if not services.has_files(run_id):
        return
    try:
        lease = services.store.lease(run_id)
    except (RunBusy, NotFound):
        return  # resumed, or removed by somebody else, in the meantime
    try:
        services.forget_files(run_id)
    finally:
        lease.release()


def _removed(services: Services, run_id: str) -> bool:
    try:
        services.store.remove(run_id)
    except RunBusy:
        return False  # resumed in the meantime
    shutil.rmtree(services.scratch(run_id), ignore_errors=True)
    return True


def keys_of_run(services: Services, run_id: str) -> Iterator[str]:
    try:
        record = services.store.get(run_id)
    except NotFound:
        return  # removed by somebody else in the meantime
    yield from _keys_of_record(record)
    for attempt in services.store.attempts(run_id):
        yield from _keys_of_attempt(attempt)


def _keys_of_record(record: Run) -> Iterator[str]:
    """Give what a run needs before it has begun, or a definition that runs are made of."""
    for source in record.code.modules.values():
        yield source.key
    for code in record.code.tasks:
        if code.payload is not None:
            yield from _keys(code.payload)
    for value in (*record.constants, *record.parameters.values()):
        yield from _keys(value)


def _log_keys(services: Services, run_id: str) -> Iterator[str]:
    """Give where log files would be that other hosts have kept; most are only on one."""
    if services.artifacts.reach == "network":
        try:
            attempts = services.store.attempts(run_id)
        except NotFound:
            return  # removed by somebody else in the meantime
        for file in {attempt.log.file for attempt in attempts if attempt.log is not None}:
            yield services.log_key(run_id, file)


def _keys_of_attempt(attempt: Attempt) -> Iterator[str]:
    for value in (*(attempt.outputs or ()), *(attempt.artifacts or {}).values()):
        yield from _keys(value)
    if attempt.call is not None:
        for value in attempt.call.args.values():
            yield from _keys(value)
        if attempt.call.defined is not None and attempt.call.defined.code.payload is not None:
            yield from _keys(attempt.call.defined.code.payload)


def _keys(value: Value) -> Iterator[str]:
    if isinstance(value, Stored):
        yield value.key
    elif isinstance(value, (Rows, Tree)):
        for item in (*value.items, *(value.keys if isinstance(value, Tree) else ())):
            if not isinstance(item, Inline):
                yield from _keys(item)
    elif isinstance(value, Pick):
        yield from _keys(value.of)


def _written(services: Services, key: str) -> float:
    """When an artifact was written; the far past where the store does not tell."""
    written = getattr(services.artifacts, "written", None)
    try:
        return float(written(key)) if written is not None else 0.0
    except ArtifactMissing:
        return inf  # somebody else has just removed it


def diagnose(env: EnvironmentLike = None) -> list[Finding]:
    """Check what this machine and folder offer; every finding says what to do when it is not fine."""
    found = [Finding("python", sys.version_info >= (3, 11), f"{sys.version.split()[0]} at {sys.executable}")]
    try:
        environment = load(env)
        found.append(Finding("environment", True, f"{environment.name} ({environment.source or 'built in'})"))
        services = look_services(environment)
        if services is None:
            return [*found, Finding("folder", True, f"none yet; the first run makes {Path.cwd() / '.fairlead'}")]
        found.append(Finding("folder", True, str(services.folder.path)))
        count = len(services.store.list(RunFilter(limit=None)))
        place = getattr(services.store, "place", "")
        found.append(Finding("store", True, f"{count} runs{f' in {place}' if place else ''}"))
    except FairleadError as error:
        return [*found, Finding("environment" if len(found) == 1 else "store", False, str(error))]
    if services.folder.path.exists():
        free = shutil.disk_usage(services.folder.path).free
        found.append(Finding("disk", free > 2**28, f"{free / 2**30:.1f} GiB free where artifacts are kept"))
    found.append(_lease(services))
    interrupted = services.store.list(RunFilter(status="interrupted", limit=None))
    if interrupted:
        ids = ", ".join(run.id for run in interrupted[:5])
        found.append(Finding("interrupted", True, f"{len(interrupted)} runs can be resumed: {ids}"))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found.append(Finding("cores", True, f"{cores}"))
    return found


def _lease(services: Services) -> Finding:
    """Whether a second driver is kept out, and how the death of one is noticed."""
    if services.store.reach != "network":
        return Finding("lease", _locks(services), "a file lock holds here, so a killed driver is noticed at once")
    name = f"doctor-{os.uname().nodename}-{os.getpid()}"
    try:
        lease = services.store.lease(name)
        try:
            services.store.lease(name).release()
        except RunBusy:
            return Finding("lease", True, "the store keeps a second driver out")
        finally:
            lease.release()
    except FairleadError as error:
        return Finding("lease", False, str(error))
    return Finding("lease", False, "the store lets two drivers have one run; report it to whoever made the store")


def _locks(services: Services) -> bool:
    """Whether file locks keep a second holder out in this folder (they may not on a network drive)."""
    import fcntl

    path = services.folder.tmp / f"doctor-{os.getpid()}"
    try:
        with path.open("w") as first, path.open("w") as second:
            fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
            try:
                fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False
    finally:
        path.unlink(missing_ok=True)
