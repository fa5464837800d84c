"""The brief of a run, where its workers find it: a file in the run's scratch folder."""

from __future__ import annotations

from pathlib import Path

import msgspec

from fairlead.ports import Brief

__all__ = ["write_brief"]


def write_brief(brief: Brief) -> None:
    """Write a brief, whole or not at all: a worker may read it at any time."""
    scratch = Path(brief.scratch)
    scratch.mkdir(parents=True, exist_ok=True)
    (scratch / "brief.new").write_bytes(msgspec.msgpack.encode(brief))
    (scratch / "brief.new").replace(scratch / "brief")
