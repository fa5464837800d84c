"""Names that Argo takes, made from names that people chose: legal, short, and the same every time."""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256

__all__ = ["LONGEST", "WORDS", "Names", "resource_name"]

LONGEST = 60
"""Characters of a template's or task's name; Argo takes 128, and what it makes of them is cut at 63 in places."""

_RESOURCE = 52
"""Characters of a WorkflowTemplate's name: what is started from it gets a suffix, and must stay below 63."""

WORDS = frozenset("and contains else endsWith false if in let matches nil not or startsWith true".split())
"""What the language of conditions means by itself: no task can be waited for under such a name."""

_ILLEGAL = re.compile(r"[^a-zA-Z0-9]+")


class Names:
    """The names of one scope, each given once."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {*WORDS, *taken}

    def give(self, wanted: str, ending: str = "") -> str:
        """Give a name for something that is called `wanted`, with an ending that says what it is."""
        name = _fit(wanted, LONGEST, ending)
        if name in self._taken:
            name = _fit(f"{wanted} {_mark(wanted + ending)}", LONGEST, ending)
        number = 2
        while name in self._taken:
            name = _fit(f"{wanted} {_mark(f'{wanted}{ending}{number}')}", LONGEST, ending)
            number += 1
        self._taken.add(name)
        return name


def resource_name(wanted: str) -> str:
    """Give the name of a Kubernetes object: small letters, digits and hyphens."""
    return _fit(wanted, _RESOURCE, "").lower()


def _fit(wanted: str, longest: int, ending: str) -> str:
    """Make a name legal; where it must be cut, or nothing of it is left, a hash of the whole stands in."""
    plain = _ILLEGAL.sub("-", wanted).strip("-")
    if not plain or not plain[0].isalpha():
        plain = f"n-{plain}" if plain else f"n-{_mark(wanted)}"
    if len(plain) + len(ending) > longest:
        plain = f"{plain[: longest - len(ending) - 7].strip('-')}-{_mark(wanted)}"
    return plain + ending


def _mark(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:6]
