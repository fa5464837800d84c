"""Drivers as Ray jobs: what a job is called, what it runs, and what becomes of it.

Imports nothing of Ray, which is in the process of `job_client`: this one may be anybody's.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from fairlead.executors.ray.dashboard import dashboard_of
from fairlead.executors.ray.needs import settled
from fairlead.executors.ray.options import RayOptions
from fairlead.executors.ray.sessions import IN_JOB, Unreachable, environment
from fairlead.ports import Launch, Reach

__all__ = ["JobLauncher", "entrypoint", "submission_id"]

_OWN_PYTHON = ("pip", "uv", "conda", "image_uri", "container", "py_executable")
"""Parts of a runtime_env that bring another Python than the one of this machine."""


class JobLauncher:
    """Submits drivers as jobs of one cluster."""

    place = "a Ray job"
    remedy = (
        "name a store and artifacts that its nodes can reach (postgres, s3://…), or say shared_files: true where all "
        "nodes see this machine's files"
    )

    def __init__(self, options: RayOptions) -> None:
        settled(options)
        self._options = options
        self.reach: Reach = "host" if options.shared_files else "network"
        self._client: _Client | None = None
        self._id = ""

    def start(self, launch: Launch) -> None:
        """Submit the job, unless it is there already."""
        self._id = submission_id(launch)
        self._client = _Client(self._options)
        self._client.ask(
            do="submit",
            id=self._id,
            entrypoint=entrypoint(launch, self._options, self._id),
            runtime_env=self._options.runtime_env,
            metadata={"fairlead_run": launch.run},
        )

    def ended(self) -> str | None:
        """Give what the job wrote last, once it has ended."""
        assert self._client is not None, "start() comes first"
        said: str | None = self._client.ask(do="look", id=self._id)["said"]
        return said

    def close(self) -> None:
        """End the process that talks to the cluster; the job goes on."""
        if self._client is not None:
            self._client.close()


def submission_id(launch: Launch) -> str:
    """Name a job: the same for the same epoch of the same run, and for no other."""
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", launch.run)[:60].strip("-")
    digest = hashlib.sha256(f"{launch.run}\0{launch.made!r}\0{launch.epoch}".encode()).hexdigest()[:12]
    return f"fairlead-{readable}-{launch.epoch}-{digest}"


def entrypoint(launch: Launch, options: RayOptions, name: str) -> str:
    """Give the shell command of a job."""
    same = options.shared_files and not any(part in options.runtime_env for part in _OWN_PYTHON)
    python = sys.executable if same else "python"
    command = shlex.join(["exec", "env", f"{IN_JOB}={name}", python, "-m", "fairlead", *launch.words])
    return f"cd {shlex.quote(launch.cwd)} && {command}" if options.shared_files else command


class _Client:
    """A process that has Ray's client of jobs; one question after the other."""

    def __init__(self, options: RayOptions) -> None:
        self._url = dashboard_of(options)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # open as long as the process is
        package = str(Path(__file__).resolve().parents[3])
        code = f"import sys; sys.path.append({package!r}); from fairlead.executors.ray.job_client import main; main()"
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", code, self._url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment(os.environ, options.auth, options.token_path),
        )

    def ask(self, **question: Any) -> dict[str, Any]:
        """Raises Unreachable with what went wrong."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None, "both are pipes"
        try:
            stdin.write(json.dumps(question).encode() + b"\n")
            stdin.flush()
            line = stdout.readline()
        except BrokenPipeError:
            line = b""
        if not line:
            self._errors.seek(0)
            words = self._errors.read().decode(errors="replace").strip().splitlines()
            raise Unreachable(f"the process that submits Ray jobs has ended: {words[-1] if words else 'no word'}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise Unreachable(f"the Ray cluster at {self._url} does not take the job: {answer['error']}")
        return answer

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.wait()
        self._errors.close()
