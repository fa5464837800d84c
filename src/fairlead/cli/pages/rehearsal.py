"""Two runs of one workflow side by side: as an orchestrator's files carried it, and in one process."""

from __future__ import annotations

from fairlead.api.rehearsing import Rehearsal, Row, Side
from fairlead.cli.text import Column, Line, Span, table
from fairlead.model.words import plural, tone

__all__ = ["rehearsal_page"]

_COLUMNS = (Column("task"), Column("rehearsed"), Column("in process"), Column("", elastic=True))
_MANY = 200
"""Rows that are equal, beyond which only their number is told."""


def rehearsal_page(name: str, done: Rehearsal, *, width: int | None = None) -> list[Line]:
    """Give a line for each task run, or for those that differ where there are many, and the verdict."""
    unlike = [row for row in done.rows if not row.equal]
    shown = done.rows if len(done.rows) <= _MANY else unlike
    rows = [
        (
            Span(row.path, "bold"),
            _status(row.rehearsed),
            _status(row.here),
            Span("equal", "dim") if row.equal else Span(f"differs: {_differences(row)}", "bad"),
        )
        for row in shown
    ]
    started = f"{done.rehearsed.started} processes"
    head = [Span(name, "bold"), Span(f"  {plural(len(done.rows), 'task run')}, {started}", "dim")]
    page = [head, [], *table(_COLUMNS, rows, width=width, indent=2), []]
    page += [[Span(f"{what}: {line}", "dim")] for what, line in _last_words(done)]
    return [*page, [Span(_verdict(done, len(unlike)), "good" if done.equal else "bad")]]


def _status(side: Side) -> Span:
    tries = len(side.attempts)
    more = f" (attempt {tries})" if tries > 1 else ""
    return Span(f"{side.status or 'unknown'}{more}", tone(side.status) if side.status else "bad")


def _differences(row: Row) -> str:
    told = []
    for name in row.differs_in:
        one, other = getattr(row.rehearsed, name), getattr(row.here, name)
        told.append(name if name == "outputs" else f"{name} ({_short(one)} against {_short(other)})")
    return ", ".join(told)


def _short(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return f"{text:.60}" or "none"


def _last_words(done: Rehearsal) -> list[tuple[str, str]]:
    """Give the last line of what failed, where the two runs differ."""
    if done.equal:
        return []
    return [(name, text.strip().rpartition("\n")[2]) for name, text in done.rehearsed.said.items()]


def _verdict(done: Rehearsal, unlike: int) -> str:
    if done.equal:
        return f"equal: both runs have {done.status}"
    if unlike:
        return f"{plural(unlike, 'task run')} of {len(done.rows)} differ"
    return f"the rehearsed run has {done.status} ({done.rehearsed.phase}), the one in this process {done.here}"
