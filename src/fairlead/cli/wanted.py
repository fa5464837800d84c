"""What a command was asked for, as data: how loud, in which form, and how a run is to be carried.

Imports no click: `quick.py` fills these in without it. How options are declared is in `options.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

__all__ = ["Form", "Launch", "Loudness"]

Form: TypeAlias = Literal["table", "json", "jsonl"]
"""How results are written."""


class Loudness:
    """How much is said on stderr: 0 as usual, more above, errors only below."""

    __slots__ = ("level",)

    def __init__(self, level: int = 0) -> None:
        self.level = level


class Launch(msgspec.Struct, frozen=True):
    """How a run is wanted: the options of `run`."""

    file: Path | None = None
    given: tuple[str, ...] = ()
    env: str | None = None
    run_id: str | None = None
    tags: tuple[str, ...] = ()
    detach: bool = False
    max_workers: int | None = None
    form: Form = "table"
