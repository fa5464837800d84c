"""A JSON Schema of environment files, for editors, made from what the files are checked against."""

from __future__ import annotations

from typing import Any

import msgspec

from fairlead.config import patches
from fairlead.config.layers import KEYS
from fairlead.config.registry import SEAMS, Seam, names, plugin
from fairlead.errors import ConfigurationError

__all__ = ["environment_schema"]

_TEXT = {"type": "string", "pattern": r"\$\{"}
"""A text with a variable, wherever something else than text is wanted."""


def environment_schema() -> dict[str, Any]:
    """Give the schema; plugins of other distributions that are installed here are in it."""
    section = {seam: _section(seam) for seam in SEAMS if seam not in ("artifacts", "kinds")}
    anything = {"type": "object"}
    properties: dict[str, Any] = {
        "extends": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
        "executor": section["executors"],
        "executors": {"type": "object", "additionalProperties": section["executors"]},
        "orchestrator": section["orchestrators"],
        "store": section["stores"],
        "artifacts": {"anyOf": [{"type": "string"}, *_objects("artifacts")]},
        "secrets": section["secrets"],
        "observers": {"anyOf": [section["observers"], {"type": "array", "items": section["observers"]}]},
        "codecs": {"anyOf": [section["codecs"], {"type": "array", "items": section["codecs"]}]},
        "components": anything,
        "parameters": anything,
        "tasks": _tasks(),
        "code": {"anyOf": [{"enum": ["bundle", "image"]}, _TEXT]},
        "durability": {"anyOf": [{"enum": ["grouped", "each"]}, _TEXT]},
    }
    for key, schema in properties.items():
        properties[key] = {"description": KEYS[key], **schema}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Environment",
        "description": "Where and how workflows run.",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }


def _section(seam: Seam) -> dict[str, Any]:
    return {"anyOf": [{"enum": names(seam)}, _TEXT, *_objects(seam)]}


def _objects(seam: Seam) -> list[dict[str, Any]]:
    """One object for each plugin: its type, and its settings."""
    found: list[dict[str, Any]] = []
    for name in names(seam):
        try:
            known = plugin(seam, name)
        except ConfigurationError:
            continue  # it is installed and cannot be loaded: whoever names it is told
        properties: dict[str, Any] = {} if seam == "artifacts" else {"type": {"const": name}}
        required = [*properties]
        for field in msgspec.structs.fields(known.options) if known.options else ():
            (schema,), _ = msgspec.json.schema_components([field.type])
            described = {"description": schema["description"]} if "description" in schema else {}
            properties[field.encode_name] = {"anyOf": [schema, _TEXT], **described}
            if field.required:
                required.append(field.encode_name)
        found.append(
            {
                "type": "object",
                "description": known.doc,
                "properties": properties,
                "required": required,
                "additionalProperties": False,
            }
        )
    return found


def _tasks() -> dict[str, Any]:
    number = {"anyOf": [{"type": "number", "minimum": 0}, _TEXT]}
    text = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    options: dict[str, Any] = {
        "resources": {
            "type": "object",
            "properties": {"cpu": number, "memory": text, "gpu": number},
            "additionalProperties": False,
        },
        "retries": {"anyOf": [{"type": "integer", "minimum": 0}, _TEXT]},
        "retry_delay": number,
        "timeout": {"anyOf": [number, {"type": "null"}]},
        "image": text,
        "chunk": {"anyOf": [{"type": "integer", "minimum": 1}, _TEXT]},
        "env_vars": {"type": "object", "additionalProperties": {"type": "string"}},
        "cache": {"type": "boolean"},
        "executor": text,
        "mock": {},
    }
    patch = {
        "type": "object",
        "properties": {key: {"description": patches.OPTIONS[key], **schema} for key, schema in options.items()},
        "additionalProperties": False,
    }
    layer = {"type": "object", "additionalProperties": patch}
    return {"anyOf": [layer, {"type": "array", "items": layer}]}
