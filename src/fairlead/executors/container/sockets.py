"""Where the container engine of this machine answers, and what to do where none does.

Only looks for sockets, and asks who is there; what else is said over one is `engine.py`'s business.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from fairlead.errors import ConfigurationError
from fairlead.executors.container.specs import local_url

__all__ = ["Answer", "candidates", "find_engine", "no_engine"]

_PATIENCE = 5.0


class Answer(NamedTuple):
    """Who answers at a place."""

    url: str
    product: str
    """podman or docker."""
    api: str
    """The version of the API that it speaks."""
    rootless: bool
    """It belongs to a user, who is user 0 in its containers."""


class _Silent(Exception):
    """Nothing answers at a place."""

    def __init__(self, url: str, why: str, cure: str) -> None:
        super().__init__(f"{url}: {why}; {cure}")


def candidates(environ: Mapping[str, str], home: Path, user: int) -> list[str]:
    """List where engines usually answer, the likeliest first."""
    runtime = environ.get("XDG_RUNTIME_DIR") or f"/run/user/{user}"
    return [
        f"unix://{path}"
        for path in (
            "/var/run/docker.sock",
            f"{runtime}/docker.sock",
            f"{home}/.docker/run/docker.sock",
            *(["/run/podman/podman.sock"] if user == 0 else []),
            f"{runtime}/podman/podman.sock",
        )
    ]


def find_engine(url: str | None, environ: Mapping[str, str] = os.environ) -> Answer:
    """Find the engine to use; raises ConfigurationError where none can be.

    The settings' own, or else what `DOCKER_HOST` or `CONTAINER_HOST` says, or else the first of the usual
    sockets that answers.
    """
    for said, where in ((url, "url"), (environ.get("DOCKER_HOST"), "DOCKER_HOST"), (environ.get("CONTAINER_HOST"),
                        "CONTAINER_HOST")):  # fmt: skip
        if said:
            try:
                return _ask(_near(said, where))
            except _Silent as seen:
                raise ConfigurationError(f"no container engine answers at {seen}") from None
    refused = []
    for place in candidates(environ, Path.home(), os.getuid()):
        try:
            return _ask(place)
        except _Silent as seen:
            with suppress(PermissionError):  # a folder that is not ours to look into: neither is the engine
                if Path(place.removeprefix("unix://")).exists():
                    refused.append(str(seen))
    raise ConfigurationError(no_engine(refused))


def no_engine(refused: Sequence[str]) -> str:
    """Say that there is no engine, and how to get one."""
    if refused:
        return f"no container engine can be used: {'; '.join(refused)}"
    return (
        "no container engine was found on this machine; start Docker, or Podman's service ('systemctl --user start"
        " podman.socket', or 'podman system service --time=0 unix:///tmp/podman.sock &'), and where its socket is in"
        " no usual place, name it: the setting 'url' of the executor, or the variable DOCKER_HOST"
    )


def _near(url: str, where: str) -> str:
    try:
        return local_url(url, where)
    except ValueError as error:
        raise ConfigurationError(str(error)) from None


def _ask(url: str) -> Answer:
    """Ask who is there; raises _Silent with the reason why nobody answers."""
    scheme, _, rest = url.partition("://")
    path = f"/{rest.lstrip('/')}" if scheme in ("unix", "http+unix") else ""
    with _connected(url, path, rest) as end:
        try:
            end.sendall(b"GET /_ping HTTP/1.0\r\nHost: localhost\r\n\r\n")
            said = b"".join(iter(lambda: end.recv(4096), b"")).decode("latin-1")
        except OSError as error:
            raise _Silent(url, f"it hangs up: {error.strerror or error}", "see what the engine logs") from error
    headers = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in said.splitlines())}
    if "api-version" not in headers:
        raise _Silent(url, "what answers there is no container engine", "name the engine's socket")
    product = "podman" if "libpod" in headers.get("server", "").lower() else "docker"
    return Answer(url, product, headers["api-version"], bool(path) and Path(path).stat().st_uid != 0)


def _connected(url: str, path: str, rest: str) -> socket.socket:
    if not path:
        host, _, port = rest.rstrip("/").rpartition(":")
        try:
            return socket.create_connection((host.strip("[]"), int(port)), _PATIENCE)
        except (OSError, ValueError) as error:
            raise _Silent(url, str(error), "start it, or name another") from error
    end = socket.socket(socket.AF_UNIX)
    end.settimeout(_PATIENCE)
    try:
        end.connect(path)
    except OSError as error:
        end.close()
        if isinstance(error, FileNotFoundError):
            raise _Silent(url, "there is no such socket", "start the engine, or name its socket") from error
        if isinstance(error, PermissionError):
            raise _Silent(url, "you may not use this socket", _rights(path)) from error
        raise _Silent(url, error.strerror or str(error), "start the engine behind it") from error
    return end


def _rights(path: str) -> str:
    """Say how to come to use a socket that is somebody else's."""
    import grp

    try:
        found = Path(path).stat()
        group = grp.getgrgid(found.st_gid).gr_name
    except (OSError, KeyError):
        return "ask for the right to, or use an engine of your own (rootless Docker or Podman)"
    if group != "root" and found.st_mode & stat.S_IWGRP:
        return f"join its group ('sudo usermod -aG {group} $USER', then log in anew), or use a rootless engine"
    return "it is root's alone; use an engine of your own (rootless Docker or Podman)"
