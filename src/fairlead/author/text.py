"""Text as people type it, before anybody knows its type: words, and lists and mappings of words.

Says what text means by itself. Which type it must take is the business of `coercion`.
"""

from __future__ import annotations

from typing import Any, Self

__all__ = ["Word", "meaning", "once", "parse"]


class Word(str):
    """Text without quotes around it: typed on a command line, or a plain scalar of a YAML file.

    It is text exactly as typed where text is wanted, and what it means where nobody says.
    """

    meant: Any
    """What it is where nobody says a type: `3` is a number, `abc` is text."""

    def __new__(cls, text: str, meant: Any = ...) -> Self:
        """Take the text, and what it means if that is not what JSON says."""
        self = super().__new__(cls, text)
        self.meant = _json_or_text(text) if meant is ... else meant
        return self


def meaning(value: Any) -> Any:
    """Give what a value is where nobody says a type: words in it become what they mean."""
    if type(value) is Word:
        return value.meant
    if type(value) is list:
        return [meaning(item) for item in value]
    if type(value) is dict:
        return {meaning(key): meaning(item) for key, item in value.items()}
    return value


def parse(text: str) -> Any:
    """Read the text of a list or a mapping: JSON, or YAML of one line; ValueError for anything else.

    What stands in it without quotes are words.
    """
    import json

    stripped = text.strip()
    if not stripped.startswith(("[", "{")):
        raise ValueError("neither a list nor a mapping")
    try:
        try:
            found = json.loads(stripped, parse_int=Word, parse_float=Word, parse_constant=Word, object_pairs_hook=once)
        except json.JSONDecodeError:
            return _yaml(stripped)
        return _words(found)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a mapping of JSON's pairs; ValueError for a key that is there twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} is there twice")
    return found


def _words(data: Any) -> Any:
    """Make words of JSON's true, false and null, too: they have no quotes."""
    import json

    if type(data) is list:
        return [_words(item) for item in data]
    if type(data) is dict:
        return {key: _words(item) for key, item in data.items()}
    return Word(json.dumps(data), data) if data is None or type(data) is bool else data


def _yaml(text: str) -> Any:
    import yaml

    try:
        return _built(yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)), yaml)
    except yaml.YAMLError as error:
        raise ValueError(str(getattr(error, "problem", None) or error)) from None


def _built(node: Any, yaml: Any) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return Word(node.value) if not node.style else node.value
    if isinstance(node, yaml.SequenceNode):
        return [_built(item, yaml) for item in node.value]
    found: dict[Any, Any] = {}
    for key, item in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise ValueError("a key is a list or a mapping")
        if key.value in found:
            raise ValueError(f"the key {key.value!r} is there twice")
        found[_built(key, yaml)] = _built(item, yaml)
    return found


def _json_or_text(text: str) -> Any:
    """Read JSON, and leave other text as it is; JSON has no NaN, no Infinity and no numbers such as 007."""
    import json

    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return str(text)


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")
