"""Fairlead itself as a wheel, made of what is installed here: an image gets exactly the version that runs its driver.

Works for an editable installation as well, whose files are somewhere else; the same files give the same bytes.
"""

from __future__ import annotations

import io
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import fairlead
from fairlead.errors import ConfigurationError

__all__ = ["own_wheel"]

_WHEEL = "Wheel-Version: 1.0\nGenerator: fairlead package\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The time of all files: zip knows none that is earlier."""


def own_wheel() -> tuple[str, bytes]:
    """Give the wheel's name and its bytes."""
    try:
        found = distribution("fairlead")
    except PackageNotFoundError as error:
        raise ConfigurationError(
            "Fairlead is not installed here (its files are only on the path), so that nothing says what it needs;"
            " install it: pip install fairlead"
        ) from error
    version = found.version
    info = f"fairlead-{version}.dist-info"
    files = {**_sources(), **_words(found, info), f"{info}/WHEEL": _WHEEL.encode()}
    record = [f"{name},sha256={_hash(data)},{len(data)}" for name, data in sorted(files.items())]
    files[f"{info}/RECORD"] = ("\n".join([*record, f"{info}/RECORD,,"]) + "\n").encode()
    return f"fairlead-{version}-py3-none-any.whl", _zipped(files)


def _sources() -> dict[str, bytes]:
    folder = Path(fairlead.__file__).parent
    files = {}
    for path in folder.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            files[f"fairlead/{path.relative_to(folder).as_posix()}"] = path.read_bytes()
    beside = folder.parent / "fairlead_pytest.py"
    if beside.is_file():
        files[beside.name] = beside.read_bytes()
    return files


def _words(found: Distribution, info: str) -> Mapping[str, bytes]:
    """What the distribution says of itself: what it needs, and which commands it has."""
    names = "METADATA", "entry_points.txt"
    return {f"{info}/{name}": text.encode() for name in names if (text := found.read_text(name)) is not None}


def _hash(data: bytes) -> str:
    return urlsafe_b64encode(sha256(data).digest()).rstrip(b"=").decode()


def _zipped(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EARLIEST)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            made.writestr(entry, files[name])
    return packed.getvalue()
