"""A secret by name: what code and settings hold in place of a secret's value.

The value is fetched when it is asked for, where the task runs, and kept nowhere. Where values come
from is not known here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from fairlead.errors import FairleadError

__all__ = ["Secret", "Source", "ask_task"]

Source: TypeAlias = Callable[[str], str]
"""Gives a secret's value by its name."""

_tasks: list[Callable[[], Source | None]] = []


def ask_task(find: Callable[[], Source | None]) -> None:
    """Say how to find the task that runs here, and with it where its secrets come from; None: no task does."""
    _tasks[:] = [find]


class Secret:
    """Names a secret; `get()` gives its value where a task runs.

    The task declares the name: `secrets=["NAME"]`, or a component's setting does it.
    """

    __slots__ = ("_source", "name")

    def __init__(self, name: str, source: Source | None = None) -> None:
        """`source` gives the value for the name where no task runs."""
        self.name = name
        self._source = source

    def get(self) -> str:
        """Fetch the value; NotFound where there is none of that name."""
        source = next((found for find in _tasks if (found := find()) is not None), self._source)
        if source is None:
            raise FairleadError(
                f"secret {self.name!r} is fetched where a task runs, and this is no task; ask for it inside one, or"
                " hold it as a setting of a component (password: Secret)"
            )
        return source(self.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.name == self.name

    def __hash__(self) -> int:
        return hash((Secret, self.name))

    def __repr__(self) -> str:
        return f"Secret({self.name!r})"

    def __reduce__(self) -> Any:
        return Secret, (self.name,)
