"""What differs from one run to another: what they were given, what carried them, what they ran, what came out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import msgspec

from fairlead.config.services import Services
from fairlead.engine.lineage import diff as code_diff
from fairlead.engine.reuse import Keys
from fairlead.errors import FairleadError
from fairlead.model.events import Attempt
from fairlead.model.fold import replayed
from fairlead.model.path import group_of
from fairlead.model.run import Run, TaskCode
from fairlead.model.scope import Live
from fairlead.model.task import CATALOG, TaskDefinition
from fairlead.model.values import Value
from fairlead.model.words import number, short
from fairlead.ports import Values

if TYPE_CHECKING:
    from fairlead.api.runs import WorkflowRun

__all__ = ["About", "Difference", "differences_of"]

About: TypeAlias = Literal[
    "workflow", "parameter", "environment", "package", "code", "option", "input", "output", "status"
]
"""What a difference is one of, in the order in which they are told."""

_NOT_OPTIONS = frozenset({"place", "doc", "name"})


class Difference(NamedTuple):
    """One thing that differs."""

    about: About
    name: str
    """Of the parameter, setting, distribution, task or task run."""
    text: str
    """What differs, in words: `0.1 -> 0.2`."""

    def __str__(self) -> str:
        return f"{self.about} {self.name!r}: {self.text}" if self.name else f"{self.about}: {self.text}"


class _Side:
    """One of the two runs, with what is known of its task runs."""

    def __init__(self, run: WorkflowRun) -> None:
        services: Services = run._services
        self.run = run
        self.record: Run = run.record
        self.values: Values = services.values()
        self.state, self.found = replayed(run.record, services.store.attempts(run.id))
        self.keys = Keys(run.record, self.values)
        self.codes: dict[str, TaskCode] = {
            task.name: code for task, code in zip(self.record.workflow.tasks, self.record.code.tasks, strict=False)
        }
        self.tasks: dict[str, TaskDefinition] = {task.name: task for task in self.record.workflow.tasks}

    def inputs(self, live: Live) -> dict[str, Value]:
        given: dict[str, Value] = self.state.args(live)
        return {name: value for name, value in given.items() if name != CATALOG}


def differences_of(one: WorkflowRun, other: WorkflowRun) -> list[Difference]:
    """List what differs from `one` to `other`, which may be in different stores."""
    old, new = _Side(one), _Side(other)
    found = list(_changes("workflow", {"": old.record.workflow.name}, {"": new.record.workflow.name}))
    found += _parameters(old, new)
    found += _changes("environment", _settings(old.record), _settings(new.record))
    found += _changes("package", _packages(old), _packages(new))
    found += _code(old, new)
    found += _options(old, new)
    found += _task_runs(old, new)
    found += _changes("status", {"": one.get_status()}, {"": other.get_status()})
    return found


def _changes(about: About, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    """Compare two mappings of names to what can be shown."""
    for name in {**before, **after}:
        if name not in before:
            yield Difference(about, name, f"only in the second: {after[name]}")
        elif name not in after:
            yield Difference(about, name, f"only in the first: {before[name]}")
        elif before[name] != after[name]:
            yield Difference(about, name, f"{before[name]} -> {after[name]}")


def _parameters(old: _Side, new: _Side) -> Iterator[Difference]:
    before, after = old.record.parameters, new.record.parameters
    same = {name for name in before.keys() & after.keys() if _equal(old, before[name], new, after[name])}
    yield from _changes(
        "parameter",
        {name: short(value) for name, value in before.items() if name not in same},
        {name: short(value) for name, value in after.items() if name not in same},
    )
    for name in before.keys() & after.keys() - same:
        if short(before[name]) == short(after[name]):
            yield Difference("parameter", name, f"{short(before[name])}, with another content")


def _equal(old: _Side, before: Value, new: _Side, after: Value) -> bool | None:
    """Whether two values are the same; None where that cannot be known, because the bytes of one are gone."""
    if before == after:
        return True
    try:
        return old.values.digest(before) == new.values.digest(after)
    except FairleadError:
        return None


def _settings(run: Run) -> dict[str, str]:
    from fairlead.config.shown import hidden

    def leaves(value: Any, key: str) -> Iterator[tuple[str, str]]:
        if isinstance(value, (dict, list)) and value:
            items: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, dict) else enumerate(value)
            for name, inner in items:
                yield from leaves(inner, f"{key}.{name}" if key else str(name))
        else:
            yield key, str(hidden(key.rpartition(".")[2], value))

    return dict(leaves(run.environment, ""))


def _packages(side: _Side) -> dict[str, str]:
    found = {name: version for code in side.codes.values() for name, version in code.packages.items()}
    told = {"Python": side.record.code.python, "fairlead": side.record.fairlead, **found}
    made = side.record.code.requirements
    if made is not None:
        python = made.python if made.python.startswith(side.record.code.python) else side.record.code.python
        told |= {"Python": python, **{name: f"content {digest}" for name, digest in made.locks.items()}}
    return {name: version for name, version in told.items() if version}


def _code(old: _Side, new: _Side) -> Iterator[Difference]:
    for name in {**old.codes, **new.codes}:
        if name not in old.codes or name not in new.codes:
            yield Difference("code", name, f"only in the {'second' if name in new.codes else 'first'}")
            continue
        bare = [msgspec.structs.replace(side.codes[name], packages={}) for side in (old, new)]
        said = code_diff(*bare)
        if not said and old.codes[name].digest != new.codes[name].digest and bare[0].packages == bare[1].packages:
            said = [] if old.codes[name].packages != new.codes[name].packages else ["changed"]
        for text in said:
            yield Difference("code", name, text)


def _options(old: _Side, new: _Side) -> Iterator[Difference]:
    for name in [name for name in old.tasks if name in new.tasks]:
        sides = [msgspec.to_builtins(side.tasks[name]) for side in (old, new)]
        before, after = ({key: one[key] for key in one if key not in _NOT_OPTIONS} for one in sides)
        for one in _changes("option", before, after):
            yield Difference("option", name, f"{one.name}: {one.text}")


def _task_runs(old: _Side, new: _Side) -> Iterator[Difference]:
    """Compare task runs of the same path; the same difference of many of one task is told once."""
    before = {live.path: (live, record) for live, record in old.found}
    told: dict[tuple[About, str, str], list[tuple[str, str]]] = {}
    seen = set()
    for live, record in new.found:
        seen.add(live.path)
        if live.path not in before:
            told.setdefault(("status", group_of(live.path), "runs"), []).append((live.path, "only in the second"))
            continue
        for about, name, text in _of_task_run(old, *before[live.path], new, live, record):
            told.setdefault((about, group_of(live.path), name), []).append((live.path, text))
    for path in before.keys() - seen:
        told.setdefault(("status", group_of(path), "gone"), []).append((path, "only in the first"))
    order: list[About] = ["input", "output", "status"]
    for (about, _, name), cases in sorted(told.items(), key=lambda item: order.index(item[0][0])):
        path, text = cases[0]
        more = f" (and {number(len(cases) - 1)} more)" if len(cases) > 1 else ""
        yield Difference(about, path if about == "status" else f"{path}.{name}", f"{text}{more}")


def _of_task_run(
    old: _Side, was: Live, before: Attempt | None, new: _Side, live: Live, after: Attempt | None
) -> Iterator[tuple[About, str, str]]:
    first, second = old.inputs(was), new.inputs(live)
    for name in first.keys() | second.keys():
        if name not in first or name not in second:
            yield "input", name, f"only in the {'second' if name in second else 'first'}"
        elif not _equal(old, first[name], new, second[name]):
            yield "input", name, _values(first[name], second[name])
    outcomes = [_outcome(before), _outcome(after)]
    if outcomes[0] != outcomes[1]:
        yield "status", "", f"{outcomes[0]} -> {outcomes[1]}"
    if before is None or after is None or not before.outputs or not after.outputs:
        return
    names = new.record.workflow.tasks[live.task].outputs
    for name, one, other in zip(names, before.outputs, after.outputs, strict=False):
        same = _equal(old, one, new, other)
        if same is None:
            yield "output", name, "cannot be compared: the bytes are gone"
        elif not same:
            yield "output", name, _values(one, other)


def _outcome(attempt: Attempt | None) -> str:
    if attempt is None:
        return "not run"
    return "succeeded" if attempt.outcome == "reused" else attempt.outcome or "not ended"


def _values(one: Value, other: Value) -> str:
    before, after = short(one), short(other)
    return f"{before} -> {after}" if before != after else f"{before}, with another content"
