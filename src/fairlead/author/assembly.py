"""A pipeline while it is put together: which name stands for what, and what nobody provides.

Knows names and functions, not step classes; other front ends that flow by name can use it, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from fairlead.author.built import Built, Input
from fairlead.author.callables import MISSING, Argument, Layout
from fairlead.author.functions import Task
from fairlead.author.handles import Handle, new_handle
from fairlead.author.options import Core, check_name
from fairlead.author.problems import Problem, complain, nearest
from fairlead.author.returned import returned_names
from fairlead.author.scope import Building, Scope
from fairlead.errors import DefinitionError
from fairlead.model.task import Place, TaskDefinition
from fairlead.model.workflow import After, Binding, Parameter, ParamRef, Ref, TaskNode, Workflow

__all__ = ["Assembly", "Return"]


class Return(NamedTuple):
    """A name for a returned value."""

    name: str
    metric: bool


class _Wanted(NamedTuple):
    """A name that a step takes and no step before it provides."""

    step: str
    layout: Layout
    argument: Argument
    place: Place
    unnamed: str
    """The step before it whose value has no name, if there is one."""
    provided: tuple[str, ...]
    """Names that were there."""


class Assembly:
    """The graph of a pipeline as far as its steps have been read."""

    def __init__(self, name: str, place: Place, parameters: dict[str, Any], *, partial: bool) -> None:
        self.name = name
        self.problems: list[Problem] = []
        wrong = check_name(name)
        if wrong:
            self.problems.append(Problem("name", wrong))
        self._place = place
        self._given = parameters
        self._partial = partial
        self._building = Building(str(name))
        self._scope = Scope(self._building, str(name))
        self._nodes: list[TaskNode] = []
        self._provided: dict[str, Handle] = {}
        self._unnamed: dict[str, Binding] = {}
        self._pending: Handle | None = None
        """The value that the next step's only unfilled argument takes."""
        self._pending_name = ""
        """Its name, when its return statement gives it one: then it goes by name first."""
        self._wanted: dict[str, list[_Wanted]] = {}
        self._places: dict[str, Place] = {}

    def python(
        self,
        function: Any,
        name: str | None,
        returns: Sequence[str | Return] | None,
        options: dict[str, Any],
        place: Place,
    ) -> None:
        """Add a step that calls a function."""
        label = str(name or getattr(function, "__name__", repr(function)))
        found = self._returns(label, returns)
        named = returns is not None or "outputs" in options or isinstance(function, Task) or not callable(function)
        inferred = None if named else returned_names(function)
        chosen = options if name is None else {**options, "name": name}
        if found:
            tracked = [one.name for one in found if one.metric]
            chosen = {**chosen, "outputs": [one.name for one in found], "tracked": tracked}
        elif inferred and not self._annotated(function):
            chosen = {**chosen, "outputs": inferred}
        try:
            core = function._core.changed(chosen) if isinstance(function, Task) else Core(function, chosen)
            definition = core.definition
        except DefinitionError as error:
            self.problems += [Problem(label, f"{problem} ({place})") for problem in _sentences(error, label)]
            self._pending = None
            return
        node = self._node(core.name, self._building.add(core), self._arguments(core, place), place)
        silent = inferred == () or (returns is not None and not found)
        if definition.outputs != ("result",) or found:
            self._provide(core, node, definition.outputs)
        elif not silent:
            self._unnamed[core.name] = Ref(node)
        self._pending_name = inferred[0] if inferred else ""
        explicit = returns is not None or len(definition.outputs) > 1
        self._pending = (
            None if explicit or silent else new_handle(self._scope, Ref(node), core.name, (node,), core.layout)
        )

    def stub(self, name: str, returns: Sequence[str | Return], place: Place) -> None:
        """Add a step that does nothing; a value without a name passes it by."""
        wrong = check_name(name)
        if wrong:
            self.problems.append(Problem(repr(name), f"name {wrong} ({place})"))
            return
        found = self._returns(name, returns)
        outputs = tuple(one.name for one in found) or ("result",)
        definition = TaskDefinition(name=name, kind="stub", outputs=outputs, place=place)
        self._building.definitions.append(definition)
        self._building.functions.append(None)
        node = self._node(name, len(self._building.definitions) - 1, {}, place)
        for output, one in enumerate(found):
            self._provided[one.name] = new_handle(self._scope, Ref(node, output), name, (node,))

    def finish(self) -> Built:
        """Turn what is left into parameters, and give the graph; DefinitionError with all problems."""
        inputs = [self._input(name, uses) for name, uses in self._wanted.items()]
        for name in self._given:
            if name not in self._wanted:
                known = (*self._wanted, *self._provided)
                self.problems.append(Problem("parameters", f"{name!r} is taken by no step{nearest(name, known)}"))
        self.problems += self._building.edges.problems()
        if self.problems:
            raise complain(str(self.name), self.problems)
        parameters, values = [], {}
        for one in inputs:
            slot = None if one.required else self._building.constant(one.default).slot
            parameters.append(Parameter(one.name, one.text, one.required, slot))
            if one.name in self._given or not one.required:
                values[one.name] = self._given.get(one.name, one.default)
        results = {**self._unnamed, **{name: handle._binding for name, handle in self._provided.items()}}
        graph = Workflow(
            name=self.name,
            parameters=tuple(parameters),
            nodes=tuple(self._nodes),
            results=results,
            single=False,
            tasks=tuple(self._building.definitions),
            place=self._place,
        )
        return Built(graph, self._building.constants, self._building.functions, values, tuple(inputs))

    def _returns(self, label: str, returns: Sequence[str | Return] | None) -> list[Return]:
        if isinstance(returns, str):
            self.problems.append(Problem(label, f"returns must be a list of names: [{returns!r}]"))
            return []
        return [Return(one, False) if isinstance(one, str) else one for one in returns or ()]

    def _annotated(self, function: Callable[..., Any]) -> bool:
        from fairlead.author.callables import layout_of

        try:
            return bool(layout_of(function).named_outputs())
        except DefinitionError:  # told where the step's core is made
            return True

    def _node(self, name: str, task: int, args: dict[str, Binding], place: Place) -> int:
        if name in self._places:
            first = self._places[name]
            self.problems.append(
                Problem(name, f"names two steps ({first} and {place}); give one of them another name=")
            )
        self._places.setdefault(name, place)
        node = len(self._nodes)
        self._nodes.append(TaskNode(name, task, args, (After(node - 1),) if node else (), (), place))
        return node

    def _provide(self, core: Core, node: int, outputs: tuple[str, ...]) -> None:
        for output, name in enumerate(outputs):
            handle = new_handle(self._scope, Ref(node, output), core.name, (node,), core.layout, (output, ()))
            self._provided[name] = handle

    def _arguments(self, core: Core, place: Place) -> dict[str, Binding]:
        bound: dict[str, Binding] = {}
        layout, edges = core.layout, self._building.edges
        named = [one for one in layout.arguments if one.kind not in ("varargs", "varkw")]
        taker = self._taker(named)
        for one in named:
            handle = self._pending if one.name == taker else self._provided.get(one.name)
            if handle is not None:
                bound[one.name] = handle._binding
                edges.add(handle, layout, one.name, core.name, place)
                continue
            unnamed = self._pending._name if self._pending is not None and taker is None else ""
            use = _Wanted(core.name, layout, one, place, unnamed, tuple(self._provided))
            self._wanted.setdefault(one.name, []).append(use)
            if one.default is MISSING or one.name in self._given or not self._partly(one.name):
                bound[one.name] = ParamRef(one.name)
        return bound

    def _taker(self, named: list[Argument]) -> str | None:
        if self._pending is None:
            return None
        free = [one for one in named if one.name not in self._provided and one.name not in self._given]
        choice = [one for one in free if one.default is MISSING]
        if self._pending_name:
            choice = [] if any(one.name == self._pending_name for one in named) else choice
        else:
            choice = choice or free
        return choice[0].name if len(choice) == 1 else None

    def _partly(self, name: str) -> bool:
        """Whether steps disagree about a name's default, so that each keeps its own."""
        defaults = [use.argument.default for use in self._wanted[name]]
        return any(not _same(one, defaults[0]) for one in defaults)

    def _input(self, name: str, uses: list[_Wanted]) -> Input:
        required = [use for use in uses if use.argument.default is MISSING]
        if name in self._given:
            for use in uses:
                wrong = self._building.edges.misfit(self._given[name], use.layout, name)
                if wrong:
                    self.problems.append(Problem(use.step, f"{wrong} ({use.place})"))
        elif required and not self._partial:
            use = required[0]
            hint = nearest(name, (*use.provided, *self._given))
            instead = f"name it in returns=[…] of {use.unnamed!r}, or " if use.unnamed else ""
            self.problems.append(
                Problem(
                    use.step,
                    f"takes {name!r}, which nothing before it provides{hint}; {instead}give it as a parameter"
                    f" ({use.place})",
                )
            )
        first = required[0] if required else uses[0]
        default = None if required else first.argument.default
        return Input(name, first.layout.wanted(name), first.argument.annotation, bool(required), default)


def _same(one: Any, other: Any) -> bool:
    return one is other or (type(one) is type(other) and type(one) in (int, float, str, bool) and one == other)


def _sentences(error: DefinitionError, label: str) -> list[str]:
    return [" ".join(problem.removeprefix(f"{label}: ").split()) for problem in error.problems]
