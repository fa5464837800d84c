"""From what a user types to a definition: `file.py`, `file.py:name`, `module:name`, `notebook.ipynb`.

A workflow, a pipeline, a runner's method, or a single task or step, which runs as a workflow of one.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from fairlead.api.definitions import Bindable, Runnable, file_of
from fairlead.api.parameters import Sources, gather, refuse
from fairlead.author.built import Input
from fairlead.author.functions import Task
from fairlead.config.environment import EnvironmentLike, load
from fairlead.errors import DefinitionError, NotFound
from fairlead.model.workflow import Workflow
from fairlead.node.loading import load_target_file, loading, own_error

__all__ = ["Target", "load_module", "load_target"]


class Target:
    """A definition that was found, and where."""

    def __init__(self, text: str, definition: Bindable) -> None:
        self.text = text
        self.definition = definition
        self.notes: list[str] = []
        """What `bind` passed over although it looks like a mistake."""

    @property
    def name(self) -> str:
        """The workflow's name."""
        return self.definition.name

    @property
    def doc(self) -> str:
        """What its author says about it."""
        return (getattr(self.definition, "__doc__", None) or "").strip()

    @property
    def inputs(self) -> tuple[Input, ...]:
        """Its parameters."""
        return self.definition.inputs

    def bind(
        self,
        parameters: Mapping[str, Any],
        *,
        file: str | Path | None = None,
        env: EnvironmentLike = None,
        recorded: Mapping[str, Any] | None = None,
    ) -> Runnable:
        """Bind parameters, given as text or values, with those of all other sources.

        `recorded` are those of a run that goes on. Raises DefinitionError with all that is missing,
        unknown or of another type; `notes` then holds what was passed over and looks misspelt.
        """
        environment = load(env, beside=self.folder)
        sources = Sources(parameters, file, environment, recorded or {})
        gathered = gather(self.inputs, sources, rest=self.definition.rest)
        self.notes = [f"{self.name}: {note}" for note in gathered.notes]
        if not gathered.problems:
            try:
                return self._bound(gathered.values)
            except DefinitionError as error:
                if gathered.notes and any("not given" in one for one in error.problems):
                    error.add_note("; ".join(gathered.notes))
                raise
        more: list[str] = []
        try:
            self._bound(gathered.values)
        except DefinitionError as error:
            # What does not fit was left out, and so is missing now: that is no second problem.
            found = [one.removeprefix(f"{self.name}: ") for one in error.problems]
            more = [one for one in found if not any(repr(name) in one for name in gathered.refused)]
        refuse(self.name, gathered, more)
        raise AssertionError("there were problems")

    def draft(self, parameters: Mapping[str, Any], *, env: EnvironmentLike = None) -> Workflow:
        """Build the graph although parameters may be missing, to draw it; raises DefinitionError."""
        gathered = gather(self.inputs, Sources(parameters), rest=self.definition.rest)
        refuse(self.name, gathered)
        return self.definition.at(load(env, beside=self.folder)).draft(gathered.values)

    def _bound(self, values: dict[str, Any]) -> Runnable:
        bound = self.definition.bound_to(values)
        bound.target = self.text
        return bound

    @property
    def folder(self) -> Path | None:
        """The folder of its file; None for a module."""
        file = file_of(self.text)
        return file.parent if file.is_file() else None


def load_target(text: str) -> Target:
    """Find a definition; raises NotFound with what the file has, and DefinitionError for a broken file."""
    where, _, name = text.rpartition(":") if _has_name(text) else (text, "", "")
    if where.endswith(".ipynb"):
        return _notebook(where)
    if where.endswith((".yaml", ".yml")):
        return _text(where, name)
    module = load_module(where)
    if _is_file(where):
        where = str(Path(where).absolute())
    found, name = _pick(module, name, where)
    return Target(f"{where}:{name}", found)


def _notebook(where: str) -> Target:
    """Make a target of a notebook by itself."""
    from fairlead.api.commands import notebook_at

    file = Path(where).absolute()
    if not file.is_file():
        raise NotFound(f"no file {where!r} in {Path.cwd()}")
    task = notebook_at(file)
    return Target(f"{file}:{task.name}", _single(task))


def _text(where: str, name: str) -> Target:
    """Make a target of a workflow written as text."""
    from fairlead.api.yaml_file import load_yaml

    pipeline = load_yaml(where)
    if name and name != pipeline.name:
        raise NotFound(f"{where} has no workflow {name!r}; it is {pipeline.name!r}")
    return Target(pipeline.target, pipeline)


def load_module(where: str) -> ModuleType:
    """Import `file.py` or a module by name, without what it starts; raises NotFound and DefinitionError."""
    return load_target_file(where) if _is_file(where) else _import(where)


def _is_file(where: str) -> bool:
    return where.endswith(".py") or Path(where).is_file()


def _has_name(text: str) -> bool:
    return ":" in text and not text.endswith((".py", ".ipynb", ".yaml", ".yml"))


def _import(name: str) -> ModuleType:
    if not all(part.isidentifier() for part in name.split(".")):
        raise NotFound(f"no file {name!r} in {Path.cwd()}, and it is not the name of a module either")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        with loading():
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise NotFound(f"no module {name!r} (looked in {here} too), and no file of that name") from error
        raise own_error(error, name) from error
    except (Exception, SystemExit) as error:
        raise own_error(error, name) from error


def _pick(module: ModuleType, name: str, where: str) -> tuple[Bindable, str]:
    definitions = {
        key: value for key, value in vars(module).items() if isinstance(value, Bindable) and not key.startswith("_")
    }
    if "fairlead.api.runners" in sys.modules:
        from fairlead.api.runners import workflows_in

        definitions |= workflows_in(module)
    if name:
        found = definitions.get(name) or vars(module).get(name)
        if isinstance(found, Bindable):
            return found, name
        if isinstance(found, Task) or (isinstance(found, FunctionType) and not _calls_tasks(found)):
            return _single(found), name
        if _is_step(found):
            return _single_step(found), name
        raise NotFound(_not_there(name, found, definitions, where))
    own = {key: value for key, value in definitions.items() if _is_own(value, module)} or definitions
    used = {name for value in own.values() for name in _names_in(value)}
    outermost = {key: value for key, value in own.items() if key not in used} or own
    if len(outermost) == 1:
        key, value = next(iter(outermost.items()))
        return value, key
    if not own:
        return _only_task(module, where)
    raise DefinitionError(f"{where} has several workflows; name one of them", [f"{where}:{key}" for key in own])


def _only_task(module: ModuleType, where: str) -> tuple[Bindable, str]:
    """Give the task of a file that has no workflow and one task."""
    tasks = {
        key: value
        for key, value in vars(module).items()
        if (isinstance(value, Task) or _is_step(value)) and _is_own(value, module)
    }
    if len(tasks) == 1:
        key, value = next(iter(tasks.items()))
        return _single_step(value) if _is_step(value) else _single(value), key
    said = f"{where} has no workflow; put @workflow above the function that calls the tasks"
    if not tasks:
        raise NotFound(f"{said}, or name a function to run it by itself: {where}:NAME")
    raise NotFound(f"{said}, or name a task to run it by itself: {', '.join(f'{where}:{key}' for key in tasks)}")


def _single(found: Task[..., Any] | FunctionType) -> Bindable:
    from fairlead.api.single import single

    return single(found)


def _is_step(found: object) -> bool:
    """Whether it is a step of a pipeline, which runs as a pipeline of one."""
    steps = sys.modules.get("fairlead.author.steps")
    return steps is not None and isinstance(found, steps.Step)


def _single_step(found: Any) -> Bindable:
    from fairlead.api.pipelines import Pipeline

    return Pipeline([found], name=found.label())


def _calls_tasks(function: FunctionType) -> bool:
    """Whether a plain function uses tasks or workflows: then @workflow has been forgotten."""
    used = (function.__globals__.get(name) for name in function.__code__.co_names)
    return any(isinstance(one, (Task, Bindable)) for one in used)


def _is_own(value: object, module: ModuleType) -> bool:
    return getattr(value, "__module__", module.__name__) in {module.__name__, type(value).__module__}


def _names_in(value: Bindable) -> set[str]:
    """Names that a workflow function uses: a workflow that another one calls is a part of that one."""
    code = getattr(getattr(value, "__wrapped__", None), "__code__", None)
    return set(code.co_names) if code is not None else set()


def _not_there(name: str, found: Any, definitions: dict[str, Any], where: str) -> str:
    if isinstance(found, type) and any(key.startswith(f"{name}.") for key in definitions):
        of = [f"{where}:{key}" for key in definitions if key.startswith(f"{name}.")]
        return f"{where}: {name!r} is a runner; name one of its workflows: {', '.join(of)}"
    if isinstance(found, FunctionType):
        return f"{where}: {name!r} is a plain function that calls tasks; put @workflow above it"
    if callable(found):
        return f"{where}: {name!r} cannot be run; write a function that uses it"
    from difflib import get_close_matches  # for mistakes only

    near = get_close_matches(name, definitions, n=1)
    hint = f" (nearest: {near[0]!r})" if near else ""
    listed = f"; it has {', '.join(definitions)}" if definitions else "; it has no workflow at all"
    return f"{where} has no workflow {name!r}{hint}{listed}"
