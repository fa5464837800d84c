"""Trivial tasks, each in a container of its own: what a task costs beyond the container's start.

The bare start is one container of the same image by the same engine, as many at a time, with the same flags, in
which Python does nothing (`python3 -c pass`), to its end and its removal: by hand over the engine's API (the
floor: make, start, await, remove), and by the engine's own command (`podman run --rm`). Needs Podman and
buildah; the image has this machine's Python, and is made anew when Fairlead's files have changed.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.parts import Figure, Side, Target, Work

if TYPE_CHECKING:
    from tests.engines.podman_service import Podman

__all__ = ["WORK"]

_BENCH = "boxes"
_ROOT = Path(__file__).resolve().parent.parent
_AT_ONCE = 2
_TASKS = 40
"""Of 200: in five rounds, so that a neighbour's load meets all sides alike."""


@contextmanager
def _podman() -> Iterator[Podman]:
    """Podman's service, with an image that has Fairlead as it is now."""
    from tests.engines.podman_service import Podman

    folder = Path("/tmp") / f"fairlead-bench-{sha256(str(_ROOT).encode()).hexdigest()[:8]}"  # noqa: S108 - short names
    folder.mkdir(exist_ok=True)
    podman = Podman(folder, f"{os.getpid()}.sock")
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp, now = folder / "stamp", _stamp()
        if not stamp.exists() or stamp.read_text() != now:
            podman.build()
            stamp.write_text(now)
    podman.start()
    try:
        yield podman
    finally:
        podman.stop()


def _stamp() -> str:
    files = sorted((_ROOT / "src" / "fairlead").rglob("*.py"))
    return sha256(repr([(str(file), file.stat().st_mtime_ns) for file in files]).encode()).hexdigest()


def floor(n: int) -> Iterator[dict[str, float]]:
    """Make, start, await and remove containers by hand."""
    from concurrent.futures import ThreadPoolExecutor

    import docker
    from tests.engines.podman_service import IMAGE

    local = threading.local()
    here = os.getcwd()  # noqa: PTH109 - as text
    host = {"Binds": [f"{here}:{here}:rw"], "Init": True, "NanoCpus": 10**9, "NetworkMode": "none"}
    config = {"Image": IMAGE, "Entrypoint": ["python3"], "Cmd": ["-c", "pass"], "HostConfig": host}

    with _podman() as podman:

        def once(_: int) -> int:
            if not hasattr(local, "engine"):
                local.engine = docker.APIClient(base_url=podman.url, version="1.41", timeout=120)
            engine: Any = local.engine
            container = engine.create_container_from_config(config)["Id"]
            engine.start(container)
            code: int = engine.wait(container)["StatusCode"]
            engine.remove_container(container)
            return max(code, 0)  # Podman says -1 where it looks so late that the end was tidied up

        while True:
            start = time.perf_counter()
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                codes = list(pool.map(once, range(n)))
            yield _per_task(start, n, sum(codes), 0)


def command(n: int) -> Iterator[dict[str, float]]:
    """Run the same containers by Podman's own command."""
    import subprocess
    from concurrent.futures import ThreadPoolExecutor

    from tests.engines.podman_service import IMAGE

    here = os.getcwd()  # noqa: PTH109 - as text
    flags = "--network=none", "--init", "--cpus=1", f"--volume={here}:{here}", "--entrypoint=python3"

    with _podman() as podman:

        def once(_: int) -> int:
            words = ["podman", "run", "--rm", *flags, IMAGE, "-c", "pass"]
            return subprocess.run(words, env=podman.env, stdin=subprocess.DEVNULL, check=False).returncode

        while True:
            start = time.perf_counter()
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                codes = list(pool.map(once, range(n)))
            yield _per_task(start, n, sum(codes), 0)


def fairlead(n: int) -> Iterator[dict[str, float]]:
    """Map a task over a list, one container for each item."""
    from flows import add_to_each
    from tests.engines.podman_service import IMAGE

    from fairlead import Environment

    with _podman() as podman:
        executor = {"type": "container", "image": IMAGE, "url": podman.url, "pull": "never", "network": "none"}
        environment = Environment(executor={**executor, "max_workers": _AT_ONCE})
        add_to_each([0]).run(environment)  # the image is looked at once, for good
        while True:
            start = time.perf_counter()
            run = add_to_each([0] * n).run(environment)
            yield _per_task(start, n, run.get_results(), [1] * n)


def _per_task(start: float, n: int, result: object, expected: object) -> dict[str, float]:
    seconds = time.perf_counter() - start
    if result != expected:
        raise AssertionError(f"the containers gave {result!r}, not {expected!r}")
    return {_BENCH: seconds / n * 1e3}


WORK = Work(
    name=_BENCH,
    title="trivial tasks, each in a container of its own",
    sides=(
        Side("floor", floor, _TASKS, quick=20, limit=600.0),
        Side("podman run --rm", command, _TASKS, quick=20, limit=600.0),
        Side("fairlead", fairlead, _TASKS, quick=20, records="everything, durable", limit=600.0),
    ),
    figures=(Figure(_BENCH, "a task in a container", "ms/task", "floor", digits=0),),
    targets=(Target(_BENCH, 1.3, over="floor"), Target(_BENCH, 1.3, over="podman run --rm")),
    rounds=5,
    quick_rounds=2,
    service=True,
)
