"""Taking secrets out of what is written, wherever a stream is cut into pieces. Bytes in, bytes out.

Where secrets come from, and what is written, is the business of others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["MASK", "Mask"]

MASK = b"***"
"""What stands in place of a secret."""


class Mask:
    """Masks secrets in one stream; what may be the beginning of one waits for what follows."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets: list[bytes] = []
        self._pattern: re.Pattern[bytes] | None = None
        self._held = b""
        self.also(secrets)

    def also(self, secrets: Iterable[str]) -> None:
        """Mask these, too, from now on."""
        texts = {secret.encode("utf-8", "surrogateescape") for secret in secrets if secret}.union(self._secrets)
        self._secrets = sorted(texts, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, self._secrets))) if texts else None

    def feed(self, data: bytes) -> bytes:
        """Give what may be written by now."""
        if self._pattern is None:
            return data
        data = self._held + data
        end = self._safe(data)
        self._held = data[end:]
        return self._pattern.sub(MASK, data[:end])

    def end(self) -> bytes:
        """Give what is left when no more comes."""
        left, self._held = self._held, b""
        return self.all(left)

    def all(self, data: bytes) -> bytes:
        """Mask a text that is there whole."""
        return data if self._pattern is None else self._pattern.sub(MASK, data)

    def _safe(self, data: bytes) -> int:
        """How much of it can be no part of a secret that goes on in what follows."""
        assert self._pattern is not None
        longest = len(self._secrets[0]) - 1
        end = len(data)
        for start in range(max(0, len(data) - longest), len(data)):
            tail = data[start:]
            if any(len(secret) > len(tail) and secret.startswith(tail) for secret in self._secrets):
                end = start
                break
        for match in self._pattern.finditer(data):
            if match.start() < end < match.end():
                return match.start()
        return end
