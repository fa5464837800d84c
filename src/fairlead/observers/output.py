"""Turns what tasks print, which comes in pieces, into lines that name their task."""

from __future__ import annotations

import re

__all__ = ["OutputLines"]

_LONGEST = 8192
"""Bytes of one line that are kept back until its end arrives."""

# Compiled when a task has first printed something: most commands never get there.
_ESCAPES = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])"
_COLOUR = r"\x1b\[[0-9;:]*m"
_CONTROLS = r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f]"


class OutputLines:
    """Collects what each task prints, and gives whole lines: `train[3] | epoch 1`.

    `clean` takes out what would move a terminal's cursor; `keep_colour` leaves colours in.
    """

    def __init__(self, *, keep_colour: bool = True, clean: bool = False) -> None:
        self._keep_colour = keep_colour
        self._clean = clean
        self._pieces: dict[str, bytes] = {}

    def take(self, path: str, data: bytes) -> list[tuple[str, str]]:
        """Take what a task printed; gives the lines that are whole now, in no style."""
        data = self._pieces.pop(path, b"") + data
        whole, newline, rest = data.rpartition(b"\n")
        if len(rest) > _LONGEST:
            whole, newline, rest = data, b"\n", b""
        elif b"\r" in rest[:-1]:
            # A progress bar draws over itself; only its last state is of interest.
            rest = rest[rest.rstrip(b"\r").rfind(b"\r") + 1 :]
        if rest:
            self._pieces[path] = rest
        return [("", self._line(path, line)) for line in whole.split(b"\n")] if newline else []

    def rest(self, path: str | None = None) -> list[tuple[str, str]]:
        """Give what is left of lines that never ended: of one task, or of all."""
        paths = list(self._pieces) if path is None else [path] if path in self._pieces else []
        return [("", self._line(name, self._pieces.pop(name))) for name in paths]

    def _line(self, path: str, line: bytes) -> str:
        text = line.decode("utf-8", "replace").rstrip("\r")
        text = text.rpartition("\r")[2]
        if self._clean:
            text = re.sub(_ESCAPES, self._kept, text)
            text = re.sub(_CONTROLS, "", text)
            if "\x1b" in text:
                text += "\x1b[0m"
        return f"{path} | {text}"

    def _kept(self, found: re.Match[str]) -> str:
        return found.group() if self._keep_colour and re.fullmatch(_COLOUR, found.group()) else ""
