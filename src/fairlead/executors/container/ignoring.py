"""Which files a `.dockerignore` or a `.gitignore` leaves out; what is done about them is in `context.py`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

__all__ = ["GitIgnored", "Ignored"]


class Ignored:
    """The rules of a `.dockerignore`: of those that match a path, the last one decides."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._rules: list[tuple[re.Pattern[str], bool]] = []
        for line in lines:
            rule = line.strip()
            if not rule or rule.startswith("#"):
                continue
            back = rule.startswith("!")
            rule = rule.removeprefix("!").strip().strip("/").removeprefix("./")
            if rule:
                self._rules.append((_pattern(rule), not back))
        self.takes_back = any(not out for _, out in self._rules)
        """Something inside of a folder that is left out may be wanted all the same."""

    def leaves_out(self, path: str) -> bool:
        """Whether a file or folder is left out, by its path relative to the project's folder."""
        out = False
        for pattern, meant in self._rules:
            if meant != out and pattern.match(path):
                out = meant
        return out


@cache
def _pattern(rule: str) -> re.Pattern[str]:
    """As Docker reads it: what is in a folder goes with it."""
    return re.compile(f"{_text(rule)}(?:/.*)?\\Z", re.DOTALL)


def _text(rule: str) -> str:
    """Write a rule as a regular expression: `*` is within one name, `**` is any folders."""
    text, at = "", 0
    while at < len(rule):
        letter = rule[at]
        if rule.startswith("**/", at):
            text, at = text + "(?:[^/]+/)*", at + 3
        elif rule.startswith("**", at):
            text, at = text + ".*", at + 2
        elif letter == "*":
            text, at = text + "[^/]*", at + 1
        elif letter == "?":
            text, at = text + "[^/]", at + 1
        elif letter == "[" and (end := rule.find("]", at + 2)) > 0:
            inside = rule[at + 1 : end].replace("\\", "\\\\")
            text, at = f"{text}[{'^' + inside[1:] if inside[0] in '!^' else inside}]", end + 1
        elif letter == "\\" and at + 1 < len(rule):
            text, at = text + re.escape(rule[at + 1]), at + 2
        else:
            text, at = text + re.escape(letter), at + 1
    return text


class GitIgnored:
    """The rules of the `.gitignore` files of a project and of the folders above it, up to its repository's.

    Those of a folder are read when it is entered. What git itself is told elsewhere (`.git/info/exclude`) is not seen,
    nor that a file that a rule matches is in the repository all the same.
    """

    def __init__(self, project: Path) -> None:
        above = [project, *project.parents]
        top = next((place for place, one in enumerate(above) if (one / ".git").exists()), 0)
        self._top = above[top]
        self._prefix = "".join(f"{part}/" for part in project.relative_to(self._top).parts)
        self._rules: list[tuple[re.Pattern[str], bool]] = []
        for folder in reversed(above[1 : top + 1]):
            self.enter(folder)
        if self._prefix and self.leaves_out(""):
            self._rules.clear()  # a whole project that git is not to see: its image is wanted all the same

    def enter(self, folder: Path) -> None:
        """Read the rules of a folder, which are about what is in it."""
        file = folder / ".gitignore"
        if not file.is_file():
            return
        place = "".join(f"{re.escape(part)}/" for part in folder.relative_to(self._top).parts)
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            rule = line if line.endswith("\\ ") else line.rstrip()
            if not rule or rule.startswith("#"):
                continue
            back = rule.startswith("!")
            rule = rule.removeprefix("!")
            only_folders = "/" if rule.endswith("/") else ""
            rule = rule.rstrip("/")
            anywhere = "" if "/" in rule else "(?:[^/]+/)*"
            found = _text(rule.removeprefix("/"))
            end = "/.*" if only_folders else "(?:/.*)?"
            self._rules.append((re.compile(f"{place}{anywhere}{found}{end}\\Z", re.DOTALL), not back))

    def leaves_out(self, path: str) -> bool:
        """Whether git ignores a file, or a folder (with a `/` at its end), by its path in the project."""
        out, whole = False, self._prefix + path
        for pattern, meant in self._rules:
            if meant != out and pattern.match(whole):
                out = meant
        return out
