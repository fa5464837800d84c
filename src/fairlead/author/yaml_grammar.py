"""What a workflow written as text may say: every key, what may stand there, and what it means.

One table, for reading (`yaml_steps.py`) and for the JSON Schema that editors complete and check by.
"""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = [
    "BLOCKS",
    "COMMON",
    "KINDS",
    "MAP",
    "OPTIONS_OF_TASKS",
    "REPEAT",
    "SWITCH",
    "TOP",
    "Key",
    "keys_of",
    "schema",
]


class Key(NamedTuple):
    """One key: the JSON Schema of its value, and what it means."""

    schema: dict[str, Any]
    says: str


_TEXT = {"type": "string", "minLength": 1}
_NAMES = {"type": "array", "items": _TEXT}
_STEPS = {"$ref": "#/$defs/steps"}
_RETURN = {
    "anyOf": [
        _TEXT,
        {"type": "object", "properties": {"metric": _TEXT}, "required": ["metric"], "additionalProperties": False},
        {"type": "object", "properties": {"pickled": _TEXT}, "required": ["pickled"], "additionalProperties": False},
    ]
}
_COUNT = {"type": "integer", "minimum": 1}
_WHOLE = {"type": "integer", "minimum": 0}
_SECONDS = {"type": "number", "minimum": 0}
_YES_OR_NO = {"type": "boolean"}

TOP: dict[str, Key] = {
    "name": Key(_TEXT, "The workflow's name; the file's where there is none."),
    "description": Key({"type": "string"}, "What it is for, told by 'run FILE --help'."),
    "parameters": Key({"type": "object"}, "Values of parameters that nobody gives."),
    "steps": Key(_STEPS, "What is done, in this order."),
}

COMMON: dict[str, Key] = {
    "name": Key(_TEXT, "What the step is called in graphs and runs; some have a name of their own."),
    "on_failure": Key(_STEPS, "Steps that run in its place when it fails."),
    "terminate_with_success": Key(_YES_OR_NO, "Once it has succeeded, the pipeline around it has, too."),
    "terminate_with_failure": Key(_YES_OR_NO, "Once it has succeeded, the pipeline around it has failed."),
}

BLOCKS: dict[str, Key] = {
    "on_error": Key({"enum": ["finish", "stop"]}, "'stop': when something in it fails, the rest of it is ended."),
}

OPTIONS_OF_TASKS: dict[str, Key] = {
    "returns": Key({"type": "array", "items": _RETURN}, "Names of what it gives; {metric: name} is recorded as one."),
    "retries": Key(_WHOLE, "Further attempts after the first."),
    "retry_delay": Key(_SECONDS, "Seconds before the second attempt; doubled before each one after it."),
    "timeout": Key({"type": ["number", "null"], "exclusiveMinimum": 0}, "Seconds that one attempt may take."),
    "cache": Key(_YES_OR_NO, "Reuse a result of any earlier run when nothing it depends on changed."),
    "resources": Key(
        {
            "type": "object",
            "properties": {"cpu": _SECONDS, "memory": {"type": ["string", "null"]}, "gpu": _WHOLE},
            "additionalProperties": False,
        },
        "What it needs: cpu, memory ('4Gi'), gpu.",
    ),
    "env_vars": Key({"type": "object", "additionalProperties": {"type": "string"}}, "Variables of its process."),
    "secrets": Key(_NAMES, "Names of secrets that it may ask for."),
    "image": Key({"type": ["string", "null"]}, "The container image that it runs in."),
    "chunk": Key(_COUNT, "How many items of a map share one job, on executors that start something for each."),
    "workdir": Key({"type": ["string", "null"]}, "'private': every attempt runs in an empty folder of its own."),
    "catalog": Key(
        {"type": "object", "properties": {"get": _NAMES, "put": _NAMES}, "additionalProperties": False},
        "Files that it gets before it runs, and that are put away after.",
    ),
}

MAP: dict[str, Key] = {
    "over": Key(_TEXT, "Name of the list."),
    "as": Key(_TEXT, "Name of the item, inside."),
    "steps": Key(_STEPS, "What is done for every item."),
    "reducer": Key(_TEXT, "A function that makes one value of each list of results: 'max', 'jobs.merge'."),
    "min_success": Key({"type": "number", "minimum": 0}, "How many items must succeed: a count, or a share like 0.9."),
    "max_parallel": Key(_COUNT, "How many items may be under way at once."),
}

SWITCH: dict[str, Key] = {
    "on": Key(_TEXT, "Name of the value that chooses."),
    "cases": Key({"type": "object", "additionalProperties": _STEPS, "minProperties": 1}, "Steps by value."),
    "default": Key(_STEPS, "Steps for any other value."),
}

REPEAT: dict[str, Key] = {
    "steps": Key(_STEPS, "What is done again and again; names that it gives go in again."),
    "max_iterations": Key(_COUNT, "How often at most."),
    "until": Key(_TEXT, "Name of a value of the steps; once it is true, it was the last time."),
    "index_as": Key(_TEXT, "Name, inside, of how often it was done before: 0, 1, 2, …"),
}

KINDS: dict[str, Key] = {
    "python": Key(_TEXT, "A function: 'module.function', or 'file.py:function'."),
    "shell": Key(_TEXT, "A command for bash; names in it are variables: 'wc -l $path'."),
    "notebook": Key(_TEXT, "A Jupyter notebook: its path, from this file's folder."),
    "custom": Key(_TEXT, "A kind of task that another package brings: its name; 'fairlead plugins' lists them."),
    "stub": Key(_TEXT, "A step that does nothing yet: its name."),
    "map": Key({"$ref": "#/$defs/map"}, "Steps for every item of a list."),
    "parallel": Key(
        {"type": "object", "additionalProperties": _STEPS, "minProperties": 1}, "Steps that do not wait for each other."
    ),
    "switch": Key({"$ref": "#/$defs/switch"}, "Steps that a value chooses."),
    "repeat": Key({"$ref": "#/$defs/repeat"}, "Steps that are done again until a value is true."),
    "pipeline": Key(_STEPS, "Steps that are looked at as one."),
}
"""What a step can be; it is exactly one of these."""

_TASKS = ("python", "shell", "notebook", "custom")


def keys_of(kind: str) -> dict[str, Key]:
    """List the keys that may stand beside a kind of step."""
    found = {kind: KINDS[kind], **COMMON}
    if kind in _TASKS:
        found |= OPTIONS_OF_TASKS
    elif kind == "stub":
        found = {**found, "returns": OPTIONS_OF_TASKS["returns"]}
        del found["name"]
    else:
        found |= BLOCKS
    if kind == "shell":
        found["inputs"] = Key(_NAMES, "Names that it takes; otherwise those that the command uses.")
    if kind == "custom":
        found["text"] = Key({"type": "string"}, "What the task consists of: a query, a script.")
        found["settings"] = Key({"type": "object"}, "What else its kind is told: 'fairlead plugins KIND' says what.")
        found["inputs"] = Key(_NAMES, "Names that it takes.")
    if kind == "notebook":
        found["kernel"] = Key(_TEXT, "The kernel that it runs in, in place of its own.")
    return found


def schema() -> dict[str, Any]:
    """Give the JSON Schema of a workflow written as text (draft 2020-12)."""
    steps = {
        "type": "array",
        "minItems": 1,
        "items": {"oneOf": [{"$ref": f"#/$defs/{kind}_step"} for kind in KINDS]},
    }
    definitions = {f"{kind}_step": _object(keys_of(kind), (kind,), KINDS[kind].says) for kind in KINDS}
    blocks = {
        "map": _object(MAP, ("over", "as", "steps"), KINDS["map"].says),
        "switch": _object(SWITCH, ("on", "cases"), KINDS["switch"].says),
        "repeat": _object(REPEAT, ("steps", "max_iterations"), KINDS["repeat"].says),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Fairlead workflow",
        **_object(TOP, ("steps",), "A workflow: steps that run in the order written, with values flowing by name."),
        "$defs": {"steps": steps, **blocks, **definitions},
    }


def _object(keys: dict[str, Key], required: tuple[str, ...], says: str) -> dict[str, Any]:
    return {
        "description": says,
        "type": "object",
        "properties": {name: {"description": key.says, **key.schema} for name, key in keys.items()},
        "required": list(required),
        "additionalProperties": False,
    }
