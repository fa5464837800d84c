"""The actor on the cluster that submits a run's Ray tasks, and keeps what came of them until somebody asks.

It outlives the driver where the cluster does, so that the next driver finds its jobs still running. What
a record means is the driver's business: here they are bytes.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from time import monotonic, sleep
from typing import Any

import msgspec

from fairlead.executors.ray.messages import Beat, Bundle, Done, Node, Order, Word
from fairlead.executors.ray.needs import refusal
from fairlead.executors.ray.sharing import References
from fairlead.executors.ray.verdicts import of_error, of_worker
from fairlead.model.events import Failure
from fairlead.wire import decoder

__all__ = ["Owner"]

AT_ONCE = 100
"""Results that are collected at most before somebody is told."""

SOON, LATER = 0.01, 0.05
"""Seconds that it waits for results before it looks for new jobs: while much happens, and otherwise."""

MANY = 50
"""Tasks under way from which on it may wait longer: none of them waits for word, and each word costs a millisecond."""

REMEMBERED = 30.0
"""Seconds for which results are kept after they were told: who was told may have died before he wrote them down."""

FORCE = 5.0
"""Seconds beyond its grace after which a task that does not answer has its worker ended from outside."""

SHARE = 0.3
"""Of the cluster's object store, what a run's values may take; what they push out is in the artifact store."""

CLOSING = 3.0
"""Seconds that what still runs gets to end when its run is over."""

LOOK = 0.25
"""Seconds between two looks at what is due."""

PENDING = 2.0
"""Seconds after which a task that nobody has heard of may lack a node to run on."""

PATIENCE = 5.0
"""Seconds that a task whose last node went away waits for another one, at least."""


class _Entry:
    """A Ray task that has not ended."""

    __slots__ = ("bundle", "cancel", "force_at", "grace", "names", "ref", "since", "stuck", "told", "verdict")

    def __init__(self, bundle: Bundle, ref: Any) -> None:
        self.bundle = bundle
        self.ref = ref
        self.names = {(path, attempt) for path, attempt in bundle.names}
        """Jobs that have not ended."""
        self.since = monotonic()
        self.told = 0.0
        """When its worker was last heard; 0: never."""
        self.stuck = 0.0
        """Since when no node can take it; 0: one can."""
        self.cancel: list[tuple[str, int]] = []
        """Jobs that its worker is to be told to end."""
        self.grace = 0.0
        self.force_at = 0.0
        self.verdict: Failure | None = None
        """Why we ended it."""


class Owner:
    """Owns the Ray tasks of one run at a time."""

    def __init__(self, keep: float, node_wait: float) -> None:
        """`keep`: seconds that it goes on without a driver; 0: it ends with the bridge anyway."""
        self._run = ""
        self._keep = keep
        self._node_wait = node_wait
        self._heard = monotonic()
        self._lock = threading.Condition()
        self._out: dict[Any, _Entry] = {}
        """By reference."""
        self._by_name: dict[tuple[str, int], _Entry] = {}
        self._by_token: dict[int, _Entry] = {}
        self._words: list[Word | Done] = []
        self._kept: deque[tuple[float, Done]] = deque()
        self._values = References()
        self._needs: list[dict[str, Any]] = []
        self._ways: dict[tuple[int, int], Callable[..., Any]] = {}
        """How a bundle is submitted, by edition and needs."""
        self._edition = 0
        self._site: dict[str, Any] = {}
        self._key = ""
        """Of the run, as workers know it."""
        self._listener = ""
        """Key of the last opening."""
        self._function: Any = None
        self._beats: msgspec.msgpack.Decoder[Beat] = decoder(Beat)
        self._bundles: msgspec.msgpack.Decoder[list[Bundle]] = decoder(list[Bundle])
        with suppress(OSError):
            # Ray's workers are nice to the rest of the machine; all of them wait for this one. Root may.
            os.setpriority(os.PRIO_PROCESS, 0, 0)
        threading.Thread(target=self._look_around, daemon=True).start()

    # --- what the bridge asks ---------------------------------------------------------------------

    def run(self) -> str:
        """The identity of the run that it works for; empty: none."""
        return self._run

    def open(
        self, run: str, key: str, brief: bytes, needs: list[dict[str, Any]], site: dict[str, Any]
    ) -> list[tuple[int, list[tuple[str, int]]]]:
        """Work for a driver; gives what is there of an earlier one."""
        import ray

        self._values.most = int(ray.cluster_resources().get("object_store_memory", 0.0) * SHARE)
        with self._lock:
            self._heard = monotonic()
            self._run = run
            self._site = site
            self._key = self._key or key
            self._listener = key
            known = {id(done) for _, done in self._kept}
            over = [done for _, done in self._kept]
            over += [word for word in self._words if isinstance(word, Done) and id(word) not in known]
            self._words = [*over]
            held = [(entry.bundle.token, sorted(entry.names)) for entry in self._out.values()]
            held += [(done.token, done.names) for done in over]
        self.extend(brief, needs)
        return held

    def extend(self, brief: bytes, needs: list[dict[str, Any]]) -> None:
        """The run has further tasks."""
        import ray

        with self._lock:
            self._edition += 1
            self._needs = needs
            owner = ray.get_runtime_context().current_actor
            self._function = _bound(self._key, self._edition, self._site, brief, owner)
            self._lock.notify_all()

    def submit(self, data: bytes) -> None:
        """Have bundles run."""
        for bundle in self._bundles.decode(data):
            with self._lock:
                # A message that extends the run may be a moment behind.
                self._lock.wait_for(partial(self._knows, bundle.needs), timeout=10)
                if any((path, attempt) in self._by_name for path, attempt in bundle.names):
                    continue
                self._start(bundle)
                self._lock.notify_all()

    def _knows(self, needs: int) -> bool:
        return needs < len(self._needs)

    def _start(self, bundle: Bundle) -> None:
        try:
            # Ray serialises each argument by itself, which for one of bytes costs next to nothing.
            given = (self._values.give(bundle.takes),) if bundle.takes else ()
            ref = self._way(bundle.needs)(bundle.jobs, *given)
        except Exception as error:  # noqa: BLE001  # what Ray refuses right away is told like the rest
            self._words.append(Done(bundle.token, bundle.names, failure=of_error(error)))
            return
        entry = self._out[ref] = self._by_token[bundle.token] = _Entry(bundle, ref)
        for name in entry.names:
            self._by_name[name] = entry

    def _way(self, needs: int) -> Callable[..., Any]:
        import ray

        found = self._ways.get((self._edition, needs))
        if found is None:
            told = dict(self._needs[needs])
            env_vars = told.pop("env_vars", None)
            if env_vars:
                told["runtime_env"] = {"env_vars": env_vars}
            # Ray has one form for a function with its options, and that is how it knows it again.
            remote = ray.remote(self._function).options(max_retries=0, name=f"fairlead {self._site['run']}", **told)
            found = self._ways[self._edition, needs] = remote.remote
        return found

    def turn(self, timeout: float, listener: str) -> bytes:
        """Wait until there is something to say, and say it; empty when the time is over.

        `listener`: the key of the opening that asks; a later one has made it deaf.
        """
        until = monotonic() + timeout
        quiet = SOON
        while True:
            with self._lock:
                if listener != self._listener:
                    return b""
                now = self._heard = monotonic()
                words, self._words = self._words, []
                if not words and not self._out and now < until:
                    self._lock.wait(until - now)
                    continue
                refs = list(self._out)
            if words:
                self._keep_for_a_while(words)
                return msgspec.msgpack.encode(words)
            if now >= until:
                return b""
            if not self._collect(refs, LATER if len(refs) >= MANY else quiet):
                quiet = min(LATER, quiet * 1.1)

    def _keep_for_a_while(self, words: Sequence[Word | Done]) -> None:
        if not self._keep:
            return
        now = monotonic()
        with self._lock:
            known = {id(done) for _, done in self._kept}
            self._kept.extend((now, word) for word in words if isinstance(word, Done) and id(word) not in known)
            while self._kept and self._kept[0][0] < now - REMEMBERED:
                self._kept.popleft()

    def _collect(self, refs: list[Any], patience: float) -> int:
        """Take what has ended."""
        import ray

        wanted = max(1, min(len(refs) // 4, AT_ONCE))
        ready, _ = ray.wait(refs, num_returns=wanted, timeout=patience, fetch_local=False)
        if not ready:
            return 0
        try:
            results: list[Any] = ray.get(ready)
        except Exception:  # noqa: BLE001  # one of them: each is asked by itself
            results = [_result_of(ref) for ref in ready]
        with self._lock:
            for ref, result in zip(ready, results, strict=True):
                entry = self._out.pop(ref, None)
                if entry is not None:
                    self._words.append(self._ended(entry, result))
        return len(ready)

    def _ended(self, entry: _Entry, result: Any) -> Done:
        self._by_token.pop(entry.bundle.token, None)
        for name in entry.names:
            self._by_name.pop(name, None)
        names = sorted(entry.names)
        if isinstance(result, tuple):
            result, made = result
            self._values.hold(made)
        if isinstance(result, bytes):
            return Done(entry.bundle.token, names, result)
        return Done(entry.bundle.token, names, failure=entry.verdict or of_error(result))

    def cancel(self, names: list[tuple[str, int]], grace: float) -> None:
        """End jobs; those that have ended are forgotten."""
        import ray

        wanted = {(path, attempt) for path, attempt in names}
        with self._lock:
            entries = {id(entry): entry for name in wanted if (entry := self._by_name.get(name)) is not None}
            for entry in entries.values():
                mine = sorted(wanted & entry.names)
                entry.cancel, entry.grace = mine, grace
                entry.force_at = monotonic() + grace + FORCE
                if not entry.told:
                    # Of several, the driver has the others run again.
                    entry.verdict = Failure("cancelled", "stopped before it started")
                    ray.cancel(entry.ref)
            self._kept = deque(
                (at, done) for at, done in self._kept if not wanted.issuperset((path, n) for path, n in done.names)
            )

    def close(self) -> None:
        """End what still runs: by its worker, which knows what is below it, or else from outside."""
        import ray

        with self._lock:
            entries = list(self._out.values())
            for entry in entries:
                entry.cancel, entry.grace = sorted(entry.names), 0.0
                entry.verdict = Failure("cancelled", "the run is over")
                if not entry.told:
                    ray.cancel(entry.ref)
        left = [entry.ref for entry in entries]
        for force in (True, False):
            # A worker that is ended from outside may have gone on to another task: it is the last thing to do.
            if left:
                _, left = ray.wait(left, num_returns=len(left), timeout=CLOSING, fetch_local=False)
            for ref in left if force else ():
                ray.cancel(ref, force=True)
        with self._lock:
            self._run = self._key = self._listener = ""
            for books in (self._out, self._by_name, self._by_token, self._words, self._kept, self._ways):
                books.clear()
            self._needs, self._values = [], References()
            self._lock.notify_all()

    # --- what workers say -------------------------------------------------------------------------

    def beat(self, data: bytes) -> bytes:
        """Hear from a worker whose bundle takes longer; gives what it is to do."""
        beat = self._beats.decode(data)
        with self._lock:
            entry = self._by_token.get(beat.token)
            if entry is None:
                return msgspec.msgpack.encode(Order())
            entry.told = monotonic()
            entry.stuck = 0.0
            for record in beat.ended:
                entry.names.discard((record.path, record.attempt))
                self._by_name.pop((record.path, record.attempt), None)
            if beat.verdict:
                entry.verdict = of_worker(beat.verdict)
            self._words.append(Word(data))
            again = max(LOOK, len(self._out) / 400)
            return msgspec.msgpack.encode(Order(entry.cancel, entry.grace, again))

    # --- what is due ------------------------------------------------------------------------------

    def _look_around(self) -> None:
        """See now and then to what is due, in a thread of its own."""
        looked = monotonic()
        while True:
            sleep(LOOK)
            now = monotonic()
            if self._keep and now - self._heard > self._keep:
                self.close()
                os._exit(0)
            with self._lock:
                entries = list(self._out.values())
            self._force(entries, now)
            if now - looked > PENDING:
                looked = now
                self._look_for_nodes([e for e in entries if not e.told and now - e.since > PENDING], now)

    def _force(self, entries: Sequence[_Entry], now: float) -> None:
        import ray

        for entry in entries:
            if entry.force_at and now > entry.force_at:
                entry.force_at = now + FORCE
                entry.verdict = entry.verdict or Failure("cancelled", "stopped while it ran")
                ray.cancel(entry.ref, force=True)

    def _look_for_nodes(self, waiting: Sequence[_Entry], now: float) -> None:
        """Give up tasks that no node can take, when there has been none for a while."""
        if not waiting:
            return
        import ray

        from fairlead.executors.ray.bridge import nodes_of

        nodes: list[Node] = nodes_of(ray.nodes())
        why: dict[int, str] = {}
        for entry in waiting:
            needs = entry.bundle.needs
            if needs not in why:
                why[needs] = refusal(self._needs[needs], nodes)
            if not why[needs]:
                entry.stuck = 0.0
            elif not entry.stuck:
                entry.stuck = now
            elif now - entry.stuck > max(PATIENCE, self._node_wait) and not entry.told:
                entry.verdict = Failure("refused", f"{why[needs]}, and none came within {now - entry.stuck:.0f} s")
                ray.cancel(entry.ref)


def _result_of(ref: Any) -> Any:
    import ray

    try:
        return ray.get(ref)
    except Exception as error:  # noqa: BLE001  # what became of the task is what was asked for
        return error


def _bound(key: str, edition: int, site: dict[str, Any], brief: bytes, owner: Any) -> Callable[..., Any]:
    """Make the function that Ray runs: it reaches each worker once, with the brief in it.

    Everything that it does is imported where it runs.
    """

    def fairlead_jobs(jobs: bytes, given: dict[str, Any] | None = None) -> Any:
        from importlib import import_module

        perform = import_module("fairlead.config.guest").perform
        return perform(key, edition, site, brief, owner, jobs, given)

    return fairlead_jobs
