"""What every rule of the lint shares: how problems are gathered, and what `{{…}}` may name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

__all__ = ["NAME", "Problems", "Scope", "check_references", "texts"]

NAME = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]*")
"""Of templates, steps and tasks."""

_TAG = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)

_WORKFLOW = frozenset(
    "workflow." + name
    for name in (
        "annotations.json",
        "creationTimestamp",
        "creationTimestamp.RFC3339",
        "creationTimestamp.s",
        "duration",
        "failures",
        "labels.json",
        "mainEntrypoint",
        "name",
        "namespace",
        "parameters",
        "parameters.json",
        "priority",
        "scheduledTime",
        "serviceAccountName",
        "status",
        "uid",
    )
)
_POD = frozenset({"pod.name", "node.name"})
_OPEN_ENDED = ("workflow.annotations.", "workflow.creationTimestamp.", "workflow.labels.", "workflow.outputs.")


class Problems:
    """What was found, in order."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def add(self, place: str, text: str) -> None:
        """Note a problem with its place."""
        self.found.append(f"{place}: {text}")


class Scope(msgspec.Struct, frozen=True):
    """What `{{…}}` may name in one place."""

    workflow_parameters: frozenset[str]
    inputs: frozenset[str]
    outputs: frozenset[str] = frozenset()
    """The template's own."""
    retried: bool = False
    before: Mapping[str, frozenset[str]] = {}
    """Steps or tasks that come before, each with the output parameters that it declares."""
    siblings: str = ""
    """`tasks` or `steps`."""
    looped: bool = False


def texts(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """List every text in a part of a manifest, with its place."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from texts(inner, f"{place}.{key}")
    elif isinstance(value, (list, tuple)):
        for number, inner in enumerate(value):
            name = inner.get("name", number) if isinstance(inner, Mapping) else number
            yield from texts(inner, f"{place}[{name}]")


def check_references(section: Any, scope: Scope, place: str, problems: Problems) -> None:
    """Check that all that is filled in, in some part of a manifest, is there to be filled in."""
    for where, text in texts(section, place):
        for match in _TAG.finditer(text):
            inside = match[1].strip()
            wrong = "" if inside.startswith("=") else _wrong(inside, scope)
            if wrong:
                problems.add(where, f"{match[0]!r} {wrong}")


def _wrong(name: str, scope: Scope) -> str:
    """Say what is wrong with a reference; empty when nothing is."""
    parts = name.split(".")
    if name in _WORKFLOW or name in _POD or name.startswith(_OPEN_ENDED):
        return ""
    if parts[:2] == ["workflow", "parameters"]:
        return "" if ".".join(parts[2:]) in scope.workflow_parameters else "is no parameter of the workflow"
    if parts[:2] == ["inputs", "parameters"]:
        return "" if ".".join(parts[2:]) in scope.inputs else "is no input of the template"
    if parts[:2] == ["outputs", "parameters"]:
        return "" if len(parts) > 2 and parts[2] in scope.outputs else "is no output of the template"
    if parts[0] == "item":
        return "" if scope.looped else "is used outside of a loop"
    if name == "retries" or parts[0] == "lastRetry":
        return "" if scope.retried else "is used in a template without a retryStrategy"
    if parts[0] in ("tasks", "steps"):
        return _wrong_sibling(parts, scope)
    return "is nothing that Argo knows"


def _wrong_sibling(parts: list[str], scope: Scope) -> str:
    if parts[0] != scope.siblings:
        return f"is used in a template that has no {parts[0]}"
    name = parts[1] if len(parts) > 1 else ""
    if name not in scope.before:
        return f"does not come before: {name!r} is nothing that this one waits for"
    if parts[2:4] == ["outputs", "parameters"] and ".".join(parts[4:]) not in scope.before[name]:
        return f"is no output of the template of {name!r}"
    return ""
