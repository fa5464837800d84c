"""From one document to a whole environment: laid over its bases, expanded, and understood."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairlead.config.documents import Document, Problems
from fairlead.config.expanding import Unset, expand, expanded_text
from fairlead.config.finding import find
from fairlead.config.layers import lay_over, written_out
from fairlead.config.reading import read
from fairlead.config.understanding import refuse_secrets, understand
from fairlead.errors import FairleadError

if TYPE_CHECKING:
    from fairlead.config.environment import Environment

__all__ = ["settled"]


def settled(document: Document, folder: Path | None) -> tuple[Document, dict[str, Any]]:
    """Give the whole document, unexpanded, and what it means.

    `folder` is what bases are looked for beside. Raises ConfigurationError with everything wrong.
    """
    wrong: list[tuple[Document, str]] = []
    whole = _with_bases(document, folder, [document.source], wrong)
    problems = Problems(whole)
    for origin, text in wrong:
        problems.add(("extends",), text, spot=origin.place(("extends",)))
    refuse_secrets(whole, problems)
    understood = understand(Document(expand(whole, problems), whole.places, whole.source), problems)
    problems.complain()
    return whole, understood


def _with_bases(
    document: Document, folder: Path | None, chain: list[str], wrong: list[tuple[Document, str]]
) -> Document:
    top = written_out(document)
    names = top.data.pop("extends", None)
    if names is None:
        return top
    if not isinstance(names, (list, tuple)):
        names = [names]
    base: Document | None = None
    for name in names:
        try:
            found = _base(name, folder, chain, wrong)
        except FairleadError as error:
            wrong.append((document, str(error)))
            continue
        base = found if base is None else lay_over(base, found)
    return top if base is None else lay_over(base, top)


def _base(
    name: str | Path | Environment | Any, folder: Path | None, chain: list[str], wrong: list[tuple[Document, str]]
) -> Document:
    from fairlead.config.environment import Environment

    if isinstance(name, Environment):
        return Document(name.written, name._document.places, name.source)
    if not isinstance(name, (str, Path)):
        raise FairleadError(f"must be a name or a file, or a list of them, and is {name!r:.60}")
    try:
        text = expanded_text(str(name), os.environ)
    except Unset as error:
        raise FairleadError(str(error)) from error
    found = find(_relative(text, folder), folder)
    if found.source and found.source in chain:
        circle = [*chain[chain.index(found.source) :], found.source]
        raise FairleadError(f"a circle: {' -> '.join(Path(one).name for one in circle)}")
    if found.path is None:
        return Document({"executor": {"type": found.name}})
    document = read(found.path, found.table)
    return _with_bases(document, found.path.parent, [*chain, found.source], wrong)


def _relative(name: str, folder: Path | None) -> str:
    """A file that an environment names is beside that environment before it is anywhere else."""
    if folder is not None and (folder / name).is_file():
        return str(folder / name)
    return name
