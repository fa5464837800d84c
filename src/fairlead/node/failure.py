"""From an exception to a Failure: the user's frames without ours, argument values in short.

All text of a task that is recorded goes through `Teller.mask`. Nothing here decides what follows
from a failure.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from traceback import FrameSummary, TracebackException
from typing import Any

from fairlead.errors import FairleadError, OutsideFailure
from fairlead.model.events import Failure, Reason
from fairlead.model.task import Place

__all__ = ["Teller", "short_repr", "type_name"]

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep  # noqa: PTH100, PTH120  # pathlib costs 10 ms
_TASKS = _OURS + "testing" + os.sep
"""What our contract suites have run are tasks like any other."""
_LIBRARY = os.path.dirname(os.__file__) + os.sep  # noqa: PTH120 - pathlib is a slow import
_THIRD_PARTY = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")

MESSAGE = 10_000
"""Characters of an exception's message that are kept."""
TRACEBACK = 200_000
"""Characters of a traceback that are kept."""
ARGUMENT = 80
"""Characters of an argument's repr that are kept."""


class Teller:
    """Puts what went wrong in words, for one project."""

    def __init__(self, root: str = "") -> None:
        """`root`: the project's folder, whose files are the user's own."""
        self._root = root.rstrip(os.sep) + os.sep if root else ""
        self.masked: Callable[[str], str] | None = None
        """Takes secrets out of a text; None where there are none."""

    def mask(self, text: str) -> str:
        """Take out of a text what may not be recorded."""
        return text if self.masked is None else self.masked(text)

    def failure(
        self, error: BaseException, reason: Reason, arguments: Mapping[str, Any] | None, message: str = ""
    ) -> Failure:
        """Tell an exception as data."""
        if isinstance(error, OutsideFailure):
            return self._outside(error, reason, arguments)
        told, frames = self._traceback(error)
        if reason == "unstorable" or (not frames and isinstance(error, FairleadError)):
            told = ""  # none of the frames is the user's: the message says it all
        return Failure(
            reason,
            _middle_cut(self.mask(message or _safely(lambda: str(error), "its message cannot be shown")), MESSAGE),
            type="" if reason == "unstorable" else type_name(type(error)),
            traceback=_middle_cut(self.mask(told), TRACEBACK),
            arguments=self._arguments(arguments),
            place=self._place(frames),
        )

    def _outside(self, error: OutsideFailure, reason: Reason, arguments: Mapping[str, Any] | None) -> Failure:
        """Tell what failed in another program as that program tells it."""
        return Failure(
            reason,
            _middle_cut(self.mask(str(error)), MESSAGE),
            type=error.type,
            traceback=_middle_cut(self.mask(error.traceback), TRACEBACK),
            arguments=self._arguments(arguments),
            place=Place(*error.place) if error.place else None,
        )

    def _arguments(self, arguments: Mapping[str, Any] | None) -> dict[str, str]:
        return {name: self._argument(value) for name, value in (arguments or {}).items()}

    def _argument(self, value: Any) -> str:
        if self.masked is not None:
            whole = _safely(lambda: repr(value), "")
            if self.masked(whole) != whole:
                return "***"  # a part of a secret, where the text is cut, would say too much already
        return self.mask(short_repr(value))

    def _traceback(self, error: BaseException) -> tuple[str, list[FrameSummary]]:
        try:
            told = TracebackException.from_exception(error, compact=True)
            _cut(told, set())
            return "".join(told.format()), list(told.stack)
        except Exception as broken:  # noqa: BLE001  # the exception's own methods are the user's code
            name = type_name(type(error))
            return f"{name}: its traceback cannot be shown ({type_name(type(broken))})\n", []

    def _place(self, frames: list[FrameSummary]) -> Place | None:
        """The innermost frame in the user's own files, or else outside of the standard library."""
        for is_own in (self._is_users, _is_no_library):
            for frame in reversed(frames):
                if is_own(frame.filename):
                    return Place(frame.filename, frame.lineno or 0)
        return None

    def _is_users(self, file: str) -> bool:
        return bool(self._root) and file.startswith(self._root) and _is_no_library(file)


def _is_no_library(file: str) -> bool:
    return not file.startswith((_LIBRARY, "<frozen ")) and not any(part in file for part in _THIRD_PARTY)


def _cut(told: TracebackException, seen: set[int]) -> None:
    """Take our frames, and asyncio's between ours and the task's, out of a traceback and its causes."""
    if id(told) in seen:
        return
    seen.add(id(told))
    frames = list(told.stack)
    if frames and _is_ours(frames[0]):
        first = next((i for i, frame in enumerate(frames) if not _is_ours(frame) and not _is_loop(frame)), len(frames))
        frames = frames[first:]
    if frames and _is_ours(frames[-1]):
        # Raised by us: what we went through to get there says nothing about the user's code.
        while frames and (_is_ours(frames[-1]) or frames[-1].filename.startswith(_LIBRARY)):
            frames.pop()
    told.stack[:] = [frame for frame in frames if not _is_ours(frame)]
    for chained in (told.__cause__, told.__context__, *(told.exceptions or ())):
        if chained is not None:
            _cut(chained, seen)


def _is_ours(frame: FrameSummary) -> bool:
    return frame.filename.startswith(_OURS) and not frame.filename.startswith(_TASKS)


def _is_loop(frame: FrameSummary) -> bool:
    return frame.filename.startswith(_LIBRARY + "asyncio" + os.sep)


def type_name(cls: type) -> str:
    """Name a class as people write it: `ValueError`, `jobs.TooSmall`."""
    module = cls.__module__
    return cls.__qualname__ if module in {"builtins", "__main__"} else f"{module}.{cls.__qualname__}"


def short_repr(value: Any) -> str:
    """Show a value in one line of at most 80 characters, without working through all of it."""
    text = _safely(lambda: _repr(value), f"<{type_name(type(value))}, whose repr fails>")
    text = " ".join(text.split())
    return text if len(text) <= ARGUMENT else f"{text[: ARGUMENT - 1]}…"


def _repr(value: Any) -> str:
    shape, cls = getattr(value, "shape", None), type(value)
    if isinstance(shape, tuple) and hasattr(value, "__len__"):
        kind = getattr(value, "dtype", None)
        return f"<{cls.__qualname__} {' x '.join(map(str, shape))}{f' of {kind}' if kind is not None else ''}>"
    fields = getattr(cls, "__dataclass_fields__", None) or getattr(cls, "__struct_fields__", None)
    if fields and not isinstance(value, type):
        shown = ", ".join(f"{name}={_bounded(getattr(value, name))}" for name in list(fields)[:6])
        return f"{cls.__qualname__}({shown}{', …' if len(fields) > 6 else ''})"
    return _bounded(value)


def _bounded(value: Any) -> str:
    from reprlib import Repr

    short = Repr()
    short.maxstring = short.maxother = short.maxlong = ARGUMENT
    return short.repr(value)


def _safely(say: Callable[[], str], otherwise: str) -> str:
    try:
        return say()
    except Exception:  # noqa: BLE001  # __str__ and __repr__ are the user's code, and may do anything
        return otherwise


def _middle_cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n… {len(text) - 2 * half:,} characters left out …\n{text[-half:]}"


def user_exit_message(error: SystemExit) -> str:
    """Say what a task that called `sys.exit` asked for."""
    code = error.code
    shown = "" if code is None else short_repr(code)
    return f"the task called sys.exit({shown}); return from the function to end a task"
