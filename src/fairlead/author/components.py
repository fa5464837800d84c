"""Components: classes with typed settings, whose methods are tasks in the workflows of a runner.

The classes stay plain: no method is wrapped, so that a call outside of a graph, or from one method
to another, is Python's own. What stands for a component while a graph is built is here, too.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any, ClassVar

import msgspec
from msgspec.structs import replace

from fairlead.author.callables import Layout, layout_of
from fairlead.author.functions import Task
from fairlead.author.options import Core
from fairlead.author.problems import Problem, complain, nearest, place_of, user_frame
from fairlead.author.scope import current
from fairlead.errors import DefinitionError, NotFound
from fairlead.model.components import MISSING, Method, Recipe, import_name, members, recipe_of, resolve, settle
from fairlead.model.task import TaskDefinition
from fairlead.model.types import describe

__all__ = ["Component", "PlacedComponent", "check_class", "from_process"]


class Component:
    """A class with typed settings that fills a role; its public methods are tasks of a runner's workflows.

    Settings are annotations, and so are roles for components of its own.
    """

    _fairlead_component: ClassVar[bool] = True

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        check_class(
            cls, "a component", "settings are annotations (path: str), and what follows from them is a property"
        )
        if any(base.__module__.startswith("pydantic.") for base in cls.__mro__):
            raise DefinitionError(
                f"component {describe(cls)!r} ({_here()}) is a pydantic model, too, and both want to say how it is"
                " made; take BaseModel away: annotations are settings already, and a setting may be a model"
            )

    def __init__(self, **settings: Any) -> None:
        """Make one in code; DefinitionError says everything that is missing, unknown or of another type."""
        kind = type(self)
        values, problems = _checked(kind, settings)
        if problems:
            raise complain(f"{describe(kind)} ({_here()})", problems)
        vars(self).update(values)

    @classmethod
    def _bind_task(cls, task: Task[..., Any], instance: Any) -> Any:
        """What a decorated method is on an instance: a task where a graph is built, and the plain method elsewhere."""
        if not current.get():
            return MethodType(task.fn, instance)
        method = _method_of(type(instance), task.fn.__name__)
        assert method is not None
        return _method_task(instance, type(instance), *method, "")

    def __repr__(self) -> str:
        found = members(type(self))
        given = ", ".join(f"{name}={getattr(self, name, '…')!r}" for name in (*found.settings, *found.roles))
        return f"{describe(type(self))}({given})"


def check_class(cls: type, what: str, instead: str) -> None:
    """Refuse a class that is made in its own way: it is made where its tasks run, from data."""
    frame = user_frame(sys._getframe(1))
    if "__init__" in vars(cls) and "__dataclass_fields__" not in vars(cls):
        raise DefinitionError(
            f"{what} has no __init__ of its own, and {describe(cls)!r} has ({place_of(frame)}); {instead}"
        )
    if frame is not None and "<locals>" in cls.__qualname__:
        resolve(cls, frame.f_locals)  # nobody can look these names up later


def from_process(name: str) -> str:
    """Give a secret to a component that is used as plain Python: from the process environment."""
    value = os.environ.get(name)
    if value is None:
        raise NotFound(f"no secret {name!r}: outside of a run, it comes from the process environment")
    return value


def _here() -> str:
    return str(place_of(sys._getframe(2)))


def _checked(kind: type, given: dict[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    found = members(kind)
    values, wrong = settle(kind, given, from_process)
    problems = [Problem(name, what) for name, what in wrong.items()]
    problems += [
        Problem(name, f"is annotated as {text!r}, which names nothing") for name, text in found.unclear.items()
    ]
    known = (*found.settings, *found.roles, *found.unclear)
    problems += [Problem(name, f"is no setting of it{nearest(name, known)}") for name in given if name not in known]
    for name, role in found.roles.items():
        part = given.get(name, role.default)
        if part is MISSING:
            problems.append(Problem(name, f"is not given; it takes a {describe(role.kind)}"))
        elif part is not None and not isinstance(part, role.kind):
            problems.append(Problem(name, f"takes a {describe(role.kind)}; got {part!r}"))
        values[name] = part
    return values, problems


# --- in a graph ----------------------------------------------------------------------------------


class _NotThere(DefinitionError, AttributeError):
    """What a component does not have; `hasattr` may ask."""


class PlacedComponent:
    """What a role is in a workflow method: methods are tasks, and everything else is the component's own."""

    def __init__(self, kind: type, component: Any, role: str) -> None:
        """`component` is None while nothing fills the role, where a graph is only drawn."""
        self._kind = kind
        self._component = component
        self._role = role
        self._tasks: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        found = self._tasks.get(name)
        if found is None:
            found = self._find(name)
            if isinstance(found, (Task, PlacedComponent)):
                self._tasks[name] = found
        return found

    def _find(self, name: str) -> Any:
        method = None if name.startswith("_") else _method_of(self._kind, name)
        if method is not None:
            return _method_task(self._component, self._kind, *method, self._role)
        role = members(self._kind).roles.get(name)
        if role is not None:
            part = getattr(self._component, name) if self._component is not None else None
            if part is None and self._component is not None:
                return None
            return PlacedComponent(type(part) if part is not None else role.kind, part, f"{self._role}.{name}")
        if self._component is not None and hasattr(self._component, name):
            return getattr(self._component, name)
        if name in members(self._kind).settings or hasattr(self._kind, name):
            raise DefinitionError(
                f"role {self._role!r} is not filled, so its {name!r} is not known; name an environment"
            )
        raise _NotThere(
            f"role {self._role!r} is a {describe(self._kind)}, which has no {name!r}"
            f"{nearest(name, dir(self._kind))} ({place_of(sys._getframe(1))})"
        )

    def __reduce__(self) -> Any:
        raise DefinitionError(
            f"component {self._role!r} is no value that a task could take; call its methods, or give it to another"
            " component as a role"
        )

    def __repr__(self) -> str:
        return f"<{self._role}: {self._component or describe(self._kind)}>"


def _method_of(kind: type, name: str) -> tuple[list[Callable[..., Any]], dict[str, Any]] | None:
    """Give a method, those that it stands in for, nearest first, and its options, which are inherited, too.

    None for properties, static methods, and what is not there.
    """
    functions: list[Callable[..., Any]] = []
    options: dict[str, Any] = {}
    for owner in kind.__mro__:
        found = vars(owner).get(name)
        if isinstance(found, Task):
            functions.append(found.fn)
            options = {**found._core.options, **options}
        elif isinstance(found, FunctionType):
            functions.append(found)
        elif found is not None:
            break
    return (functions, options) if functions else None


def _layout(functions: list[Callable[..., Any]], component: Any) -> Layout:
    """What a method takes; annotations that it leaves out are those of the interface."""
    own = layout_of(MethodType(functions[0], component if component is not None else functions[0]))
    layout = Layout(functions[0], own.arguments)
    for function in functions[1:]:
        known = layout_of(function)
        texts = {one.name: one.annotation for one in known.arguments}
        arguments = [
            one if one.annotation else replace(one, annotation=texts.get(one.name, "")) for one in layout.arguments
        ]
        hints = {**known.hints, **layout.hints}
        layout = Layout(functions[0], arguments)
        layout._hints = hints
    return layout


def _method_task(
    component: Any, kind: type, functions: list[Callable[..., Any]], options: dict[str, Any], role: str
) -> Task[..., Any]:
    function = functions[0]
    recipe, secrets = recipe_of(component, role) if component is not None else (None, set[str]())
    method = Method(function, _classes(component) if component is not None else {import_name(kind): kind})
    name = f"{role.replace('.', ':')}:{function.__name__}" if role else function.__name__
    core = MethodCore(method, {"name": name, **options}, _layout(functions, component))
    core.recipe, core.secrets, core.kind = recipe, secrets, kind
    task: Task[..., Any] = object.__new__(MethodTask)
    task._take(MethodType(function, component if component is not None else kind), core, ())
    return task


def _classes(component: Any) -> dict[str, type]:
    """The classes that a component is made of, its own and those of its components."""
    found = {import_name(type(component)): type(component)}
    for name in members(type(component)).roles:
        part = getattr(component, name)
        if part is not None:
            found |= _classes(part)
    return found


class MethodCore(Core):
    """A component's method with its options, and how the component is made."""

    __slots__ = ("kind", "recipe", "secrets")

    recipe: Recipe | None
    secrets: set[str]
    kind: type

    def __init__(self, function: Method, options: dict[str, Any], layout: Layout) -> None:
        super().__init__(function, options, layout)
        self.layout = Layout(function.function, layout.arguments)
        self.layout._hints = layout._hints
        self.layout.returns = self.options.get("outputs")

    @property
    def definition(self) -> TaskDefinition:
        """The task as data, with the component's recipe."""
        if self._definition is None:
            plain = super().definition
            assert isinstance(self.function, Method)
            settings = {} if self.recipe is None else {"component": msgspec.to_builtins(self.recipe)}
            named = tuple(dict.fromkeys((*plain.secrets, *sorted(self.secrets))))
            target = f"{import_name(self.kind)}.{self.function.__name__}"
            self._definition = msgspec.structs.replace(plain, target=target, settings=settings, secrets=named)
        return self._definition

    @property
    def key(self) -> tuple[Any, ...]:
        """Equal for equal options of one method of components that are made alike."""
        if self._key is None:
            assert isinstance(self.function, Method)
            self._key = (id(self.function.function), self.free, msgspec.json.encode(self.definition))
        return self._key

    def changed(self, options: dict[str, Any]) -> MethodCore:
        """Give a copy with further options."""
        assert isinstance(self.function, Method)
        copy = MethodCore(self.function, {**self.options, **options}, self.layout)
        copy.recipe, copy.secrets, copy.kind = self.recipe, self.secrets, self.kind
        return copy


class MethodTask(Task[..., Any]):
    """A component's method as a task."""

    def __reduce__(self) -> Any:
        raise DefinitionError(f"{self.name!r} is a method of a component and no value that a task could take; call it")
