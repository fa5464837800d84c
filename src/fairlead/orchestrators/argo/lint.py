"""What Argo would refuse in a manifest although the schema of its API lets it pass.

Takes the manifest as data and knows nothing of who made it. What has a rule in Argo's full CRDs or
in its controller's validator has one here; the sources are in docs/argo.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fairlead.orchestrators.argo.lint_graphs import check_dag, check_steps
from fairlead.orchestrators.argo.lint_leaves import check_leaf
from fairlead.orchestrators.argo.lint_words import NAME, Problems, Scope, check_references

__all__ = ["lint"]

_KINDS = ("WorkflowTemplate", "Workflow", "CronWorkflow")
_OBJECT = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_TYPES = ("container", "containerSet", "dag", "data", "http", "plugin", "resource", "script", "steps", "suspend")
_TEMPLATES = 200
_INPUTS = 500
_POD_GC = ("OnPodCompletion", "OnPodSuccess", "OnWorkflowCompletion", "OnWorkflowSuccess")
_ARTIFACT_GC = ("OnWorkflowCompletion", "OnWorkflowDeletion", "Never")


def lint(manifest: Mapping[str, Any]) -> list[str]:
    """List everything that Argo would refuse, each with its place."""
    problems = Problems()
    kind = manifest.get("kind")
    if kind not in _KINDS:
        problems.add("kind", f"{kind!r} is none of {', '.join(_KINDS)}")
    _check_name(str(manifest.get("metadata", {}).get("name", "")), str(kind), problems)
    spec = manifest.get("spec", {})
    if kind == "CronWorkflow":
        _check_cron(spec, problems)
        spec = spec.get("workflowSpec", {})
    _check_spec(spec, problems)
    return problems.found


def _check_name(name: str, kind: str, problems: Problems) -> None:
    longest = 52 if kind == "CronWorkflow" else 63
    if not _OBJECT.fullmatch(name) or len(name) > longest:
        problems.add(
            "metadata.name", f"{name!r} is not up to {longest} small letters, digits and hyphens, or ends with one"
        )


def _check_cron(spec: Mapping[str, Any], problems: Problems) -> None:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    schedules = spec.get("schedules") or []
    if not schedules:
        problems.add("spec.schedules", "there is none")
    for number, text in enumerate(schedules):
        if len(str(text).split()) != 5 and not str(text).startswith("@"):
            problems.add(f"spec.schedules[{number}]", f"{text!r} has not the five fields of cron")
    if spec.get("timezone"):
        try:
            ZoneInfo(str(spec["timezone"]))
        except (ZoneInfoNotFoundError, ValueError):
            problems.add("spec.timezone", f"{spec['timezone']!r} is no time zone")


def _check_spec(spec: Mapping[str, Any], problems: Problems) -> None:
    if "workflowTemplateRef" in spec:
        for key in ("templates", "entrypoint"):
            if key in spec:
                problems.add(f"spec.{key}", "is there twice: the template that is referred to has it")
        return
    templates: Sequence[Mapping[str, Any]] = spec.get("templates") or []
    by_name = {str(template.get("name", "")): template for template in templates}
    if not 1 <= len(templates) <= _TEMPLATES:
        problems.add("spec.templates", f"there are {len(templates)}; Argo takes 1 to {_TEMPLATES}")
    if len(by_name) < len(templates):
        problems.add("spec.templates", "two of them have one name")
    for key in ("entrypoint", "onExit"):
        if key == "entrypoint" or key in spec:
            _check_entry(spec.get(key), by_name, f"spec.{key}", problems)
    for name, hook in (spec.get("hooks") or {}).items():
        if name != "exit" and not hook.get("expression"):
            problems.add(f"spec.hooks.{name}", "needs an expression; only 'exit' does without")
        _check_entry(hook.get("template"), by_name, f"spec.hooks.{name}", problems)
    _check_choice(spec.get("podGC"), "strategy", _POD_GC, "spec.podGC", problems)
    _check_choice(spec.get("artifactGC"), "strategy", _ARTIFACT_GC, "spec.artifactGC", problems)
    _check_parallelism(spec, "spec", problems)
    parameters = _parameters(spec.get("arguments"), "spec.arguments", problems)
    for template in templates:
        place = f"spec.templates[{template.get('name', '')}]"
        _check_template(template, by_name, frozenset(parameters), place, problems)


def _check_entry(name: Any, by_name: Mapping[str, Mapping[str, Any]], place: str, problems: Problems) -> None:
    """Check what Argo starts by itself: it gives no arguments."""
    if name not in by_name:
        problems.add(place, f"there is no template {name!r}")
        return
    needed = [
        one["name"]
        for one in (by_name[name].get("inputs") or {}).get("parameters") or ()
        if "value" not in one and "default" not in one
    ]
    if needed:
        problems.add(place, f"the template {name!r} needs {', '.join(map(repr, needed))}, and nobody gives it")


def _check_choice(
    section: Mapping[str, Any] | None, key: str, known: Sequence[str], place: str, problems: Problems
) -> None:
    if section and section.get(key) not in (None, *known):
        problems.add(f"{place}.{key}", f"{section[key]!r} is none of {', '.join(known)}")


def _check_parallelism(section: Mapping[str, Any], place: str, problems: Problems) -> None:
    if section.get("parallelism", 1) < 1:
        problems.add(f"{place}.parallelism", f"{section['parallelism']} is less than 1")


def _parameters(section: Mapping[str, Any] | None, place: str, problems: Problems) -> list[str]:
    """Check the names of parameters, and that each is there once."""
    names = [str(one.get("name", "")) for one in (section or {}).get("parameters") or ()]
    for name in names:
        if not re.fullmatch(r"[-a-zA-Z0-9_]+", name):
            problems.add(f"{place}.parameters", f"{name!r} is no name: letters, digits, hyphens and underscores")
    if len(set(names)) < len(names):
        problems.add(f"{place}.parameters", "two of them have one name")
    return names


def _check_template(
    template: Mapping[str, Any],
    by_name: Mapping[str, Mapping[str, Any]],
    workflow_parameters: frozenset[str],
    place: str,
    problems: Problems,
) -> None:
    name = str(template.get("name", ""))
    if not NAME.fullmatch(name) or len(name) > 128:
        problems.add(place, f"{name!r} is no name: up to 128 letters, digits and hyphens, not beginning with a hyphen")
    kinds = [kind for kind in _TYPES if kind in template]
    if len(kinds) != 1:
        problems.add(place, f"it must be one of {', '.join(_TYPES)}, and is {' and '.join(kinds) or 'none'}")
        return
    inputs = _parameters(template.get("inputs"), f"{place}.inputs", problems)
    if len(inputs) > _INPUTS:
        problems.add(f"{place}.inputs", f"there are {len(inputs)} parameters; Argo takes {_INPUTS}")
    outputs = _parameters(template.get("outputs"), f"{place}.outputs", problems)
    _check_parallelism(template, place, problems)
    scope = Scope(workflow_parameters, frozenset(inputs), frozenset(outputs), retried="retryStrategy" in template)
    if kinds[0] in ("dag", "steps"):
        for key in ("timeout", "activeDeadlineSeconds"):
            if key in template:
                problems.add(f"{place}.{key}", f"a {kinds[0]} template may not have it")
        if kinds[0] == "dag":
            check_dag(template, by_name, scope, place, problems)
        else:
            check_steps(template, by_name, scope, place, problems)
        return
    check_leaf(template, kinds[0], place, problems)
    check_references({key: value for key, value in template.items() if key != "name"}, scope, place, problems)
