"""How Argo fills in texts and decides conditions, for the rehearsal.

`{{…}}` is filled in as text, wherever it stands. `when` is read after that, by rules in which a bare word
is a text. The expression of a `retryStrategy` is read as it is, and asks for `lastRetry`.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["Wrong", "fill_in", "retry_wanted", "sequence", "when_holds"]

_TAG = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda one, other: one in other,
}


class Wrong(Exception):
    """Argo would give a node the phase Error for this."""


def fill_in(section: Any, known: Mapping[str, str]) -> Any:
    """Fill in whatever is known; the rest stays for whoever knows it. Keys are filled in, too, as in Argo."""
    if isinstance(section, str):
        return _TAG.sub(lambda match: known.get(match[1].strip(), match[0]), section)
    if isinstance(section, Mapping):
        return {key: fill_in(value, known) for key, value in section.items()}
    if isinstance(section, list):
        return [fill_in(value, known) for value in section]
    return section


def when_holds(when: str) -> bool:
    """Whether a task is to run, by its `when`, in which everything has been filled in; raises Wrong."""
    if not when:
        return True
    if "{{" in when:
        raise Wrong(f"when {when!r} names something that is not there")
    found = _value(_parsed(when), {}, bare=True)
    if not isinstance(found, bool):
        raise Wrong(f"when {when!r} is neither true nor false")
    return found


def retry_wanted(expression: str, last: Mapping[str, str]) -> bool:
    """Whether a pod is to be started again, by the expression of its `retryStrategy`; raises Wrong."""
    return bool(_value(_parsed(expression), {"lastRetry": dict(last)}, bare=False))


def sequence(settings: Mapping[str, Any]) -> list[str]:
    """Give the items of a `withSequence`; raises Wrong."""
    try:
        start = int(settings.get("start", 0))
        if "end" in settings:
            end = int(settings["end"])
            numbers = range(start, end + 1) if end >= start else range(start, end - 1, -1)
        else:
            numbers = range(start, start + int(settings.get("count", 0)))
    except ValueError as error:
        raise Wrong(f"withSequence {dict(settings)!r}: {error}") from error
    return [(str(settings["format"]) % number) if "format" in settings else str(number) for number in numbers]


def _parsed(text: str) -> ast.expr:
    """Read an expression: what is written otherwise in Python is written so first, but for what is in quotes."""
    parts = re.split(r"('[^']*'|\"[^\"]*\")", text)
    for place in range(0, len(parts), 2):
        plain = parts[place].replace("&&", " and ").replace("||", " or ")
        parts[place] = re.sub(r"!(?!=)", " not ", plain)
    try:
        return ast.parse("".join(parts).strip(), mode="eval").body
    except SyntaxError as error:
        raise Wrong(f"{text!r} is not readable: {error.msg}") from error


def _value(node: ast.expr, known: Mapping[str, Any], *, bare: bool) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.List):
        return [_value(item, known, bare=bare) for item in node.elts]
    if isinstance(node, (ast.Name, ast.Attribute)):
        return _named(node, known, bare=bare)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return not _value(node.operand, known, bare=bare)
    if isinstance(node, ast.BoolOp):
        found = [_value(one, known, bare=bare) for one in node.values]
        return all(found) if isinstance(node.op, ast.And) else any(found)
    if isinstance(node, ast.Compare):
        return _compared(node, known, bare=bare)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("asInt", "asFloat"):
        (argument,) = (_value(one, known, bare=bare) for one in node.args)
        return int(argument) if node.func.id == "asInt" else float(argument)
    raise Wrong(f"{ast.unparse(node)!r} is nothing that the rehearsal can work out")


def _named(node: ast.Name | ast.Attribute, known: Mapping[str, Any], *, bare: bool) -> Any:
    if isinstance(node, ast.Attribute):
        whole = _value(node.value, known, bare=bare)
        if isinstance(whole, Mapping) and node.attr in whole:
            return whole[node.attr]
    elif node.id in ("true", "false"):
        return node.id == "true"
    elif bare:
        return node.id
    elif node.id in known:
        return known[node.id]
    raise Wrong(f"{ast.unparse(node)!r} is not known")


def _compared(node: ast.Compare, known: Mapping[str, Any], *, bare: bool) -> bool:
    left = _value(node.left, known, bare=bare)
    for how, right in zip(node.ops, node.comparators, strict=True):
        other = _value(right, known, bare=bare)
        compare = _COMPARE.get(type(how))
        if compare is None:
            raise Wrong(f"{ast.unparse(node)!r} compares in a way that Argo does not know")
        if not compare(left, other):
            return False
        left = other
    return True
