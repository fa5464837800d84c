"""`fairlead run` where its words are plain: understood without click, which takes a sixth of a short run.

Whatever is not plain, wrong or asks for help is left to click, which says it better: this file writes
no word about usage.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

import msgspec

from fairlead.cli.wanted import Form, Launch

__all__ = ["Plain", "run_quickly", "understood"]

_NAMES = {"-p": "--param", "-o": "--output"}
_VALUED = frozenset({"--params", "--param", "--env", "--id", "--tag", "--max-workers", "--output"})
_MANY = frozenset({"--param", "--tag"})
_LOUDER = {"-v": 1, "--verbose": 1, "-q": -1, "--quiet": -1}


class Plain(msgspec.Struct, frozen=True):
    """What the words of `run` say."""

    target: str
    launch: Launch
    given: dict[str, str]
    level: int


def understood(words: Sequence[str]) -> Plain | None:
    """Understand the words that follow `run`; None: click is to say what they mean, or what is wrong."""
    targets: list[str] = []
    values: dict[str, list[str]] = {}
    levels, detach = set[int](), False  # saying one of them twice is saying it once
    rest = iter(words)
    for word in rest:
        if word in _LOUDER:
            levels.add(_LOUDER[word])
        elif word == "--detach":
            detach = True
        elif not word.startswith("-"):
            targets.append(word)
        else:
            name, equals, value = word.partition("=")
            name = _NAMES.get(name, name)
            if name not in _VALUED or (equals and not word.startswith("--")):
                return None
            value = value if equals else next(rest, "")
            if not value or value.startswith("-") or (name in values and name not in _MANY):
                return None
            values.setdefault(name, []).append(value)
    if len(targets) != 1 or not targets[0]:
        return None
    return _plain(targets[0], values, detach=detach, level=sum(levels))


def _plain(target: str, values: dict[str, list[str]], *, detach: bool, level: int) -> Plain | None:
    one = {name: found[0] for name, found in values.items()}
    form, workers = one.get("--output", "table"), one.get("--max-workers")
    texts = values.get("--param", [])
    given = {name.strip(): value for name, _, value in (text.partition("=") for text in texts)}
    if form not in get_args(Form) or not (
        workers is None or (workers.isascii() and workers.isdigit() and int(workers))
    ):
        return None
    if "" in given or len(given) < len(texts) or not all("=" in text for text in texts):
        return None
    launch = Launch(
        Path(one["--params"]) if "--params" in one else None,
        tuple(texts),
        one.get("--env"),
        one.get("--id"),
        tuple(values.get("--tag", ())),
        detach,
        None if workers is None else int(workers),
        form,  # type: ignore[arg-type]  # one of them, as was seen above
    )
    return Plain(target, launch, given, level)


def run_quickly(plain: Plain, imported: Callable[[], None] | None) -> int:
    """Carry it out, and give its exit code. `imported` is called before anything of the user's is."""
    from fairlead.cli.complaints import in_words

    def work() -> int:
        from fairlead.api import load_target
        from fairlead.cli.launching import carry_out
        from fairlead.cli.output import aside

        if imported is not None:
            imported()
        with aside():
            found = load_target(plain.target)
        return carry_out(plain.target, found, plain.launch, plain.given, plain.level)

    return in_words(work, lambda: plain.level)
