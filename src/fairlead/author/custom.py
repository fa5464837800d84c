"""Tasks of kinds that others bring: a text and settings, which only their kind understands.

What a kind is, and whether the settings are right, is not known here: it is checked before anything runs.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from fairlead.author.assembly import Return
from fairlead.author.callables import MISSING, Argument
from fairlead.author.command_steps import CommandStep
from fairlead.author.commands import CommandCore, CommandLayout, wrong_inputs
from fairlead.author.problems import Problem, complain, place_of
from fairlead.model.task import Place, Source

__all__ = ["CustomCore", "CustomTask"]


class CustomCore(CommandCore):
    """A task of any kind, with its options."""

    __slots__ = ("inputs", "kind", "said", "text")

    def __init__(
        self,
        kind: str,
        text: str,
        settings: Mapping[str, Any] | None,
        inputs: Sequence[str] | None,
        options: dict[str, Any],
        place: Place,
    ) -> None:
        """`inputs`: the names that it takes; None: whatever it is given by keyword."""
        problems = _wrong(kind, text, settings) + wrong_inputs(inputs)
        if problems:
            raise complain(f"custom ({place})", problems)
        self.kind, self.text, self.inputs = kind, text, inputs
        self.said = dict(settings or {})
        layout = CommandLayout([Argument(name, "normal", MISSING, "") for name in inputs or ()])
        super().__init__(kind, options, layout, place)

    def settings(self) -> dict[str, Any]:
        """What was said for the kind to understand."""
        return self.said

    def sources(self) -> tuple[Source, ...]:
        """The text, where there is one."""
        return (Source(self.kind, self.text),) if self.text else ()

    def parts(self) -> tuple[Any, ...]:
        """Its kind, text, settings, inputs, options and place."""
        return self.kind, self.text, self.said, self.inputs, self.options, self.place

    def changed(self, options: dict[str, Any]) -> CustomCore:
        """Give a copy with further options."""
        return CustomCore(self.kind, self.text, self.said, self.inputs, {**self.options, **options}, self.place)


class CustomTask(CommandStep):
    """A step of a kind of task that another package brings.

    What `inputs` says is filled by name; `returns` are the names of what it gives, in order.
    """

    def __init__(
        self,
        kind: str,
        text: str = "",
        name: str | None = None,
        returns: Sequence[str | Return] | None = None,
        **options: Any,
    ) -> None:
        """`settings={…}` and `inputs=[…]` are for the kind; other options are those of a step and of `task`."""
        self.kind, self.text = kind, text
        self.settings: Mapping[str, Any] | None = options.pop("settings", None)
        self.inputs: Sequence[str] | None = options.pop("inputs", None)
        options = {"place": place_of(sys._getframe(1)), **options}
        super().__init__(name, returns, options)

    def label(self) -> str:
        """Give its name in the graph: that of its kind, where it has none."""
        return str(self.name or self.kind)

    def _core(self) -> CustomCore:
        return CustomCore(self.kind, self.text, self.settings, self.inputs, {}, self.place)


def _wrong(kind: object, text: object, settings: object) -> list[Problem]:
    problems = []
    if not isinstance(kind, str) or not kind:
        problems.append(Problem("", f"takes the name of a kind of task; got {kind!r}"))
    if not isinstance(text, str):
        problems.append(Problem("text", f"must be text; got {text!r:.60}"))
    if settings is not None and not isinstance(settings, Mapping):
        problems.append(Problem("settings", f"must be a dict; got {settings!r:.60}"))
    elif not _is_plain(settings):
        problems.append(Problem("settings", "must be what JSON can say: they are recorded with the task"))
    return problems


def _is_plain(settings: Any) -> bool:
    try:
        return bool(msgspec.json.decode(msgspec.json.encode(settings)) == settings)
    except (TypeError, ValueError, RecursionError, OverflowError):
        return False
