"""The process between a driver and Ray: connects, and passes on what one has to say to the other.

It keeps Ray out of the driver's process, which may be a notebook with a Ray of its own, and outlives a
driver that is killed by as long as it takes to end the cluster that it started. It knows nothing of jobs.
Imports Ray in `main`, once its environment says how Ray is to behave.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
import threading
from collections.abc import Sequence
from time import monotonic, sleep
from typing import Any, NoReturn

import msgspec

from fairlead.executors.processes import adopt_orphans, children, descendants, kill
from fairlead.executors.ray.link import Stream
from fairlead.executors.ray.messages import (
    Cancel,
    Connect,
    Connected,
    Extend,
    Gone,
    Node,
    Open,
    Opened,
    Refused,
    Submit,
    ToBridge,
)
from fairlead.wire import decoder

__all__ = ["Bridge", "main"]

WAIT = 5.0
"""Seconds that one question to the owner takes at most when nothing happens."""

KNOCK = 10.0
"""Seconds that the head of a cluster gets to take a connection."""

ASK = 5.0
"""Seconds that owners of other drivers get to say which run they have."""

PREFIX = "fairlead-"
"""What names of owners begin with, in the namespace of ours."""

JOIN = 60.0
"""Seconds after which an owner that does not come up is given up."""


class Bridge:
    """A connection to one cluster, for one driver."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._orders: msgspec.msgpack.Decoder[ToBridge] = decoder(ToBridge)
        self._owner: Any = None
        """Of the run that is open."""
        self._own: Any = None
        """The one that this bridge has made."""
        self._run = ""
        self._folder = ""
        self._serial = 0
        """Counts openings: what was asked of an earlier owner says nothing of this one."""

    def serve(self) -> None:
        """Carry out what the driver asks for, until it is gone."""
        while True:
            messages = self._stream.receive()
            if messages is None:
                return
            for message in messages:
                self._carry_out(self._orders.decode(message))

    def _carry_out(self, order: ToBridge) -> None:
        try:
            if isinstance(order, Connect):
                self._connect(order)
            elif isinstance(order, Open):
                self._open(order)
            elif isinstance(order, Extend):
                self._owner.extend.remote(order.brief, order.needs)
            elif isinstance(order, Submit):
                self._owner.submit.remote(msgspec.msgpack.encode(order.bundles))
            elif isinstance(order, Cancel):
                self._owner.cancel.remote(order.names, order.grace)
            else:
                self._close()
        except Exception as error:  # noqa: BLE001  # whatever Ray raises is told to the driver, which decides
            name = "" if isinstance(error, ConnectionError) else f"{type(error).__name__}: "
            self._say([Refused(f"{name}{error}".strip())])

    def _say(self, words: Sequence[Any]) -> None:
        self._stream.send(msgspec.msgpack.encode(words))

    def _connect(self, order: Connect) -> None:
        import ray

        self._folder = order.folder
        told: dict[str, Any] = {
            "namespace": order.namespace,
            "log_to_driver": False,
            "configure_logging": False,
            "runtime_env": order.runtime_env or None,
        }
        if order.address is not None:
            _knock(order.address)
            ray.init(address=order.address, **told)
        else:
            ray.init(
                address="local",
                num_cpus=order.cpus,
                num_gpus=order.gpus,
                include_dashboard=False,
                _node_ip_address="127.0.0.2" if sys.platform == "linux" else "127.0.0.1",
                _temp_dir=order.folder,
                **told,
            )
        self._say([Connected(nodes_of(ray.nodes()), ray.__version__)])

    def _open(self, order: Open) -> None:
        import ray

        self._run = order.run
        self._owner = (self._left_behind(order.identity) if order.outlives else None) or self._own or self._made(order)
        try:
            held = self._taken_up(order)
        except ray.exceptions.RayActorError:
            # It has ended since it was last heard.
            self._owner = self._made(order)
            held = self._taken_up(order)
        self._serial += 1
        self._say([Opened(held)])
        threading.Thread(target=self._listen, args=(self._owner, self._serial, order.key), daemon=True).start()

    def _taken_up(self, order: Open) -> Any:
        import ray

        opening = self._owner.open.remote(order.identity, order.key, order.brief, order.needs, order.site)
        return ray.get(opening, timeout=JOIN)

    def _made(self, order: Open) -> Any:
        """Make the owner of this bridge's runs, one after the other."""
        import ray

        from fairlead.executors.ray.owner import Owner

        actor = ray.remote(Owner).options(
            name=f"{PREFIX}{order.key}",
            lifetime="detached" if order.outlives else None,
            num_cpus=0,
            max_restarts=0,
            max_concurrency=16,
        )
        self._own = actor.remote(order.keep if order.outlives else 0.0, order.node_wait)
        return self._own

    def _left_behind(self, identity: str) -> Any:
        """Find the owner of a run whose driver is gone; None where there is none."""
        import ray

        names = [name for name in ray.util.list_named_actors() if name.startswith(PREFIX)]
        asked = {}
        for name in names:
            try:
                actor = ray.get_actor(name)
            except ValueError:
                continue  # it has just ended
            asked[actor.run.remote()] = actor
        ready, _ = ray.wait(list(asked), num_returns=len(asked), timeout=ASK) if asked else ([], [])
        for ref in ready:
            try:
                if ray.get(ref) == identity:
                    return asked[ref]
            except ray.exceptions.RayError:
                continue  # it has just ended, too
        return None

    def _listen(self, owner: Any, serial: int, key: str) -> None:
        """Pass on what the owner has to say, in a thread of its own."""
        import ray

        while serial == self._serial:
            try:
                words = ray.get(owner.turn.remote(WAIT, key))
            except Exception as error:  # noqa: BLE001  # the owner is gone, or the cluster is
                if owner is self._own:
                    self._own = None
                if serial == self._serial:
                    self._say([Gone(f"{type(error).__name__}: {error}".strip().splitlines()[0])])
                return
            if words and serial == self._serial:
                self._stream.send(words)

    def _close(self) -> None:
        """End what still runs of the run, and its owner."""
        import ray

        owner, self._owner = self._owner, None
        self._serial += 1
        if owner is None:
            return
        try:
            ray.get(owner.close.remote(), timeout=10)
        except ray.exceptions.RayError as error:
            print(f"the owner of {self._run} does not answer: {error}", file=sys.stderr)
            self._own = None if owner is self._own else self._own
            ray.kill(owner)
        else:
            if owner is not self._own:
                ray.kill(owner)
        self._run = ""
        self._say([Opened([])])

    def leave(self) -> None:
        """The driver is gone: nothing of ours stays, but tasks on a cluster of others may go on."""
        import ray

        if ray.is_initialized():
            if self._own is not None and not (self._run and self._owner is self._own):
                ray.kill(self._own)
            ray.shutdown()
        patience = monotonic() + 5
        while (below := children(os.getpid())) and monotonic() < patience:
            for pid in below:
                kill([*descendants(pid), pid])
            _reap()
            sleep(0.005)
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)


def _knock(address: str) -> None:
    """See whether anybody is there: Ray itself would try for a minute or two."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit() or "//" in address:
        return  # `auto`, or something that only Ray understands
    try:
        socket.create_connection((host, int(port)), timeout=KNOCK).close()
    except OSError as error:
        raise ConnectionError(f"nobody answers there ({error.strerror or error}); is its head running?") from error


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue
    except ChildProcessError:
        return


def nodes_of(listed: Sequence[dict[str, Any]]) -> list[Node]:
    """Give the living ones of what `ray.nodes()` lists."""
    return [
        Node(
            node["NodeID"],
            node["NodeManagerAddress"],
            node["NodeManagerHostname"],
            dict(node["Resources"]),
            dict(node.get("Labels") or {}),
        )
        for node in listed
        if node["Alive"]
    ]


def main() -> NoReturn:
    """Be a bridge, for as long as the driver lives; standard input is its end of the driver's socket."""
    control = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.close(nothing)
    adopt_orphans()
    bridge = Bridge(Stream(control))
    try:
        bridge.serve()
    finally:
        bridge.leave()
        os._exit(0)
