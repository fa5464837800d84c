"""From a workflow written as text to the steps that it means: the same steps that Python makes.

Takes data that was read already, and a function that knows where each part was written. All problems
are told at once, each with its line and column. Nothing here opens a file or imports a module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import msgspec

from fairlead.author.assembly import Return
from fairlead.author.command_steps import NotebookTask, ShellTask
from fairlead.author.custom import CustomTask
from fairlead.author.problems import nearest
from fairlead.author.steps import Conditional, Loop, Map, Parallel, Pipeline, PythonTask, Step, Stub, metric, pickled
from fairlead.author.yaml_grammar import KINDS, MAP, REPEAT, SWITCH, TOP, Key, keys_of
from fairlead.errors import DefinitionError
from fairlead.model.task import Catalog, Place, Resources
from fairlead.wire import converted

__all__ = ["Find", "Keys", "PlaceOf", "read_pipeline"]

Keys: TypeAlias = tuple[str | int, ...]
"""The way to a part of the text: `("steps", 0, "python")`."""

PlaceOf: TypeAlias = Callable[[Keys], Place]
Find: TypeAlias = Callable[[str], Callable[..., Any]]
"""Finds a function by what the text calls it; raises DefinitionError or NotFound with why not."""


def read_pipeline(
    data: dict[str, Any],
    *,
    name: str,
    place_of: PlaceOf,
    find: Find,
    make: Callable[..., Pipeline] = Pipeline,
) -> Pipeline:
    """Make the pipeline that a text describes.

    `name`: what it is called where it does not say. Raises DefinitionError with every problem of the text.
    """
    reader = _Reader(place_of, find)
    pipeline = reader.pipeline(data, name, make)
    if reader.problems or pipeline is None:
        count = len(reader.problems)
        raise DefinitionError(f"{name}: {count} problem{'' if count == 1 else 's'}", reader.problems)
    return pipeline


class _Reader:
    def __init__(self, place_of: PlaceOf, find: Find) -> None:
        self._found: list[tuple[int, int, str]] = []
        self._place_of = place_of
        self._find = find

    @property
    def problems(self) -> list[str]:
        """All that is wrong, in the order of the text."""
        return [told for *_, told in sorted(self._found)]

    def pipeline(self, data: dict[str, Any], name: str, make: Callable[..., Pipeline]) -> Pipeline | None:
        """Read the whole text."""
        if not self._known(data, TOP, (), required=("steps",)):
            return None
        steps = self.steps(data["steps"], ("steps",))
        made = make(steps, str(data.get("name", name)), place=self._place_of(()), parameters=data.get("parameters"))
        made.__doc__ = data.get("description")
        return made

    def steps(self, data: Any, keys: Keys) -> list[Step]:
        """Read a list of steps."""
        if not isinstance(data, list) or not data:
            self._complain(keys, f"must be a list of steps; got {_kind(data)}")
            return []
        found = [self.step(one, (*keys, place)) for place, one in enumerate(data)]
        return [one for one in found if one is not None]

    def step(self, data: Any, keys: Keys) -> Step | None:
        """Read one step."""
        kinds = ", ".join(KINDS)
        if not isinstance(data, dict):
            self._complain(keys, f"a step is a mapping with one of {kinds}; got {_kind(data)}")
            return None
        said = [key for key in data if key in KINDS]
        if len(said) != 1:
            guess = nearest(str(next(iter(data), "")), KINDS) if not said else ""
            what = f"is {' and '.join(map(str, said))} at once" if said else f"is none of {kinds}{guess}"
            self._complain(keys, f"the step {what}")
            return None
        kind = str(said[0])
        self._known(data, keys_of(kind), keys)
        settings: dict[str, Any] = {"place": self._place_of(keys)}
        for key in ("on_error", "terminate_with_success", "terminate_with_failure"):
            if key in data:
                settings[key] = data[key]
        if "on_failure" in data:
            settings["on_failure"] = self.steps(data["on_failure"], (*keys, "on_failure"))
        reading: dict[str, Callable[[dict[str, Any], Keys, dict[str, Any]], Step | None]] = {
            "python": self._task,
            "shell": self._task,
            "notebook": self._task,
            "custom": self._task,
            "stub": self._stub,
            "map": self._map,
            "parallel": self._parallel,
            "switch": self._switch,
            "repeat": self._repeat,
            "pipeline": self._group,
        }
        return reading[kind](data, keys, settings)

    # --- kinds of step ----------------------------------------------------------------------------

    def _task(self, data: dict[str, Any], keys: Keys, settings: dict[str, Any]) -> Step | None:
        kind = next(key for key in ("python", "shell", "notebook", "custom") if key in data)
        text = data[kind]
        if not isinstance(text, str) or not text.strip():
            self._complain((*keys, kind), f"must be text; got {_kind(text)}")
            return None
        taken = {kind, "name", "returns", "on_failure", *settings}
        options = {key: self._option(key, value, keys) for key, value in data.items() if key not in taken}
        returns = self._returns(data, keys)
        name = data.get("name")
        if kind == "shell":
            return ShellTask(text, name, returns, **settings, **options)
        if kind == "notebook":
            return NotebookTask(text, name, returns, **settings, **options)
        if kind == "custom":
            return CustomTask(text, options.pop("text", ""), name, returns, **settings, **options)
        function = self._function(text, (*keys, kind))
        return None if function is None else PythonTask(function, name, returns, **settings, **options)

    def _stub(self, data: dict[str, Any], keys: Keys, settings: dict[str, Any]) -> Step:
        return Stub(data["stub"], self._returns(data, keys) or (), **settings)

    def _map(self, data: dict[str, Any], keys: Keys, settings: dict[str, Any]) -> Step | None:
        inside, where = data["map"], (*keys, "map")
        if not self._known(inside, MAP, where, required=("over", "as", "steps")):
            return None
        reducer = None if "reducer" not in inside else self._function(inside["reducer"], (*where, "reducer"))
        limits = {key: inside[key] for key in ("min_success", "max_parallel") if key in inside}
        steps = self.steps(inside["steps"], (*where, "steps"))
        name = data.get("name") or "map"
        return Map(name, inside["over"], inside["as"], steps, reducer, **limits, **settings)

    def _parallel(self, data: dict[str, Any], keys: Keys, settings: dict[str, Any]) -> Step | None:
        branches = self._branches(data["parallel"], (*keys, "parallel"))
        return None if branches is None else Parallel(data.get("name") or "parallel", branches, **settings)

    def _switch(self, data: dict[str, Any], keys: Keys, settings: dict[str, Any]) -> Step | None:
        inside, where = data["switch"], (*keys, "switch")
        if not self._known(inside, SWITCH, where, required=("on", "cases")):
            return None
        cases = self._branches(inside["cases"], (*where, "cases"))
        default = self.steps(inside["default"], (*where, "default")) if "default" in inside else None
        if cases is None:
            return None
        return Conditional(data.get("name") or "switch", inside["on"], cases, default, **settings)

    def _repeat(self, data: dict[str, Any], keys: Keys, settings: dict[str, Any]) -> Step | None:
        inside, where = data["repeat"], (*keys, "repeat")
        if not self._known(inside, REPEAT, where, required=("steps", "max_iterations")):
            return None
        steps = self.steps(inside["steps"], (*where, "steps"))
        ends = inside.get("until"), inside.get("index_as")
        return Loop(data.get("name") or "repeat", steps, inside["max_iterations"], *ends, **settings)

    def _group(self, data: dict[str, Any], keys: Keys, settings: dict[str, Any]) -> Step:
        return Pipeline(self.steps(data["pipeline"], (*keys, "pipeline")), data.get("name") or "pipeline", **settings)

    # --- parts ------------------------------------------------------------------------------------

    def _branches(self, data: Any, keys: Keys) -> dict[Any, Any] | None:
        if not isinstance(data, dict) or not data:
            self._complain(keys, f"must map names to lists of steps; got {_kind(data)}")
            return None
        return {key: self.steps(value, (*keys, key)) for key, value in data.items()}

    def _returns(self, data: dict[str, Any], keys: Keys) -> list[str | Return] | None:
        if "returns" not in data:
            return None
        said, where = data["returns"], (*keys, "returns")
        if not isinstance(said, list):
            self._complain(where, f"must be a list of names; got {_kind(said)}")
            return None
        made: list[str | Return] = []
        for place, one in enumerate(said):
            marks = {"metric": metric, "pickled": pickled}
            if isinstance(one, str):
                made.append(one)
            elif isinstance(one, dict) and len(one) == 1 and next(iter(one)) in marks:
                mark, name = next(iter(one.items()))
                made.append(marks[mark](str(name)))
            else:
                self._complain((*where, place), f"must be a name, or {{metric: name}}; got {_kind(one)}")
        return made

    def _option(self, key: str, value: Any, keys: Keys) -> Any:
        """Read an option of tasks; whether its value is fine is checked where all options are."""
        kinds: dict[str, Any] = {"resources": Resources, "catalog": Catalog}
        if key not in kinds or not isinstance(value, dict):
            return value
        fields = set(kinds[key].__struct_fields__)
        for name in value:
            if name not in fields:
                self._complain((*keys, key, name), f"unknown key {name!r}{nearest(str(name), fields)}")
        try:
            return converted({name: one for name, one in value.items() if name in fields}, kinds[key])
        except (msgspec.ValidationError, DefinitionError) as error:
            self._complain((*keys, key), str(error))
            return None

    def _function(self, text: Any, keys: Keys) -> Callable[..., Any] | None:
        if not isinstance(text, str):
            self._complain(keys, f"must name a function: 'module.function' or 'file.py:function'; got {_kind(text)}")
            return None
        try:
            return self._find(text)
        except DefinitionError as error:
            for problem in error.problems:
                self._complain(keys, problem)
            return None

    def _known(self, data: Any, known: Mapping[str, Key], keys: Keys, required: tuple[str, ...] = ()) -> bool:
        """Complain of keys that mean nothing here; gives whether all that is required is there."""
        if not isinstance(data, dict):
            self._complain(keys, f"must be a mapping with {', '.join(required or known)}; got {_kind(data)}")
            return False
        for key in data:
            if key not in known:
                self._complain((*keys, key), f"unknown key {key!r}{nearest(str(key), known) or _all(known)}")
        missing = [key for key in required if key not in data]
        for key in missing:
            self._complain(keys, f"has no {key!r}: {known[key].says}")
        return not missing

    def _complain(self, keys: Keys, what: str) -> None:
        place = self._place_of(keys)
        self._found.append((place.line, place.column, f"{place}: {what}"))


def _all(known: Mapping[str, Key]) -> str:
    return f"; known: {', '.join(known)}"


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, (list, dict)):
        return "an empty one" if not value else "a list" if isinstance(value, list) else "a mapping"
    return f"{value!r:.60}"
