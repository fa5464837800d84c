"""A container engine, as far as this executor needs it: the API that Docker and Podman share.

Every call of the `docker` package is in this file, and turns what it raises into errors of ours. Nothing here
knows a run. Each thread has a connection of its own.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from time import sleep
from typing import Any, NamedTuple

from fairlead.errors import FairleadError
from fairlead.executors.container.sockets import Answer

__all__ = ["Engine", "EngineGone", "Facts", "Found", "Refused", "State"]

_PATIENCE = 120
"""Seconds that the engine gets for one answer; pulling and building report meanwhile."""

_ATTEMPTS = 8


class EngineGone(FairleadError):
    """The container engine does not answer."""

    exit_code = 4


class Refused(FairleadError):
    """The container engine says no."""

    exit_code = 4

    def __init__(self, words: str, status: int = 0) -> None:
        super().__init__(words)
        self.status = status


class Facts(NamedTuple):
    """What an engine has."""

    cpus: int
    memory: int
    """Bytes."""


class Found(NamedTuple):
    """A container in a list."""

    id: str
    name: str
    status: str
    """created, running, paused, exited, …"""
    labels: Mapping[str, str]


class State(NamedTuple):
    """How a container is, or how it ended."""

    id: str
    status: str
    code: int
    out_of_memory: bool
    error: str


class Engine:
    """A container engine that answers."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.url = answer.url
        self._local = threading.local()

    @property
    def _api(self) -> Any:
        client = getattr(self._local, "client", None)
        if client is None:
            import docker

            with self._told():
                client = docker.APIClient(base_url=self.url, version=self.answer.api, timeout=_PATIENCE)
            self._local.client = client
        return client

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what the package raises into Refused and EngineGone."""
        import docker.errors
        import requests
        import urllib3

        try:
            yield
        except docker.errors.APIError as error:
            words = str(error.explanation or error).strip()
            raise Refused(words, error.response.status_code if error.response is not None else 0) from error
        except (
            docker.errors.DockerException,
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            OSError,
        ) as error:
            raise EngineGone(f"the container engine at {self.url} does not answer: {error}") from error

    @cached_property
    def facts(self) -> Facts:
        """What it has."""
        if self.answer.product == "podman" and sys.platform == "linux":
            # It would ask the package manager for the versions of its parts first, which takes a while.
            return Facts(len(os.sched_getaffinity(0)), os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
        with self._told():
            said = self._api.info()
        return Facts(int(said["NCPU"]), int(said["MemTotal"]))

    # --- images -----------------------------------------------------------------------------------

    def image(self, name: str) -> Mapping[str, Any] | None:
        """Give what is known of an image that is there; None where it is not."""
        with self._told():
            try:
                found: Mapping[str, Any] = self._api.inspect_image(name)
            except _not_found():
                return None
        return found

    def pull(self, name: str) -> None:
        """Fetch an image from its registry; Refused."""
        repository, tag = _split(name)
        with self._told():
            for line in self._api.pull(repository, tag=tag, stream=True, decode=True):
                if line.get("error"):
                    raise Refused(str(line["error"]).strip())

    def build(self, context: Any, tag: str, *, dockerfile: str, network: str | None = None) -> Iterator[str]:
        """Build an image from a tar of its context, and give what is said on the way; Refused."""
        with self._told():
            said = self._api.build(
                fileobj=context, custom_context=True, tag=tag, dockerfile=dockerfile, rm=True, forcerm=True,
                network_mode=network, decode=True,
            )  # fmt: skip
            for line in said:
                if line.get("error"):
                    raise Refused(str(line["error"]).strip())
                text = str(line.get("stream") or line.get("status") or "").rstrip()
                if text:
                    yield text

    # --- containers -------------------------------------------------------------------------------

    def create(self, name: str, config: Mapping[str, Any]) -> str:
        """Make a container, and give its id; Refused, with `status` 409 where there is one of that name."""
        try:
            with self._told():
                return str(self._api.create_container_from_config(dict(config), name)["Id"])
        except Refused as error:
            if "already in use" in str(error):  # Podman says 500 where Docker says 409
                raise Refused(str(error), 409) from error
            raise

    def start(self, container: str) -> None:
        """Start a container that was made; Refused."""
        with self._told():
            self._api.start(container)

    def kill(self, container: str, signal: str) -> None:
        """Send a signal to what runs in a container; one that has ended is fine."""
        try:
            with self._told():
                self._api.kill(container, signal)
        except Refused as error:
            if error.status not in (404, 409) and "not running" not in str(error) and "state" not in str(error):
                raise

    def remove(self, container: str) -> None:
        """End and remove a container; one that is not there is fine."""
        for attempt in range(_ATTEMPTS):
            try:
                with self._told():
                    self._api.remove_container(container, force=True, v=True)
            except Refused as error:
                if error.status == 404:
                    return
                # It is ending at this moment, and the engine is still at that.
                if attempt + 1 == _ATTEMPTS:
                    raise
                sleep(0.1 * 2**attempt)
            else:
                return

    def wait(self, container: str) -> int:
        """Wait for a container's end, and give its exit code."""
        with self._told():
            return int(self._api.wait(container)["StatusCode"])

    def state(self, container: str) -> State | None:
        """Say how a container is; None where there is none."""
        with self._told():
            try:
                found = self._api.inspect_container(container)
            except _not_found():
                return None
        said = found["State"]
        return State(
            str(found["Id"]),
            str(said.get("Status", "")),
            int(said.get("ExitCode") or 0),
            bool(said.get("OOMKilled")),
            str(said.get("Error") or ""),
        )

    def said(self, container: str) -> str:
        """Give what a container has written; empty where it is gone."""
        with self._told():
            try:
                data: bytes = self._api.logs(container, stdout=True, stderr=True, tail=50)
            except _not_found():
                return ""
        return data.decode("utf-8", "replace")

    def listed(self, labels: Mapping[str, str]) -> list[Found]:
        """List the containers with these labels, also those that have ended."""
        with self._told():
            wanted = [f"{key}={value}" for key, value in labels.items()]
            listed = self._api.containers(all=True, filters={"label": wanted})
        return [
            Found(one["Id"], one["Names"][0].lstrip("/"), str(one.get("State", "")).lower(), one.get("Labels") or {})
            for one in listed
        ]

    def close(self) -> None:
        """Let this thread's connection go."""
        client = getattr(self._local, "client", None)
        if client is not None:
            client.close()
            del self._local.client


def _not_found() -> Any:
    import docker.errors

    return docker.errors.NotFound


def _split(name: str) -> tuple[str, str | None]:
    """Part an image's name from its tag; without one, a registry would send every version there is."""
    if "@" in name:
        return name, None
    before, mark, tag = name.rpartition(":")
    return (before, tag) if mark and "/" not in tag else (name, "latest")
