"""From steps to DAG templates: who waits for whom, in Argo's words.

Conditions are always spelled in full, since a bare name means something else than it seems to; and
every DAG names its targets, since otherwise its leaves alone would decide how it went.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from fairlead.model.outline import ANY, AnyStep, ChoiceStep, GroupStep, LoopStep, MapStep, Outline, TaskStep
from fairlead.orchestrators.argo.containers import Containers
from fairlead.orchestrators.argo.names import Names
from fairlead.orchestrators.argo.splitting import parts

__all__ = ["ENTRY", "RESERVED", "Lowering"]

ENTRY = "main"
RESERVED = (ENTRY, "open", "close", "plan", "choose", "again", "join", "exec")
"""Names of templates that no body gets."""


class Placed(NamedTuple):
    """What a step has become in its DAG."""

    tasks: list[dict[str, Any]]
    ok: str
    """Holds once it has succeeded."""
    over: str
    """Holds once it has come to its end, or never will begin."""
    targets: list[str]
    """Tasks whose failure is the DAG's."""


class Lowering:
    """Makes the DAG templates of one outline."""

    def __init__(self, outline: Outline, containers: Containers) -> None:
        self._outline = outline
        self._containers = containers
        self._names = Names(RESERVED)
        self.templates: list[dict[str, Any]] = []
        self._dag(ENTRY, outline.steps, 0, first="open")

    # --- scopes -----------------------------------------------------------------------------------

    def _dag(
        self, name: str, steps: Sequence[AnyStep], depth: int, *, first: str = "", fails_fast: bool = False
    ) -> None:
        """Make the template of a scope; `first`: a template that comes before everything in it."""
        place = len(self.templates)
        tasks: list[dict[str, Any]] = []
        targets: list[str] = []
        names = Names([first] if first else ())
        before = ""
        if first:
            tasks.append({"name": first, "template": first})
            targets.append(first)
            before = f"{first}.Succeeded"
        split = parts(steps)
        if len(split) > 1:
            self._in_parts(name, split, depth, before, names, tasks, targets)
        else:
            self._in_one(steps, depth, before, names, tasks, targets)
        template = {
            "name": name,
            **_indexed(depth),
            "dag": {"failFast": fails_fast, "target": " ".join(targets), "tasks": tasks},
        }
        self.templates.insert(place, template)

    def _in_one(
        self,
        steps: Sequence[AnyStep],
        depth: int,
        before: str,
        names: Names,
        tasks: list[dict[str, Any]],
        targets: list[str],
    ) -> None:
        known: dict[str, Placed] = {}
        for step in steps:
            # What is not in here is in an earlier part, which is over when this one begins.
            needs = [known[need.step].ok for need in step.needs if need.step in known]
            placed = known[step.name] = self._step(step, depth, _all(needs) or before, names)
            tasks += placed.tasks
            targets += placed.targets

    def _in_parts(
        self,
        name: str,
        split: Sequence[Sequence[AnyStep]],
        depth: int,
        before: str,
        names: Names,
        tasks: list[dict[str, Any]],
        targets: list[str],
    ) -> None:
        """Make a DAG of DAGs, since one may not hold them all.

        A part waits until those it takes something from are over; whether what a task needs is there is
        seen by its own process, since a part that failed may have given it all the same.
        """
        part_of: dict[str, int] = {}
        called: list[str] = []
        for number, steps in enumerate(split):
            waits = sorted({part_of[need.step] for step in steps for need in step.needs if need.step in part_of})
            part_of.update((step.name, number) for step in steps)
            body = self._names.give(f"{name} part {number + 1}")
            self._dag(body, steps, depth)
            called.append(names.give(f"part {number + 1}"))
            depends = _all([_over(called[one]) for one in waits]) or before
            tasks.append(_task(called[-1], body, depends, _passed(depth)))
            targets.append(called[-1])

    # --- steps ------------------------------------------------------------------------------------

    def _step(self, step: AnyStep, depth: int, depends: str, names: Names) -> Placed:
        if isinstance(step, TaskStep):
            name = names.give(step.name)
            template = self._containers.task(self._outline.class_of[step.task])
            return _single(_task(name, template, depends, [_path(step.path, depth)]))
        if isinstance(step, MapStep):
            return self._map(step, depth, depends, names)
        if isinstance(step, ChoiceStep):
            return self._choice(step, depth, depends, names)
        if isinstance(step, LoopStep):
            return self._loop(step, depth, depends, names)
        return self._group(step, depth, depends, names)

    def _map(self, step: MapStep, depth: int, depends: str, names: Names) -> Placed:
        plan, name = names.give(step.name, "-plan"), names.give(step.name)
        asked = _task(plan, self._containers.control("plan", step.chunk), depends, [_path(step.path, depth)])
        count = f"{{{{tasks.{plan}.outputs.parameters.count}}}}"
        limited = step.max_parallel is not None
        items = self._items(step, depth)
        if limited:
            items = self._limited(step, depth, items)
            fanned = _task(name, items[0], f"{plan}.Succeeded", [*_passed(depth), _given("count", count)])
        else:
            fanned = {**_task(name, items[0], f"{plan}.Succeeded", items[1]), "withSequence": {"count": count}}
        ok = f"{plan}.Succeeded && ({name}.Succeeded || {name}.Skipped)"
        if step.min_success is None:
            return Placed([asked, fanned], ok, _over(name), [plan, name])
        join = names.give(step.name, "-join")
        joined = _task(
            join, self._containers.control("join"), f"{plan}.Succeeded && {_over(name)}", [_path(step.path, depth)]
        )
        return Placed([asked, fanned, joined], f"{join}.Succeeded", _over(join), [plan, join])

    def _items(self, step: MapStep, depth: int) -> tuple[str, list[dict[str, str]]]:
        """Give the template of one copy, and what it is called with."""
        only = step.body[0]
        if len(step.body) == 1 and isinstance(only, TaskStep):
            chunk = step.chunk if only.path == step.path + ANY else 1
            template = self._containers.task(self._outline.class_of[only.task], chunk)
            return template, [_path(only.path, depth, "{{item}}")]
        body = self._names.give(f"{step.path} item")
        self._dag(body, step.body, depth + 1)
        return body, [*_passed(depth), _given(f"i{depth}", "{{item}}")]

    def _limited(
        self, step: MapStep, depth: int, items: tuple[str, list[dict[str, str]]]
    ) -> tuple[str, list[dict[str, str]]]:
        """Put the copies into a template of their own, which says how many of them may run at once."""
        name = self._names.give(f"{step.path} items")
        inputs = [*(one["name"] for one in _passed(depth)), "count"]
        fanned = {**_task("items", items[0], "", items[1]), "withSequence": {"count": "{{inputs.parameters.count}}"}}
        self.templates.append(
            {
                "name": name,
                "inputs": {"parameters": [{"name": one} for one in inputs]},
                "parallelism": step.max_parallel,
                "dag": {"failFast": False, "target": "items", "tasks": [fanned]},
            }
        )
        return name, []

    def _choice(self, step: ChoiceStep, depth: int, depends: str, names: Names) -> Placed:
        asks = names.give(step.name, "-choose")
        tasks = [_task(asks, self._containers.control("choose"), depends, [_path(step.path, depth)])]
        called = []
        for branch in step.branches:
            if not branch.body:
                continue
            name = names.give(f"{step.name} {branch.token}")
            template, given = self._body(f"{step.path}.{branch.label}", branch.body, depth)
            chosen = f"'{{{{tasks.{asks}.outputs.parameters.branch}}}}' == '{branch.token}'"
            tasks.append({**_task(name, template, f"{asks}.Succeeded", given), "when": chosen})
            called.append(name)
        ok = [f"{asks}.Succeeded", *(f"({name}.Succeeded || {name}.Skipped)" for name in called)]
        return Placed(tasks, " && ".join(ok), _all([_over(name) for name in called or [asks]]), [asks, *called])

    def _group(self, step: GroupStep, depth: int, depends: str, names: Names) -> Placed:
        name = names.give(step.name)
        template, given = self._body(step.path, step.body, depth, fails_fast=step.stops)
        if step.handler is None:
            return _single(_task(name, template, depends, given))
        outer = self._names.give(f"{step.path} or handler")
        handler, handed = self._body(f"{step.path} handler", step.handler, depth)
        tasks = [
            _task("body", template, "", given),
            _task("handler", handler, "body.Failed || body.Errored", handed),
        ]
        # The handler alone is the target: left out it is as good as the body was, and its own failure counts.
        self.templates.append(
            {"name": outer, **_indexed(depth), "dag": {"failFast": False, "target": "handler", "tasks": tasks}}
        )
        return _single(_task(name, outer, depends, _passed(depth)))

    def _body(
        self, name: str, steps: Sequence[AnyStep], depth: int, *, fails_fast: bool = False
    ) -> tuple[str, list[dict[str, str]]]:
        """Give the template of a body that is there once, and what it is called with."""
        only = steps[0]
        if len(steps) == 1 and isinstance(only, TaskStep):
            return self._containers.task(self._outline.class_of[only.task]), [_path(only.path, depth)]
        body = self._names.give(name)
        self._dag(body, steps, depth, fails_fast=fails_fast)
        return body, _passed(depth)

    def _loop(self, step: LoopStep, depth: int, depends: str, names: Names) -> Placed:
        """Make a template that calls itself; the number of the time round is one more index."""
        name, itself = names.give(step.name), self._names.give(f"{step.path} round")
        here = f"i{depth}"
        template, given = self._body(f"{step.path} body", step.body, depth + 1)
        again = _task("again", self._containers.control("again"), "", [_path(step.path + ANY, depth + 1)])
        onward = [*_passed(depth), _given(here, "{{steps.again.outputs.parameters.next}}")]
        following = _task("next", itself, "", onward)
        following["when"] = "'{{steps.again.outputs.parameters.again}}' == 'true'"
        rounds = [[_task("body", template, "", given)], [again], [following]]
        self.templates.append({"name": itself, **_indexed(depth + 1), "steps": rounds})
        return _single(_task(name, itself, depends, [*_passed(depth), _given(here, "0")]))


def _single(task: dict[str, Any]) -> Placed:
    name = task["name"]
    return Placed([task], f"{name}.Succeeded", _over(name), [name])


def _task(name: str, template: str, depends: str, parameters: list[dict[str, str]]) -> dict[str, Any]:
    task: dict[str, Any] = {"name": name, "template": template}
    if depends:
        task["depends"] = depends
    if parameters:
        task["arguments"] = {"parameters": parameters}
    return task


def _given(name: str, value: str) -> dict[str, str]:
    return {"name": name, "value": value}


def _indexed(depth: int) -> dict[str, Any]:
    """Give the inputs of a template inside so many maps: the number of each item."""
    return {"inputs": {"parameters": [{"name": f"i{number}"} for number in range(depth)]}} if depth else {}


def _passed(depth: int) -> list[dict[str, str]]:
    """Pass the numbers on to a template that stands as deep."""
    return [_given(f"i{number}", f"{{{{inputs.parameters.i{number}}}}}") for number in range(depth)]


def _path(pattern: str, depth: int, item: str = "") -> dict[str, str]:
    """Give the path of a task run, each number in the place where it belongs."""
    first, *others = pattern.split(ANY)
    numbers = [f"{{{{inputs.parameters.i{number}}}}}" for number in range(depth)] + ([item] if item else [])
    return _given("path", first + "".join(f"[{number}]{text}" for number, text in zip(numbers, others, strict=True)))


def _over(name: str) -> str:
    return "(" + " || ".join(f"{name}.{end}" for end in ("Succeeded", "Failed", "Errored", "Skipped", "Omitted")) + ")"


def _all(conditions: Sequence[str]) -> str:
    """Join conditions, each of which holds together by itself."""
    return " && ".join(conditions)
