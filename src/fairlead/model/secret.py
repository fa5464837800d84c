"""A secret by name: what code and settings hold in place of a secret's value.

The value is fetched when it is asked for, where the task runs, and kept nowhere. Where values come
from is not known here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fairlead.errors import FairleadError

__all__ = ["Secret"]


class Secret:
    """Names a secret; `get()` gives its value where a task runs."""

    __slots__ = ("_source", "name")

    def __init__(self, name: str, source: Callable[[str], str] | None = None) -> None:
        """`source` gives the value for the name; whoever runs the task sees to it."""
        self.name = name
        self._source = source

    def get(self) -> str:
        """Fetch the value; NotFound where there is none of that name."""
        if self._source is None:
            raise FairleadError(
                f"secret {self.name!r} is fetched where a task runs, and this is no task; hold it as a setting of a"
                " component (password: Secret), or call current_run().secret(name) inside the task"
            )
        return self._source(self.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.name == self.name

    def __hash__(self) -> int:
        return hash((Secret, self.name))

    def __repr__(self) -> str:
        return f"Secret({self.name!r})"

    def __reduce__(self) -> Any:
        return Secret, (self.name,)
