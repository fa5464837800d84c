"""Where calls stand: a frame is the body, or a workflow that was called in it, with the calls made there.

A call is known by its frame, its task, the digests of its inputs, and how many identical calls the frame
has made before. The last of these is the only number, and identical calls can stand for each other.
"""

from __future__ import annotations

import hashlib
import sys
import threading
from collections.abc import Callable, Sequence
from contextvars import copy_context
from typing import Any, Literal

import msgspec

from fairlead.api.dynamic.conductor import Conductor
from fairlead.api.dynamic.futures import CallFuture, futures_in, when_all_done
from fairlead.author.blocks import guard_plainly, handle_plainly
from fairlead.author.callables import Layout
from fairlead.author.maps import arrange
from fairlead.author.options import Core
from fairlead.author.problems import complain
from fairlead.author.scope import current
from fairlead.engine.dynamic import Made
from fairlead.errors import FairleadError, UnstorableValue
from fairlead.model.calls import CallLive
from fairlead.model.events import Call
from fairlead.model.path import group_of
from fairlead.model.task import Place
from fairlead.model.values import Tree, Value, split

__all__ = ["BodyFrame"]

_AT_ONCE = 32
"""Bodies of one map of workflows that are at work at the same time."""


class BodyFrame:
    """A place of the call tree; false, so that whatever asks for a graph finds none."""

    def __init__(
        self, conductor: Conductor, frames: tuple[str, ...] = (), prefix: str = "", *, awaits: bool = False
    ) -> None:
        """`frames`: the keys of the workflow calls down to here. `awaits`: the body is `async def`."""
        self.conductor = conductor
        self._frames = frames
        self._key = frames[-1] if frames else ""
        self._prefix = prefix
        self._awaits = awaits
        self._thread = 0
        self._counts: dict[str, int] = {}
        self._made = 0
        """Calls that were made one after the other."""
        self._alone = not awaits
        """Nothing was made beside something else yet."""

    def __bool__(self) -> Literal[False]:
        return False

    # --- tasks ------------------------------------------------------------------------------------

    def call(self, core: Core, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a task, and give what it returned; in an async body, something to be awaited."""
        if self._awaits:
            return self._send(core, args, kwargs)
        bound = _bound(core, args, kwargs)
        lives = self._make(core, [self._encoded(core.name, bound)], place=self._place())
        self.conductor.driver.wait(lives)
        return self.conductor.value_of(lives[0])

    def submit(self, core: Core, args: tuple[Any, ...], kwargs: dict[str, Any]) -> CallFuture:
        """Call a task and do not wait: gives a future."""
        return self._send(core, args, kwargs)

    def map(
        self,
        core: Core,
        lists: tuple[Any, ...],
        values: dict[str, Any],
        handler: Callable[..., Any] | None = None,
    ) -> Any:
        """Call a task once for every item; gives the list of what they returned, when all have ended."""
        conductor, place = self.conductor, self._place()
        sources = arrange(core.layout, lists, values, core.name)
        over = {name: self._itemised(value) for name, value in sources.over.items()}
        _equally_long(core.name, over)
        items = self._items(core, sources.whole, over)
        made = self._make(core, items, place=place, many=True, width=core.options.get("max_parallel"))

        def given(item: int) -> dict[str, Any]:
            return {**sources.whole, **{name: conductor.decode(values[item]) for name, values in over.items()}}

        def outcome() -> list[Any]:
            rescue = None
            if handler is not None:
                rescue = lambda error, item: handle_plainly(  # noqa: E731 - it stands in place of None
                    error, core.name, core.layout, handler, (), given(item)
                )
            return conductor.all_of(made, rescue, core.options.get("min_success"))

        if conductor.driver.here or not self._awaits:
            conductor.driver.wait(made)
        return self._map_later(made, outcome) if self._awaits else outcome()

    async def _map_later(self, made: list[CallLive], outcome: Callable[[], list[Any]]) -> list[Any]:
        await CallFuture(self.conductor, "map", many=True).follow(made).ended()
        found = outcome()
        return [await one if type(one) is CallFuture else one for one in found]

    def guard(
        self,
        callee: Any,
        layout: Layout,
        handler: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        """Call a task or workflow, and its handler in its place if it fails."""
        if not self._awaits:
            return guard_plainly(callee, callee.name, layout, handler, args, kwargs)

        async def guarded() -> Any:
            try:
                return await callee(*args, **kwargs)
            except Exception as error:  # noqa: BLE001 - whatever it raises is what the handler is for
                return await handle_plainly(error, callee.name, layout, handler, args, kwargs)

        return guarded()

    def _send(self, core: Core, args: tuple[Any, ...], kwargs: dict[str, Any]) -> CallFuture:
        conductor, place = self.conductor, self._place()
        self._alone = False
        bound = _bound(core, args, kwargs)
        future = CallFuture(conductor, core.name)
        needed = futures_in(bound.values())
        pending = [one for one in needed if not one.done()]
        broken = next(filter(None, (one.exception() for one in needed if one.done())), None)
        if broken is not None:
            future.fail(broken)
            return future
        if not pending:
            lives = self._make(core, [self._encoded(core.name, bound)], place=place)
            if conductor.driver.here:
                conductor.driver.wait(lives)
            return future.follow(lives)

        def send() -> None:
            try:
                future.follow(self._make(core, [self._encoded(core.name, bound)], place=place, late=True))
            except BaseException as error:  # noqa: BLE001 - whoever asks for its result is to have it
                future.fail(error)

        when_all_done(pending, send)
        return future

    def _make(
        self,
        core: Core,
        items: list[dict[str, Value]],
        *,
        place: Place | None,
        many: bool = False,
        late: bool = False,
        width: int | None = None,
    ) -> list[CallLive]:
        """Make calls; no more than `width` of them are on their way at once."""
        conductor = self.conductor
        known = conductor.known(core, f"{group_of(self._prefix)}{core.name}")
        bases = [self._digest(known.ident, args) for args in items]
        alone = self._alone and threading.get_ident() == self._thread
        with conductor.lock:
            self._alone = alone
            calls = [
                Call(
                    self._counted(base),
                    task=known.place if known.defined is None else -1,
                    args=args,
                    frames=self._frames,
                    ordered=alone,
                    place=place,
                    defined=known.defined,
                )
                for base, args in zip(bases, items, strict=True)
            ]
            if alone:
                for call in calls:
                    conductor.driver.check_order(self._key, self._made, call, core.name)
                    self._made += 1
            named = self._named(calls, known.place, core.name, many=many)
            if width is None or conductor.driver.here:
                return conductor.driver.make(named, late=late)
        made: list[CallLive] = []
        for one in named:
            if len(made) >= width:
                conductor.driver.wait([made[len(made) - width]])
            made += conductor.driver.make([one])
        return made

    def _named(self, calls: list[Call], index: int, name: str, *, many: bool) -> list[Made]:
        """Say which path each call gets, if it is new."""
        state = self.conductor.driver.state
        full = f"{self._prefix}{name}"
        if not many:
            return [(calls[0], index, lambda: state.unique(full))]
        base = state.known_base([call.key for call in calls]) or (state.unique(full) if calls else "")

        def item(place: int) -> Callable[[], str]:
            return lambda: state.item_path(base, place)

        return [(call, index, item(place)) for place, call in enumerate(calls)]

    # --- workflows --------------------------------------------------------------------------------

    def enter(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a workflow: its body runs here, in a place of its own."""
        [frame] = self._inner(function, [(args, kwargs)], many=False)
        return frame.play(function, args, kwargs)

    def enter_each(self, function: Any, lists: tuple[Any, ...], values: dict[str, Any]) -> Any:
        """Call a workflow once for every item: at the same time, where tasks run elsewhere."""
        sources = arrange(function.layout, lists, values, function.name)
        over = {name: list(self._list(value)) for name, value in sources.over.items()}
        _equally_long(function.name, over)
        self._alone = False
        items = [{**sources.whole, **dict(zip(over, item, strict=True))} for item in zip(*over.values(), strict=True)]
        frames = self._inner(function, [((), item) for item in items], many=True)
        if function.awaits:
            import asyncio

            return asyncio.gather(*(frame.play(function, (), item) for frame, item in zip(frames, items, strict=True)))
        if self.conductor.driver.here:
            return [frame.play(function, (), item) for frame, item in zip(frames, items, strict=True)]
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(_AT_ONCE, max(1, len(items)))) as threads:
            sent = [
                threads.submit(copy_context().run, frame.play, function, (), item)
                for frame, item in zip(frames, items, strict=True)
            ]
        return [one.result() for one in sent]

    def play(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run a body in this frame."""
        body = function.__wrapped__
        if self._awaits:
            return self._play_async(body, args, kwargs)
        self._thread = threading.get_ident()
        token = current.set(self)
        try:
            return body(*args, **kwargs)
        finally:
            current.reset(token)

    async def _play_async(self, body: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        token = current.set(self)
        try:
            return await body(*args, **kwargs)
        finally:
            current.reset(token)

    def _inner(
        self, function: Any, calls: Sequence[tuple[tuple[Any, ...], dict[str, Any]]], *, many: bool
    ) -> list[BodyFrame]:
        """Make the frames of a workflow that is called, once or for every item."""
        ident = f"{function.name} {getattr(function.__wrapped__, '__qualname__', '')}"
        bases = []
        for args, kwargs in calls:
            bound, problems = function.layout.bind(args, kwargs)
            if problems:
                raise complain(f"{function.name} ({self._place()})", problems)
            bases.append(self._digest(ident, {name: self._identity(value) for name, value in bound.items()}))
        state = self.conductor.driver.state
        with self.conductor.lock:
            keys = [self._counted(base) for base in bases]
            paths = state.frames(keys, f"{self._prefix}{function.name}", many=many)
        return [
            BodyFrame(self.conductor, (*self._frames, key), f"{path}.", awaits=function.awaits)
            for key, path in zip(keys, paths, strict=True)
        ]

    def _identity(self, value: Any) -> Value:
        """Encode what a workflow is given, for its identity only: that may be what no task could be given."""
        if type(value) is CallFuture:
            return self.conductor.encode(repr(value))
        try:
            return self.conductor.encode(value)
        except UnstorableValue:
            return self.conductor.encode(type(value).__qualname__)

    # --- identity ---------------------------------------------------------------------------------

    def _digest(self, ident: str, args: dict[str, Value]) -> str:
        digest = self.conductor.digest
        told = msgspec.json.encode((self._key, ident, [(name, digest(args[name])) for name in sorted(args)]))
        return hashlib.sha256(told).hexdigest()[:32]

    def _counted(self, base: str) -> str:
        """Give the key of a call: what it is, and its occurrence among identical calls here."""
        count = self._counts[base] = self._counts.get(base, 0) + 1
        return f"{base}.{count}"

    def _place(self) -> Place | None:
        return self.conductor.place(sys._getframe(2))

    # --- arguments --------------------------------------------------------------------------------

    def _encoded(self, task: str, bound: dict[str, Any]) -> dict[str, Value]:
        encode = self.conductor.encode
        name = ""
        try:
            found = {}
            for name, value in bound.items():
                found[name] = encode(value)
        except UnstorableValue as error:
            raise UnstorableValue(f"{task}: argument {name!r}: {error}") from error
        return found

    def _items(self, core: Core, values: dict[str, Any], over: dict[str, list[Value]]) -> list[dict[str, Value]]:
        """Give the arguments of every call of a map."""
        whole = self._encoded(core.name, values)
        found = []
        for item in zip(*over.values(), strict=True):
            args = {**whole, **dict(zip(over, item, strict=True))}
            rest = sorted((name for name in args if ":" in name), key=lambda name: int(name.split(":")[1]))
            if rest:
                assert core.layout.varargs is not None
                args[core.layout.varargs] = Tree("tuple", tuple(args.pop(name) for name in rest))
            found.append(args)
        return found

    def _itemised(self, value: Any) -> list[Value]:
        if type(value) is CallFuture:
            items = split(value.encoded())
            if items is not None:
                return items
        return [self.conductor.encode(item) for item in self._list(value)]

    def _list(self, value: Any) -> Any:
        found = value.result() if type(value) is CallFuture else value
        if isinstance(found, (str, bytes)) or not hasattr(found, "__iter__"):
            raise FairleadError(f"{found!r:.60} is mapped over, and it is no list")
        return found


def _bound(core: Core, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    layout = core.layout
    if not kwargs and layout.minimum <= len(args) <= layout.maximum:
        return dict(zip(layout.positional, args, strict=False))
    bound, problems = layout.bind(args, kwargs)
    if problems:
        raise complain(core.name, problems)
    return bound


def _equally_long(name: str, over: dict[str, list[Any]]) -> None:
    if len({len(items) for items in over.values()}) > 1:
        told = ", ".join(f"{one!r} has {len(items)}" for one, items in over.items())
        raise FairleadError(f"the lists mapped over by {name!r} are of unequal length: {told}")
