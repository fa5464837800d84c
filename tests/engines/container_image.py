"""The image that tests of containers and the bench run in, made from nothing and without a registry.

It has the interpreter that runs the tests, the libraries that it needs, and what is installed beside it. Which
engine takes it in, is the business of `podman_service.py` and `docker_service.py`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path

import fairlead

__all__ = ["IMAGE", "load_into"]

IMAGE = "localhost/fairlead-tests:1"
SITE = "/opt/fairlead"
"""Where Fairlead is in it, by PYTHONPATH: without that variable, it is an image of Python, pip and some packages."""

_PROGRAMS = "sh", "bash", "sleep", "cat", "wc", "setsid", "echo"
_PACKAGES = "pip", "msgspec", "yaml", "_yaml", "cloudpickle", "click", "rich", "pygments", "markdown_it", "mdurl"
_TOLD = "pip-", "msgspec-", "pyyaml-", "cloudpickle-", "click-", "rich-", "pygments-", "markdown_it_py-", "mdurl-"
"""How the folders begin by which pip knows these."""

_WHOLE = ("numpy", "nbclient", "ipykernel")
"""What pip fetches for the whole book of conformance: what its tasks import."""


def load_into(engine: Sequence[str], env: dict[str, str]) -> None:
    """Make the image, and have an engine take it in; `engine` is the command that speaks to it."""
    with tempfile.TemporaryDirectory() as folder:
        path = _python(Path(folder))
        _packages(Path(folder))
        said = f"ENV PATH={path}:/usr/bin:/bin", f"ENV PYTHONPATH={SITE}", 'CMD ["python3"]', "WORKDIR /work"
        changes = [word for line in said for word in ("--change", line)]
        words = ["tar", "-C", folder, "--owner=0", "--group=0", "--numeric-owner", "-c", "."]
        with subprocess.Popen(words, stdout=subprocess.PIPE) as packed:
            subprocess.run(
                [*engine, "import", *changes, "-", IMAGE],
                env=env,
                stdin=packed.stdout,
                check=True,
                stdout=subprocess.DEVNULL,
            )


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
    if "FAIRLEAD_CONFORMANCE" in os.environ:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--upgrade", "--target", str(target), *_WHOLE], check=True, timeout=300)
    shutil.copytree(Path(fairlead.__file__).parent, root / SITE.lstrip("/") / "fairlead")
    _libraries(root, sorted(target.rglob("*.so")))
    for folder in (target, root / SITE.lstrip("/")):
        compileall.compile_dir(folder, quiet=1, stripdir=str(root), prependdir="/", workers=2)
