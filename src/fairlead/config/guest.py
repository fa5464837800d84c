"""Where a Ray worker's process is put together: what its jobs of a run are run with.

Ray's function imports this by name (`fairlead.executors.ray.owner`); the one that is there for the first
bundle of a run is kept for those that follow.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import msgspec

import fairlead
from fairlead.config.benches import open_artifacts, open_bench
from fairlead.engine.requirements import unlike
from fairlead.executors.ray.alone import Alone
from fairlead.executors.ray.guest import Guest, unusable
from fairlead.executors.ray.messages import Beat, Order, Result
from fairlead.executors.ray.sharing import SharedArtifacts
from fairlead.leftovers import OwnFolder, sweep
from fairlead.node.capture import FileLog
from fairlead.node.execute import Ended
from fairlead.ports import Brief, Job
from fairlead.wire import decoder

__all__ = ["perform"]

_JOBS: msgspec.msgpack.Decoder[tuple[int, list[Job]]] = decoder(tuple[int, list[Job]])
_ORDER: msgspec.msgpack.Decoder[Order] = decoder(Order)
_encode = msgspec.msgpack.Encoder().encode

_HERE: dict[str, Guest | Alone] = {}
"""The run that this process works for, by the key of its owner."""
_SHARED: dict[str, SharedArtifacts] = {}
"""Its artifacts, where Ray's object store is before them."""
_FOLDERS: dict[str, OwnFolder] = {}
"""The folder that it works in, where the driver's own cannot be seen."""


def perform(
    key: str,
    edition: int,
    site: dict[str, Any],
    brief: bytes,
    owner: Any,
    jobs: bytes,
    given: dict[str, Any] | None = None,
) -> bytes | tuple[bytes, dict[str, tuple[Any, int]]]:
    """Run a bundle of jobs; gives a `Result`, and references to large values that it has made, by their keys.

    `given`: such references to what it may use.
    """
    token, wanted = _JOBS.decode(jobs)
    guest = _HERE.get(key)
    try:
        if guest is None:
            guest = _open(key, site, brief, owner)
        if guest.edition < edition:
            guest.grow(_understood(key, brief, site), edition)
    except Exception as error:  # noqa: BLE001  # the run's own failure, not the worker's
        words = f"the run cannot be opened in Ray's worker: {type(error).__name__}: {error}"
        return _encode(Result([unusable(job, words) for job in wanted]))
    shared = _SHARED.get(key)
    if shared is None:
        return _encode(guest.run(token, wanted))
    shared.given = given or {}
    result = _encode(guest.run(token, wanted))
    made, shared.made, shared.given = shared.made, {}, {}
    return (result, made) if made else result


def _open(key: str, site: dict[str, Any], brief: bytes, owner: Any) -> Guest | Alone:
    _compare(site)
    for before in [*_HERE]:
        _HERE.pop(before).close()
        _SHARED.pop(before, None)
        if before in _FOLDERS:
            _FOLDERS.pop(before).remove()
    # No command may ever be given on this machine: what workers that were killed have left goes now.
    sweep()
    if site["here"] and Path(site["cwd"]).is_dir():
        os.chdir(site["cwd"])
    understood = _understood(key, brief, site)
    if site["isolate"]:
        alone = _HERE[key] = Alone(
            understood,
            tell=lambda beat: _told(owner, beat),
            sends_output=not site["here"],
            cwd=site["cwd"] if site["here"] else "",
            grace=site["grace"],
        )
        return alone
    name = f"ray-{os.uname().nodename if not site['here'] else 'w'}-{os.getpid()}.log"
    path = f"{understood.scratch}/{name}"
    log = FileLog(path, name)
    guest = _HERE[key] = Guest(
        open_bench(understood, log, artifacts=_shared(key, understood) if site["shares"] else None),
        log,
        path,
        tell=lambda beat: _told(owner, beat),
        ended=Ended,
        sends_output=not site["here"],
        grace=site["grace"],
        notes=unlike(understood.code),
    )
    return guest


def _understood(key: str, brief: bytes, site: dict[str, Any]) -> Brief:
    """Read a brief; on another machine its folder is one of this process's own."""
    found: Brief = decoder(Brief).decode(brief)
    if not site["here"]:
        if key not in _FOLDERS:
            _FOLDERS[key] = OwnFolder("ray-run")
        found.scratch = str(_FOLDERS[key].path)
    Path(found.scratch).mkdir(parents=True, exist_ok=True)
    return found


def _shared(key: str, brief: Brief) -> SharedArtifacts:
    import ray

    shared = _SHARED[key] = SharedArtifacts(open_artifacts(brief.artifacts), put=ray.put, get=ray.get)
    return shared


def _compare(site: dict[str, Any]) -> None:
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if fairlead.__version__ != site["fairlead"]:
        raise RuntimeError(
            f"Fairlead is {fairlead.__version__} here and {site['fairlead']} where the run is carried; install the same"
        )
    if here != site["python"]:
        raise RuntimeError(
            f"Python is {here} here and {site['python']} where the run is carried; they must be the same"
        )


def _told(owner: Any, beat: Beat) -> Order:
    import ray

    return _ORDER.decode(ray.get(owner.beat.remote(_encode(beat))))
