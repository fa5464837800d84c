"""What a process knows of a run's secrets, and what it does so that none of them is written down.

Made for runs with tasks that declare secrets; the others pay nothing. Where secrets come from is
not known here.
"""

from __future__ import annotations

import threading
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from json import dumps
from typing import Any
from urllib.parse import quote

from fairlead.errors import FairleadError, NotFound, UnstorableValue
from fairlead.model.masks import Mask
from fairlead.model.task import TaskDefinition
from fairlead.ports import Current, Secrets, TaskKind

__all__ = ["SHORTEST", "Guard", "Guarded", "forms"]

SHORTEST = 4
"""Characters of the shortest value that is looked for: a shorter one is part of too many other things."""

_TELLING = 8
"""Characters from which on a value with more than letters in it is no word that stands somewhere by chance."""
_QUOTES = frozenset({b"'", b'"'})


def forms(value: str) -> set[str]:
    """The ways in which a secret is commonly written: as it is, escaped, quoted for a URL, in base64."""
    raw = value.encode("utf-8", "surrogateescape")
    found = {
        value,
        repr(value)[1:-1],
        dumps(value)[1:-1],
        dumps(value, ensure_ascii=False)[1:-1],
        quote(raw, safe=""),
        quote(raw),
        b64encode(raw).decode(),
    }
    return {form for form in found if len(form) >= SHORTEST}


class Guard:
    """The secrets of a run, as far as this process has had to do with them."""

    def __init__(self, source: Callable[[], Secrets]) -> None:
        """`source` opens where values come from; it is asked when the first one is needed."""
        self._open = source
        self._source: Secrets | None = None
        self._known: dict[str, str] = {}
        self._searched: list[tuple[bytes, str]] = []
        self._listeners: list[Callable[[Iterable[str]], None]] = []
        self._mask = Mask(())
        self._lock = threading.Lock()

    def get(self, name: str) -> str:
        """Fetch a secret, and know it from now on; NotFound."""
        if self._source is None:
            self._source = self._open()
        try:
            value = self._source.get(name)
        except NotFound:
            # What a driver has handed over goes with it, and the task may go on.
            if name not in self._known:
                raise
            value = self._known[name]
        if self._known.get(name) != value:
            self._learn(name, value)
        return value

    def _learn(self, name: str, value: str) -> None:
        with self._lock:
            self._known[name] = value
            written = sorted(forms(value)) if len(value) >= SHORTEST else []
            self._searched += [(form.encode("utf-8", "surrogateescape"), name) for form in written]
            self._mask = Mask([form.decode("utf-8", "surrogateescape") for form, _ in self._searched])
            for tell in self._listeners:
                tell(written)

    @property
    def knows_any(self) -> bool:
        """Whether there is anything to look for yet."""
        return bool(self._searched)

    def learn(self, names: Iterable[str]) -> None:
        """Know secrets before a task can write them; one that is not there is the task's to miss."""
        for name in names:
            try:
                self.get(name)
            except FairleadError:
                continue

    def listen(self, tell: Callable[[Iterable[str]], None]) -> None:
        """Have every form of every secret told, those known now and those to come."""
        with self._lock:
            self._listeners.append(tell)
            tell([form.decode("utf-8", "surrogateescape") for form, _ in self._searched])

    def masked(self, text: str) -> str:
        """Take every known secret out of a text that is there whole."""
        return self._mask.all(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")

    def name_in(self, data: bytes | bytearray | memoryview | Any) -> str:
        """Name a secret that stands in some bytes; empty when none does."""
        if not self._searched:
            return ""
        found = getattr(data, "find", None)
        if found is None:
            found = bytes(data).find
        return next((name for form, name in self._searched if found(form) >= 0), "")

    def place_in(self, text: bytes) -> tuple[str, int]:
        """Name a secret that stands in a file that people have written, and its line; an empty name when none does.

        A short word, or one of letters only, counts between quotes: as a secret it is a poor one, and as a word
        it may stand anywhere.
        """
        for form, name in self._searched:
            anywhere = len(form) >= _TELLING and not form.isalpha()
            start = text.find(form)
            while start >= 0:
                around = text[max(0, start - 1) : start], text[start + len(form) : start + len(form) + 1]
                if anywhere or (around[0] == around[1] and around[0] in _QUOTES):
                    return name, text.count(b"\n", 0, start) + 1
                start = text.find(form, start + 1)
        return "", 0

    def refuse(self, data: bytes | bytearray | memoryview | Any) -> None:
        """Raise UnstorableValue when a known secret stands in bytes that are to be kept."""
        name = self.name_in(data)
        if name:
            raise UnstorableValue(
                f"it holds the secret {name!r}, and secrets are never kept; a task can ask for it by name"
            )

    def refuse_across(self, chunks: Iterable[bytes | memoryview]) -> None:
        """Raise UnstorableValue when a known secret stands in bytes that come in pieces, also across their borders."""
        longest = max((len(form) for form, _ in self._searched), default=1) - 1
        tail = b""
        for chunk in chunks:
            self.refuse(chunk)
            view = memoryview(chunk).cast("B")
            if tail and longest:
                self.refuse(tail + bytes(view[:longest]))
            if longest:
                tail = (tail + bytes(view[-longest:]))[-longest:]


class Guarded:
    """A kind of task, for tasks that declare secrets: what they write is masked."""

    def __init__(self, kind: TaskKind, guard: Guard) -> None:
        self._kind = kind
        self._guard = guard

    def run(
        self, task: TaskDefinition, function: Callable[..., Any] | None, inputs: Mapping[str, Any], current: Current
    ) -> Any:
        """Know the task's secrets before it runs, and then run it."""
        self._guard.learn(task.secrets)
        return self._kind.run(task, function, inputs, current)
