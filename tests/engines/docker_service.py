"""Docker, with everything of its own in a folder: its data, its sockets, its containerd, and no network.

For tests; the image is that of `container_image.py`. Neither bridges nor rules of the machine's firewall are made.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from tests.engines.container_image import load_into

__all__ = ["Docker"]


class Docker:
    """Docker's daemon with everything of its own in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "docker.sock"
        self.url = f"unix://{self.socket}"
        self.env = {**os.environ, "DOCKER_HOST": self.url}
        self._containerd: subprocess.Popen[bytes] | None = None
        self._daemon: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start what is not running, and wait until it answers."""
        inside = self.folder / "containerd.sock"
        if self._containerd is None:
            places = [f"--root={self.folder}/containerd", f"--state={self.folder}/containerd-state"]
            self._containerd = self._begin("containerd", *places, f"--address={inside}")
            self._await(inside, self._containerd)
        self._daemon = self._begin(
            "dockerd",
            f"--host={self.url}",
            f"--data-root={self.folder}/data",
            f"--exec-root={self.folder}/exec",
            f"--pidfile={self.folder}/pid",
            f"--containerd={inside}",
            "--bridge=none",
            "--iptables=false",
            "--ip6tables=false",
            "--ip-masq=false",
            "--exec-opt=native.cgroupdriver=cgroupfs",
            "--default-ulimit=nofile=1024:1024",  # the default is more than a machine may have
            "--live-restore",  # containers go on while the daemon is away, as with Podman
        )
        self._await(self.socket, self._daemon)

    def _begin(self, *words: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{words[0]}.log").open("ab") as log:
            return subprocess.Popen(words, stdout=log, stderr=log)

    def _await(self, socket: Path, process: subprocess.Popen[bytes]) -> None:
        end = time.monotonic() + 30
        while not socket.exists():
            assert process.poll() is None, f"{process.args!r} has ended; see the logs in {self.folder}"
            assert time.monotonic() < end, f"{process.args!r} does not come up"
            time.sleep(0.02)

    def stop(self) -> None:
        """End the daemon; containers go on."""
        if self._daemon is not None:
            self._daemon.send_signal(signal.SIGTERM)
            self._daemon.wait(30)
            self._daemon = None
            self.socket.unlink(missing_ok=True)

    def __call__(self, *words: str) -> str:
        """Call Docker by hand, and give what it says."""
        done = subprocess.run(
            ["docker", *words], env=self.env, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, f"docker {' '.join(words)}: {done.stderr}"
        return done.stdout.strip()

    def names(self) -> list[str]:
        """Name all containers that there are."""
        return self("ps", "--all", "--format", "{{.Names}}").split()

    def discard(self, *names: str) -> None:
        """Remove containers, also those that run, without giving them time."""
        self("rm", "--force", *names)

    def build(self) -> None:
        """Make the image."""
        load_into(["docker"], self.env)

    def remove(self) -> None:
        """Remove everything."""
        left = self.names()
        if left:
            self.discard(*left)
        self.stop()
        if self._containerd is not None:
            self._containerd.send_signal(signal.SIGTERM)
            self._containerd.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)
