"""Images of tasks: whether they are there, are fetched where they may be, and can run tasks at all.

What an image holds never changes under its id, so that one look by a container counts for good.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Any, Literal, NamedTuple, TypeAlias

from fairlead import __version__
from fairlead.executors.container.engine import Engine, Refused
from fairlead.executors.container.orphans import driver_label
from fairlead.executors.container.specs import DRIVER, OURS, Settings

__all__ = ["Images", "Known", "Pull", "misfit"]

Pull: TypeAlias = Literal["missing", "never", "always"]

FRESH = 5.0
"""Seconds for which an answer counts: a run that is made, and then carried, asks once."""

_LOOK = """
import json, sys
seen = {"python": list(sys.version_info[:2]), "fairlead": "", "error": ""}
try:
    import fairlead, fairlead.__main__
    seen["fairlead"] = fairlead.__version__
except Exception as error:
    seen["error"] = f"{type(error).__name__}: {error}"
print("fairlead-look " + json.dumps(seen))
"""

_BUILD = "build one with 'fairlead package'"
_AGAIN = "build it anew, as with 'fairlead package'"


class Known(NamedTuple):
    """What came of looking at an image."""

    id: str
    problem: str
    """What is wrong and what to do; empty: tasks can run in it."""
    at: float


class Images:
    """The images of one engine, under the settings of one executor."""

    def __init__(self, engine: Engine, settings: Settings, pull: Pull, *, cache: Path | None = None) -> None:
        """`cache`: the file in which is kept which images are fine."""
        self._engine = engine
        self._settings = settings
        self._pull = pull
        self._cache = cache or cache_file()
        self._known: dict[str, Known] = {}

    def look(self, name: str, *, fetch: bool) -> Known | None:
        """See whether tasks can run in an image; None: it is not here, but would be fetched.

        `fetch`: it is fetched now, where the settings say so.
        """
        known = self._known.get(name)
        if known is not None and monotonic() - known.at < FRESH:
            return known
        there = self._engine.image(name)
        if self._pull == "always" or (there is None and self._pull == "missing"):
            if not fetch:
                return None
            problem = self._fetched(name)
            if problem:
                return Known("", problem, monotonic())
            there = self._engine.image(name)
        if there is None:
            problem = f"there is no image {name!r} on this machine, and 'pull' is {self._pull!r}; pull it, or {_BUILD}"
            return Known("", problem, monotonic())
        known = self._known[name] = Known(str(there["Id"]), self._problem(name, there), monotonic())
        return known

    def _fetched(self, name: str) -> str:
        try:
            self._engine.pull(name)
        except Refused as error:
            why = _short(str(error))
            return f"the image {name!r} cannot be pulled: {why}; correct its name, log in to its registry, or {_BUILD}"
        return ""

    def _problem(self, name: str, there: Mapping[str, Any]) -> str:
        key = self._key(str(there["Id"]))
        fine = _read(self._cache)
        if key in fine:
            return ""
        seen = self._seen(there)
        problem = misfit(name, seen, self._settings.python)
        if not problem:
            _write(self._cache, {**fine, key: name})
        return problem

    def _key(self, image: str) -> str:
        """What the answer depends on: the image, and what is laid over it."""
        said = self._settings
        over = [image, __version__, list(sys.version_info[:2]), said.python, sorted(said.env.items()), said.mounts]
        return sha256(json.dumps([*over, said.user, said.workdir]).encode()).hexdigest()[:32]

    def _seen(self, there: Mapping[str, Any]) -> Mapping[str, Any] | str:
        """Look into an image by a container of it; gives what was seen, or why nothing was."""
        said = self._settings
        config: dict[str, Any] = {
            "Image": there["Id"],
            "Entrypoint": [said.python],
            "Cmd": ["-c", _LOOK],
            "Env": [f"{name}={value}" for name, value in {"HOME": "/tmp", **said.env}.items()],  # noqa: S108
            "User": said.user,
            "Labels": {OURS: "1", DRIVER: driver_label()},
            # Without an init process, so that the engine says what it cannot execute.
            "HostConfig": {"Mounts": [mount.bind for mount in said.mounts], "NetworkMode": "none"},
        }
        if said.workdir:
            config["WorkingDir"] = said.workdir
        name = f"fairlead-look-{os.getpid()}-{os.urandom(4).hex()}"
        container = ""
        try:
            container = self._engine.create(name, config)
            self._engine.start(container)
            code = self._engine.wait(container)
            said_there = self._engine.said(container)
        except Refused as error:
            return _short(str(error))
        finally:
            if container:
                self._engine.remove(container)
        for line in said_there.splitlines():
            if line.startswith("fairlead-look "):
                found: dict[str, Any] = json.loads(line.removeprefix("fairlead-look "))
                return found
        return _short(said_there) or f"it ended with exit code {code}"


def misfit(name: str, seen: Mapping[str, Any] | str, python: str) -> str:
    """Say why tasks cannot run in an image, and what to do; empty where they can."""
    if isinstance(seen, str):
        return (
            f"the image {name!r} has no Python to run tasks with ({python!r} could not be started: {seen}); name it"
            f" ('python' of the executor), take an image with Python, or {_BUILD}"
        )
    there, here = ".".join(map(str, seen["python"])), f"{sys.version_info[0]}.{sys.version_info[1]}"
    if not seen["fairlead"]:
        return (
            f"the image {name!r} has no Fairlead ({seen['error']}); add 'pip install fairlead=={__version__}' to it,"
            f" or {_BUILD}"
        )
    if seen["fairlead"] != __version__:
        return f"the image {name!r} has Fairlead {seen['fairlead']}, and this is {__version__}; {_AGAIN}"
    if there != here:
        return (
            f"the image {name!r} has Python {there}, and this is Python {here}, so that functions and values do not"
            f" travel; use the same here, or {_BUILD}"
        )
    return ""


def cache_file() -> Path:
    """Where it is kept for this user which images are fine."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "fairlead" / "images.json"


def _read(file: Path) -> dict[str, str]:
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError):  # not there, or half a file: it is only a memory
        return {}
    return found if isinstance(found, dict) else {}


def _write(file: Path, fine: Mapping[str, str]) -> None:
    partial = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(dict(list(fine.items())[-500:])), encoding="utf-8")
        partial.replace(file)
    except OSError:
        return  # a home that cannot be written to: the next run looks again


def _short(words: str) -> str:
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""
