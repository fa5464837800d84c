"""What driver, bridge, owner and workers say to each other, as data. Nothing here does anything."""

from __future__ import annotations

from typing import Any

import msgspec

from fairlead.model.events import Attempt, Failure

__all__ = [
    "Beat",
    "Bundle",
    "Cancel",
    "Close",
    "Connect",
    "Connected",
    "Done",
    "Extend",
    "Gone",
    "Node",
    "Open",
    "Opened",
    "Order",
    "Refused",
    "Result",
    "Submit",
    "ToBridge",
    "ToDriver",
    "Word",
]


class Node(msgspec.Struct, frozen=True, omit_defaults=True):
    """A living node of the cluster."""

    id: str
    address: str
    host: str
    resources: dict[str, float]
    labels: dict[str, str] = {}


class Bundle(msgspec.Struct, array_like=True):
    """Jobs that are one Ray task."""

    token: int
    """Unique in the run."""
    names: list[tuple[str, int]]
    needs: int
    """Index into what the run's tasks need of Ray."""
    jobs: bytes
    """The token and a list of `ports.Job`, in msgpack."""
    takes: list[str] = []
    """Keys of artifacts that its inputs are in."""


# --- from the driver to the bridge ---------------------------------------------------------------


class Connect(msgspec.Struct, tag="connect"):
    """Join a cluster, or start one."""

    address: str | None
    namespace: str
    runtime_env: dict[str, Any] = {}
    cpus: int = 1
    gpus: int | None = None
    folder: str = ""
    """Where the files of a cluster go that is started."""


class Open(msgspec.Struct, tag="open"):
    """Take up a run."""

    run: str
    identity: str
    """Of the run; another project's run of the same id has another one."""
    key: str
    """Of this opening; unlike any other."""
    brief: bytes
    """A msgpack `ports.Brief`."""
    needs: list[dict[str, Any]]
    """What to tell Ray about tasks, by bundles' `needs`."""
    site: dict[str, Any]
    """What a worker must know beside the brief; see `fairlead.config.guest`."""
    keep: float
    node_wait: float
    outlives: bool
    """Its tasks may go on without the driver."""


class Extend(msgspec.Struct, tag="extend"):
    """The run has further tasks."""

    brief: bytes
    needs: list[dict[str, Any]]


class Submit(msgspec.Struct, tag="submit"):
    """Run these."""

    bundles: list[Bundle]


class Cancel(msgspec.Struct, tag="cancel"):
    """End these, or forget that they have ended."""

    names: list[tuple[str, int]]
    grace: float


class Close(msgspec.Struct, tag="close"):
    """The run is over: what still runs of it is ended."""


ToBridge = Connect | Open | Extend | Submit | Cancel | Close


# --- from the workers ----------------------------------------------------------------------------


class Beat(msgspec.Struct, array_like=True):
    """What a worker says of a bundle that takes longer."""

    token: int
    path: str
    attempt: int
    started: float
    worker: str
    log_file: str
    log_start: int
    ended: list[Attempt] = []
    """Jobs of the bundle that have ended since the last beat."""
    at: int = 0
    """Where in the log file `output` stands."""
    output: bytes = b""
    verdict: str = ""
    """Why the worker ends its process right after this."""


class Order(msgspec.Struct, array_like=True):
    """What a worker is told in return."""

    cancel: list[tuple[str, int]] = []
    grace: float = 0.0
    again: float = 0.5
    """Seconds until the next beat."""


class Result(msgspec.Struct, array_like=True):
    """What a Ray task gives back: the records that no beat has told, and output that no beat has sent."""

    records: list[Attempt]
    outputs: list[tuple[str, int, bytes]] = []
    """Log file, where in it, and what."""


# --- from the owner, by way of the bridge --------------------------------------------------------


class Word(msgspec.Struct, array_like=True, tag="word"):
    """A beat, passed on."""

    beat: bytes


class Done(msgspec.Struct, array_like=True, tag="done"):
    """A bundle has ended: with a `Result`, or for a reason that only Ray knows."""

    token: int
    names: list[tuple[str, int]]
    result: bytes = b""
    failure: Failure | None = None


class Gone(msgspec.Struct, array_like=True, tag="gone"):
    """The owner has ended with all its tasks."""

    message: str


class Connected(msgspec.Struct, array_like=True, tag="connected"):
    """The cluster, as it is now."""

    nodes: list[Node]
    ray: str


class Opened(msgspec.Struct, array_like=True, tag="opened"):
    """The run can be worked on; bundles that an earlier driver has left."""

    held: list[tuple[int, list[tuple[str, int]]]]


class Refused(msgspec.Struct, array_like=True, tag="refused"):
    """It could not be done."""

    message: str


ToDriver = list[Word | Done | Gone | Connected | Opened | Refused]
