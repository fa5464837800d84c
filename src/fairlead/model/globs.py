"""Patterns of relative paths: `raw/*.csv`, `out/**/*.png`, `models/`.

`*`, `?` and `[a-z]` stand for part of a name, `**` for any folders. As in a shell, they match no name
that begins with a dot. Case counts. A pattern without them that names a folder stands for all in it.
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["check_pattern", "is_hidden", "literal_part", "matches", "may_meet"]

_MAGIC = re.compile(r"[*?\[]")


def check_pattern(pattern: object) -> str:
    """Say what is wrong with a pattern; empty when nothing is."""
    if not isinstance(pattern, str) or not pattern.strip("/"):
        return f"must be a pattern such as 'raw/*.csv'; got {pattern!r}"
    if pattern.startswith(("/", "~")):
        return f"must be relative, and {pattern!r} is not"
    if ".." in pattern.split("/"):
        return f"may not lead out of the folder, and {pattern!r} does"
    try:
        _expression(_composed(pattern))
    except re.error as error:
        return f"must be a pattern such as 'raw/*.csv', and {pattern!r} is none: {error}"
    return ""


def matches(pattern: str, path: str) -> bool:
    """Whether a file's relative path is one that the pattern stands for."""
    return _expression(_composed(pattern)).fullmatch(_composed(path)) is not None


def literal_part(pattern: str) -> tuple[str, int | None]:
    """Give the folder that a pattern's matches are all in, and how many folders deep below it they may be.

    None: any number. Without wildcards the folder is the whole pattern, which may be a file's path.
    """
    parts = _parts(pattern)
    fixed = next((place for place, part in enumerate(parts) if _MAGIC.search(part)), len(parts))
    rest = parts[fixed:]
    return "/".join(parts[:fixed]), None if "**" in rest or not rest else len(rest) - 1


def may_meet(one: str, other: str) -> bool:
    """Whether a file may match both patterns; False only where it certainly cannot."""
    first, second = f"{literal_part(one)[0]}/".lstrip("/"), f"{literal_part(other)[0]}/".lstrip("/")
    return first.startswith(second) or second.startswith(first)


def is_hidden(path: str) -> bool:
    """Whether a name in a relative path begins with a dot."""
    return path.startswith(".") or "/." in path


def _parts(pattern: str) -> list[str]:
    parts = [part for part in pattern.split("/") if part not in ("", ".")]
    return [*parts, "**"] if pattern.endswith("/") else parts


def _composed(text: str) -> str:
    """One way of writing accents: file systems differ in how they give them back."""
    if text.isascii():
        return text
    import unicodedata

    return unicodedata.normalize("NFC", text)


@lru_cache(maxsize=1024)
def _expression(pattern: str) -> re.Pattern[str]:
    parts = _parts(pattern)
    found = []
    for place, part in enumerate(parts):
        last = place == len(parts) - 1
        if part == "**":
            # A name that no dot begins, any number of times; in the last place also the file's own.
            found.append(r"(?:(?!\.)[^/]+/)*" + (r"(?!\.)[^/]+" if last else ""))
        else:
            found.append(_name(part) + ("" if last else "/"))
    if not any(map(_MAGIC.search, parts)):
        found.append(r"(?:/(?!\.)[^/]+)*")
    return re.compile("".join(found), re.DOTALL)


def _name(part: str) -> str:
    """Give the expression for one name of a path."""
    found = [r"(?!\.)"] if part[:1] in "*?[" else []
    place = 0
    while place < len(part):
        char = part[place]
        place += 1
        if char == "*":
            found.append("[^/]*")
        elif char == "?":
            found.append("[^/]")
        elif char == "[" and (end := part.find("]", place + 2 if part[place : place + 1] == "!" else place + 1)) > 0:
            inside = part[place:end].replace("\\", "\\\\").replace("[", "\\[")
            found.append(f"[^/{inside[1:]}]" if inside[0] == "!" else f"(?!/)[{inside}]")
            place = end + 1
        else:
            found.append(re.escape(char))
    return "".join(found)
