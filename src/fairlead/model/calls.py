"""Where a dynamic run stands: the calls that its body made, found again by what they are.

A call is known by its key, never by a running number: calls that are made at the same time find their
results in whatever order they are made again. Paths are names for people, given in the order in which
calls were first made, and kept from then on. Nothing here reads a clock, a file or a network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

import msgspec

from fairlead.errors import RunDiverged
from fairlead.model.events import Attempt, Call
from fairlead.model.path import BODY, group_of, said
from fairlead.model.run import Run
from fairlead.model.scope import (
    CANCELLED,
    FAILED,
    READY,
    REUSED,
    STATUSES,
    SUCCEEDED,
    WAITING,
    Live,
)
from fairlead.model.state import State
from fairlead.model.values import Value
from fairlead.model.words import short
from fairlead.model.workflow import Workflow

__all__ = ["CallLive", "CallState", "diverged", "said_call"]


class CallLive(Live):
    """A call that the body made, now or before."""

    __slots__ = ("asked", "call", "done", "expected", "last", "outputs")

    def __init__(self, state: CallState, path: str, call: Call, task: int) -> None:
        super().__init__(state.root, 0, 0, path, task, state.group(path))
        self.call = call
        self.last: Attempt | None = None
        """The record that counts, when it has ended."""
        self.outputs: list[Value] | None = None
        self.asked = False
        """The body has made this call in this epoch."""
        self.expected = False
        """The body is to make it again, unless it takes another way."""
        self.done = False
        """What came of it is there for the body to take."""


class CallState(State):
    """A dynamic run's standing."""

    def __init__(self, workflow: Workflow, constants: Sequence[Value], parameters: Mapping[str, Value]) -> None:
        super().__init__(workflow, constants, parameters)
        self.groups: list[str] = []
        """They come up with what is called."""
        self.calls: dict[str, CallLive] = {}
        """By path, in the order in which they were first made."""
        self.by_key: dict[str, CallLive] = {}
        self.over: list[CallLive] = []
        """Ended, and not handed to the body yet."""
        self.open = True
        """The body has not ended."""
        self.result: list[Value] = []
        self.trouble: Attempt | None = None
        """How the body failed, if it did."""
        self.orders: dict[str, list[CallLive]] = {}
        """By place: the calls that were made there one after the other, as they were recorded."""
        self.frame_paths: dict[str, str] = {}
        self._groups: dict[str, int] = {}
        self._counters: dict[str, int] = {}
        self._taken: set[str] = set()
        self._serial_of_calls = 0

    # --- asking -----------------------------------------------------------------------------------

    @property
    def finished(self) -> bool:
        """Whether the body has ended, and nothing that it called is on its way."""
        return not (self.open or self.busy)

    @property
    def busy(self) -> bool:
        """Whether calls are in flight, or will be."""
        return bool(self.in_flight or self._ready or self._delayed)

    @property
    def idle(self) -> bool:
        """Whether nothing is left to do."""
        return self.finished

    def args(self, live: Live) -> dict[str, Value]:
        """Give the inputs of a call."""
        return cast(CallLive, live).call.args

    def results(self) -> dict[str, Value]:
        """Give what the body returned; only for a run that succeeded."""
        return dict(zip(("result",), self.result, strict=False))

    def group(self, path: str) -> int:
        """Give the number of the group that a path is counted in."""
        name = group_of(path)
        place = self._groups.get(name)
        if place is None:
            place = self._groups[name] = len(self.groups)
            self.groups.append(name)
            self.counts.append([0] * len(STATUSES))
        return place

    def left(self) -> list[CallLive]:
        """List the calls that the body made before and has not made again."""
        return [live for live in self.calls.values() if live.expected and not live.asked]

    # --- calls ------------------------------------------------------------------------------------

    def make(self, call: Call, task: int, path: Callable[[], str]) -> CallLive:
        """The body makes a call: one that is recorded is found, another is new under the path that is given."""
        live = self.by_key.get(call.key)
        if live is None:
            self._serial_of_calls += 1
            call = msgspec.structs.replace(call, serial=self._serial_of_calls)
            live = self.add(call, task, path())
            self.counts[live.group][READY] += 1
            self.dirty.add(live.group)
        else:
            live.task = task
        live.asked = True
        if live.done:
            return live
        if self.cancelled:
            if live.status != CANCELLED:
                self._move(live, CANCELLED)
            live.done = True
        elif live.status not in (SUCCEEDED, REUSED, FAILED):
            self._move(live, READY)
            self._ready.append(live)
        else:
            live.done = True
        return live

    def add(self, call: Call, task: int, path: str) -> CallLive:
        """Know a call."""
        live = self.calls[path] = self.by_key[call.key] = CallLive(self, path, call, task)
        self._taken.add(path.rpartition("[")[0] if path[-1] == "]" else path)
        self._serial_of_calls = max(self._serial_of_calls, call.serial)
        if call.frames:
            parts = path.split(".")
            for depth, frame in enumerate(call.frames, 1):
                around = self.frame_paths.setdefault(frame, ".".join(parts[:depth]))
                self._taken.add(around.rpartition("[")[0] if around[-1] == "]" else around)
        return live

    def unique(self, name: str) -> str:
        """Give a path that nothing has: the second call of `load` is `load#2`."""
        while True:
            count = self._counters[name] = self._counters.get(name, 0) + 1
            path = name if count == 1 else f"{name}#{count}"
            if path not in self._taken:
                self._taken.add(path)
                return path

    def frames(self, keys: Sequence[str], name: str, *, many: bool) -> list[str]:
        """Give the paths of workflow calls with these keys: those that they had, or new ones."""
        known = {place: self.frame_paths[key] for place, key in enumerate(keys) if key in self.frame_paths}
        base = next((path.removesuffix(f"[{place}]") for place, path in known.items()), "")
        if len(known) < len(keys):
            base = base or self.unique(name)
        for place, key in enumerate(keys):
            self.frame_paths.setdefault(key, f"{base}[{place}]" if many else base)
        return [self.frame_paths[key] for key in keys]

    def known_base(self, keys: Sequence[str]) -> str:
        """Give the path of a map as it is recorded, by any of its items; empty when none is."""
        for place, key in enumerate(keys):
            live = self.by_key.get(key)
            if live is not None and live.path.endswith(f"[{place}]"):
                return live.path[: -len(f"[{place}]")]
        return ""

    def item_path(self, base: str, place: int) -> str:
        """Give the path of a map's item; another one where somebody else has it."""
        path = f"{base}[{place}]"
        return path if path not in self.calls else f"{self.unique(base)}[{place}]"

    def cancel(self) -> None:
        """Nothing more will start: what has not started is cancelled."""
        waiting = [*self._ready, *(one[2] for one in self._delayed)]
        super().cancel()
        for call in self.calls.values():
            if call.status == WAITING:
                call.status = CANCELLED
        for live in waiting:
            live.status = CANCELLED
            self.over.append(cast(CallLive, live))

    def end(self, body: Attempt, error: str) -> None:
        """The body has ended; `error` is the path of what made it fail, empty when it did not."""
        self.open = False
        self._failed = {error: None} if error else {}
        self.root.failed = 1 if error or self.cancelled else 0
        self.result = body.outputs or []

    def ended(self, live: Live, attempt: Attempt, now: float | None = None) -> bool:
        """The attempt has ended; gives False when another one will be made."""
        cast(CallLive, live).last = attempt
        return super().ended(live, attempt, now)

    def _close(self, live: Live, status: int, outputs: list[Value] | None) -> None:
        self._move(live, status)
        call = cast(CallLive, live)
        call.outputs = outputs
        self.over.append(call)

    def settle(self, live: CallLive, status: int, record: Attempt | None) -> None:
        """Put a call where its records say that it stands."""
        live.status = status
        live.last = record
        live.outputs = record.outputs if record is not None else None
        self.counts[live.group][status] += 1
        self.dirty.add(live.group)


def diverged(run: Run, made: str, expected: Sequence[CallLive]) -> RunDiverged:
    """Say that the body takes another way than it did, what it did before, and what can be done."""
    before = "; ".join(said_call(live.path, live.call) for live in expected[:3])
    more = f" and {len(expected) - 3} more" if len(expected) > 3 else ""
    return RunDiverged(
        f"{said(BODY)} takes another way than before: {made}, where it made {before}{more}\n"
        f"  what it decides by must be the same every time: put what is random, or depends on the time, in a task\n"
        f"  'fairlead resume {run.id} --diverged new' makes a new run, which reuses what is still valid\n"
        f"  'fairlead resume {run.id} --diverged accept' lets this run go on the new way, and keeps what is recorded",
        run_id=run.id,
    )


def said_call(name: str, call: Call) -> str:
    """Write a call as people do, with its place."""
    given = ", ".join(f"{name}={short(value, 40)}" for name, value in call.args.items())
    return f"{name}({given})" + (f" ({call.place})" if call.place is not None else "")
