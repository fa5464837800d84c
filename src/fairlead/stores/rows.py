"""How attempts and summaries look as rows of a table, and how facts of one attempt are merged.

Columns hold what is searched for; the rest of an attempt is one packed body. Nothing here knows
which database the rows go to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias, TypeVar

import msgspec

from fairlead.errors import StoreError
from fairlead.model.events import Attempt, Call, Failure, LogRange, Origin
from fairlead.model.path import group_of
from fairlead.model.run import RunSummary
from fairlead.model.values import Value
from fairlead.wire import decoder

__all__ = [
    "ATTEMPT_COLUMNS",
    "SUMMARY_COLUMNS",
    "AttemptRow",
    "attempt_from",
    "attempt_rows",
    "merge",
    "merge_bodies",
    "pack_counts",
    "pack_tag",
    "pack_tags",
    "path_range",
    "summary_from",
]

AttemptRow: TypeAlias = tuple[
    int, str, int, str, str | None, float | None, float | None, float | None, float, str, bytes
]
"""run, path, attempt, group, outcome, queued, started, ended, seconds, key, body"""

ATTEMPT_COLUMNS = "path, attempt, outcome, queued, started, ended, seconds, key, body"
"""What `attempt_from` takes, in its order."""

SUMMARY_COLUMNS = (
    "id, workflow, status, created, started, ended, epoch, parent, tags, target, counts, error, cancel_asked"
)
"""What `summary_from` takes, in its order."""


class _Body(msgspec.Struct, array_like=True):
    """What no query asks for. New fields go to the end and need defaults: old rows are shorter."""

    epoch: int = 0
    outputs: list[Value] | None = None
    retryable: bool = True
    log: LogRange | None = None
    worker: str = ""
    failure: Failure | None = None
    origin: Origin | None = None
    metrics: dict[str, float] | None = None
    artifacts: dict[str, Value] | None = None
    call: Call | None = None
    notes: tuple[str, ...] = ()


_S = TypeVar("_S", bound=msgspec.Struct)

_encode = msgspec.msgpack.Encoder().encode
_encode_json = msgspec.json.Encoder().encode
_decode_counts = msgspec.json.Decoder(dict[str, int]).decode
_decode_tag = msgspec.json.Decoder(str).decode


def attempt_rows(
    run: int, attempts: Iterable[Attempt], *, blob: Callable[[bytes], Any] | None = None, nothing: Any = None
) -> list[AttemptRow]:
    """Turn attempts into rows; StoreError names the one that cannot be written.

    `blob`, `nothing`: what the database's driver takes quickest for a body, and for `queued` when it is None.
    """
    rows: list[AttemptRow] = []
    a = None
    try:
        for a in attempts:
            path = a.path
            # A tuple in the order of _Body: building the struct first would cost as much again.
            body = _encode(
                (
                    a.epoch,
                    a.outputs,
                    a.retryable,
                    a.log,
                    a.worker,
                    a.failure,
                    a.origin,
                    a.metrics,
                    a.artifacts,
                    a.call,
                    a.notes,
                )
            )
            if blob is not None:
                body = blob(body)
            group = group_of(path) if "[" in path or "#" in path else path
            queued = nothing if a.queued is None else a.queued
            rows.append((run, path, a.attempt, group, a.outcome, queued, a.started, a.ended, a.seconds, a.key, body))
    except (TypeError, ValueError) as error:
        named = f"{a.path!r} attempt {a.attempt}" if a is not None else "an attempt"
        raise StoreError(f"cannot record {named}: {error}") from error
    return rows


def attempt_from(row: tuple[Any, ...]) -> Attempt:
    """Put an attempt together again from `ATTEMPT_COLUMNS`."""
    path, attempt, outcome, queued, started, ended, seconds, key, body = row
    b = decoder(_Body).decode(body)
    return Attempt(
        path, attempt, b.epoch, queued, started, ended, seconds, outcome, b.outputs, b.failure,
        b.retryable, b.origin, key, b.log, b.metrics, b.artifacts, b.worker, b.call, b.notes,
    )  # fmt: skip


def path_range(group: str) -> tuple[str, str]:
    """Bound the paths that a group's task runs can have: from the first up to below the second.

    A path of the group goes on after the group's first name with `#`, `.` or `[`, if at all, and
    the backslash comes next after these.
    """
    first = group.partition(".")[0]
    return first, first + "\\"


def merge(old: Attempt, new: Attempt) -> Attempt:
    """Add further facts to an attempt; one that has ended stays as it is."""
    return old if old.outcome is not None else _filled(old, new, _NO_ATTEMPT)


def merge_bodies(old: bytes, new: bytes) -> bytes:
    """Do the same to packed bodies."""
    decode = decoder(_Body).decode
    return _encode(_filled(decode(old), decode(new), _NO_BODY))


_NO_BODY = _Body()
_NO_ATTEMPT = Attempt("", 0)


def _filled(old: _S, new: _S, nothing: _S) -> _S:
    """Take `new`, with `old` where `new` says nothing: whoever starts an attempt again takes it over."""
    return type(new)(*(_known(new, old, nothing, name) for name in new.__struct_fields__))


def _known(new: _S, old: _S, nothing: _S, name: str) -> Any:
    value = getattr(new, name)
    return getattr(old, name) if value == getattr(nothing, name) else value


def pack_counts(counts: dict[str, int]) -> str:
    """Write counts as text."""
    return _encode_json(counts).decode() if counts else ""


def pack_tag(tag: str) -> str:
    """Write a tag so that `instr` finds it among packed tags, and nothing else: no other text has the line breaks."""
    return f"\n{_encode_json(tag).decode()}\n"


def pack_tags(tags: tuple[str, ...]) -> str:
    """Write tags as text."""
    return "".join(map(pack_tag, tags))


def summary_from(row: tuple[Any, ...]) -> RunSummary:
    """Put a summary together again from `SUMMARY_COLUMNS`."""
    run_id, workflow, status, created, started, ended, epoch, parent, tags, target, counts, error, cancel_asked = row
    return RunSummary(
        run_id, workflow, status, created, started, ended, epoch, parent,
        _tags(tags) if tags else (), target, _decode_counts(counts) if counts else {}, error, cancel_asked,
    )  # fmt: skip


def _tags(packed: str) -> tuple[str, ...]:
    return tuple([_decode_tag(line) for line in packed.split("\n") if line])
