"""SHA-256 and BLAKE2 of what is small, without OpenSSL, which takes 3 ms to load and longer for what is small.

Of what is large OpenSSL's, which is eight times as fast. Files are `hashlib.file_digest`'s.
"""

from __future__ import annotations

from typing import Any, Protocol

try:
    from _sha2 import sha256 as _small  # type: ignore[import-not-found]  # since Python 3.12
except ImportError:
    try:
        from _sha256 import sha256 as _small  # type: ignore[import-not-found]
    except ImportError:  # a Python that was built with nothing but OpenSSL's
        from hashlib import sha256 as _small
try:
    from _blake2 import blake2b
except ImportError:
    from hashlib import blake2b

__all__ = ["blake2b", "sha256"]

_LARGE = 16 * 1024
"""Bytes from which on loading OpenSSL is worth it."""


class Hash(Protocol):
    """What came of hashing."""

    def digest(self) -> bytes: ...
    def hexdigest(self) -> str: ...


def sha256(*pieces: bytes | memoryview) -> Hash:
    """Hash these bytes, one after the other."""
    if len(pieces) == 1 and len(pieces[0]) < _LARGE:
        hasher: Any = _small(pieces[0])
    else:
        hasher = _new(sum(map(len, pieces)))
        for piece in pieces:
            hasher.update(piece)
    hashed: Hash = hasher
    return hashed


def _new(size: int) -> Any:
    if size < _LARGE:
        return _small()
    from hashlib import sha256

    return sha256()
