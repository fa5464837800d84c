"""From the text of a YAML or TOML file to data, with the place of every key.

Imports the parsers when a file is read. What the keys mean is not known here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairlead.config.documents import Document, Keys, Spot
from fairlead.errors import ConfigurationError

if TYPE_CHECKING:
    from yaml import Node

__all__ = ["SUFFIXES", "read", "read_text"]

SUFFIXES = (".yaml", ".yml", ".toml")
"""How names of environment files end."""

_LONGEST = 100_000
"""Settings in one file: YAML's aliases can make very many out of very little."""


def read(path: Path, table: tuple[str, ...] = ()) -> Document:
    """Read a file; `table`: only that part of it. Raises ConfigurationError with the place of the fault."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from error
    return read_text(text, str(path.absolute()), is_toml=path.suffix == ".toml", table=table)


def read_text(
    text: str,
    source: str,
    *,
    is_toml: bool = False,
    table: tuple[str, ...] = (),
    what: str = "an environment",
    text_keys: bool = True,
) -> Document:
    """Read what a file holds; `source` is what its places say.

    `what` the file is meant to be, for messages; `text_keys`: keys that are no text are told as mistakes.
    """
    data, places = _read_toml(text, source) if is_toml else _read_yaml(text, source, text_keys=text_keys)
    for name in table:
        data = data[name]
    if table:
        places = {keys[len(table) :]: spot for keys, spot in places.items() if keys[: len(table)] == table}
        source = f"{source}#{table[-1]}"
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise ConfigurationError(f"{source}: {what} is a mapping, and this is {_kind(data)}")
    return Document(data, places, source)


def _kind(value: Any) -> str:
    return "a list" if isinstance(value, list) else f"{value!r:.40}"


def _read_toml(text: str, source: str) -> tuple[Any, dict[Keys, Spot]]:
    import tomllib

    from fairlead.config.toml_places import places_of

    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{Spot(source)}: not valid TOML: {error}") from error
    return data, {keys: Spot(source, line, column) for keys, (line, column) in places_of(text).items()}


def _read_yaml(text: str, source: str, *, text_keys: bool) -> tuple[Any, dict[Keys, Spot]]:
    import yaml

    try:
        loader = yaml.SafeLoader(text) if text_keys else _as_in_yaml_1_2()(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - text.rfind("\n", 0, error.position)
        raise ConfigurationError(f"{Spot(source, line, column)}: not valid YAML: {error.reason}") from error
    try:
        node = loader.get_single_node()
        data = None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        spot = Spot(source, mark.line + 1, mark.column + 1) if mark else Spot(source)
        raise ConfigurationError(f"{spot}: not valid YAML: {_reason(error)}{_unquoted(mark)}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigurationError(f"{Spot(source)}: not valid YAML: {error}") from error
    finally:
        loader.dispose()
    places: dict[Keys, Spot] = {}
    problems: list[str] = []
    if node is not None:
        _YamlPlaces(source, places, problems, text_keys=text_keys).walk(node, data, ())
    if problems:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise ConfigurationError(f"{Spot(source)}: {count}", problems)
    return data, places


def _reason(error: Any) -> str:
    """Say in one line what the parser found wrong."""
    said = error.problem or error.context
    return f"{error.context}, {said}" if said.startswith("but ") and error.context else said


def _unquoted(mark: Any) -> str:
    """Say what helps where a variable stands between braces of YAML."""
    line = mark.buffer[: mark.buffer.find("\n", mark.pointer)].rpartition("\n")[2] if mark and mark.buffer else ""
    return "; put '${…}' in quotes here" if re.search(r"[{\[].*[^\"'${]\$\{", line) else ""


def _as_in_yaml_1_2() -> Any:
    """Give a loader to which `on`, `off`, `yes` and `no` are words; PyYAML follows YAML 1.1."""
    import yaml

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own way
            first: [(tag, pattern) for tag, pattern in known if tag != "tag:yaml.org,2002:bool"]
            for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|True|TRUE|false|False|FALSE)$"), "tTfF")
    return Loader


class _YamlPlaces:
    """Notes where the keys of a YAML document stand, and which cannot be right."""

    def __init__(self, source: str, places: dict[Keys, Spot], problems: list[str], *, text_keys: bool) -> None:
        self._source = source
        self._text_keys = text_keys
        self._places = places
        self._problems = problems
        self._inside: list[Node] = []

    def walk(self, node: Node, value: Any, keys: Keys) -> None:
        """Go through a node; `value` is what was made of it."""
        import yaml

        if node in self._inside or len(self._places) > _LONGEST:
            raise ConfigurationError(f"{self._spot(node)}: not valid YAML: it holds itself, or far too many settings")
        self._inside.append(node)
        if isinstance(node, yaml.MappingNode) and isinstance(value, dict):
            self._walk_mapping(node, value, keys)
        elif isinstance(node, yaml.SequenceNode) and isinstance(value, list):
            for place, (inner, item) in enumerate(zip(node.value, value, strict=True)):
                self._places[(*keys, place)] = self._spot(inner)
                self.walk(inner, item, (*keys, place))
        self._inside.pop()

    def _walk_mapping(self, node: Any, value: dict[Any, Any], keys: Keys) -> None:
        by_text = {str(key): key for key in value}
        seen: dict[str, Spot] = {}
        for key_node, inner in node.value:
            text, spot = str(key_node.value), self._spot(key_node)
            if key_node.tag != "tag:yaml.org,2002:str" and (self._text_keys or key_node.value not in by_text):
                self._problems.append(f"{spot}: the key {text} is no text; write it in quotes: {text!r}")
                continue
            # What `<<` brings stands first, and what the mapping itself says wins: no mistake.
            before = seen.get(text)
            if before is not None and _is_inside(node, before) and _is_inside(node, spot):
                self._problems.append(f"{spot}: the key {text!r} is there twice (first in line {before.line})")
            seen[text] = spot
            self._places[(*keys, text)] = spot
            self.walk(inner, value[by_text[text]], (*keys, text))

    def _spot(self, node: Any) -> Spot:
        return Spot(self._source, node.start_mark.line + 1, node.start_mark.column + 1)


def _is_inside(node: Any, spot: Spot) -> bool:
    """Whether a place is inside of a node, and not in what `<<` brought from elsewhere."""
    here = (spot.line - 1, spot.column - 1)
    start, end = node.start_mark, node.end_mark
    return bool((start.line, start.column) <= here < (end.line, end.column))
