"""Whether a recorded result is still valid, and if not, what changed.

A task run is known by a key over everything it depends on: its code and all project code that it
reaches, its inputs by content, the code of the classes of its inputs, the options that matter, and
what it was ordered after. Where a task stands in the graph does not count: items of a map are found
by content, never by index.

A path that is given as a path counts with what it names, as it is when the task is about to start.
That is recorded with the attempt, so that a later run can tell whether it is still there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from fairlead.engine.contents import changed, content_digest
from fairlead.model.components import component_changes
from fairlead.model.events import Attempt, Origin
from fairlead.model.fold import complete, fold
from fairlead.model.hashing import sha256
from fairlead.model.path import group_of
from fairlead.model.run import Run, TaskCode
from fairlead.model.scope import Live, Scope
from fairlead.model.state import State
from fairlead.model.task import CATALOG, FOLDER, TaskDefinition
from fairlead.model.values import Inline, Pick, Rows, Stored, Tree, Value
from fairlead.model.workflow import Node, TaskNode, bindings_of, bodies_of
from fairlead.ports import RunStore, Values

__all__ = ["Finder", "Keys", "Parts", "differences", "index", "ordered_after", "paths_changed"]


class Parts(msgspec.Struct, frozen=True, array_like=True):
    """What a task run depends on, part by part; equal parts mean that the result stands."""

    code: str
    """Digest of the code that the task reaches."""
    inputs: dict[str, str]
    """Canonical digest by parameter."""
    classes: dict[str, str]
    """Digest of the code of each project class among the inputs' values."""
    options: dict[str, str]
    order: tuple[str, ...]
    """Keys of what it was ordered after."""

    def key(self) -> str:
        """Give the one string that stands for all of it."""
        return sha256(msgspec.json.encode(self, order="sorted")).hexdigest()[:40]


class Keys:
    """Works out the parts and keys of one run's task runs."""

    def __init__(self, run: Run, values: Values) -> None:
        self._run = run
        self._values = values
        self._options: dict[int, dict[str, str]] = {}
        self._digests: dict[str, str] = {}
        self._orders: dict[tuple[str, int], str] = {}
        self._held: dict[str, list[Path]] = {}

    def parts(self, state: State, live: Live) -> Parts:
        """Give what a task run depends on; its inputs are known."""
        args = state.args(live)
        return self._parts(live.task, args, self._order(state, live.scope, live.node))

    def parts_of(self, task: int, args: dict[str, Value]) -> Parts:
        """Give what a call of a task with these inputs depends on, wherever it stands."""
        return self._parts(task, args, ())

    def _parts(self, task: int, args: dict[str, Value], order: tuple[str, ...]) -> Parts:
        if FOLDER in args:
            from fairlead.model.files import chosen_args

            args = chosen_args(args, self._run.workflow.tasks[task])
        code = self.code(task).digest
        classes = {name: self._class_code(name) for value in args.values() for name in _classes(value)}
        inputs = {name: self._digest(value) for name, value in args.items()}
        options = self._options.get(task)
        if options is None:
            options = self._options[task] = _options(self._run.workflow.tasks[task])
        return Parts(code, inputs, classes, options, order)

    def code(self, task: int) -> TaskCode:
        """Give what is known of a task definition's code."""
        return self._run.code.tasks[task] if task < len(self._run.code.tasks) else TaskCode("")

    def _digest(self, value: Value) -> str:
        digest = self._digest_alone(value)
        paths = self.paths(value)
        if not paths:
            return digest
        contents = [content_digest(path) for path in paths]
        return sha256(msgspec.json.encode((digest, contents))).hexdigest()[:40]

    def _digest_alone(self, value: Value) -> str:
        if not isinstance(value, Stored):
            return self._values.digest(value)
        digest = self._digests.get(value.key)
        if digest is None:
            digest = self._digests[value.key] = self._values.digest(value)
        return digest

    # --- paths among the inputs -------------------------------------------------------------------

    def given_paths(self) -> bool:
        """Whether the run was given paths: among its parameters, or written down in the workflow."""
        return any(self.paths(value) for value in (*self._run.constants, *self._run.parameters.values()))

    def paths(self, value: Value) -> list[Path]:
        """List the paths in a value, relative ones in the folder where the run was made."""
        if isinstance(value, Inline) and value.codec == "json":
            return []
        if not isinstance(value, Stored):
            return [Path(self._run.cwd, path) for path in self._values.paths(value)]
        found = self._held.get(value.key)
        if found is None:
            found = self._held[value.key] = [Path(self._run.cwd, path) for path in self._values.paths(value)]
        return found

    def path_inputs(self, state: State, live: Live) -> list[str]:
        """Name the inputs of a task run that hold paths."""
        return [name for name, value in state.args(live).items() if self.paths(value)]

    def stale(self, state: State, live: Live, attempt: Attempt, until: float) -> bool:
        """Whether what the paths of a recorded task run name is not what it found there.

        What the task itself wrote there does not count. In a folder that several tasks may write to,
        what was written until the run ended (`until`) does not count.
        """
        if not attempt.key:
            return False
        for value in state.args(live).values():
            for path in self.paths(value):
                if changed(path) > (until if path.is_dir() else attempt.ended or 0.0):
                    return attempt.key != self.parts(state, live).key()
        return False

    def standing(self, state: State, live: Live, attempt: Attempt, until: float) -> str:
        """Give the key that a recorded result can be found under now."""
        if not self.stale(state, live, attempt, until):
            return self.parts(state, live).key()
        self.note(live, attempt.key)
        return attempt.key

    def note(self, live: Live, key: str) -> None:
        """Keep a task run's key for what is ordered after it: what its paths name may change later."""
        if live.item < 0:
            self._orders[live.scope.prefix, live.node] = key

    def _class_code(self, name: str) -> str:
        """Give the digest of all that a class or function among the values reaches.

        One that the run did not write down may be anything: it is the same in no other run.
        """
        module, _, qualname = name.partition(":")
        if module == "__main__":  # a session without files: its classes are kept with the value, by their code
            return ""
        known = self._run.code.classes
        return (
            known.get(f"{module}:{qualname.partition('.')[0]}")
            or known.get(f"{module}:")
            or f"{self._run.id} {self._run.created}"
        )

    # --- what came before -------------------------------------------------------------------------

    def _order(self, state: State, scope: Scope, position: int) -> tuple[str, ...]:
        """Give the keys of the nodes that this one was ordered after; a loop, since chains are long."""
        if self._run.workflow.dynamic:
            return ()  # a call is made for what it is given; what was called before it is the body's business
        wanted = ordered_after(scope, position)
        if not wanted:
            return ()
        work = [one for one in wanted if (one[0].prefix, one[1]) not in self._orders]
        while work:
            place = work[-1]
            if (place[0].prefix, place[1]) in self._orders:
                work.pop()
                continue
            unknown = [one for one in ordered_after(*place) if (one[0].prefix, one[1]) not in self._orders]
            if unknown:
                work.extend(unknown)
                continue
            work.pop()
            self._orders[place[0].prefix, place[1]] = self._node_key(state, *place)
        return tuple(self._orders[one[0].prefix, one[1]] for one in wanted)

    def _node_key(self, state: State, scope: Scope, position: int) -> str:
        node = scope.plan.nodes[position]
        order = tuple(self._orders[one.prefix, before] for one, before in ordered_after(scope, position))
        if isinstance(node, TaskNode):
            args = {name: state.value(scope, binding) for name, binding in node.args.items()}
            return self._parts(node.task, args, order).key()
        bodies = state.entered(scope, position)
        taken = enumerate(bindings_of(node))
        args = {f"{place} {name}": state.value(scope, binding) for place, (name, binding) in taken}
        tasks = {task for body in bodies for inner in body.nodes for task in _tasks_in(inner)}
        parts = [self._parts(task, args, order).key() for task in sorted(tasks)]
        return sha256(msgspec.json.encode((parts, bodies))).hexdigest()[:40]


class Finder:
    """Finds valid results for task runs that are about to start.

    `previous` are results of the run that is resumed, by key; tasks with `cache=True` are looked up
    among all runs of the store as well. What stands under the top-level names in `fresh` runs anyway.
    """

    def __init__(
        self,
        run: Run,
        keys: Keys,
        store: RunStore,
        values: Values,
        previous: dict[str, Found],
        *,
        fresh: Collection[str] = (),
    ) -> None:
        self._run = run
        self._keys = keys
        self._store = store
        self._values = values
        self._previous = previous
        self._fresh = fresh
        self._cached: list[bool] = []
        # What a dynamic body gives to its tasks is known when it does.
        self._paths = keys.given_paths() or run.workflow.dynamic
        self.wanted = False
        """Whether results may be found, or keys must be recorded."""
        self._pending: dict[str, str] = {}
        self.grown()

    def grown(self) -> None:
        """Take up task definitions that came up while the run is carried."""
        self._cached = [task.cache for task in self._run.workflow.tasks]
        self.wanted = bool(self._previous) or any(self._cached) or self._paths

    def find(self, state: State, lives: list[Live]) -> list[Attempt | None]:
        """Give, for each task run, the attempt to record in place of running it, or None."""
        if not self.wanted:
            return [None] * len(lives)
        keys = [self._key_of(state, live) for live in lives]
        asked = [key for key, live in zip(keys, lives, strict=True) if key and self._cached[live.task]]
        stored = self._store.find(asked) if asked else {}
        return [self._hit(live, key, stored) for live, key in zip(lives, keys, strict=True)]

    def _key_of(self, state: State, live: Live) -> str:
        """Work out a key where it may find something, or must be recorded because paths will change."""
        wanted = bool(self._previous) or self._cached[live.task]
        if not wanted and not (self._paths and self._keys.path_inputs(state, live)):
            return ""
        key = self._keys.parts(state, live).key()
        if self._paths:
            self._keys.note(live, key)
        return key

    def key(self, live: Live) -> str:
        """The key of a task run that `find` had no result for; empty when none was worked out."""
        return self._pending.pop(live.path, "") if self.wanted else ""

    def _hit(self, live: Live, key: str, stored: dict[str, Found]) -> Attempt | None:
        if not key:
            return None
        top = _top(live.path) if not self._run.workflow.dynamic else group_of(_top(live.path))
        known = () if top in self._fresh else (self._previous.get(key), stored.get(key))
        for found in known:
            if found is not None and not any(map(self._values.missing, found[1].outputs or [])):
                origin, attempt = found
                return Attempt(
                    live.path, live.attempt, outcome="reused", outputs=attempt.outputs, origin=origin, key=key
                )
        self._pending[live.path] = key
        return None


Found = tuple[Origin, Attempt]


def _top(path: str) -> str:
    """The name of the top-level node that a task run belongs to."""
    return path.partition(".")[0].partition("[")[0]


def index(run: Run, attempts: Sequence[Attempt], epoch: int, values: Values) -> dict[str, Found]:
    """List a run's valid results by key, to resume another run from it."""
    run = complete(run, attempts)
    keys = Keys(run, values)
    until = _last(attempts)
    found: dict[str, Found] = {}

    def visit(state: State, live: Live, attempt: Attempt) -> None:
        origin = attempt.origin or Origin(run.id, attempt.path, attempt.attempt)
        found[keys.standing(state, live, attempt, until)] = (origin, attempt)

    fold(run, attempts, epoch=epoch, visit=visit)
    return found


def paths_changed(run: Run, attempts: Sequence[Attempt], epoch: int, values: Values) -> bool:
    """Whether what the run's paths name changed since its results were made."""
    run = complete(run, attempts)
    keys = Keys(run, values)
    if not (keys.given_paths() or run.workflow.dynamic):
        return False
    until = _last(attempts)
    found: list[str] = []

    def visit(state: State, live: Live, attempt: Attempt) -> None:
        if keys.stale(state, live, attempt, until):
            found.append(live.path)

    fold(run, attempts, epoch=epoch, visit=visit)
    return bool(found)


def _last(attempts: Sequence[Attempt]) -> float:
    return max((attempt.ended or 0.0 for attempt in attempts), default=0.0)


def differences(old: Parts, new: Parts, code: Iterable[str]) -> list[str]:
    """Say in words what changed between two task runs; `code` says what changed in the code."""
    said = list(code) if old.code != new.code else []
    if old.code != new.code and not said:
        said.append("its code changed")
    for name in {**old.inputs, **new.inputs}:
        if name == CATALOG:
            said += ["the files that it gets changed"] if old.inputs.get(name) != new.inputs.get(name) else []
        elif name not in old.inputs:
            said.append(f"input {name!r} is new")
        elif name not in new.inputs:
            said.append(f"input {name!r} is gone")
        elif old.inputs[name] != new.inputs[name]:
            said.append(f"input {name!r} changed")
    said.extend(f"class {name} changed" for name in new.classes if old.classes.get(name) != new.classes[name])
    for name in {**old.options, **new.options}:
        before, after = old.options.get(name), new.options.get(name)
        if before != after:
            component = component_changes(before, after) if name == "settings" else []
            said.extend(component or [f"option {name!r} changed: {before} -> {after}"])
    if old.order != new.order:
        said.append("what it was ordered after changed")
    return said


def _options(task: TaskDefinition) -> dict[str, str]:
    """The options that a result depends on; the others say how a task is run, not what comes out."""
    # The settings of a command or a notebook repeat what it gives, and what else stands in its file.
    names = (
        "kind",
        "outputs",
        "env_vars",
        "secrets",
        "image",
        "workdir",
        *(() if task.kind in ("shell", "notebook") else ("settings",)),
    )
    found = {name: msgspec.json.encode(getattr(task, name), order="sorted").decode() for name in names}
    if task.catalog is not None:
        found["put"] = msgspec.json.encode(task.catalog.put).decode()  # what it gets is an input
    if task.mock:
        found["mock"] = task.mock  # whatever its code says, it is not the real thing
    return found


def _classes(value: Value) -> Iterator[str]:
    if isinstance(value, (Inline, Stored)):
        yield from value.classes
    elif isinstance(value, (Rows, Tree)):
        for item in value.items:
            if not (isinstance(item, Inline) and not item.classes):
                yield from _classes(item)
    elif isinstance(value, Pick):
        yield from _classes(value.of)


def ordered_after(scope: Scope, position: int) -> list[tuple[Scope, int]]:
    """List what a node was ordered after, in its scope and around the block that it stands in."""
    found = []
    node: Node | None = scope.plan.nodes[position]
    around: Scope = scope
    while node is not None:
        counted = [after.node if after.counts is None else after.counts for after in node.after]
        found += [(around, before) for before in counted if before >= 0]
        if around.owner is None:
            break
        around, position, _ = around.owner
        node = around.plan.nodes[position]
    return found


def _tasks_in(node: Node) -> Iterator[int]:
    if isinstance(node, TaskNode):
        yield node.task
    for _, body in bodies_of(node):
        for inner in body.nodes:
            yield from _tasks_in(inner)
