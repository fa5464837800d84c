"""What is asked of the engine for a job: names, labels, mounts, limits. Pure: settings in, data out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from fairlead.model.amounts import memory_bytes
from fairlead.model.task import Resources, TaskDefinition
from fairlead.ports import Job

__all__ = [
    "BEGIN",
    "DRIVER",
    "FOLDER",
    "OURS",
    "RUN",
    "Mount",
    "Settings",
    "container_config",
    "container_name",
    "local_url",
    "mount_of",
]

_NEAR = ("127.0.0.1", "localhost", "[::1]")
"""Hosts that are this machine."""

OURS, RUN, FOLDER, DRIVER = "fairlead", "fairlead.run", "fairlead.folder", "fairlead.driver"
PATH, ATTEMPT = "fairlead.path", "fairlead.attempt"
"""Labels: of all of ours; of a run; of an executor of it, by the folder of its orders; the driver that started it; the
(first) job."""

# What is written before Fairlead can be imported is in the log as well. The log's name comes first.
_OPEN = "import os,sys;f=os.open(sys.argv.pop(1),os.O_WRONLY|os.O_CREAT|os.O_APPEND,0o666);os.dup2(f,1);os.dup2(f,2);"
BEGIN = f"{_OPEN}from fairlead.__main__ import main;sys.exit(main())"
"""What Python is told to do in the container."""

_FOREIGN = "import os;os.umask(0);"
"""Before that, where another user than ours writes: we must be able to remove its files."""


class Mount(NamedTuple):
    """A folder or file of this machine that containers see."""

    source: str
    target: str
    mode: str = "rw"

    @property
    def bind(self) -> dict[str, Any]:
        """As the engine takes it; a source that is not there is an error, and not made by root."""
        return {"Type": "bind", "Source": self.source, "Target": self.target, "ReadOnly": self.mode == "ro"}


class Settings(NamedTuple):
    """How containers of one executor are made."""

    python: str
    user: str
    foreign: bool
    """Their user is not the driver's."""
    network: str | None
    env: Mapping[str, str]
    mounts: Sequence[Mount]
    workdir: str | None


def mount_of(text: str, folder: Path) -> Mount:
    """Read `source[:target[:ro|rw]]`; a relative source is relative to the project's folder.

    Without a target it is where it is on this machine. Raises ValueError with what is wrong.
    """
    source, *rest = text.split(":")
    mode = rest.pop() if rest and rest[-1] in ("ro", "rw") else "rw"
    if not source or len(rest) > 1:
        raise ValueError(f"{text!r} is not 'FOLDER', 'FOLDER:TARGET' or 'FOLDER:TARGET:ro'")
    path = str((folder / Path(source).expanduser()).resolve())
    target = rest[0] if rest else path
    if not target.startswith("/"):
        raise ValueError(f"{text!r}: the target {target!r} must be an absolute path in the container")
    return Mount(path, target, mode)


def local_url(url: str, where: str) -> str:
    """Give the URL of an engine of this machine; raises ValueError with what is wrong with it.

    `where` it was said, goes before that.
    """
    scheme, _, rest = url.partition("://")
    if scheme in ("unix", "http+unix") and rest:
        return url
    if scheme in ("tcp", "http") and rest.rpartition(":")[0] in _NEAR:
        return url
    raise ValueError(
        f"{where}: {url!r} is not a container engine of this machine (such as 'unix:///var/run/docker.sock'), and the"
        " run's folder can be mounted on this machine only"
    )


def container_name(job: Job, folder: str) -> str:
    """Name the container of a job, or of the chunk that begins with it: the same for the same attempt."""
    told = f"{folder}\n{job.name}"
    return f"fairlead-{sha256(told.encode('utf-8', 'surrogatepass')).hexdigest()[:24]}"


def container_config(
    settings: Settings,
    task: TaskDefinition,
    first: Job,
    *,
    image: str,
    order: str,
    log: str,
    binds: Sequence[Mount],
    labels: Mapping[str, str],
) -> dict[str, Any]:
    """Give what the engine is to make for a job, or for the chunk that begins with it.

    `order` is its folder, `log` the file that it writes to; both are among `binds`.
    """
    env = {"HOME": "/tmp", **settings.env, **task.env_vars}  # noqa: S108 - a user without a name has no home there
    begin = (_FOREIGN if settings.foreign else "") + BEGIN
    config = {
        "Image": image,
        "Entrypoint": [settings.python],
        "Cmd": ["-c", begin, log, "exec-node", "--order", order, "--log", log, "--", first.run, first.path],
        "Env": [f"{name}={value}" for name, value in env.items()],
        "User": settings.user,
        "Labels": {**labels, PATH: first.path, ATTEMPT: str(first.attempt)},
        "HostConfig": {
            "Mounts": [mount.bind for mount in (*settings.mounts, *binds)],
            # As process 1, Python would not end by signals that it does not handle, nor bury orphans.
            "Init": True,
            **({"NetworkMode": settings.network} if settings.network else {}),
            **_limits(task.resources),
        },
    }
    if settings.workdir:
        config["WorkingDir"] = settings.workdir
    return config


def _limits(needs: Resources) -> dict[str, int]:
    limits = {"NanoCpus": int(needs.cpu * 1e9)} if needs.cpu else {}
    if needs.memory is not None:
        # Without swap: beyond its memory a task is to end, not to crawl.
        limits["Memory"] = limits["MemorySwap"] = memory_bytes(needs.memory)
    return limits
