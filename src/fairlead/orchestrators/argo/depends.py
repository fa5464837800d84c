"""The language of `depends`: ends of tasks, joined by `&&`, `||`, `!` and parentheses.

Shared by the lint and the rehearsal, so that both read it in one way.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias

__all__ = ["RESULTS", "Expression", "Joined", "Term", "Unreadable", "holds", "parse", "terms"]

RESULTS = ("Succeeded", "Failed", "Errored", "Skipped", "Omitted", "Daemoned", "AnySucceeded", "AllFailed")
"""What can be said of a task after the dot."""


class Term(NamedTuple):
    """One task has come to one end."""

    task: str
    result: str
    """Empty where the expression names the task alone."""


class Joined(NamedTuple):
    """Expressions put together."""

    how: Literal["not", "and", "or"]
    parts: tuple[Expression, ...]


Expression: TypeAlias = Term | Joined

_WORDS = re.compile(r"\s*(&&|\|\||!|\(|\)|[a-zA-Z0-9][-a-zA-Z0-9]*(?:\.[a-zA-Z]+)?)")


class Unreadable(Exception):
    """It is no expression of this language."""


def parse(text: str) -> Expression:
    """Read an expression; raises Unreadable."""
    words: list[str] = []
    place = 0
    while place < len(text.rstrip()):
        match = _WORDS.match(text, place)
        if match is None:
            raise Unreadable(f"{text!r} is not readable from {text[place:].strip()[:20]!r} on")
        words.append(match[1])
        place = match.end()
    words.reverse()
    found = _either(words, text)
    if words:
        raise Unreadable(f"{text!r} has {words[-1]!r} where it should end")
    return found


def _either(words: list[str], text: str) -> Expression:
    found = _both(words, text)
    while words and words[-1] == "||":
        words.pop()
        found = Joined("or", (found, _both(words, text)))
    return found


def _both(words: list[str], text: str) -> Expression:
    found = _one(words, text)
    while words and words[-1] == "&&":
        words.pop()
        found = Joined("and", (found, _one(words, text)))
    return found


def _one(words: list[str], text: str) -> Expression:
    word = words.pop() if words else ""
    if word == "!":
        return Joined("not", (_one(words, text),))
    if word == "(":
        found = _either(words, text)
        if not words or words.pop() != ")":
            raise Unreadable(f"{text!r} opens a parenthesis and does not close it")
        return found
    if not word or not word[0].isalnum():
        raise Unreadable(f"{text!r} has {word or 'its end'!r} where a task should stand")
    task, _, result = word.partition(".")
    return Term(task, result)


def terms(expression: Expression) -> list[Term]:
    """List the ends of tasks that an expression names."""
    if isinstance(expression, Term):
        return [expression]
    return [term for part in expression.parts for term in terms(part)]


def holds(expression: Expression, ended: Callable[[Term], bool]) -> bool:
    """Whether an expression is true; `ended` says it of one task."""
    if isinstance(expression, Term):
        return ended(expression)
    found = [holds(part, ended) for part in expression.parts]
    if expression.how == "not":
        return not found[0]
    return all(found) if expression.how == "and" else any(found)
