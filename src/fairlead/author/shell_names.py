"""Which variables a shell script takes from outside, read from its text.

Knows quoting, here-documents, arithmetic and the ways in which bash gives a name a value, as far as
names need it; nothing is run, and what a sourced file or `eval` does is not known.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["IDENTIFIER", "Taken", "is_environment", "names_taken"]

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
"""What a name of a shell variable looks like."""

_ASSIGN = re.compile(r"([A-Za-z_]\w*)(\[[^\]\n]*\])?\+?=", re.ASCII)
_FUNCTION = re.compile(r"(?:function[ \t]+[\w.:-]+[ \t]*(?:\([ \t]*\))?|[\w.:-]+[ \t]*\([ \t]*\))\s*(?=\{)")
_WORD = re.compile(r"[^\s;&|<>()$`\"'\\]+")
_HEREDOC = re.compile(r"<<(-?)[ \t]*(?:'([^'\n]+)'|\"([^\"\n]+)\"|(\\?[^\s;&|<>()'\"]+))")
_LOOP = re.compile(r"[ \t]+([A-Za-z_]\w*)", re.ASCII)
_REST = re.compile(r"[^;&|<>\n]*")
_PARAMETER = re.compile(r"\{([!#]?)([A-Za-z_]\w*)(\[[^\]]*\])?(:?[-=+?]|[@*]\}|)", re.ASCII)
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|\d+(?:#\w+)?")
_SET_TEST = re.compile(r"-v[ \t]+([A-Za-z_]\w*)", re.ASCII)

_LOOPS = frozenset({"for", "select"})
_READERS = frozenset({"read", "mapfile", "readarray", "getopts", "local", "declare", "typeset", "readonly"})
"""Commands whose words are names that they give values to."""

_PROXIES = frozenset({"http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"})


class Taken(NamedTuple):
    """A name that a script uses and does not give a value itself."""

    name: str
    required: bool
    """It is used without a default."""


def names_taken(script: str) -> list[Taken]:
    """List the names that a script takes from outside, in the order in which they appear.

    Names without a lower-case letter are the process environment's, and so are the proxies'.
    """
    scan = _Scan(script)
    scan.code("")
    found: dict[str, bool] = {}
    for name, place, inner in scan.used:
        first = scan.assigned.get(name)
        # What a function uses was given a value before the function was called, wherever it stands.
        if not is_environment(name) and (first is None or (place < first and not inner)):
            found.setdefault(name, name not in scan.optional)
    return [Taken(name, required) for name, required in found.items()]


def is_environment(name: str) -> bool:
    """Whether a name is by custom one of the process environment: `HOME`, `no_proxy`."""
    return name == name.upper() or name in _PROXIES


class _Scan:
    """One pass over a script."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.used: list[tuple[str, int, bool]] = []
        """Name, place, and whether it stands in a function."""
        self.assigned: dict[str, int] = {}
        self.optional: set[str] = set()
        self._heredocs: list[tuple[str, bool, bool]] = []
        self._braces: list[bool] = []
        """Open braces; True for the body of a function."""

    def code(self, end: str) -> None:
        """Read commands up to and over `end`; the whole text where it is empty."""
        text, depth, fresh = self.text, 0, True
        while self.at < len(text):
            char = text[self.at]
            if char == end and not depth:
                self.at += 1
                return
            if char == "\n":
                self.at += 1
                self._bodies()
                fresh = True
            elif char in " \t;&|":
                self.at += 1
                fresh = True
            elif char == "#" and fresh:
                self._skip_to("\n")
            elif char == "(":
                if text.startswith("((", self.at) and fresh:
                    self.at += 2
                    self._arithmetic()
                else:
                    self.at += 1
                    depth += 1
                fresh = True
            elif char == ")":
                self.at += 1
                depth = max(0, depth - 1)
                fresh = True
            elif char == "<":
                self._less()
                fresh = True
            elif not self._quoted(char):
                fresh = self._word(fresh)
            else:
                fresh = False

    def _quoted(self, char: str) -> bool:
        """Read what begins with a character that means something anywhere; False for any other."""
        if char == "\\":
            self.at += 2
        elif char == "'":
            self.at += 1
            self._skip_to("'")
            self.at += 1
        elif char == '"':
            self.at += 1
            self._double('"')
        elif char == "`":
            self.at += 1
            self.code("`")
        elif char == "$":
            self._dollar(quoted=False)
        else:
            return False
        return True

    def _word(self, fresh: bool) -> bool:
        """Read a word that begins here; gives whether what follows begins a word."""
        if not fresh:
            match = _WORD.match(self.text, self.at)
            self.at = match.end() if match else self.at + 1
            return False
        if self._function():
            return True
        match = _ASSIGN.match(self.text, self.at)
        if match:
            for name in re.findall(r"\$\{?([A-Za-z_]\w*)", match[2] or "", re.ASCII):
                self._use(name)
            self.at = match.end()
            self._value()
            self._assign(match[1])
            return False
        match = _WORD.match(self.text, self.at)
        if match is None:
            self.at += 1
            return False
        self.at = match.end()
        self._command(match[0])
        return False

    def _command(self, word: str) -> None:
        """Note what a word does to names: it opens a block, or gives values to the names behind it."""
        if word == "{":
            self._braces.append(False)
        elif word == "}" and self._braces:
            self._braces.pop()
        elif word in _LOOPS:
            self._names(_LOOP.match(self.text, self.at))
        elif word in _READERS:
            self._read_names(_REST.match(self.text, self.at))
        elif word == "printf":
            self._names(re.compile(r"[ \t]+-v[ \t]+([A-Za-z_]\w*)").match(self.text, self.at))
        elif word in {"[[", "[", "test"}:
            found = _SET_TEST.search(_rest(self.text, self.at))
            if found:
                self.optional.add(found[1])

    def _function(self) -> bool:
        match = _FUNCTION.match(self.text, self.at)
        if match is None:
            return False
        self.at = match.end() + 1
        self._braces.append(True)
        return True

    def _value(self) -> None:
        """Read the value of an assignment, which ends where the word does."""
        if self.text.startswith("(", self.at):
            self.at += 1
            self.code(")")
            return
        while self.at < len(self.text) and self.text[self.at] not in " \t\n;&|<>)":
            if not self._quoted(self.text[self.at]):
                self.at += 1

    def _assign(self, name: str) -> None:
        self.assigned.setdefault(name, self.at)

    def _names(self, match: re.Match[str] | None) -> None:
        if match:
            self.at = match.end()
            self._assign(match[1])

    def _read_names(self, match: re.Match[str] | None) -> None:
        """Take the words of `read -r a b` for names; their values, where they have any, are read as code."""
        assert match is not None
        for word in re.findall(r"(?:^|\s)([A-Za-z_]\w*)(?=\s|$)", match[0], re.ASCII):
            self._assign(word)

    def _use(self, name: str) -> None:
        self.used.append((name, self.at, any(self._braces)))

    def _dollar(self, *, quoted: bool) -> None:
        text = self.text
        self.at += 1
        if text.startswith("((", self.at):
            self.at += 2
            self._arithmetic()
        elif text.startswith("(", self.at):
            self.at += 1
            self.code(")")
        elif text.startswith("{", self.at):
            self._braced()
        elif text.startswith("'", self.at) and not quoted:
            self.at = (re.compile(r"'(?:[^'\\]|\\.)*'?", re.DOTALL).match(text, self.at) or _never()).end()
        else:
            match = IDENTIFIER.match(text, self.at)
            if match:
                self._use(match[0])
                self.at = match.end()
            elif not text.startswith('"', self.at):
                self.at += 1

    def _braced(self) -> None:
        """Read `{name…}` after a dollar; what stands behind an operator is read as in double quotes."""
        match = _PARAMETER.match(self.text, self.at)
        if match is None:
            self.at += 2
        else:
            mark, name, _, operator = match.groups()
            if not (mark == "!" and operator in {"@}", "*}"}):
                self._use(name)
                if operator and operator[-1] in "-=+":
                    self.optional.add(name)
            self.at = match.end() - (1 if operator in {"@}", "*}"} else 0)
            if operator and operator[-1] == "=":
                self._assign(name)
        self._double("}")

    def _double(self, end: str) -> None:
        """Read up to and over `end`, where only `$`, backticks and backslashes mean anything."""
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == end:
                self.at += 1
                return
            if char == "$":
                self._dollar(quoted=True)
            elif char in "\\`" or (char in "\"'" and end == "}"):
                self._quoted(char)
            else:
                self.at += 1

    def _arithmetic(self) -> None:
        """Read up to and over `))`; names need no dollar in here."""
        depth = 0
        while self.at < len(self.text) and (depth or not self.text.startswith("))", self.at)):
            char = self.text[self.at]
            number, name = _NUMBER.match(self.text, self.at), IDENTIFIER.match(self.text, self.at)
            if number:
                self.at = number.end()
            elif name:
                self.at = name.end()
                if re.compile(r"\s*=(?!=)").match(self.text, self.at):
                    self._assign(name[0])
                else:
                    self._use(name[0])
            elif not self._quoted(char):
                depth += (char == "(") - (char == ")")
                self.at += 1
        self.at += 2

    # --- here-documents ---------------------------------------------------------------------------

    def _less(self) -> None:
        if self.text.startswith("<<<", self.at):
            self.at += 3
            return
        match = _HEREDOC.match(self.text, self.at)
        if match is None:
            self.at += 1
            return
        dash, single, double, bare = match.groups()
        raw = bool(single or double or bare.startswith("\\"))
        self._heredocs.append(((single or double or bare).lstrip("\\"), raw, bool(dash)))
        self.at = match.end()

    def _bodies(self) -> None:
        """Read the here-documents that begin on this line."""
        for word, raw, dash in self._heredocs:
            indent = "[ \t]*" if dash else ""
            end = re.compile(f"^{indent}{re.escape(word)}$", re.MULTILINE).search(self.text, self.at)
            stop, after = (end.start(), end.end()) if end else (len(self.text), len(self.text))
            if not raw:
                whole, self.text = self.text, self.text[:stop]
                self._double("")
                self.text = whole
            self.at = after
        self._heredocs.clear()

    def _skip_to(self, char: str) -> None:
        found = self.text.find(char, self.at)
        self.at = len(self.text) if found < 0 else found


def _rest(text: str, start: int) -> str:
    match = _REST.match(text, start)
    return match[0] if match else ""


def _never() -> re.Match[str]:
    raise AssertionError("the pattern matches a quote that stands there")
