"""Putting stand-ins in the place of tasks, when a run is made: the graph stays, what runs is another.

A stand-in is a task definition like any other, so that it works wherever tasks run, and is never
taken for the real thing: it is marked, and its own code counts where results are reused.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import msgspec

from fairlead.author.built import Built
from fairlead.author.callables import Layout, layout_of
from fairlead.author.functions import Task
from fairlead.author.problems import nearest
from fairlead.config.mocks import STUB, Mock, understand_mock
from fairlead.engine.stand_ins import stand_ins
from fairlead.errors import ConfigurationError, DefinitionError, NotFound
from fairlead.model.names import canonical_module
from fairlead.model.task import Resources, TaskDefinition

__all__ = ["Wanted", "misfits", "mocked"]


class Wanted(NamedTuple):
    """A stand-in as it was asked for."""

    raw: Any
    """What stands under `mock`."""
    place: str = ""
    """Where: `test.yaml:4`; put before what is wrong with it."""


def mocked(built: Built, wanted: Mapping[int, Wanted], *, rest: bool = False, lost: Collection[str] = ()) -> Built:
    """Give the graph with stand-ins for tasks by their number; `rest`: nothing takes the place of all others.

    `lost` are the patterns of stand-ins for which there is no task, told with everything else.
    Raises ConfigurationError with everything that is wrong, each with its place. Imports the
    functions that stand in, and no task's own code.
    """
    problems = [f"{text}; the real one would run in place of its stand-in" for text in lost]
    tasks, functions = [*built.workflow.tasks], [*built.functions]
    for number, task in enumerate(built.workflow.tasks):
        want = wanted.get(number) or (Wanted(STUB) if rest and not task.mock else None)
        if want is None:
            continue
        found = understand_mock(want.raw)
        wrong = [f"mock {found}"] if isinstance(found, str) else []
        if isinstance(found, Mock):
            try:
                tasks[number], functions[number], wrong = _replaced(task, found)
            except (DefinitionError, NotFound) as error:
                wrong = [str(error)]
        mark = f"{want.place}: " if want.place else ""
        problems += [f"{mark}{task.name}: {text}" for text in wrong]
    if problems:
        raise ConfigurationError(f"{built.workflow.name}: stand-ins that cannot be right", problems)
    tasks = _with_outputs(built, tasks)
    workflow = msgspec.structs.replace(built.workflow, tasks=tuple(tasks))
    return msgspec.structs.replace(built, workflow=workflow, functions=functions)


def _replaced(task: TaskDefinition, mock: Mock) -> tuple[TaskDefinition, Callable[..., Any] | None, list[str]]:
    """Give what stands in for one task, and what is wrong with it.

    What the task needs of a machine, its stand-in does not need.
    """
    plain = msgspec.structs.replace(
        task, mock=mock.word, resources=Resources(), image=None, executor="", sources=(), place=None
    )
    if mock.function is None:
        changes: dict[str, Any] = {"kind": "mock", "target": "", "secrets": (), "env_vars": {}, "timeout": None}
        changes.update(catalog=None, workdir="shared")  # nothing is there that could get or put files
        if mock is STUB:
            changes.update(tracked=(), settings={}, cache=False)
            return msgspec.structs.replace(plain, **changes), None, []
        return msgspec.structs.replace(plain, **changes, settings={"value": mock.value}), None, _miscounted(task, mock)
    function = _loaded(mock.function) if isinstance(mock.function, str) else mock.function
    function = function.fn if isinstance(function, Task) else function
    layout = layout_of(function)
    module, name = getattr(function, "__module__", ""), getattr(function, "__qualname__", "")
    target = f"{canonical_module(module)}:{name}" if module and name else ""
    changed = msgspec.structs.replace(plain, kind="python", target=target, settings={})
    return changed, function, misfits(task, layout, mock.word)


def _miscounted(task: TaskDefinition, mock: Mock) -> list[str]:
    """Say where a value is not as many as the task's outputs, or no number where that is needed."""
    size = len(task.returns)
    values = [mock.value] if size == 1 else mock.value
    if not isinstance(values, list) or len(values) != size:
        return [
            f"its value must be a list of {size}, one for each output ({', '.join(task.returns)}): {mock.value!r:.60}"
        ]
    return [
        f"its value must be a number, since {name!r} is recorded as a metric: {value!r:.60}"
        for name, value in zip(task.returns, values, strict=True)
        if name in task.tracked and not isinstance(value, (int, float))
    ]


def misfits(task: TaskDefinition, layout: Layout, word: str) -> list[str]:
    """Say where a function cannot be called as the task is."""
    names = {one.name for one in task.params}
    slots = len(layout.positional) if layout.varargs is None else len(names) + len(layout.positional)
    wrong = []
    by_position = 0
    for param in task.params:
        if param.kind == "varargs":
            fits = layout.varargs is not None
            what = f"*{param.name}"
        elif param.kind == "varkw":
            fits, what = layout.varkw is not None, f"**{param.name}"
        elif param.kind in ("positional_only", "namespace"):
            by_position += 1
            fits, what = by_position <= slots, f"{param.name!r} by position"
        else:
            fits, what = layout.varkw is not None or param.name in layout.by_name, repr(param.name)
        if not fits:
            near = nearest(param.name, layout.by_name) if param.name not in layout.by_name else ""
            wrong.append(f"{word} takes no {what}, which the task is given{near}")
    given = {one.name for one in task.params if one.required}
    taken = set(layout.positional[:by_position])
    wrong += [
        f"{word} takes {name!r}, which {'calls may leave out' if name in names else 'the task is not given'}; "
        "give it a default"
        for name in layout.required()
        if name not in given and name not in taken
    ]
    return wrong


def _loaded(text: str) -> Callable[..., Any]:
    """Import a function by `module:name` or `file.py:name`; DefinitionError, NotFound."""
    from fairlead.api.targets import load_module

    where, _, name = text.rpartition(":")
    found: Any = load_module(where)
    for part in name.split("."):
        known = vars(found) if hasattr(found, "__dict__") else {}
        found = getattr(found, part, None)
        if found is None:
            names = [key for key, value in known.items() if callable(value)]
            raise NotFound(f"{where} has no {name!r}{nearest(part, names)}")
    if not callable(found):
        raise DefinitionError(f"{text} is {type(found).__name__}, which cannot be called; write {{value: …}}")
    return found  # type: ignore[no-any-return]


def _with_outputs(built: Built, tasks: list[TaskDefinition]) -> list[TaskDefinition]:
    """Say of tasks that do nothing what they must seem to give, for the graph to be walked."""
    if not any(task.mock == STUB.word for task in tasks):
        return tasks
    wanted = stand_ins(built.workflow, built.constants, built.parameters)
    return [
        msgspec.structs.replace(task, settings={"outputs": wanted[number]})
        if task.mock == STUB.word and number in wanted
        else task
        for number, task in enumerate(tasks)
    ]
