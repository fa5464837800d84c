"""Runners: classes whose methods are workflows over components that an environment chooses.

Which component fills which role is decided in `fairlead.author.runners`; here the environment's
data is read, its classes are found, and a runner's workflow meets the environment that it runs in.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from types import MethodType, ModuleType
from typing import TYPE_CHECKING, Any, NoReturn, cast

import msgspec

from fairlead.api.definitions import Definition, WorkflowFunction
from fairlead.author.built import Built
from fairlead.author.components import PlacedComponent, check_class
from fairlead.author.placing import Body
from fairlead.author.problems import Problem, complain, nearest, place_of
from fairlead.author.runners import rebuilt, wire
from fairlead.author.scope import current
from fairlead.errors import DefinitionError
from fairlead.model.components import Recipe, members, recipe_of
from fairlead.model.types import describe
from fairlead.model.workflow import Workflow
from fairlead.wire import converted

if TYPE_CHECKING:
    from fairlead.config.environment import Environment, EnvironmentLike

__all__ = ["Runner", "RunnerDefinition", "RunnerWorkflow", "workflows_in", "workflows_of"]


class Runner:
    """A class whose workflow methods use components; annotations name the roles, the environment fills them."""

    _env: EnvironmentLike
    _given: dict[str, Any]
    _view: bool

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        check_class(cls, "a runner", "give it roles by annotations, and its workflow methods parameters")

    def __init__(self, *, env: EnvironmentLike = None, **components: Any) -> None:
        """`env` chooses the components, and is where its workflows run; components given here win over it.

        Raises DefinitionError with everything that is wrong, when `env` is given; otherwise that is told
        when a workflow is run.
        """
        found = members(type(self))
        roles = ", ".join(found.roles) or "none"
        unclear = found.unclear.items()
        wrong = [Problem(name, f"is annotated as {text!r}, which names nothing") for name, text in unclear]
        wrong += [
            Problem(name, f"is no role of it{nearest(name, found.roles) or f' (it has {roles})'}")
            for name in components
            if name not in found.roles and name not in found.unclear
        ]
        if wrong:
            raise complain(f"{describe(type(self))} ({place_of(sys._getframe(1))})", wrong)
        self._env, self._given, self._view = env, components, False
        vars(self).update(_filled(self, None) if env is not None else components)

    @classmethod
    def _bind_workflow(cls, function: WorkflowFunction, runner: Runner) -> WorkflowFunction:
        """What a workflow method is on a runner; inside one of its own workflows, a part of that one."""
        if getattr(function, "dynamic", False):
            raise DefinitionError(
                f"workflow {function.name!r} of runner {describe(cls)!r} is dynamic, and a runner's workflows are"
                " graphs; take dynamic=True away, or write a dynamic workflow that is a function"
            )
        return _on(runner, function) if runner._view else RunnerWorkflow(runner, function)

    def __getattr__(self, name: str) -> NoReturn:
        if name in members(type(self)).roles:
            raise DefinitionError(
                f"{describe(type(self))}.{name} is filled when an environment is known: "
                f"{describe(type(self))}(env=…), or give it in code: {describe(type(self))}({name}=…)"
            )
        raise AttributeError(f"{describe(type(self))!r} object has no attribute {name!r}")

    def __repr__(self) -> str:
        given = [f"env={self._env!r}"] if self._env is not None else []
        given += [f"{name}={part!r}" for name, part in self._given.items()]
        return f"{describe(type(self))}({', '.join(given)})"


def _on(runner: Runner, function: WorkflowFunction) -> WorkflowFunction:
    """Give a workflow method as a workflow function of its own, which belongs to a runner."""
    placed = cast("WorkflowFunction", function._copy())
    placed._function, placed._layout = MethodType(function._function, runner), None
    return placed


_OWN = frozenset("_function _layout _runner _method _method_name _environment _open name".split())


def _chosen(function: WorkflowFunction) -> dict[str, Any]:
    """What was chosen for a copy of a workflow: everything but whose it is and what it is called."""
    return {key: value for key, value in vars(function).items() if key not in _OWN}


def workflows_of(kind: type[Runner]) -> dict[str, WorkflowFunction]:
    """Give a runner's workflow methods by name, with those that it inherits."""
    found: dict[str, WorkflowFunction] = {}
    for owner in reversed(kind.__mro__):
        for name, value in vars(owner).items():
            found.pop(name, None)
            if isinstance(value, WorkflowFunction) and not name.startswith("_"):
                found[name] = value
    return found


def workflows_in(module: ModuleType) -> dict[str, WorkflowFunction]:
    """Give the workflows of a module's runners by name: `Churn.train`."""
    runners = {
        name: kind
        for name, kind in vars(module).items()
        if isinstance(kind, type) and issubclass(kind, Runner) and kind is not Runner and not name.startswith("_")
    }
    return {
        f"{name}.{key}": RunnerWorkflow(kind(), method)
        for name, kind in runners.items()
        for key, method in workflows_of(kind).items()
    }


class RunnerWorkflow(WorkflowFunction):
    """A workflow method of a runner; its components are filled when its environment is known."""

    def __init__(self, runner: Runner, method: WorkflowFunction, environment: Environment | None = None) -> None:
        # The method was checked when it was made, and whatever it was made with is among its attributes.
        vars(self).update(_chosen(method))
        self._function, self._layout = MethodType(method._function, runner), None
        self._runner = runner
        self._method = method
        self._environment = environment
        self._open = False
        self._method_name = method.name
        self.name = f"{describe(type(runner))}.{method.name}"

    def _placed(self) -> WorkflowFunction:
        """Give it as a part of a graph: its method, on the runner with all roles filled."""
        view = _view(self._runner, _filled(self._runner, self._environment, partial=self._open))
        placed = _on(view, self._method)
        vars(placed).update({**_chosen(self), "name": self._method_name})
        return placed

    @property
    def body(self) -> Body:
        """What placing it needs."""
        return self._placed().body

    @property
    def target(self) -> str:
        """Where it can be found again: `/abs/churn.py:Churn.train`, or `module:Churn.train`."""
        kind = type(self._runner)
        module = sys.modules.get(kind.__module__)
        file = getattr(module, "__file__", None)
        if "<" in kind.__qualname__ or (kind.__module__ == "__main__" and not Path(file or "").is_file()):
            return ""
        return f"{Path(file).absolute() if file else kind.__module__}:{kind.__qualname__}.{self._method_name}"

    @property
    def env(self) -> EnvironmentLike:
        """The environment that the runner was made for, if any."""
        return self._runner._env

    def given(self) -> dict[str, Any]:
        """The components that code gave to the runner, as data."""
        return {
            name: msgspec.to_builtins(recipe_of(part, name)[0])
            for name, part in self._runner._given.items()
            if part is not None
        }

    def at(self, environment: Environment | None) -> RunnerWorkflow:
        """Give it with the components of an environment."""
        copy = RunnerWorkflow(self._runner, self._method, environment)
        vars(copy).update({**_chosen(self), "name": self.name, "_method_name": self._method_name})
        return copy

    def with_given(self, recipes: Mapping[str, Any]) -> RunnerWorkflow:
        """Give it for a runner that was given these components in code, in an earlier run."""
        runner = type(self._runner)(**{name: _again(recipe) for name, recipe in recipes.items()})
        return RunnerWorkflow(runner, self._method, self._environment)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Bind the parameters; inside another workflow, place this one's calls in that one."""
        if current.get() is None:
            return RunnerDefinition(self, args, kwargs)
        return self._placed()(*args, **kwargs)

    def map(self, *lists: Any, **values: Any) -> Any:
        """Run once for every item: positional arguments are lists, keywords are passed whole."""
        return self._placed().map(*lists, **values)

    def bound_to(self, values: dict[str, Any]) -> RunnerDefinition:
        """Bind these parameters and no others; raises DefinitionError."""
        return RunnerDefinition(self, (), values, complete=True)

    def _plainly(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self._placed()._plainly(args, kwargs)

    def _copy(self, name: str | None = None) -> RunnerWorkflow:
        copy = self.at(self._environment)
        if name is not None:
            copy.name = copy._method_name = WorkflowFunction(self._function, name=name).name
        return copy

    def draft(self, values: dict[str, Any]) -> Workflow:
        """Build the graph although parameters may be missing, and roles may be filled by nothing."""
        copy = self.at(self._environment)
        copy._open = True
        return copy.build_open(**values).workflow


class RunnerDefinition(Definition):
    """A runner's workflow with its parameters bound; its components are those of the environment it runs in."""

    def __init__(
        self, function: RunnerWorkflow, args: tuple[Any, ...], kwargs: dict[str, Any], *, complete: bool = False
    ) -> None:
        """Bind the parameters; where the runner's environment is known, the graph is built at once."""
        given, problems = function.layout.bind(args, kwargs, partial=not complete)
        if problems:
            raise complain(function.name, problems)
        self.function, self._method, self.parameters = function, function, given
        self._given, self._call, self._graph = given, (args, kwargs), None
        self.target = function.target
        self._complete = complete
        if function.env is not None and all(name in given for name in function.layout.required()):
            self._graph = self._built_at(self._environment(None), {})

    def build(self) -> Built:
        """Build the graph in the runner's own environment."""
        return self._graph or self._built(self._environment(None))

    def _environment(self, env: EnvironmentLike) -> Environment:
        return super()._environment(env if env is not None else self._method.env)

    def _built(self, environment: Environment) -> Built:
        from fairlead.api.parameters import from_outside

        more: dict[str, Any] = {}
        if not self._complete:
            inputs = lambda: self.function.inputs  # noqa: E731 - asked only where there is something to be had
            more = from_outside(self.function.name, inputs, given=self._given, environment=environment)
        return self._built_at(environment, more)

    def _built_at(self, environment: Environment, more: dict[str, Any]) -> Built:
        args, kwargs = self._call
        built = self._method.at(environment).build(*args, **kwargs, **more)
        given = self._method.given()
        return msgspec.structs.replace(built, components=given) if given else built


# --- roles ---------------------------------------------------------------------------------------


def _filled(runner: Runner, environment: Environment | None, *, partial: bool = False) -> dict[str, Any]:
    """Give the component of every role, in an environment or the runner's own."""
    from fairlead.api.wiring import wiring_of
    from fairlead.config.environment import load

    kind = type(runner)
    if environment is None:
        environment = load(runner._env, beside=_folder(kind))
    return wire(kind, runner._given, wiring_of(environment), partial=partial)


def _folder(kind: type) -> Path | None:
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return Path(file).absolute().parent if file else None


def _view(runner: Runner, components: Mapping[str, Any]) -> Runner:
    """A copy of a runner for one graph, in which the methods of components are tasks."""
    view = object.__new__(type(runner))
    roles = members(type(runner)).roles
    placed = {
        name: None
        if components.get(name, role) is None
        else PlacedComponent(type(components[name]) if name in components else role.kind, components.get(name), name)
        for name, role in roles.items()
    }
    vars(view).update({**vars(runner), **placed, "_view": True})
    return view


def _again(recipe: Any) -> Any:
    from fairlead.api.wiring import find_class

    return rebuilt(converted(recipe, Recipe), find_class)
