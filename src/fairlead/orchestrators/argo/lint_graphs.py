"""Rules for templates that call others: DAGs and steps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from fairlead.orchestrators.argo.depends import RESULTS, Term, Unreadable, parse, terms
from fairlead.orchestrators.argo.lint_words import NAME, Problems, Scope, check_references
from fairlead.orchestrators.argo.names import WORDS

__all__ = ["check_dag", "check_steps"]

_TASKS = 200
_LOOPS = ("withItems", "withParam", "withSequence")
_OF_LOOPS = ("AnySucceeded", "AllFailed")
_OWN_SOURCES = ("parameter", "expression")

Templates = Mapping[str, Mapping[str, Any]]


def check_dag(template: Mapping[str, Any], templates: Templates, scope: Scope, place: str, problems: Problems) -> None:
    """Check a DAG template."""
    dag = template["dag"]
    tasks: Sequence[Mapping[str, Any]] = dag.get("tasks") or []
    by_name = {str(task.get("name", "")): task for task in tasks}
    if not 1 <= len(tasks) <= _TASKS:
        problems.add(f"{place}.dag.tasks", f"there are {len(tasks)}; Argo takes 1 to {_TASKS}")
    if len(by_name) < len(tasks):
        problems.add(f"{place}.dag.tasks", "two of them have one name")
    before = {name: _waits_for(task, by_name, f"{place}.dag.tasks[{name}]", problems) for name, task in by_name.items()}
    ancestors = _ancestors(before, f"{place}.dag.tasks", problems)
    for name, task in by_name.items():
        where = f"{place}.dag.tasks[{name}]"
        known = {one: _outputs(by_name[one], templates) for one in ancestors[name]}
        _check_call(task, templates, msgspec.structs.replace(scope, before=known, siblings="tasks"), where, problems)
    for target in str(dag.get("target", "")).split():
        if target not in by_name:
            problems.add(f"{place}.dag.target", f"{target!r} is no task of it")
    everything = {name: _outputs(task, templates) for name, task in by_name.items()}
    _check_own_outputs(template, msgspec.structs.replace(scope, before=everything, siblings="tasks"), place, problems)


def check_steps(
    template: Mapping[str, Any], templates: Templates, scope: Scope, place: str, problems: Problems
) -> None:
    """Check a steps template."""
    known: dict[str, frozenset[str]] = {}
    if not template["steps"]:
        problems.add(f"{place}.steps", "there are none")
    for group in template["steps"]:
        inside = msgspec.structs.replace(scope, before=dict(known), siblings="steps")
        for step in group:
            name = str(step.get("name", ""))
            if name in known or sum(one.get("name") == name for one in group) > 1:
                problems.add(f"{place}.steps[{name}]", "two of them have one name")
            _check_call(step, templates, inside, f"{place}.steps[{name}]", problems)
        known.update((str(step.get("name", "")), _outputs(step, templates)) for step in group)
    _check_own_outputs(template, msgspec.structs.replace(scope, before=known, siblings="steps"), place, problems)


def _outputs(call: Mapping[str, Any], templates: Templates) -> frozenset[str]:
    called = templates.get(str(call.get("template")), {})
    return frozenset(one["name"] for one in (called.get("outputs") or {}).get("parameters") or ())


def _waits_for(task: Mapping[str, Any], by_name: Templates, place: str, problems: Problems) -> set[str]:
    """Check what a task waits for; gives the names of these tasks."""
    depends, listed = task.get("depends"), task.get("dependencies")
    if depends and listed:
        problems.add(place, "has both 'depends' and 'dependencies'")
    if depends and task.get("continueOn"):
        problems.add(place, "has both 'depends' and 'continueOn'")
    found = [Term(name, "") for name in listed or ()]
    if depends:
        try:
            found += terms(parse(str(depends)))
        except Unreadable as error:
            problems.add(f"{place}.depends", str(error))
    for name, result in found:
        if name not in by_name:
            problems.add(f"{place}.depends", f"{name!r} is no task of it")
        elif depends and name[:1].isdigit():
            problems.add(f"{place}.depends", f"{name!r} begins with a digit, and cannot be named here")
        elif depends and name in WORDS:
            problems.add(
                f"{place}.depends", f"{name!r} is a word of the language of conditions, and cannot be named here"
            )
        elif result in _OF_LOOPS and not any(loop in by_name[name] for loop in _LOOPS):
            problems.add(f"{place}.depends", f"'{name}.{result}' is known of loops only")
        elif depends and not result:
            problems.add(f"{place}.depends", f"{name!r} alone counts when it was skipped; say which end is meant")
        elif depends and result not in RESULTS:
            problems.add(f"{place}.depends", f"'{name}.{result}' is none of {', '.join(RESULTS)}")
    return {name for name, _ in found if name in by_name}


def _ancestors(before: Mapping[str, set[str]], place: str, problems: Problems) -> dict[str, set[str]]:
    """Give all that comes before each task; a cycle is a problem, told once."""
    found: dict[str, set[str]] = {}
    waiting = dict(before)
    while waiting:
        free = [name for name, names in waiting.items() if names <= found.keys()]
        if not free:
            problems.add(place, f"{', '.join(sorted(waiting))} wait for each other")
            return {**found, **{name: set(before) for name in waiting}}
        for name in free:
            found[name] = waiting.pop(name).union(*(found[one] for one in before[name]))
    return found


def _check_call(call: Mapping[str, Any], templates: Templates, scope: Scope, place: str, problems: Problems) -> None:
    """Check a task or step by itself."""
    name = str(call.get("name", ""))
    if not NAME.fullmatch(name) or len(name) > 128:
        problems.add(place, f"{name!r} is no name: up to 128 letters, digits and hyphens, not beginning with a hyphen")
    loops = [loop for loop in _LOOPS if loop in call]
    if len(loops) > 1:
        problems.add(place, f"goes through {' and '.join(loops)}; one of them is all that it may have")
    sequence = call.get("withSequence") or {}
    if "withSequence" in call and ("count" in sequence) == ("end" in sequence):
        problems.add(f"{place}.withSequence", "must say either 'count' or 'end'")
    for hook, what in (call.get("hooks") or {}).items():
        if hook != "exit" and not what.get("expression"):
            problems.add(f"{place}.hooks.{hook}", "needs an expression; only 'exit' does without")
    _check_arguments(call, templates, place, problems)
    _check_when(call, place, problems)
    looped = msgspec.structs.replace(scope, looped=bool(loops))
    loose = {key: call[key] for key in _LOOPS if key in call}
    check_references(loose, scope, place, problems)
    check_references({key: call[key] for key in ("arguments", "when") if key in call}, looped, place, problems)


def _check_arguments(call: Mapping[str, Any], templates: Templates, place: str, problems: Problems) -> None:
    if "templateRef" in call or "inline" in call:
        return
    name = str(call.get("template"))
    if name not in templates:
        problems.add(f"{place}.template", f"there is no template {name!r}")
        return
    given = [one.get("name") for one in (call.get("arguments") or {}).get("parameters") or ()]
    wanted = (templates[name].get("inputs") or {}).get("parameters") or ()
    missing = [
        one["name"] for one in wanted if one["name"] not in given and "value" not in one and "default" not in one
    ]
    if missing:
        problems.add(f"{place}.arguments", f"the template {name!r} needs {_listed(missing)}")
    if len(set(given)) < len(given):
        problems.add(f"{place}.arguments", "two of them have one name")


def _check_when(call: Mapping[str, Any], place: str, problems: Problems) -> None:
    """Check that what is filled in stands in quotes: as text it may be anything."""
    when = str(call.get("when", ""))
    loose = re.sub(r"'\{\{[^}]*\}\}'", "", when)
    if "{{" in loose:
        problems.add(f"{place}.when", f"{when!r} fills something in outside of quotes, and may then not be readable")


def _check_own_outputs(template: Mapping[str, Any], scope: Scope, place: str, problems: Problems) -> None:
    outputs = template.get("outputs") or {}
    for parameter in outputs.get("parameters") or ():
        source = parameter.get("valueFrom") or {}
        if sum(key in source for key in _OWN_SOURCES) != 1:
            problems.add(
                f"{place}.outputs.parameters[{parameter.get('name')}]",
                "what calls others gives an output by 'parameter' or by 'expression'",
            )
    check_references(outputs, scope, f"{place}.outputs", problems)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
