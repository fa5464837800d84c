"""Podman's service, on a socket of its own, with an image that has this machine's Python and Fairlead.

For tests and for the bench.

The image is made from nothing, without a registry: the interpreter that runs the tests, the libraries that it
needs, and what is installed beside it. Storage and configuration are the session's own.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import fairlead

__all__ = ["IMAGE", "Podman"]

IMAGE = "localhost/fairlead-tests:1"
SITE = "/opt/fairlead"
"""Where Fairlead is in it, by PYTHONPATH: without that variable, it is an image of Python, pip and some packages."""

# runc: crun wants cgroups of one version only. Without the limits, Podman asks for more than a machine may have.
_CONTAINERS = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
_STORAGE = """\
[storage]
driver = "overlay"
runroot = "{0}/run"
graphroot = "{0}/graph"
"""
_PROGRAMS = "sh", "sleep", "cat", "setsid", "echo"
_PACKAGES = "pip", "msgspec", "yaml", "_yaml", "cloudpickle", "click", "rich", "pygments", "markdown_it", "mdurl"
_TOLD = "pip-", "msgspec-", "pyyaml-", "cloudpickle-", "click-", "rich-", "pygments-", "markdown_it_py-", "mdurl-"
"""How the folders begin by which pip knows these."""


class Podman:
    """Podman with everything of its own in a folder."""

    def __init__(self, folder: Path, socket: str = "podman.sock") -> None:
        self.folder = folder
        self.socket = folder / socket
        self.url = f"unix://{self.socket}"
        (folder / "containers.conf").write_text(_CONTAINERS)
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

    def __call__(self, *words: str, program: str = "podman") -> str:
        """Call Podman by hand, and give what it says."""
        done = subprocess.run([program, *words], env=self.env, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"{program} {' '.join(words)}: {done.stderr}"
        return done.stdout.strip()

    def names(self) -> list[str]:
        """Name all containers that there are."""
        return self("ps", "--all", "--format", "{{.Names}}").split()

    def build(self) -> None:
        """Make the image."""
        made = self("from", "scratch", program="buildah")
        root = Path(self("mount", made, program="buildah"))
        path = _python(root)
        _packages(root)
        env = [f"--env=PATH={path}:/usr/bin:/bin", f"--env=PYTHONPATH={SITE}"]
        self("config", *env, "--cmd", "python3", "--workingdir", "/work", made, program="buildah")
        self("commit", "-q", "--rm", made, IMAGE, program="buildah")

    def remove(self) -> None:
        """Remove everything."""
        self("rm", "--all", "--force", "--time", "0")
        self.stop()
        subprocess.run(["podman", "system", "reset", "--force"], env=self.env, check=False, capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def _python(root: Path) -> str:
    """Copy this Python; gives the folder with its program."""
    for name in ("bin", "usr/bin", "tmp", "proc", "sys", "dev", "etc", "work", "run", "var/tmp", "root"):
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "tmp").chmod(0o1777)
    base = Path(sys.base_prefix)
    library = Path(sysconfig.get_path("stdlib"))
    program = Path(sys.executable).resolve()
    left_out = shutil.ignore_patterns(
        "test",
        "tests",
        "idlelib",
        "tkinter",
        "ensurepip",
        "site-packages",
        "*.a",
        "lib2to3",
        "pydoc_data",
        "turtledemo",
        "config-*",
        "unittest",
        "distutils",
    )
    shutil.copytree(library, root / library.relative_to("/"), ignore=left_out, symlinks=True)
    place = root / base.relative_to("/") / "bin"
    place.mkdir(parents=True, exist_ok=True)
    shutil.copy2(program, place / program.name)
    (place / "python3").symlink_to(program.name)
    programs = [Path(found) for name in _PROGRAMS if (found := shutil.which(name))]
    for one in programs:
        shutil.copy2(one.resolve(), root / "bin" / one.name)
    _libraries(root, [program, *programs, *library.glob("lib-dynload/*.so")])
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\n")
    return str(base / "bin")


def _libraries(root: Path, programs: list[Path]) -> None:
    """Copy what programs are linked against."""
    said = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True, check=False).stdout
    found = {word for line in said.splitlines() if line.startswith("\t") for word in line.split() if word[0] == "/"}
    for one in sorted(found):
        target = root / one.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            shutil.copy2(Path(one).resolve(), target)


def _packages(root: Path) -> None:
    """Copy Fairlead and what it needs, compiled as installers do it."""
    import compileall

    target = root / Path(sysconfig.get_path("stdlib")).relative_to("/") / "site-packages"
    for place in map(Path, {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}):
        known = [one.name for one in place.glob("*.dist-info") if one.name.lower().startswith(_TOLD)]
        for name in [*_PACKAGES, *known]:
            if (place / name).is_dir():
                shutil.copytree(place / name, target / name, dirs_exist_ok=True)
    shutil.copytree(Path(fairlead.__file__).parent, root / SITE.lstrip("/") / "fairlead")
    _libraries(root, sorted(target.rglob("*.so")))
    for folder in (target, root / SITE.lstrip("/")):
        compileall.compile_dir(folder, quiet=1, stripdir=str(root), prependdir="/", workers=2)
