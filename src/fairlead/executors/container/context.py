"""What goes into an image of a project: its files, without those that nobody needs there, as one archive.

The same files give the same bytes, whoever packs them and when.
"""

from __future__ import annotations

import io
import os
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from hashlib import file_digest
from pathlib import Path
from typing import IO

__all__ = ["ALWAYS", "Ignored", "archive", "digest", "project_files"]

ALWAYS = (
    "**/.fairlead",
    "**/.git",
    "**/.hg",
    "**/__pycache__",
    "**/*.pyc",
    "**/.venv",
    "**/venv",
    "**/.venvs",
    "**/node_modules",
    "**/.mypy_cache",
    "**/.pytest_cache",
    "**/.ruff_cache",
    "**/.ipynb_checkpoints",
    "**/.env",
    "**/.DS_Store",
)
"""Left out whatever a `.dockerignore` says, unless it takes them back in: `!.env`."""


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
    """As Docker reads it: `*` is within one name, `**` is any folders, and what is in a folder goes with it."""
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
    return re.compile(f"{text}(?:/.*)?\\Z", re.DOTALL)


def project_files(folder: Path) -> dict[str, Path]:
    """List the files of a project by their paths in it, without what its `.dockerignore` leaves out."""
    own = folder / ".dockerignore"
    lines = own.read_text(encoding="utf-8").splitlines() if own.is_file() else []
    ignored = Ignored([*ALWAYS, *lines])
    return {str(path.relative_to(folder).as_posix()): path for path in _walk(folder, folder, ignored)}


def _walk(folder: Path, root: Path, ignored: Ignored) -> Iterator[Path]:
    for entry in sorted(os.scandir(folder), key=lambda one: one.name):
        path = Path(entry.path)
        out = ignored.leaves_out(path.relative_to(root).as_posix())
        if entry.is_dir(follow_symlinks=False):
            if not out or ignored.takes_back:
                yield from _walk(path, root, ignored)
        elif not out and (entry.is_file() or entry.is_symlink()):
            yield path


def archive(files: Mapping[str, Path | bytes], into: IO[bytes]) -> None:
    """Pack files: same contents, same bytes. Of their modes, only that they can be executed is kept."""
    with tarfile.open(fileobj=into, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(files):
            source = files[name]
            entry = tarfile.TarInfo(name)
            if isinstance(source, Path) and source.is_symlink():
                entry.type, entry.linkname = tarfile.SYMTYPE, os.readlink(source)  # noqa: PTH115 - as it is written
                tar.addfile(entry)
            elif isinstance(source, Path):
                stat = source.stat()
                entry.size, entry.mode = stat.st_size, 0o755 if stat.st_mode & 0o100 else 0o644
                with source.open("rb") as file:
                    tar.addfile(entry, file)
            else:
                entry.size, entry.mode = len(source), 0o644
                tar.addfile(entry, io.BytesIO(source))


def digest(packed: IO[bytes]) -> str:
    """Name what is packed: the same contents have the same name."""
    packed.seek(0)
    found = file_digest(packed, "sha256").hexdigest()[:12]  # type: ignore[arg-type]  # a file all the same
    packed.seek(0)
    return found
