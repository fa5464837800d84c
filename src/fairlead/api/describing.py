"""What its author says about each parameter: in the annotation, or in the docstring.

Docstrings are read in the three usual styles (Google, NumPy, Sphinx). Nothing here judges values.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from fairlead.author.built import Input
from fairlead.model.types import bare

__all__ = ["said_of"]

_SPHINX = re.compile(r":param\s+(?:[^:]*\s)?(\w+):\s*(.*)")
_GOOGLE = re.compile(r"\*{0,2}(\w+)\s*(?:\([^)]*\))?:\s+(.*)")
_NUMPY = re.compile(r"\*{0,2}(\w+)\s*(?::.*)?")
_SECTIONS = {"args", "arguments", "parameters", "params", "keyword args", "keyword arguments"}


def said_of(inputs: Sequence[Input], doc: str) -> dict[str, str]:
    """Give a sentence for each parameter that somebody wrote one for."""
    written = {**_sphinx(doc), **_sections(doc.expandtabs().splitlines())}
    found = {}
    for one in inputs:
        said = _marked(one.annotation) or written.get(one.name, "")
        if said:
            found[one.name] = " ".join(said.split())
    return found


def _marked(annotation: Any) -> str:
    """Read `Annotated[…, Meta(description=…)]`, pydantic's `Field(description=…)` and `Doc(…)`."""
    _, marks = bare(annotation)
    for mark in marks:
        for name in ("description", "documentation"):
            said = getattr(mark, name, None)
            if isinstance(said, str):
                return said
    return ""


def _sphinx(doc: str) -> dict[str, str]:
    return {match[1]: match[2] for match in _SPHINX.finditer(doc)}


def _sections(lines: list[str]) -> dict[str, str]:
    """Read what stands below `Args:`, or below `Parameters` and a line of dashes."""
    found: dict[str, str] = {}
    for number, line in enumerate(lines):
        if line.strip().rstrip(":").lower() not in _SECTIONS:
            continue
        below = lines[number + 1] if number + 1 < len(lines) else ""
        if set(below.strip()) == {"-"}:
            found.update(_entries(lines[number + 2 :], _indent(line), _NUMPY))
        elif line.rstrip().endswith(":"):
            found.update(_entries(lines[number + 1 :], _indent(below), _GOOGLE))
    return found


def _entries(lines: list[str], margin: int, pattern: re.Pattern[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    name = ""
    for line in lines:
        if not line.strip():
            if pattern is _GOOGLE:
                break
            continue
        if _indent(line) < margin or set(line.strip()) == {"-"}:
            break
        match = pattern.fullmatch(line.strip()) if _indent(line) == margin else None
        if match is not None:
            name = match[1]
            found[name] = match[2] if pattern is _GOOGLE else ""
        elif name:
            found[name] += f" {line.strip()}"
    return found


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
