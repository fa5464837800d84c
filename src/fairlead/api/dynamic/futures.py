"""Futures of calls: what `submit` gives, and what a call gives in an async body.

They are futures of `concurrent.futures`, so that `as_completed`, `wait` and `asyncio.wrap_future` take them.
Values are decoded where they are asked for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from fairlead.model.calls import CallLive
from fairlead.model.scope import GOOD
from fairlead.model.values import Rows, Tree, Value

if TYPE_CHECKING:
    from fairlead.api.dynamic.conductor import Conductor

__all__ = ["CallFuture", "futures_in", "when_all_done"]


class CallFuture(Future[Any]):
    """A call that is on its way, or a map of them."""

    def __init__(self, conductor: Conductor, name: str, *, many: bool = False) -> None:
        super().__init__()
        self.set_running_or_notify_cancel()
        self.taken = False
        """Somebody has asked what came of it: a failure is theirs."""
        self._conductor = conductor
        self._name = name
        self._many = many
        self._lives: Sequence[CallLive] = ()
        self._left = 0
        self._guard = threading.Lock()
        self._decoded: list[Any] = []

    def follow(self, lives: Sequence[CallLive]) -> CallFuture:
        """Be the future of these calls."""
        self._lives, self._left = lives, len(lives)
        if not lives:
            self.set_result(None)
        for live in lives:
            self._conductor.driver.when_done(live, self._heard)
        return self

    def fail(self, error: BaseException) -> None:
        """It cannot be made: what it waited for failed."""
        self._conductor.untaken.append(self)
        self.set_exception(error)

    def result(self, timeout: float | None = None) -> Any:
        """Wait, and give what the call returned; raises what made it fail, TimeoutError after `timeout` seconds."""
        self.taken = True
        super().result(timeout)
        with self._guard:
            if not self._decoded:
                values = [self._conductor.value_of(live) for live in self._lives]
                self._decoded.append(values if self._many else values[0])
            return self._decoded[0]

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait, and give what made it fail, if anything did."""
        self.taken = True
        return super().exception(timeout)

    async def ended(self) -> None:
        """Wait until everything in it has ended, however that was."""
        self.taken = True
        if not self.done():
            import asyncio

            waited = asyncio.wrap_future(self)
            await asyncio.wait([waited])
            waited.exception()  # it is told of by whoever asks for the result

    def encoded(self) -> Value:
        """Wait, and give what it returned without decoding it: the argument of another call."""
        self.taken = True
        super().result()
        values = [self._conductor.encoded_of(live) for live in self._lives]
        return Rows(values) if self._many else values[0]

    def paths(self) -> tuple[str, ...]:
        """Name the calls of it that failed."""
        return tuple(live.path for live in self._lives if live.status not in GOOD)

    def __await__(self) -> Generator[Any, None, Any]:
        if not self.done():
            import asyncio

            self.taken = True
            yield from asyncio.wrap_future(self).__await__()
        return self.result()

    def _heard(self, _: CallLive) -> None:
        with self._guard:
            self._left -= 1
            if self._left:
                return
        error = next(filter(None, map(self._conductor.error_of, self._lives)), None)
        if error is None:
            self.set_result(None)
        else:
            self._conductor.untaken.append(self)
            self.set_exception(error)

    def __reduce__(self) -> Any:
        raise TypeError(f"{self!r} stands for a value only as an argument, alone or in lists, tuples and dicts")

    def __repr__(self) -> str:
        return f"<future of {self._name}: {'done' if self.done() else 'running'}>"


def futures_in(values: Iterable[Any]) -> list[CallFuture]:
    """List the futures among values, also in lists, tuples and dicts."""
    found = []
    for value in values:
        kind = type(value)
        if kind is CallFuture:
            found.append(value)
        elif kind is list or kind is tuple:
            found += futures_in(value)
        elif kind is dict:
            found += futures_in(value.values())
    return found


def when_all_done(futures: Sequence[CallFuture], act: Callable[[], None]) -> None:
    """Have something done when the last of some futures has ended."""
    left = [len(futures)]
    guard = threading.Lock()

    def heard(_: Future[Any]) -> None:
        with guard:
            left[0] -= 1
            if left[0]:
                return
        act()

    for future in futures:
        future.add_done_callback(heard)


def tree(kind: Any, items: Sequence[Value], keys: Sequence[Value] = ()) -> Tree:
    """Put a container together of values that are encoded."""
    return Tree(kind.__name__, tuple(items), tuple(keys))
