"""What the end of a container without a record means, in words a user can act on. Pure."""

from __future__ import annotations

import msgspec

from fairlead.executors.verdicts import of_death
from fairlead.model.events import Failure

__all__ = ["End", "of_end", "of_refusal"]

_NEVER_RAN = {
    125: "the engine could not start it",
    126: "its command cannot be executed",
    127: "its command is not there",
}
_LONGEST = 400


class End(msgspec.Struct, frozen=True):
    """How a container ended."""

    code: int
    """Its exit code; of a process that a signal has ended, 128 and the signal."""
    begun: bool = True
    """Fairlead had come up in it."""
    out_of_memory: bool = False
    limit: str = ""
    """The memory that its task asked for."""
    words: str = ""
    """The last that it wrote, or the engine said of it."""


def of_end(end: End) -> Failure:
    """Tell why a container that nobody here has ended left no record."""
    signal = end.code - 128 if 128 < end.code < 193 else 0
    if end.begun or signal:
        told = of_death(-signal if signal else end.code, out_of_memory=end.out_of_memory)
        message = told.message
        if told.reason == "killed" and end.limit and end.out_of_memory:
            message = f"its container was killed: it needs more than the {end.limit} of memory that it asked for"
        if end.begun and end.code == 0:
            message = "its container ended without giving its record back, as by os._exit(0)"
        return Failure(told.reason, message)
    why = _NEVER_RAN.get(end.code, "Fairlead could not start in it")
    return Failure("refused", f"its container ended with exit code {end.code}, {why}{_quoted(end.words)}")


def of_refusal(words: str, image: str) -> Failure:
    """Tell that the engine would not make or start a container."""
    return Failure("refused", f"the engine cannot run a container of {image!r}: {words.strip()[:_LONGEST]}")


def _quoted(words: str) -> str:
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    return f": {lines[-1][:_LONGEST]}" if lines else ""
