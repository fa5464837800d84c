"""How author code complains: everything that is wrong in one error, with the nearest right name.

Nothing here knows what a task or a workflow is.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from types import FrameType

import msgspec

from fairlead.errors import DefinitionError
from fairlead.model.task import Place

__all__ = ["Problem", "complain", "nearest", "place_of", "user_frame"]

_OWN = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep  # noqa: PTH100, PTH120 - pathlib is a slow import

_absolute: dict[str, str] = {}
"""Absolute names of files, worked out once per process."""


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong, and where."""

    where: str
    """The call, step, option or parameter that it is about; may be empty."""
    what: str


def complain(subject: str, problems: Sequence[Problem]) -> DefinitionError:
    """Make one error of all problems."""
    if len(problems) == 1:
        (only,) = problems
        return DefinitionError(f"{subject}: {only.where} {only.what}" if only.where else f"{subject}: {only.what}")
    width = max(len(problem.where) for problem in problems)
    lines = [f"{one.where:<{width}}  {one.what}" if width else one.what for one in problems]
    return DefinitionError(f"{subject}: {len(problems)} problems", lines)


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which known name is nearest, ready to stand behind a sentence; empty when none is near."""
    import difflib

    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (nearest: {close[0]!r})" if close else ""


def user_frame(frame: FrameType | None) -> FrameType | None:
    """Walk out of Fairlead's own files to the user's line."""
    while frame is not None and frame.f_code.co_filename.startswith(_OWN):
        frame = frame.f_back
    return frame


def place_of(frame: FrameType | None = None) -> Place:
    """Give the user's line that led here."""
    frame = user_frame(frame or sys._getframe(1))
    if frame is None:
        return Place("", 0)
    return Place(absolute(frame.f_code.co_filename), frame.f_lineno)


def absolute(file: str) -> str:
    """Give a file's absolute name; `<stdin>` and its like stay as they are."""
    known = _absolute.get(file)
    if known is None:
        known = file if file.startswith("<") else os.path.abspath(file)  # noqa: PTH100 - pathlib is a slow import
        _absolute[file] = known
    return known
