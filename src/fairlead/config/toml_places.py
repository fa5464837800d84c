"""Where the keys of a TOML document stand: the standard parser does not say.

Reads documents that the parser has found valid, and so needs no errors of its own.
"""

from __future__ import annotations

import re

__all__ = ["places_of"]

_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}' r"|'''.*?'{3,5}" r'|"(?:[^"\\\n]|\\.)*"' r"|'[^'\n]*'",
    re.DOTALL,
)
_PLAIN = re.compile(r"[^,\]}\n#]+")


def places_of(text: str) -> dict[tuple[str | int, ...], tuple[int, int]]:
    """Give line and column, counted from 1, of every key and every item of a list."""
    scan = _Scan(text)
    scan.document()
    return scan.places


class _Scan:
    """One way through a text."""

    def __init__(self, text: str) -> None:
        self.places: dict[tuple[str | int, ...], tuple[int, int]] = {}
        self._text = text
        self._at = 0
        self._counts: dict[tuple[str | int, ...], int] = {}
        self._table: tuple[str | int, ...] = ()
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]

    def document(self) -> None:
        """Go through it all."""
        self._skip(_SPACE)
        while self._at < len(self._text):
            if self._text.startswith("[", self._at):
                self._header()
            else:
                self._pair(self._table)
            self._skip(_SPACE)

    def _header(self) -> None:
        doubled = self._text.startswith("[[", self._at)
        start = self._at
        self._at += 2 if doubled else 1
        keys = self._resolved([name for name, _ in self._keys()])
        if doubled:
            number = self._counts[keys] = self._counts.get(keys, -1) + 1
            self.places.setdefault(keys, self._spot(start))
            keys = (*keys, number)
        for length in range(1, len(keys) + 1):
            self.places.setdefault(keys[:length], self._spot(start))
        self._table = keys
        self._at += 2 if doubled else 1

    def _resolved(self, names: list[str]) -> tuple[str | int, ...]:
        """Put the number of its last item behind the name of every list of tables but the last."""
        keys: tuple[str | int, ...] = ()
        for place, name in enumerate(names):
            keys = (*keys, name)
            if keys in self._counts and place < len(names) - 1:
                keys = (*keys, self._counts[keys])
        return keys

    def _pair(self, table: tuple[str | int, ...]) -> None:
        keys = table
        for name, start in self._keys():
            keys = (*keys, name)
            self.places.setdefault(keys, self._spot(start))
        self._at += 1  # the equals sign
        self._skip(_BLANK)
        self._value(keys)

    def _keys(self) -> list[tuple[str, int]]:
        """Read a dotted key; stands behind it afterwards."""
        found = []
        while True:
            self._skip(_BLANK)
            start = self._at
            match = _BARE.match(self._text, start) or _STRING.match(self._text, start)
            assert match is not None, "the parser has found the document valid"
            self._at = match.end()
            found.append((_unquoted(match[0]), start))
            self._skip(_BLANK)
            if not self._text.startswith(".", self._at):
                return found
            self._at += 1

    def _value(self, keys: tuple[str | int, ...]) -> None:
        opener = self._text[self._at]
        if opener == "[":
            self._items(keys, "]")
        elif opener == "{":
            self._items(keys, "}")
        else:
            match = _STRING.match(self._text, self._at) or _PLAIN.match(self._text, self._at)
            assert match is not None, "the parser has found the document valid"
            self._at = match.end()

    def _items(self, keys: tuple[str | int, ...], closer: str) -> None:
        self._at += 1
        number = 0
        while True:
            self._skip(_SPACE)
            if self._text.startswith(closer, self._at):
                self._at += 1
                return
            if closer == "}":
                self._pair(keys)
            else:
                self.places[(*keys, number)] = self._spot(self._at)
                self._value((*keys, number))
                number += 1
            self._skip(_SPACE)
            if self._text.startswith(",", self._at):
                self._at += 1

    def _skip(self, what: re.Pattern[str]) -> None:
        match = what.match(self._text, self._at)
        if match is not None:
            self._at = match.end()

    def _spot(self, at: int) -> tuple[int, int]:
        from bisect import bisect_right

        line = bisect_right(self._lines, at)
        return line, at - self._lines[line - 1] + 1


def _unquoted(text: str) -> str:
    if text.startswith("'"):
        return text[1:-1]
    if not text.startswith('"'):
        return text
    import tomllib

    return str(tomllib.loads(f"it = {text}")["it"])
