"""What all calls of one running body go through: values, task definitions, and what came of calls.

Where in the call tree a call stands is the frames' business, carrying it the driver's.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple, TypeAlias

import msgspec

from fairlead.api.artifacts import RunOutput
from fairlead.api.dynamic.failures import task_failed
from fairlead.api.dynamic.futures import CallFuture, tree
from fairlead.author.options import Core
from fairlead.author.problems import absolute, user_frame
from fairlead.config.kinds import kind_packages
from fairlead.engine.dynamic import BodyDriver, Stopped
from fairlead.engine.lineage import with_packages
from fairlead.engine.snapshot import code_of
from fairlead.errors import DefinitionError
from fairlead.model.calls import CallLive
from fairlead.model.events import Defined
from fairlead.model.run import Run, TaskCode
from fairlead.model.scope import CANCELLED, FAILED, GOOD, enough
from fairlead.model.task import Place, TaskDefinition
from fairlead.model.values import Rows, Stored, Tree, Value
from fairlead.node.payload import canonical_target, needs_payload, payload
from fairlead.ports import Values

__all__ = ["Conductor", "Known"]

_PATH = type(Path())
_ATOMS = frozenset({int, float, complex, str, bytes, bool, type(None)})


Patch: TypeAlias = Callable[[TaskDefinition, Any, str], tuple[TaskDefinition, Any]]


class Known(NamedTuple):
    """A task definition as calls name it."""

    place: int
    """Among the run's tasks."""
    ident: str
    """What it counts as in the identity of a call."""
    defined: Defined | None
    """The definition, where the run did not know it when it was made."""


class Conductor:
    """The calls of one body."""

    def __init__(
        self, run: Run, values: Values, *, recorded: int, learn: Callable[[int, Any], None], patch: Patch | None
    ) -> None:
        """`recorded`: how many task definitions the run was made with. `learn` takes a further one.

        `patch` gives a task and its function as they are called at a path.
        """
        self._patch = patch
        self.run = run
        self.values = values
        self.driver: BodyDriver
        self.lock = threading.Lock()
        """Guards the order in which calls are made."""
        self.untaken: list[CallFuture] = []
        """Futures that failed; nobody may have asked for some of them."""
        self._recorded = recorded
        self._learn = learn
        self._cores: dict[Any, Known] = {}
        self._idents: dict[str, int] = {}
        self._places: dict[tuple[str, int], Place] = {}
        self._files: dict[str, Value] = {}
        """Files that were given to the body, by where their copies are."""
        for index in range(1, len(run.workflow.tasks)):
            self._idents.setdefault(_ident(run.workflow.tasks[index], run.code.tasks[index]), index)

    # --- task definitions -------------------------------------------------------------------------

    def known(self, core: Core, path: str) -> Known:
        """Give the number of a task definition, as it is called at a path; a new one is added to the run."""
        key = (core.key, path) if self._patch is not None else core.key
        known = self._cores.get(key)
        if known is None:
            with self.lock:
                known = self._cores.get(key) or self._met(core, path)
                self._cores[key] = known
        return known

    def _met(self, core: Core, path: str) -> Known:
        definition, function, run = core.definition, core.function, self.run
        if definition.catalog is not None:
            raise DefinitionError(
                f"{definition.name} has a catalog, whose files go along the edges of a graph, and a dynamic workflow"
                " has none; give and return paths"
            )
        if self._patch is not None:
            definition, function = self._patch(definition, function, path)
        code = TaskCode("")
        if "<" in definition.target or not definition.target:
            code = self._code(function, definition)
        ident = _ident(definition, code)
        index = self._idents.get(ident)
        if index is not None and index >= self._recorded and code.payload and not run.code.tasks[index].payload:
            index = None  # it was met where tasks need not travel, and now they must
        if index is None:
            index = self._idents[ident] = len(run.workflow.tasks)
            code = code if code.digest else self._code(function, definition)
            run.workflow = msgspec.structs.replace(run.workflow, tasks=(*run.workflow.tasks, definition))
            run.code = msgspec.structs.replace(run.code, tasks=(*run.code.tasks, code))
            try:
                self._learn(index, function)
            except DefinitionError:
                run.workflow = msgspec.structs.replace(run.workflow, tasks=run.workflow.tasks[:index])
                run.code = msgspec.structs.replace(run.code, tasks=run.code.tasks[:index])
                del self._idents[ident]
                raise
            self.driver.grown()
        elif index >= self._recorded:
            self._learn(index, function)
        if index < self._recorded:
            return Known(index, ident, None)
        return Known(index, ident, Defined(run.workflow.tasks[index], run.code.tasks[index]))

    def _code(self, function: Any, definition: TaskDefinition) -> TaskCode:
        root = Path(self.run.code.root)
        code = code_of([function], definitions=[definition], root=root).tasks[0]
        code = with_packages(code, kind_packages(definition.kind))
        if function is None or self.driver.here or not needs_payload(function):
            return code
        try:
            pickled = payload(function, task=definition.name)
        except DefinitionError:
            if canonical_target(function) is None:
                raise
            return code
        return msgspec.structs.replace(code, payload=self.values.encode(pickled))

    # --- values -----------------------------------------------------------------------------------

    def encode(self, value: Any) -> Value:
        """Encode an argument; futures in it have ended, files that the body was given are what they were."""
        kind = type(value)
        if kind in _ATOMS:
            return self.values.encode(value, hint=self._hint)
        if kind is CallFuture:
            return value.encoded()  # type: ignore[no-any-return]
        if kind is RunOutput:
            return value.value  # type: ignore[no-any-return]
        if kind is _PATH and self._files:
            known = self._files.get(str(value))
            if known is not None:
                return known
        if kind in (list, tuple, dict) and self._is_special(value):
            items = value.values() if kind is dict else value
            keys = value if kind is dict else ()
            return tree(kind, [self.encode(item) for item in items], [self.encode(key) for key in keys])
        return self.values.encode(value, hint=self._hint, files=False)

    def result(self, value: Any) -> Value:
        """Encode what the body returns: a path of a file that is there is kept with its content."""
        kind = type(value)
        if kind is CallFuture or (kind in (list, tuple, dict) and self._is_special(value)):
            return self.encode(value)
        if kind is _PATH and str(value) in self._files:
            return self._files[str(value)]
        return self.values.encode(value, hint=self._hint)

    def _is_special(self, value: Any) -> bool:
        """Whether a container holds what is no plain value."""
        parts = value.values() if type(value) is dict else value
        kinds = set(map(type, parts))
        if kinds <= _ATOMS:
            return False
        if CallFuture in kinds or RunOutput in kinds or (_PATH in kinds and self._files):
            return True
        return any(type(part) in (list, tuple, dict) and self._is_special(part) for part in parts)

    @property
    def _hint(self) -> str:
        return f"runs/{self.run.id}/calls"

    def digest(self, value: Value) -> str:
        """Give the canonical digest of an argument."""
        return self.values.digest(value)

    def decode(self, value: Value) -> Any:
        """Give a value to the body."""
        found = self.values.decode(value)
        if isinstance(value, (Stored, Tree, Rows)):
            self._remember(found, value)
        return found

    def _remember(self, found: Any, value: Value) -> None:
        if type(found) is _PATH and isinstance(value, Stored):
            self._files[str(found)] = value
        elif isinstance(value, (Tree, Rows)):
            parts = found.values() if isinstance(found, dict) else found
            for part, inner in zip(parts, value.items, strict=True):
                self._remember(part, inner)

    # --- what came of calls -----------------------------------------------------------------------

    def value_of(self, live: CallLive) -> Any:
        """Give what a call returned; raises what made it fail."""
        error = self.error_of(live)
        if error is not None:
            raise error
        outputs = live.outputs or []
        if len(outputs) == 1:
            return self.decode(outputs[0])
        return tuple(map(self.decode, outputs)) if outputs else None

    def encoded_of(self, live: CallLive) -> Value:
        """Give the same as it is recorded."""
        outputs = live.outputs or []
        return outputs[0] if len(outputs) == 1 else Tree("tuple", tuple(outputs))

    def error_of(self, live: CallLive) -> BaseException | None:
        """Give the exception that tells why a call did not succeed; None when it did."""
        if live.status in GOOD:
            return None
        if live.status == FAILED:
            return task_failed(live.path, live.last)
        return Stopped(f"the run was stopped{'' if live.status == CANCELLED else ', and its store is gone'}")

    def all_of(
        self,
        lives: Sequence[CallLive],
        rescue: Callable[[Exception, int], Any] | None = None,
        wanted: float | None = None,
    ) -> list[Any]:
        """Give what calls returned; raises the first failure, unless so many succeeded as are `wanted`.

        `rescue` gives what stands in the place of one that failed.
        """
        found: list[Any] = []
        errors: list[BaseException] = []
        for item, live in enumerate(lives):
            error = self.error_of(live)
            if isinstance(error, Exception) and rescue is not None:
                found.append(rescue(error, item))
            elif error is not None:
                errors.append(error)
            else:
                found.append(self.value_of(live))
        if errors and (wanted is None or not enough(len(found), len(lives), wanted)):
            raise errors[0]
        return found

    def place(self, frame: FrameType) -> Place | None:
        """Give the user's line that made a call."""
        user = user_frame(frame)
        if user is None:
            return None
        spot = (user.f_code.co_filename, user.f_lineno)
        known = self._places.get(spot)
        if known is None:
            known = self._places[spot] = Place(absolute(spot[0]), spot[1])
        return known


def _ident(definition: TaskDefinition, code: TaskCode) -> str:
    """Say what a definition counts as: its options and, of a function without a place of its own, its code."""
    bare = msgspec.structs.replace(definition, place=None, doc="")
    inner = code.digest if "<" in definition.target or not definition.target else ""
    return hashlib.sha256(msgspec.json.encode((bare, inner))).hexdigest()[:16]
