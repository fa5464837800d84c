"""A run as one file, out of one store and into another: record, facts, artifacts and logs.

The file is a zip with a list of what is in it and the digest of each part. What a run needs, and
nothing else, is in it: values are content, so that what is there already is not written again.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from hashlib import file_digest, sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

import msgspec

from fairlead.api.care import keys_of_run
from fairlead.api.logs import Logs
from fairlead.api.runs import WorkflowRun
from fairlead.config.environment import EnvironmentLike, load
from fairlead.config.services import Services, open_services
from fairlead.errors import ArtifactMissing, NotFound, RunBusy, RunExists, StoreError
from fairlead.model.events import Attempt
from fairlead.model.run import FINAL, GOING, Group, Run, RunSummary
from fairlead.ports import Commit
from fairlead.wire import decoder, json_decoder

__all__ = ["export_run", "import_run"]

_FORM = 1
"""Of the file: a newer one is refused by an older Fairlead."""

_LOT = 500
"""Facts that are written in one transaction."""


class _Listing(msgspec.Struct, kw_only=True):
    """What is in the file: `listing.json`."""

    form: int
    fairlead: str
    run: str
    parts: dict[str, str]
    """Names to SHA-256 of their bytes."""


class _Whole(msgspec.Struct):
    """A run as the store knows it: `run.msgpack`."""

    run: Run
    summary: RunSummary
    groups: list[Group]
    attempts: list[Attempt]


def export_run(services: Services, run_id: str, path: Path) -> Path:
    """Write a run to a file, whole or not at all; RunBusy while it is going on, ArtifactMissing."""
    summary = services.store.summary(run_id)
    if summary.status in GOING:
        raise RunBusy(f"run {run_id!r} is running; wait for it, or stop it, and export it then")
    record, attempts = services.store.get(run_id), list(services.store.attempts(run_id))
    whole = _Whole(record, summary, list(services.store.groups(run_id)), attempts)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    parts: dict[str, str] = {}
    try:
        with ZipFile(partial, "w", ZIP_DEFLATED, compresslevel=1) as file:
            for name, data in _parts(services, whole):
                if name not in parts:
                    parts[name] = sha256(data).hexdigest()
                    _add(file, name, data)
            listing = _Listing(form=_FORM, fairlead=record.fairlead, run=run_id, parts=parts)
            _add(file, "listing.json", msgspec.json.encode(listing))
        partial.replace(path)
    except ArtifactMissing as error:
        raise ArtifactMissing(f"run {run_id!r} cannot be exported, because a value of it is gone: {error}") from error
    except OSError as error:
        raise StoreError(f"cannot write {str(path)!r}: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return path


def _parts(services: Services, whole: _Whole) -> Iterator[tuple[str, Any]]:
    yield "run.msgpack", msgspec.msgpack.encode(whole)
    for key in dict.fromkeys(keys_of_run(services, whole.run.id)):
        if key:
            yield f"artifacts/{key}", services.artifacts.get(key)
    logs = Logs(services, whole.run.id)
    for name in dict.fromkeys(attempt.log.file for attempt in whole.attempts if attempt.log is not None):
        data = logs.whole(name)
        if data:
            yield f"logs/{name}", data


def _add(file: ZipFile, name: str, data: Any) -> None:
    # No time of day: the same run gives the same file.
    entry = ZipInfo(name)
    entry.compress_type = ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    with file.open(entry, "w", force_zip64=True) as target:
        target.write(data)


def import_run(path: str | Path, env: EnvironmentLike = None, *, run_id: str | None = None) -> WorkflowRun:
    """Take a run in from a file, under its own id or `run_id`; gives it.

    Everything in the file is checked before anything is written. Raises RunExists where there is a run
    of that id, and StoreError for what is no export, or is not as it was written.
    """
    services = open_services(load(env))
    with TemporaryDirectory(prefix="import-", dir=services.folder.tmp) as folder:
        try:
            with ZipFile(path) as file:
                listing = _checked(file, Path(folder), str(path))
        except FileNotFoundError as error:
            raise NotFound(f"no file {str(path)!r}") from error
        except (BadZipFile, OSError, EOFError) as error:
            raise StoreError(f"{str(path)!r} is no export of a run, or is damaged: {error}") from error
        whole = _read(Path(folder, "run.msgpack"), str(path))
        if run_id is not None:
            from fairlead.api.making import check_id

            check_id(run_id)
            whole.run = msgspec.structs.replace(whole.run, id=run_id)
        _take_in(services, whole, listing, Path(folder))
    return WorkflowRun(services, whole.run.id)


def _checked(file: ZipFile, folder: Path, source: str) -> _Listing:
    """Unpack the file beside the store, and compare every part with its digest."""
    try:
        listing: _Listing = json_decoder(_Listing).decode(file.read("listing.json"))
    except (KeyError, msgspec.DecodeError) as error:
        raise StoreError(f"{source!r} is no export of a run: it has no listing that can be read") from error
    if listing.form > _FORM:
        raise StoreError(f"{source!r} was written by a newer Fairlead ({listing.fairlead}); update this one")
    odd = {*file.namelist()} ^ {"listing.json", *listing.parts}
    if odd or "run.msgpack" not in listing.parts:
        raise StoreError(f"{source!r} is damaged: its listing and its content differ ({sorted(odd)[:3]})")
    for name, digest in listing.parts.items():
        target = folder / name
        if any(part in ("", ".", "..") for part in name.split("/")) or "\\" in name or "\0" in name:
            raise StoreError(f"{source!r} is no export of a run: {name!r} leads elsewhere")
        target.parent.mkdir(parents=True, exist_ok=True)
        with file.open(name) as part, target.open("wb") as copy:
            shutil.copyfileobj(part, copy, 1 << 20)
        with target.open("rb") as copy:
            if file_digest(copy, "sha256").hexdigest() != digest:
                raise StoreError(f"{source!r} is damaged: {name!r} is not as it was written")
    return listing


def _read(path: Path, source: str) -> _Whole:
    try:
        whole: _Whole = decoder(_Whole).decode(path.read_bytes())
    except msgspec.DecodeError as error:
        raise StoreError(f"{source!r} is no export of a run that this Fairlead can read: {error}") from error
    return whole


def _take_in(services: Services, whole: _Whole, listing: _Listing, folder: Path) -> None:
    run_id = whole.run.id
    if _is_there(services, run_id):
        raise RunExists(f"there is a run {run_id!r} already; import it under another id, or remove that one")
    for name in listing.parts:
        kind, _, key = name.partition("/")
        if kind == "artifacts":
            services.artifacts.put_file(key, folder / name)
    services.store.create(whole.run, whole.groups)
    lease = services.store.lease(run_id)
    try:
        _record(services, whole)
        logs = folder / "logs"
        if logs.is_dir():
            shutil.copytree(logs, services.scratch(run_id), dirs_exist_ok=True)
            services.keep_logs(run_id)
    except BaseException:
        lease.release()
        services.store.remove(run_id)
        raise
    lease.release()


def _is_there(services: Services, run_id: str) -> bool:
    try:
        services.store.summary(run_id)
    except NotFound:
        return False
    return True


def _record(services: Services, whole: _Whole) -> None:
    """Write the facts as their drivers did; the epochs count on."""
    summary, epoch = whole.summary, 0
    for _ in range(summary.epoch):
        epoch = services.store.open(whole.run.id, summary.started or time.time())
    if not epoch:
        return
    lots: list[Sequence[Attempt]] = [
        whole.attempts[start : start + _LOT] for start in range(0, len(whole.attempts), _LOT)
    ]
    for lot in lots:
        services.store.append(whole.run.id, epoch, Commit(list(lot)))
    last = Commit([], summary.counts, whole.groups, error=summary.error, at=summary.ended or 0.0)
    last.status = summary.status if summary.status in FINAL else None
    services.store.append(whole.run.id, epoch, last)
