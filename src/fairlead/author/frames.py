"""What calls of tasks and workflows mean while the body of a dynamic workflow runs: the seam, and no more.

A frame stands for a place in the call tree of a run. It is false, as nothing is: whatever asks `if scope`
for a graph that is being built finds plain Python.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol

from fairlead.author.callables import Layout
from fairlead.author.options import Core

__all__ = ["Frame"]


class Frame(Protocol):
    """Where in a running dynamic workflow a call is made."""

    def __bool__(self) -> Literal[False]: ...

    def call(self, core: Core, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a task, and give what it returned; in an async body, something to be awaited."""

    def submit(self, core: Core, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a task and do not wait: gives a future."""

    def map(
        self, core: Core, lists: tuple[Any, ...], values: dict[str, Any], handler: Callable[..., Any] | None
    ) -> Any:
        """Call a task once for every item, all at the same time."""

    def guard(
        self,
        callee: Any,
        layout: Layout,
        handler: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        """Call a task or workflow, and its handler in its place if it fails."""

    def enter(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a workflow: its body runs here, in a place of its own."""

    def enter_each(self, function: Any, lists: tuple[Any, ...], values: dict[str, Any]) -> Any:
        """Call a workflow once for every item."""
