"""Short forms made long, and one document laid over another, key by key.

Knows which sections there are and how they are merged; not what their settings mean.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from fairlead.config.documents import Document, Keys, Spot

__all__ = ["KEYS", "LISTED", "TYPED", "lay_over", "written_out"]

KEYS: dict[str, str] = {
    "extends": "Environments that this one is laid over, key by key: names or files, relative to this one.",
    "executor": "What runs tasks: a name, or `type` with its settings.",
    "executors": "Further executors by name, for the tasks that patches give them.",
    "orchestrator": "Who takes the whole workflow and runs it, for `compile`: a name, or `type` with its settings.",
    "store": "What keeps runs: a name, or `type` with its settings.",
    "artifacts": "What keeps values and files: a folder or another URL, or `url` with its settings.",
    "secrets": "Where secret values come from: a name, or `type` with its settings.",
    "observers": "Who is told what happens in runs: names, or `type` with its settings.",
    "codecs": "What keeps values that would be pickled otherwise: names, or `type` with its settings.",
    "components": "Which class fills which role, with its settings.",
    "parameters": "Values for workflow parameters that are given nowhere else.",
    "tasks": "Patches of tasks, by a pattern of their paths; the last match wins, key by key.",
    "code": "`bundle`: the project's files travel with the run; `image`: they are where tasks run already.",
    "durability": "`grouped`: facts are committed together, within 50 ms; `each`: one by one, each before anything"
    " follows from it, and artifacts are synced to the disk.",
}
"""Every key of an environment, with what it says."""

TYPED = ("executor", "orchestrator", "store", "secrets")
"""Sections that say `type` and that type's settings."""

LISTED = ("observers", "codecs")
"""Sections that are lists of such."""


def written_out(document: Document) -> Document:
    """Give a document without short forms: `executor: local` is `executor: {type: local}`.

    What cannot be right is left as it is, for whoever understands it to say so. A key with nothing
    behind it counts as not written.
    """
    data: dict[str, Any] = {}
    places = dict(document.places)
    for key, value in document.data.items():
        if value is not None:
            data[key], places = _long(key, value, places)
    return Document(data, places, document.source)


def _long(key: str, value: Any, places: dict[Keys, Spot]) -> tuple[Any, dict[Keys, Spot]]:
    """Give the long form of one section, and the places of all."""
    if key in TYPED:
        return _typed(value), places
    if key == "artifacts":
        return ({"url": str(value)} if isinstance(value, (str, PurePath)) else _typed(value)), places
    if key == "executors" and isinstance(value, dict):
        return {name: _typed(settings) for name, settings in value.items()}, places
    if key in LISTED:
        listed, places = _listed(value, key, places)
        return [_typed(one) for one in listed], places
    if key == "tasks" and isinstance(value, (dict, tuple)):
        return _listed(value, key, places)
    return value, places


def _typed(value: Any) -> Any:
    """Make a name or a living object a section with a type."""
    if isinstance(value, str):
        return {"type": value}
    if value is None or isinstance(value, (dict, list, int, float)):
        return value
    return {"type": type(value).__qualname__, "object": value}


def _listed(value: Any, key: str, places: dict[Keys, Spot]) -> tuple[list[Any], dict[Keys, Spot]]:
    """Make a list of what is none."""
    if isinstance(value, (list, tuple)):
        return list(value), places
    moved = {(key, 0, *keys[1:]) if keys[0] == key and len(keys) > 1 else keys: spot for keys, spot in places.items()}
    if (key,) in places:
        moved.setdefault((key, 0), places[key,])
    return [value], moved


def lay_over(base: Document, top: Document) -> Document:
    """Lay a written out document over another: what it says wins, key by key.

    Another `type` (of a component, another `class`) replaces its section: settings of one mean
    nothing to the other. Patches of tasks stand behind those of the base; other lists are replaced.
    """
    data, places = _merged(base.data, top.data, ()), {**base.places}
    shift = len(base.data["tasks"]) if isinstance(base.data.get("tasks"), list) and "tasks" in top.data else 0
    for keys, spot in top.places.items():
        if shift and len(keys) > 1 and keys[0] == "tasks" and isinstance(keys[1], int):
            places["tasks", keys[1] + shift, *keys[2:]] = spot
        elif not shift or keys != ("tasks",):
            places[keys] = spot
    return Document(data, places, top.source)


def _merged(base: Any, top: Any, keys: Keys) -> Any:
    if keys == ("tasks",) and isinstance(base, list) and isinstance(top, list):
        return [*base, *top]
    if not isinstance(base, dict) or not isinstance(top, dict) or _is_another(base, top, keys):
        return top
    merged = {**base}
    for key, value in top.items():
        merged[key] = _merged(base[key], value, (*keys, key)) if key in base else value
    return merged


def _is_another(base: dict[str, Any], top: dict[str, Any], keys: Keys) -> bool:
    """Whether two sections are about different things, so that their settings do not mix."""
    if keys and (keys[0] in TYPED or keys[0] == "executors") and "type" in top:
        return bool(base.get("type", top["type"]) != top["type"])
    return bool(keys and keys[0] == "components" and "class" in top and base.get("class", top["class"]) != top["class"])
