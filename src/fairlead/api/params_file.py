"""Files of parameters, with the line of each: YAML, JSON or TOML.

Reads; which file wins, and what type a value takes, is decided in `parameters`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from fairlead.author.text import Word, once
from fairlead.errors import DefinitionError, NotFound

__all__ = ["Placed", "read_params_file"]


class Placed(msgspec.Struct, frozen=True):
    """A value, and where it was given."""

    value: Any
    place: str
    """Such as `params.yaml:3`."""


def read_params_file(path: str | Path) -> dict[str, Placed]:
    """Read a file of parameters; raises NotFound, and DefinitionError for what is no mapping of names."""
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise NotFound(f"cannot read the parameters file {str(file)!r}: {why}") from error
    sort = file.suffix.lstrip(".").lower() or "yaml"
    try:
        data, lines = _PARSERS.get(sort, _yaml)(text)
    except RecursionError:
        raise DefinitionError(f"{file}: is nested too deeply, or holds itself") from None
    except ValueError as error:
        said = " ".join(str(error).split())
        line, colon, rest = said.partition(": ")
        where = f"{file}:{line}" if colon and line.isdigit() else str(file)
        raise DefinitionError(f"{where}: cannot be read as {sort}: {rest if where != str(file) else said}") from error
    if not isinstance(data, dict) or not all(isinstance(name, str) for name in data):
        raise DefinitionError(f"{file}: a parameters file is a mapping of names to values")
    return {
        str(name): Placed(value, f"{file}:{lines[name]}" if name in lines else str(file))
        for name, value in data.items()
    }


def _json(text: str) -> tuple[Any, dict[str, int]]:
    import json

    data = json.loads(text, object_pairs_hook=once)
    return data, dict(_json_lines(text)) if isinstance(data, dict) else {}


def _json_lines(text: str) -> Iterator[tuple[str, int]]:
    """Give the line of each name of a JSON object that is known to be one."""
    import json
    import re

    decoder, before, colon = json.JSONDecoder(), re.compile(r"[\s,{]*"), re.compile(r"[\s:]*")
    end = start = line = 0
    while True:
        end = before.match(text, end).end()  # type: ignore[union-attr]
        if text[end] == "}":
            return
        line += text.count("\n", start, end)
        start = end
        name, end = decoder.raw_decode(text, end)
        yield name, line + 1
        _, end = decoder.raw_decode(text, colon.match(text, end).end())  # type: ignore[union-attr]


def _toml(text: str) -> tuple[Any, dict[str, int]]:
    import tomllib

    from fairlead.config.toml_places import places_of

    data = tomllib.loads(text)
    return data, {str(keys[0]): line for keys, (line, _) in places_of(text).items() if len(keys) == 1}


def _yaml(text: str) -> tuple[Any, dict[str, int]]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return {}, {}
        lines = {}
        if isinstance(node, yaml.MappingNode):
            lines = {str(key.value): key.start_mark.line + 1 for key, _ in node.value}
        return _Builder(loader, yaml).build(node), lines
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        said = getattr(error, "problem", None) or str(error)
        raise ValueError(f"{mark.line + 1}: {said}" if mark is not None else said) from None
    finally:
        loader.dispose()


class _Builder:
    """Makes values of YAML nodes: words of plain scalars, everything else as YAML says."""

    def __init__(self, loader: Any, yaml: Any) -> None:
        self._loader = loader
        self._yaml = yaml
        self._known: dict[int, Any] = {}

    def build(self, node: Any) -> Any:
        """Make the value of a node; what an alias names is made once."""
        if id(node) not in self._known:
            self._known[id(node)] = self._build(node)
        return self._known[id(node)]

    def _build(self, node: Any) -> Any:
        if isinstance(node, self._yaml.ScalarNode):
            value = self._loader.construct_object(node)
            return value if node.style else Word(node.value, value)
        if isinstance(node, self._yaml.SequenceNode):
            return [self.build(item) for item in node.value]
        for key, _ in node.value:
            if not isinstance(key, self._yaml.ScalarNode):
                raise ValueError(f"{key.start_mark.line + 1}: a key is a list or a mapping")
        self._refuse_twice(node)
        self._loader.flatten_mapping(node)  # what `<<` merges comes first, and what is written here wins
        return {self.build(key): self.build(item) for key, item in node.value}

    def _refuse_twice(self, node: Any) -> None:
        lines: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if key.value in lines:
                raise ValueError(f"{line}: {key.value!r} is there twice (first in line {lines[key.value]})")
            lines[key.value] = line


_PARSERS = {"json": _json, "toml": _toml}
