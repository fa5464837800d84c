"""A Ray cluster of three nodes on this machine, each with an address of its own on loopback.

The head has one processor; `big` has two and a label; `gpu` says that it has a GPU. Nodes are started and
killed by their process ids, because `ray stop` ends every Ray there is.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairlead.executors.processes import descendants, kill

__all__ = ["Cluster", "ray_cluster"]

HEAD, BIG, GPU = "127.0.0.2", "127.0.0.3", "127.0.0.4"

NODES: dict[str, list[str]] = {
    HEAD: ["--num-cpus=1", "--resources", '{"head": 1}'],
    BIG: ["--num-cpus=2", "--resources", '{"big": 2}', "--labels", "pool=big"],
    GPU: ["--num-cpus=1", "--num-gpus=1", "--resources", '{"gpuish": 1}'],
}


class Cluster:
    """Nodes that were started here."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="flr", dir="/tmp"))  # socket paths must be short
        self.token = self.folder / "token"
        self.token.write_text(secrets.token_hex(32))
        self.token.chmod(0o600)
        self.port = _free_port()
        self.dashboard = _free_port()
        self.address = f"{HEAD}:{self.port}"
        (self.folder / "address").write_text(self.address)
        (self.folder / "dashboard").write_text(str(self.dashboard))
        self._nodes: dict[str, subprocess.Popen[bytes]] = {}
        self._starts = 0

    @classmethod
    def kept(cls, folder: Path) -> Cluster:
        """Give one that somebody else has started; its folder has the token, and its address in a file."""
        cluster = cls.__new__(cls)
        cluster.folder = folder
        cluster.token = folder / "token"
        cluster.address = (folder / "address").read_text().strip()
        cluster.port = int(cluster.address.rpartition(":")[2])
        cluster.dashboard = int((folder / "dashboard").read_text())
        cluster._nodes, cluster._starts = {}, 100
        return cluster

    @property
    def settings(self) -> dict[str, object]:
        """What an environment says to join it."""
        return {"type": "ray", "address": self.address, "auth": "token", "token_path": str(self.token)}

    def environ(self) -> dict[str, str]:
        """The environment of a process that uses the cluster by hand."""
        told = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        return told | {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(self.token),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_raylet_start_wait_time_s": "100",  # a machine may have other things to do
        }

    def start(self, *addresses: str) -> None:
        """Start nodes beside each other, and wait until they are part of the cluster."""
        for address in addresses:
            self._begin(address)
        until = time.monotonic() + 110
        for address in addresses:
            log = self.folder / f"{address}.log"
            while b"Ray runtime started" not in (said := log.read_bytes()):
                assert self._nodes[address].poll() is None, said.decode()
                assert time.monotonic() < until, f"{address} did not start: {said.decode()}"
                time.sleep(0.05)

    def _begin(self, address: str) -> None:
        self._starts += 1
        ray = Path(sys.executable).parent / "ray"
        head = [
            "--head", f"--port={self.port}", "--dashboard-host=127.0.0.1", f"--dashboard-port={self.dashboard}",
            # It takes jobs; where another Ray has the usual port at this address, it would take none, and not say so.
            f"--dashboard-agent-listen-port={_free_port()}",
        ]  # fmt: skip
        where = head if address == HEAD else [f"--address={self.address}"]
        command = [
            str(ray), "start", "--block", *where, f"--node-ip-address={address}", "--object-store-memory=300000000",
            "--disable-usage-stats", f"--temp-dir={self.folder}/{self._starts}", *NODES[address],
        ]  # fmt: skip
        with (self.folder / f"{address}.log").open("wb") as log:
            self._nodes[address] = subprocess.Popen(
                command, env=self.environ(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                cwd=self.folder,
            )  # fmt: skip

    def raylet(self, address: str) -> int:
        """Give the process id of a node's raylet."""
        for pid in descendants(self._nodes[address].pid):
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            if b"raylet/raylet" in command.split(b"\0")[0]:
                return pid
        raise AssertionError(f"no raylet at {address}")

    def processes(self) -> list[int]:
        """Give the process ids of all that runs on the nodes."""
        return [pid for node in self._nodes.values() for pid in descendants(node.pid)]

    def kill(self, address: str) -> None:
        """End a node at once, as a machine that loses its power."""
        process = self._nodes.pop(address)
        below = descendants(process.pid)
        kill([process.pid, *below])
        process.wait(10)

    def close(self) -> None:
        """End all nodes."""
        for address in list(self._nodes):
            self.kill(address)
        shutil.rmtree(self.folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind((HEAD, 0))
        return int(found.getsockname()[1])


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[Cluster]:
    """A cluster that all tests of the session share; who kills a node starts it again."""
    kept = os.environ.get("FAIRLEAD_TEST_RAY")
    if kept:
        # For who writes tests: a cluster like this one that goes on from one start of pytest to the next.
        yield Cluster.kept(Path(kept))
        return
    cluster = Cluster()
    try:
        cluster.start(HEAD)
        cluster.start(BIG, GPU)
        yield cluster
    finally:
        cluster.close()
