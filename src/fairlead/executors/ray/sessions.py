"""Connections to Ray clusters, which one run after the other may use. Nothing here knows of jobs.

To join a cluster takes a second, and to start one four: what no run uses any more is kept for a while.
"""

from __future__ import annotations

import atexit
import os
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

import msgspec

from fairlead.errors import FairleadError
from fairlead.executors.bell import Bell
from fairlead.executors.ray.link import Link
from fairlead.executors.ray.messages import Close, Connect, Connected, Node, Opened, Refused, ToDriver
from fairlead.executors.ray.options import RayOptions
from fairlead.wire import decoder

__all__ = ["IN_JOB", "Session", "Unreachable", "close_parked", "environment", "local_nodes", "park", "take"]

IN_JOB = "FAIRLEAD_RAY_JOB"
"""The variable of drivers that are Ray jobs, with the job's id."""

PATIENCE = 90.0
"""Seconds that a cluster gets to answer; a cold one of this machine takes ten."""

_T = TypeVar("_T")
_PARKED: dict[bytes, list[Session]] = {}
_LOCK = threading.Lock()


class Unreachable(FairleadError):
    """A cluster that cannot be joined or started."""

    exit_code = 4


class Session:
    """A bridge that is connected to a cluster."""

    def __init__(self, key: bytes, options: RayOptions, cpus: int) -> None:
        self.key = key
        self.folder = _folder()
        self.log = self.folder / "bridge.log"
        local = options.address is None
        token = _token(self.folder) if local else options.token_path
        inside = os.environ if options.detach == "job" and IN_JOB in os.environ else None
        told = environment(os.environ, "token" if local else options.auth, token)
        self._link = Link(told if inside is None else inside, self.log)
        self._decode = decoder(ToDriver).decode
        self._encode = msgspec.msgpack.Encoder().encode
        self.bell = Bell()
        self.rung = False
        """Somebody wants whoever waits to come back."""
        self._waiting: list[Any] = []
        self._alive = True
        self.send(
            Connect(
                # A job is told by Ray where its cluster is, how to ask it, and what its runtime_env is.
                address=options.address if inside is None else inside.get("RAY_ADDRESS", options.address),
                namespace="fairlead",
                runtime_env=options.runtime_env if inside is None else {},
                cpus=cpus,
                gpus=options.gpus,
                folder=str(self.folder),
            )
        )
        try:
            self.nodes: list[Node] = self.answer(Connected).nodes
        except FairleadError as error:
            self.close()
            where = f"the Ray cluster at {options.address}" if not local else "a Ray cluster of this machine"
            raise Unreachable(f"cannot {'start' if local else 'join'} {where}: {error}") from error

    def is_alive(self) -> bool:
        """Whether the bridge still answers."""
        return self._alive and self._link.stream.is_open()

    def send(self, message: Any) -> None:
        """Tell the bridge something."""
        self._link.stream.send(self._encode(message))

    def hear(self, timeout: float) -> list[Any] | None:
        """Wait for words; None: the bridge has ended."""
        if self._waiting:
            words, self._waiting = self._waiting, []
            return words
        import select

        poll = select.poll()
        for fd in self.waits_on():
            poll.register(fd, select.POLLIN)
        ready = {fd for fd, _ in poll.poll(int(timeout * 1000) + (timeout > 0))}
        if self.bell.fd in ready:
            self.bell.hush()
            self.rung = True
        if self._link.stream.socket.fileno() not in ready:
            return []
        messages = self._link.stream.receive()
        if messages is None:
            self._alive = False
            return None
        return [word for message in messages for word in self._decode(message)]

    def answer(self, kind: type[_T]) -> _T:
        """Wait for the answer to what was asked."""
        until = monotonic() + PATIENCE
        while monotonic() < until:
            words = self.hear(until - monotonic())
            if words is None:
                raise FairleadError(f"the process that talks to Ray has ended; {_tail(self.log)}")
            for place, word in enumerate(words):
                if isinstance(word, kind):
                    self._waiting = [*words[place + 1 :], *self._waiting]
                    return word
                if isinstance(word, Refused):
                    raise FairleadError(word.message)
        raise FairleadError(f"Ray did not answer within {PATIENCE:g} s; {_tail(self.log)}")

    def end_run(self) -> None:
        """Have all of the run ended on the cluster, and wait for that."""
        if not self._alive:
            return
        try:
            self.send(Close())
            self.answer(Opened)
        except (OSError, FairleadError):
            self._alive = False

    def last_words(self) -> str:
        """What the bridge wrote last."""
        return _tail(self.log)

    def waits_on(self) -> list[int]:
        """Descriptors to wait for."""
        return [self._link.stream.socket.fileno(), self.bell.fd]

    def close(self) -> None:
        """End the bridge, and the cluster where it started one."""
        import shutil

        self._alive = False
        self._link.close()
        self.bell.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def let_go(self) -> None:
        """Wait for nothing: the bridge ends, with what it started, when nobody holds its socket."""
        self._alive = False
        self._link.let_go()


def environment(of: Mapping[str, str], auth: str, token: Path | str | None) -> dict[str, str]:
    """Give the environment of a bridge: nothing in it names a cluster, and nothing is left to Ray's guess."""
    told = {name: value for name, value in of.items() if name not in ("RAY_ADDRESS", "RAY_AUTH_TOKEN")}
    told |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": auth, "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
    told.pop("RAY_AUTH_TOKEN_PATH", None)
    if token is not None:
        told["RAY_AUTH_TOKEN_PATH"] = str(Path(token).expanduser())
    return told


def take(options: RayOptions, cpus: int) -> Session:
    """Give a connection that nobody uses, or a new one."""
    key = _key(options, cpus)
    while True:
        with _LOCK:
            parked = _PARKED.get(key)
            session = parked.pop() if parked else None
        if session is None:
            return Session(key, options, cpus)
        if session.is_alive():
            return session
        session.close()


def park(session: Session) -> None:
    """Keep a connection for the next run."""
    if not session.is_alive():
        session.close()
        return
    with _LOCK:
        _PARKED.setdefault(session.key, []).append(session)


def close_parked() -> None:
    """End all connections that no run uses."""
    with _LOCK:
        sessions = [session for parked in _PARKED.values() for session in parked]
        _PARKED.clear()
    for session in sessions:
        session.close()


def _key(options: RayOptions, cpus: int) -> bytes:
    told = [options.address, options.auth, options.token_path, options.runtime_env, options.gpus]
    here = [cpus, sorted(os.environ.items()), str(Path.cwd())] if options.address is None else []
    return msgspec.json.encode([*told, *here])


def local_nodes(cpus: int, gpus: int | None) -> list[Node]:
    """Tell what a cluster of this machine will have, before it is started."""
    memory = float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    found = len(list(Path("/dev").glob("nvidia[0-9]*"))) if gpus is None else gpus
    resources = {"CPU": float(cpus), "GPU": float(found), "memory": memory * 0.7}
    return [Node("local", "this machine", os.uname().nodename, resources)]


def _folder() -> Path:
    """Make the folder of a session; its path is short, because those of sockets in it may not be long."""
    here = tempfile.gettempdir()
    return Path(tempfile.mkdtemp(prefix="fl-ray-", dir=here if len(here) < 24 else "/tmp"))  # noqa: S108


def _token(folder: Path) -> Path:
    """Write what processes of a local cluster know each other by: its ports can be reached from outside."""
    path = folder / "token"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.write(fd, os.urandom(32).hex().encode())
    os.close(fd)
    return path


def _tail(log: Path) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return "it wrote nothing"
    return f"the last that it wrote: {lines[-1][:300]}" if lines else "it wrote nothing"


def _at_exit() -> None:
    for parked in _PARKED.values():
        for session in parked:
            session.let_go()
    _PARKED.clear()


def _after_fork() -> None:
    _at_exit()


atexit.register(_at_exit)
os.register_at_fork(after_in_child=_after_fork)
