"""Argo on this machine: a manifest is interpreted as Argo's controller would, and nothing else is looked at.

Knows DAGs, steps, conditions, loops, inputs and outputs, retries and exit handlers, by the rules of
docs/argo.md. Knows nothing of Fairlead's graphs: what it runs are commands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from fairlead.errors import DefinitionError
from fairlead.orchestration import Rehearsed
from fairlead.orchestrators.argo.depends import Term, holds, parse, terms
from fairlead.orchestrators.argo.rehearsal_pods import Node, Phase, Pods
from fairlead.orchestrators.argo.rehearsal_words import Wrong, fill_in, sequence, when_holds

__all__ = ["interpret", "rehearse"]

_DEEPEST = 100
"""Templates inside of templates, at which Argo gives up."""


def rehearse(files: Mapping[str, str], *, run: str, folder: Path, at_once: int) -> Rehearsed:
    """Interpret the one manifest among some files."""
    import yaml

    manifests = [yaml.safe_load(text) for name, text in files.items() if name.endswith(".yaml")]
    if len(manifests) != 1:
        raise DefinitionError(f"a rehearsal is of one manifest, and there are {len(manifests)}")
    return asyncio.run(interpret(manifests[0], run=run, folder=folder, at_once=at_once))


async def interpret(manifest: Mapping[str, Any], *, run: str, folder: Path, at_once: int) -> Rehearsed:
    """Interpret a manifest as a workflow that is called `run`."""
    spec = manifest["spec"]
    pods = Pods(folder, min(at_once, spec.get("parallelism", at_once)))
    known = {"workflow.name": run, "workflow.uid": f"rehearsal-of-{run}", "workflow.namespace": "rehearsal"}
    for one in (spec.get("arguments") or {}).get("parameters") or []:
        known[f"workflow.parameters.{one['name']}"] = str(one["value"])
    controller = _Controller({one["name"]: one for one in spec["templates"]}, pods, known)
    node = await controller.template(run, spec["entrypoint"], {}, 0)
    phase = node.phase
    if "onExit" in spec:
        known["workflow.status"] = phase
        end = await controller.template(f"{run}.onExit", spec["onExit"], {}, 0)
        # What fails at the end fails the whole, whatever was before.
        phase = end.phase if end.bad and not node.bad else phase
    return Rehearsed(run, phase, phase == "Succeeded", pods.started, controller.messages | pods.said)


class _Dag(msgspec.Struct):
    """A DAG on its way."""

    name: str
    tasks: dict[str, Mapping[str, Any]]
    targets: list[str]
    fails_fast: bool
    known: Mapping[str, str]
    depth: int
    room: asyncio.Semaphore | None
    """How many of its tasks may be under way at once; None: any number."""
    nodes: dict[str, asyncio.Task[Node | None]] = {}
    failed: bool = False
    """A target has failed, and nothing more is to begin."""


class _Controller:
    """Runs templates."""

    def __init__(self, templates: Mapping[str, Mapping[str, Any]], pods: Pods, known: dict[str, str]) -> None:
        self._templates = templates
        self._pods = pods
        self._known = known
        self.messages: dict[str, str] = {}
        """Why nodes are in error, by name."""

    async def template(self, name: str, template: str, arguments: Mapping[str, str], depth: int) -> Node:
        """Run a template, in a task of its own: recursion is to cost no stack."""
        return await asyncio.create_task(self._template(name, template, arguments, depth))

    async def _template(self, name: str, called: str, arguments: Mapping[str, str], depth: int) -> Node:
        try:
            if depth > _DEEPEST:
                raise Wrong(f"templates are called inside of each other more than {_DEEPEST} deep")
            template = self._templates[called]
            known = {**self._known, **_inputs(template, arguments)}
            if "dag" in template:
                return await self._dag(name, template, known, depth)
            if "steps" in template:
                return await self._steps(name, template, known, depth)
            return await self._pods.run(name, template, known)
        except Wrong as error:
            return self._wrong(name, error)

    def _wrong(self, name: str, error: Wrong) -> Node:
        self.messages[name] = str(error)
        return Node("Error", message=str(error))

    # --- dags -------------------------------------------------------------------------------------

    async def _dag(self, name: str, template: Mapping[str, Any], known: Mapping[str, str], depth: int) -> Node:
        section = template["dag"]
        tasks = {one["name"]: one for one in section["tasks"]}
        waited = {one.task for task in tasks.values() for one in _waits_for(task)}
        targets = str(section.get("target", "")).split() or [one for one in tasks if one not in waited]
        room = asyncio.Semaphore(template["parallelism"]) if "parallelism" in template else None
        dag = _Dag(name, tasks, targets, bool(section.get("failFast", True)), known, depth, room, {})
        for target in targets:
            self._begin(dag, target)
        nodes = {task: await running for task, running in dag.nodes.items()}
        phase = _assessed(dag, nodes)
        outputs = _passed_on(template, _seen("tasks", nodes)) if phase == "Succeeded" else {}
        return Node(phase, outputs)

    def _begin(self, dag: _Dag, task: str) -> asyncio.Task[Node | None]:
        """Have a task run once all that it waits for has ended; tasks that no target waits for never do."""
        if task not in dag.nodes:
            before = {one.task: self._begin(dag, one.task) for one in _waits_for(dag.tasks[task])}
            dag.nodes[task] = asyncio.create_task(self._task(dag, task, before))
        return dag.nodes[task]

    async def _task(self, dag: _Dag, task: str, before: Mapping[str, asyncio.Task[Node | None]]) -> Node | None:
        """Run a task of a DAG; None: it never began."""
        ended = {name: await one for name, one in before.items()}
        if dag.fails_fast and dag.failed:
            return None
        depends = dag.tasks[task].get("depends")
        if depends and not holds(parse(depends), lambda term: _is(term, ended[term.task])):
            return Node("Omitted", self._defaults(dag.tasks[task]))
        seen = {**dag.known, **_seen("tasks", await _all_known(dag, task))}
        node = await self._call(f"{dag.name}.{task}", dag.tasks[task], seen, dag.depth, dag.room)
        if node.bad and task in dag.targets:
            dag.failed = True
        return node

    def _defaults(self, call: Mapping[str, Any]) -> dict[str, str]:
        """Give the outputs of what was left out: those that have a default."""
        outputs = (self._templates[call["template"]].get("outputs") or {}).get("parameters") or []
        return {one["name"]: str(one["valueFrom"]["default"]) for one in outputs if "default" in one["valueFrom"]}

    # --- steps ------------------------------------------------------------------------------------

    async def _steps(self, name: str, template: Mapping[str, Any], known: Mapping[str, str], depth: int) -> Node:
        nodes: dict[str, Node | None] = {}
        for number, group in enumerate(template["steps"]):
            seen = {**known, **_seen("steps", nodes)}
            calls = [self._call(f"{name}[{number}].{one['name']}", one, seen, depth, None) for one in group]
            ended = await asyncio.gather(*calls)
            nodes.update(zip((one["name"] for one in group), ended, strict=True))
            bad = next((node for node in ended if node.bad), None)
            if bad is not None:
                return Node(bad.phase)
        return Node("Succeeded", _passed_on(template, _seen("steps", nodes)))

    # --- what both call ---------------------------------------------------------------------------

    async def _call(
        self, name: str, call: Mapping[str, Any], known: Mapping[str, str], depth: int, room: asyncio.Semaphore | None
    ) -> Node:
        try:
            items = _items(call, known)
            if items is None:
                return await self._one(name, call, known, depth, room)
        except Wrong as error:
            return self._wrong(name, error)
        if not items:
            return Node("Skipped")
        calls = [
            self._one(f"{name}({number}:{item})", call, {**known, "item": item}, depth, room)
            for number, item in enumerate(items)
        ]
        phases = tuple(node.phase for node in await asyncio.gather(*calls))
        bad = [phase for phase in phases if phase in ("Failed", "Error")]
        return Node(bad[-1] if bad else "Succeeded", items=phases)

    async def _one(
        self, name: str, call: Mapping[str, Any], known: Mapping[str, str], depth: int, room: asyncio.Semaphore | None
    ) -> Node:
        try:
            if not when_holds(fill_in(str(call.get("when", "")), known)):
                return Node("Skipped", self._defaults(call))
            arguments = _arguments(call, known)
        except Wrong as error:
            return self._wrong(name, error)
        if room is None:
            return await self.template(name, call["template"], arguments, depth + 1)
        async with room:
            return await self.template(name, call["template"], arguments, depth + 1)


# --- rules ----------------------------------------------------------------------------------------


def _waits_for(task: Mapping[str, Any]) -> list[Term]:
    return terms(parse(task["depends"])) if task.get("depends") else []


def _is(term: Term, node: Node | None) -> bool:
    """Whether a task has come to an end; `Errored` is what others call Error."""
    if node is None:
        return False
    if term.result == "":
        return node.phase in ("Succeeded", "Skipped")
    if term.result == "AnySucceeded":
        return "Succeeded" in node.items
    if term.result == "AllFailed":
        return bool(node.items) and set(node.items) == {"Failed"}
    return node.phase == ("Error" if term.result == "Errored" else term.result)


async def _all_known(dag: _Dag, task: str) -> dict[str, Node | None]:
    """Give every task that comes before one, directly or not: all of them have ended."""
    found: dict[str, Node | None] = {}
    waiting = [one.task for one in _waits_for(dag.tasks[task])]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = await dag.nodes[name]
            waiting += [one.task for one in _waits_for(dag.tasks[name])]
    return found


def _assessed(dag: _Dag, nodes: Mapping[str, Node | None]) -> Phase:
    """Say how a DAG went: its targets alone count, and one that never ran went as what was before it."""
    branch: dict[str, Phase] = {}

    def of(task: str) -> Phase:
        if task not in branch:
            node = nodes[task]
            if node is not None and (node.bad or node.phase == "Succeeded"):
                branch[task] = node.phase
            else:
                before = [of(one.task) for one in _waits_for(dag.tasks[task])]
                branch[task] = next((phase for phase in before if phase in ("Failed", "Error")), "Succeeded")
        return branch[task]

    ended = [of(task) for task in dag.targets]
    return next((phase for phase in ended if phase in ("Failed", "Error")), "Succeeded")


def _inputs(template: Mapping[str, Any], arguments: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for one in (template.get("inputs") or {}).get("parameters") or []:
        name = one["name"]
        value = arguments.get(name, one.get("value", one.get("default")))
        if value is None:
            raise Wrong(f"the template {template['name']!r} is not given {name!r}")
        found[f"inputs.parameters.{name}"] = str(value)
    return found


def _arguments(call: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, str]:
    filled = fill_in((call.get("arguments") or {}).get("parameters") or [], known)
    for one in filled:
        if "{{" in one["value"]:
            raise Wrong(f"the argument {one['name']!r} names something that is not there: {one['value']!r}")
    return {one["name"]: one["value"] for one in filled}


def _items(call: Mapping[str, Any], known: Mapping[str, str]) -> list[str] | None:
    """Give what a call is made for; None: it is made once."""
    if "withItems" in call:
        return [str(item) for item in fill_in(call["withItems"], known)]
    if "withSequence" in call:
        return sequence(fill_in(call["withSequence"], known))
    if "withParam" in call:
        try:
            listed = msgspec.json.decode(fill_in(call["withParam"], known).encode(), type=list[Any])
        except msgspec.MsgspecError as error:
            raise Wrong(f"withParam is no list: {error}") from error
        return [item if isinstance(item, str) else msgspec.json.encode(item).decode() for item in listed]
    return None


def _seen(kind: str, nodes: Mapping[str, Node | None]) -> dict[str, str]:
    """Give what can be named of nodes that have ended."""
    found: dict[str, str] = {}
    for name, node in nodes.items():
        if node is not None:
            found[f"{kind}.{name}.status"] = node.phase
            found.update((f"{kind}.{name}.outputs.parameters.{key}", value) for key, value in node.outputs.items())
    return found


def _passed_on(template: Mapping[str, Any], seen: Mapping[str, str]) -> dict[str, str]:
    """Give the outputs of a template that calls others."""
    found = {}
    for one in (template.get("outputs") or {}).get("parameters") or []:
        source = one["valueFrom"]
        value = fill_in(source["parameter"], seen)
        if "{{" in value:
            if "default" not in source:
                raise Wrong(f"the output {one['name']!r} is not there, and has no default")
            value = source["default"]
        found[one["name"]] = value
    return found
