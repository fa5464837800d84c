"""Names become references: which step provides what a later one takes, and what nobody provides.

An assembly is one pipeline as far as its steps have been read; the pipelines inside its blocks are
assemblies of their own that look outwards for names. Knows names and functions, not step classes;
other front ends that flow by name use it, too. How blocks are put together is in `assembled`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from fairlead.author.built import Built, Input
from fairlead.author.callables import LOOSE, MISSING, Argument
from fairlead.author.catalogs import with_catalogs
from fairlead.author.effects import with_effects
from fairlead.author.functions import Task
from fairlead.author.handles import Handle, new_handle
from fairlead.author.options import Core, check_name
from fairlead.author.problems import Problem, complain
from fairlead.author.returned import returned_names
from fairlead.author.scope import Building, Scope
from fairlead.author.takers import open_core, takes_any
from fairlead.author.wanted import Unprovided, Wanted
from fairlead.errors import DefinitionError
from fairlead.model.task import Place, TaskDefinition
from fairlead.model.workflow import (
    After,
    Binding,
    Ends,
    GroupNode,
    Node,
    Parameter,
    ParamRef,
    Ref,
    SwitchNode,
    TaskNode,
    Workflow,
    bodies_of,
)

__all__ = ["Assembly", "Return", "Wanted"]


class Return(NamedTuple):
    """A name for a returned value."""

    name: str
    metric: bool


class Assembly:
    """The graph of a pipeline as far as its steps have been read."""

    def __init__(
        self,
        name: str,
        place: Place,
        parameters: dict[str, Any] | None = None,
        defaults: dict[str, Any] | None = None,
        *,
        partial: bool = False,
        parent: Assembly | None = None,
        path: str = "",
    ) -> None:
        self.name = name
        self.parent = parent
        self.root: Assembly = self if parent is None else parent.root
        self.path = path
        """Where its steps stand, for messages: `each.`."""
        self.place = place
        self.building: Building = Building(str(name)) if parent is None else parent.building
        self.scope = Scope(self.building, str(name))
        self.nodes: list[Node] = []
        self.provided: dict[str, Handle] = {}
        self.taken: dict[str, Binding] = {}
        """Names that come from around it, with what they are there."""
        self.unnamed: dict[str, Binding] = {}
        self.pending: Handle | None = None
        """The value that the next step's only unfilled argument takes."""
        self.pending_name = ""
        """Its name, when its return statement gives it one: then it goes by name first."""
        self.sequential = True
        self._outer: dict[str, Handle] = {}
        self._places: dict[str, Place] = {}
        if parent is None:
            self.problems: list[Problem] = []
            self.warnings: list[str] = []
            self.given: dict[str, Any] = parameters or {}
            self.valued = {**(defaults or {}), **self.given}
            """What is given, and what the pipeline itself has for parameters."""
            self._unprovided = Unprovided(self.given, defaults or {}, partial=partial)
            self.rest: Input | None = None
            """What takes any further name, where a step does."""
            wrong = check_name(name)
            if wrong:
                self.problems.append(Problem("name", wrong))

    # --- steps that are tasks ---------------------------------------------------------------------

    def python(
        self,
        function: Any,
        name: str | None,
        returns: Sequence[str | Return] | None,
        options: dict[str, Any],
        place: Place,
        ends: Ends = "",
    ) -> None:
        """Add a step that calls a function or a task."""
        label = str(name or getattr(function, "__name__", repr(function)))
        found = self.returns(label, returns)
        named = returns is not None or "outputs" in options or isinstance(function, Task) or not callable(function)
        inferred = None if named else returned_names(function)
        chosen = options if name is None else {**options, "name": name}
        if found:
            tracked = [one.name for one in found if one.metric]
            chosen = {**chosen, "outputs": [one.name for one in found], "tracked": tracked}
        elif inferred and not self._annotated(function):
            chosen = {**chosen, "outputs": inferred}
        try:
            core = open_core(function._core.changed(chosen) if isinstance(function, Task) else Core(function, chosen))
            definition = core.definition
        except DefinitionError as error:
            self.complain(label, *(f"{problem} ({place})" for problem in _sentences(error, label)))
            self.pending = None
            return
        args = self._arguments(core, place)
        node = self.add(TaskNode(core.name, self.building.add(core), args, (), (), place, ends))
        silent = inferred == () or (returns is not None and not found)
        if definition.outputs != ("result",) or found:
            for output, one in enumerate(definition.outputs):
                self.provided[one] = new_handle(
                    self.scope, Ref(node, output), core.name, (node,), core.layout, (output, ())
                )
        elif not silent:
            self.unnamed[core.name] = Ref(node)
        self.pending_name = inferred[0] if inferred else ""
        explicit = returns is not None or len(definition.outputs) > 1
        self.pending = (
            None if explicit or silent else new_handle(self.scope, Ref(node), core.name, (node,), core.layout)
        )

    def stub(self, name: str, returns: Sequence[str | Return], place: Place, ends: Ends = "") -> None:
        """Add a step that does nothing; a value without a name passes it by."""
        wrong = check_name(name)
        if wrong:
            self.complain(repr(name), f"name {wrong} ({place})")
            return
        found = self.returns(name, returns)
        outputs = tuple(one.name for one in found) or ("result",)
        self.building.definitions.append(TaskDefinition(name=name, kind="stub", outputs=outputs, place=place))
        self.building.functions.append(None)
        node = self.add(TaskNode(name, len(self.building.definitions) - 1, {}, (), (), place, ends))
        for output, one in enumerate(found):
            self.provided[one.name] = new_handle(self.scope, Ref(node, output), name, (node,))

    def add(self, node: Node) -> int:
        """Place a node behind those that are there, and give its index."""
        first = self._places.setdefault(node.name, node.place or self.place)
        if first is not node.place:
            self.complain(node.name, f"names two steps ({first} and {node.place}); give one of them another name=")
        position = len(self.nodes)
        if position and self.sequential:
            node = msgspec.structs.replace(node, after=(After(position - 1),))
        self.nodes.append(node)
        return position

    # --- names ------------------------------------------------------------------------------------

    def find(self, name: str) -> Handle | None:
        """Give what a name stands for here: its latest producer, in here or around; None: nobody provides it."""
        handle = self.provided.get(name)
        if handle is not None:
            self._may_lack(name, handle)
            return handle
        known = self._outer.get(name)
        if known is not None or self.parent is None:
            return known
        outer = self.parent.find(name)
        if outer is None:
            return None
        self.taken[name] = outer._binding
        handle = new_handle(self.scope, ParamRef(name), outer._name, (), outer._origin, outer._what)
        self._outer[name] = handle
        return handle

    def take(self, name: str, use: Wanted) -> Binding | None:
        """Give what a name is bound to here, a parameter where nobody provides it; None: the step's own default."""
        found = self.find(name)
        if found is not None:
            return found._binding
        if self.parent is not None:
            outer = self.parent.take(name, use)
            if outer is None:
                return None
            self.taken[name] = outer
            return ParamRef(name)
        return ParamRef(name) if self._unprovided.note(name, use) else None

    def known(self) -> tuple[str, ...]:
        """List the names that are there, the nearest first."""
        around = self.parent.known() if self.parent is not None else ()
        return tuple(dict.fromkeys((*self.provided, *around)))

    def _may_lack(self, name: str, handle: Handle) -> None:
        """Where a name may have no value, because its branch was not taken, a parameter may give one."""
        binding = handle._binding
        if not isinstance(binding, Ref):
            return
        node = self.nodes[binding.node]
        if not isinstance(node, (SwitchNode, GroupNode)) or name in node.fallback or _always(node, name):
            return
        use = Wanted(node.name, Any, "", MISSING, node.place or self.place, optional=True)
        fallback = self.parent.take(name, use) if self.parent is not None else self._optional(name, use)
        if fallback is None:
            return
        if self.parent is not None:
            self.taken[name] = fallback
            fallback = ParamRef(name)
        self.nodes[binding.node] = msgspec.structs.replace(node, fallback={**node.fallback, name: fallback})

    def _optional(self, name: str, use: Wanted) -> Binding:
        self._unprovided.note(name, use)
        return ParamRef(name)

    def _arguments(self, core: Core, place: Place) -> dict[str, Binding]:
        bound: dict[str, Binding] = {}
        layout, edges = core.layout, self.building.edges
        named = [one for one in layout.arguments if one.kind not in LOOSE]
        taker = self._taker(named)
        for one in named:
            handle = self.pending if one.name == taker else self.find(one.name)
            if handle is not None:
                bound[one.name] = handle._binding
                edges.add(handle, layout, one.name, self.path + core.name, place)
                continue
            unnamed = self.pending._name if self.pending is not None and taker is None else ""
            use = Wanted(
                self.path + core.name,
                layout.wanted(one.name),
                one.annotation,
                one.default,
                place,
                layout,
                unnamed,
                self.known(),
            )
            binding = self.take(one.name, use)
            if binding is not None:
                bound[one.name] = binding
        if takes_any(core):
            bound |= self._rest(core, place)
        return bound

    def _rest(self, core: Core, place: Place) -> dict[str, Binding]:
        """Bind all names that are sure to have a value, for a function that takes any."""
        taken = {one.name for one in core.layout.arguments if one.kind not in LOOSE}
        use = Wanted(self.path + core.name, core.layout.wanted(""), "", MISSING, place, optional=True)
        self.root.rest = self.root.rest or Input(use.step, use.annotation, "", False, MISSING)
        found = {}
        for name in dict.fromkeys((*self.known(), *self.root._unprovided.uses, *self.root.valued)):
            if name not in taken and self._sure(name):
                binding = self.take(name, use)
                assert binding is not None
                found[name] = binding
        return found

    def _sure(self, name: str) -> bool:
        """Whether a name has a value whatever happens."""
        handle = self.provided.get(name)
        if handle is None:
            if self.parent is not None:
                return self.parent._sure(name)
            return name in self.valued or any(not use.optional for use in self._unprovided.uses.get(name, ()))
        binding = handle._binding
        node = self.nodes[binding.node] if isinstance(binding, Ref) else None
        return not isinstance(node, (SwitchNode, GroupNode)) or name in node.fallback or _always(node, name)

    def _taker(self, named: list[Argument]) -> str | None:
        if self.pending is None:
            return None
        free = [one for one in named if self.find(one.name) is None and one.name not in self.root.valued]
        choice = [one for one in free if one.default is MISSING]
        if self.pending_name:
            choice = [] if any(one.name == self.pending_name for one in named) else choice
        else:
            choice = choice or free
        return choice[0].name if len(choice) == 1 else None

    # --- the end ----------------------------------------------------------------------------------

    def results(self, tail: str = "") -> dict[str, Binding]:
        """Give what it provides by name; `tail` names the value that its last step left without a name."""
        found = {name: handle._binding for name, handle in self.provided.items()}
        if tail and self.pending is not None and not self.pending_name:
            found.setdefault(tail, self.pending._binding)
        return found

    def body(self, tail: str = "", parameters: Sequence[str] = ()) -> Workflow:
        """Give the workflow that a block holds."""
        names = dict.fromkeys((*parameters, *self.taken))
        return Workflow(
            name=self.name,
            parameters=tuple(Parameter(name) for name in names),
            nodes=with_effects(self.nodes),
            results=self.results(tail),
            single=False,
            place=self.place,
        )

    def finish(self) -> Built:
        """Turn what is left into parameters, and give the graph; DefinitionError with all problems."""
        inputs, problems = self._unprovided.inputs(self.building.edges, tuple(self.provided))
        self.problems += problems
        self.problems += self.building.edges.problems()
        if self.problems:
            raise complain(str(self.name), self.problems)
        parameters, values = [], {}
        for one in inputs:
            optional = one.required or one.default is MISSING
            slot = None if optional else self.building.constant(one.default).slot
            parameters.append(Parameter(one.name, one.text, one.required, slot))
            if one.name in self.given or not optional:
                values[one.name] = self.given.get(one.name, one.default)
        graph = Workflow(
            name=self.name,
            parameters=tuple(parameters),
            nodes=with_effects(self.nodes),
            results={**self.unnamed, **self.results()},
            single=False,
            tasks=tuple(self.building.definitions),
            place=self.place,
        )
        told = tuple(self.warnings)
        built = Built(
            graph, self.building.constants, self.building.functions, values, tuple(inputs), told, rest=self.rest
        )
        return with_catalogs(built, self.building.apart)

    def complain(self, where: str, *problems: str) -> None:
        """Note what is wrong with a step; everything is told at once, at the end."""
        self.root.problems += [Problem(self.path + where, problem) for problem in problems]

    def returns(self, label: str, returns: Sequence[str | Return] | None) -> list[Return]:
        """Read the names of a step's values."""
        if isinstance(returns, str):
            self.complain(label, f"returns must be a list of names: [{returns!r}]")
            return []
        return [Return(one, False) if isinstance(one, str) else one for one in returns or ()]

    def _annotated(self, function: Callable[..., Any]) -> bool:
        from fairlead.author.callables import layout_of

        try:
            return bool(layout_of(function).named_outputs())
        except DefinitionError:  # told where the step's core is made
            return True


def _always(node: SwitchNode | GroupNode, name: str) -> bool:
    """Whether a block gives a name a value whatever happens in it."""
    if any(inner.ends for _, body in bodies_of(node) for inner in body.nodes):
        return False
    if isinstance(node, SwitchNode):
        return all(name in case.body.results for case in node.cases)
    return name in node.body.results and (node.handler is None or name in node.handler.results)


def _sentences(error: DefinitionError, label: str) -> list[str]:
    return [" ".join(problem.removeprefix(f"{label}: ").split()) for problem in error.problems]
