"""Where the container engine of this machine answers, and what to do where none does.

Only looks for sockets and tries to connect; what is said over one is `engine.py`'s business.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from fairlead.errors import ConfigurationError

__all__ = ["Looked", "candidates", "find_engine", "no_engine"]

_PATIENCE = 5.0
_NEAR = ("127.0.0.1", "localhost", "[::1]")
"""Hosts that are this machine."""


class Looked(Exception):
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


def find_engine(url: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """Give the URL of the engine to use; raises ConfigurationError where none can be.

    The settings' own, or else what `DOCKER_HOST` or `CONTAINER_HOST` says, or else the first of the usual
    sockets that answers.
    """
    for said, where in ((url, "url"), (environ.get("DOCKER_HOST"), "DOCKER_HOST"), (environ.get("CONTAINER_HOST"),
                        "CONTAINER_HOST")):  # fmt: skip
        if said:
            try:
                _try(_near(said, where))
            except Looked as seen:
                raise ConfigurationError(f"no container engine answers at {seen}") from None
            return said
    refused = []
    for place in candidates(environ, Path.home(), os.getuid()):
        try:
            _try(place)
        except Looked as seen:
            if Path(place.removeprefix("unix://")).exists():
                refused.append(str(seen))
        except PermissionError:
            continue  # its folder is not ours to look into: neither is the engine
        else:
            return place
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
    scheme, _, rest = url.partition("://")
    if scheme in ("unix", "http+unix") and rest:
        return url
    if scheme in ("tcp", "http") and rest.rpartition(":")[0] in _NEAR:
        return url
    raise ConfigurationError(
        f"{where}: {url!r} is not a container engine of this machine (such as 'unix:///var/run/docker.sock'), and the"
        " run's folder can be mounted on this machine only"
    )


def _try(url: str) -> None:
    """Connect once; raises Looked with the reason why that does not work."""
    scheme, _, rest = url.partition("://")
    if scheme not in ("unix", "http+unix"):
        host, _, port = rest.rstrip("/").rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), _PATIENCE).close()
        except OSError as error:
            raise Looked(url, str(error.strerror or error), "start it, or name another") from error
        return
    path = f"/{rest.lstrip('/')}"
    with socket.socket(socket.AF_UNIX) as end:
        end.settimeout(_PATIENCE)
        try:
            end.connect(path)
        except FileNotFoundError as error:
            raise Looked(url, "there is no such socket", "start the engine, or name its socket") from error
        except PermissionError as error:
            raise Looked(url, "you may not use this socket", _rights(path)) from error
        except OSError as error:
            raise Looked(url, f"{error.strerror or error}", "start the engine behind it") from error


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
