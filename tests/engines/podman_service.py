"""Podman's service, on a socket of its own, with the image of `container_image.py`; for tests and for the bench.

Storage and configuration are the session's own.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from tests.engines.container_image import IMAGE, load_into

__all__ = ["IMAGE", "Podman"]

# runc: crun wants cgroups of one version only. Without the limits, Podman asks for more than a machine may have.
# Without a `tmp_dir` of its own, the end of one session takes away what every other Podman of the machine works with.
_CONTAINERS = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "{0}/tmp"
"""
_STORAGE = """\
[storage]
driver = "overlay"
runroot = "{0}/run"
graphroot = "{0}/graph"
"""


class Podman:
    """Podman with everything of its own in a folder."""

    def __init__(self, folder: Path, socket: str = "podman.sock") -> None:
        self.folder = folder
        self.socket = folder / socket
        self.url = f"unix://{self.socket}"
        (folder / "containers.conf").write_text(_CONTAINERS.format(folder))
        (folder / "storage.conf").write_text(_STORAGE.format(folder))
        self.env = {
            **os.environ,
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the service, and wait until it answers."""
        with (self.folder / "service.log").open("ab") as log:
            self.process = subprocess.Popen(
                ["podman", "system", "service", "--time=0", self.url], env=self.env, stdout=log, stderr=log
            )
        end = time.monotonic() + 20
        while not self.socket.exists():
            assert self.process.poll() is None, (self.folder / "service.log").read_text()
            assert time.monotonic() < end, "Podman's service does not come up"
            time.sleep(0.02)

    def stop(self) -> None:
        """End the service; containers go on."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)
            self.socket.unlink(missing_ok=True)

    def __call__(self, *words: str) -> str:
        """Call Podman by hand, and give what it says."""
        done = subprocess.run(
            ["podman", *words], env=self.env, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, f"podman {' '.join(words)}: {done.stderr}"
        return done.stdout.strip()

    def names(self) -> list[str]:
        """Name all containers that there are."""
        return self("ps", "--all", "--format", "{{.Names}}").split()

    def discard(self, *names: str) -> None:
        """Remove containers, also those that run, without giving them time."""
        self("rm", "--force", "--time", "0", *names)

    def build(self) -> None:
        """Make the image."""
        load_into(["podman"], self.env)

    def remove(self) -> None:
        """Remove everything."""
        self("rm", "--all", "--force", "--time", "0")
        self.stop()
        subprocess.run(["podman", "system", "reset", "--force"], env=self.env, check=False, capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)
