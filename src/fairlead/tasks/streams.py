"""From another program's output to this process's own streams: bytes, at once, and without secrets."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

from fairlead.model.masks import Mask

__all__ = ["Stream"]


class Stream:
    """Where one stream of a process goes."""

    def __init__(
        self,
        name: str,
        secrets: Iterable[str],
        raw: Callable[[bytes], Any] | None = None,
        masked: Callable[[bytes], Any] | None = None,
    ) -> None:
        """`raw` hears what comes; `masked`, what is written to the stream of this process called `name`."""
        self._name = name
        self._mask = Mask(secrets)
        self._raw = raw
        self._masked = masked
        self._text: Any = None

    def feed(self, data: bytes) -> None:
        if self._raw is not None:
            self._raw(data)
        self._write(self._mask.feed(data))

    def end(self) -> None:
        self._write(self._mask.end())

    def _write(self, data: bytes) -> None:
        if not data or not self._name:
            return
        if self._masked is not None:
            self._masked(data)
        out = getattr(sys, self._name)
        buffer = getattr(out, "buffer", None)
        if buffer is not None:
            out.flush()
            buffer.write(data)
            buffer.flush()
        elif out is not None:
            out.write(self._decoded(data))
            out.flush()

    def _decoded(self, data: bytes) -> str:
        """For streams without bytes, such as a notebook's: a character that is cut in two waits."""
        if self._text is None:
            import codecs

            self._text = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        return str(self._text.decode(data))
