"""A notebook file as a task definition needs it: its cells without results, its language, its parameters.

Reads the JSON of the file and needs no Jupyter; running a notebook is the business of its task kind.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from fairlead.author.callables import MISSING, Argument
from fairlead.errors import DefinitionError
from fairlead.model.task import LEFT_OUT, Source

__all__ = ["Notebook", "read_notebook"]

_ASSIGNED = re.compile(r"^([A-Za-z]\w*)[ \t]*(?:<-|=)(?!=)", re.MULTILINE)
"""What gives a name a value in R, Julia, bash and their like."""

_TAGS = ("parameters", "skip-execution", "raises-exception")
"""Tags that change what running a cell does, and so count like code."""

_PLAIN_TYPES = {kind.__name__: kind for kind in (int, float, str, bool, list, dict, tuple, set, bytes)}


class Notebook(NamedTuple):
    """What counts of a notebook file."""

    language: str
    kernel: str
    """Name of the kernel that the notebook asks for; empty when it does not say."""
    sources: tuple[Source, ...]
    """The code cells, in order."""
    rest: dict[str, Any]
    """The notebook without code, results and counts: nbformat with empty code cells."""
    arguments: list[Argument]
    """What its `parameters` cell sets."""
    hints: dict[str, Any]
    """Their types, where they are plain."""


def read_notebook(path: Path) -> Notebook:
    """Read a notebook; raises DefinitionError when it is not there, or is none."""
    try:
        data = msgspec.json.decode(path.read_bytes())
    except FileNotFoundError:
        raise DefinitionError(f"no notebook {str(path)!r}; its path goes from the file that names it") from None
    except (OSError, msgspec.DecodeError) as error:
        raise DefinitionError(f"notebook {str(path)!r} cannot be read: {error}") from error
    version = data.get("nbformat") if isinstance(data, dict) else None
    if not isinstance(version, int) or not isinstance(data.get("cells", []), list):
        raise DefinitionError(f"{str(path)!r} is no notebook: it has no 'nbformat' and 'cells'")
    if version != 4 or "cells" not in data:
        raise DefinitionError(
            f"notebook {str(path)!r} is of format {version}; open and save it in Jupyter, for format 4"
        )
    return _notebook(path.name, data)


def _notebook(name: str, data: dict[str, Any]) -> Notebook:
    metadata = data.get("metadata", {})
    spec, info = metadata.get("kernelspec", {}), metadata.get("language_info", {})
    kernel = str(spec.get("name", ""))
    language = str(spec.get("language") or info.get("name") or ("python" if kernel in {"", "python3"} else "")).lower()
    sources: list[Source] = []
    cells: list[dict[str, Any]] = []
    arguments: list[Argument] | None = None
    hints: dict[str, Any] = {}
    for cell in data["cells"]:
        text, tags = _text(cell), cell.get("metadata", {}).get("tags", [])
        bare = {key: cell[key] for key in ("cell_type", "id", "metadata", "attachments") if key in cell}
        cells.append(bare)
        if cell.get("cell_type") != "code":
            bare["source"] = text
            continue
        if "parameters" in tags and arguments is None:
            arguments, hints = _parameters(text, language)
        marks = ", ".join(tag for tag in _TAGS if tag in tags)
        what = f"{name}: cell {len(sources) + 1}{f' ({marks})' if marks else ''}"
        sources.append(Source(what, text, language))
    kept = {key: metadata[key] for key in ("kernelspec", "language_info", "title", "authors") if key in metadata}
    rest = {"cells": cells, "metadata": kept, "nbformat": 4, "nbformat_minor": data.get("nbformat_minor", 5)}
    return Notebook(language, kernel, tuple(sources), rest, arguments or [], hints)


def _text(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def _parameters(text: str, language: str) -> tuple[list[Argument], dict[str, Any]]:
    """Read what a `parameters` cell sets, in order, each with its default."""
    if language != "python":
        names = dict.fromkeys(match[1] for match in _ASSIGNED.finditer(text))
        return [Argument(name, "normal", LEFT_OUT, "") for name in names], {}
    import ast

    try:
        body = ast.parse(text).body
    except SyntaxError:  # magics, or a mistake, which the kernel tells better
        return [], {}
    found: dict[str, Argument] = {}
    hints: dict[str, Any] = {}
    for statement in body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            name, note = statement.target.id, ast.unparse(statement.annotation)
            default = MISSING if statement.value is None else _literal(statement.value)
            found[name] = Argument(name, "normal", default, note)
            if note in _PLAIN_TYPES:
                hints[name] = _PLAIN_TYPES[note]
        elif isinstance(statement, ast.Assign):
            for target in statement.targets:
                if isinstance(target, ast.Name):
                    found[target.id] = Argument(target.id, "normal", _literal(statement.value), "")
    # A name that the cell only declares (`path: str`) must be given, and such names go first, as in a function.
    return sorted(found.values(), key=lambda one: one.default is not MISSING), hints


def _literal(value: Any) -> Any:
    """Give what an expression stands for, where it is written down; LEFT_OUT where the notebook works it out."""
    import ast

    try:
        return ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return LEFT_OUT
